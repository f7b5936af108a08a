"""Knowing the client, and telling the client: collected information, and the notice of duties."""

from __future__ import annotations

from dataclasses import replace

from domain.fact import Fact
from domain.record_type import RecordType
from domain.words import Words
from primitives.shapes import Boolean, Fields, Integer, ListOf, OneOf
from suitability.act import Act
from suitability.rules.identity import identified, not_ended
from suitability.shapes import FEN, MILLISECONDS, NAME, SCALARS, VERSIONED
from suitability.subject import SubjectState, earliest
from suitability.vocabulary import RISKS

_SOURCE = OneOf("client", "broker", "third-party", "synthetic")
_LOOSE_GROUP = Fields({"source": _SOURCE, "values": SCALARS})


def _fold_informed(state: SubjectState, fact: Fact) -> SubjectState:
    return replace(state, informed=earliest(state.informed, fact.occurred_at))


def _fold_noticed(state: SubjectState, fact: Fact) -> SubjectState:
    return replace(state, noticed=earliest(state.noticed, fact.occurred_at))


TYPES: tuple[RecordType[SubjectState, Act], ...] = (
    RecordType(
        "INFO_COLLECT",
        Words("信息采集", "Information collected"),
        "basics {source, name, age, synthetic}, finance {source, assets_fen, debts_fen, income_fen, holdings_fen "
        "{R1..R5}}; optional education, experience, goals, preference, integrity, control, other: {source, values "
        "{name: scalar}}; source is client, broker, third-party or synthetic",
        {
            "basics": Fields({"source": _SOURCE, "name": NAME, "age": Integer(0, 150), "synthetic": Boolean()}),
            "finance": Fields(
                {
                    "source": _SOURCE,
                    "assets_fen": FEN,
                    "debts_fen": FEN,
                    "income_fen": FEN,
                    "holdings_fen": Fields(dict.fromkeys(RISKS, FEN)),
                }
            ),
        },
        dict.fromkeys(
            ("education", "experience", "goals", "preference", "integrity", "control", "other"), _LOOSE_GROUP
        ),
        rules=(not_ended, identified),
        fold=_fold_informed,
        folds_the_same=lambda _: True,
        stage="assessment",
    ),
    RecordType(
        "DUTY_NOTICE",
        Words("投资者告知", "Notice of duties"),
        "documents [id@version], scroll_end, dwell_ms",
        {"documents": ListOf(VERSIONED, 1, 20, unique=True), "scroll_end": Boolean(), "dwell_ms": MILLISECONDS},
        rules=(not_ended, identified),
        fold=_fold_noticed,
        folds_the_same=lambda _: True,
        stage="assessment",
    ),
)
