"""The state of a client as it was kept before, whole in one JSON object: read only.

A client whose state was not written since has it, and so has the database of format 1 that a node continues.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Any

from domain.entries import Entries
from primitives.shapes import Fields, Hex, Integer, ListOf, MapOf, Nullable, Shape, Text
from suitability.records import RECORD_TYPES
from suitability.subject import Application, Consent, OpinionGiven, Rating, SubjectState, Submission, Track

_STEPS = ("warned", "insisted", "disclosed", "confirmed")


def state_from_json_1(document: object) -> SubjectState:
    """Read a state of form 1; all that lies under keys now counts as changed.

    Raises:
        InvalidInput: a field is missing, unknown or of the wrong kind.
    """
    read = _STATE.read(document, "")
    firsts: dict[str, Any] = {name: _first(read[name]) for name in ("identified", "informed", "noticed")}
    state = SubjectState(
        **firsts,
        ratings=tuple(Rating(**entry) for entry in read["ratings"]),
        tracks=Entries(
            {key: Track(**{name: tuple(entry[name]) for name in _STEPS}) for key, entry in read["tracks"].items()}
        ),
        consents={
            key: Consent(**{**entry, "receivers": tuple(entry["receivers"])}) for key, entry in read["consents"].items()
        },
        succeeded=tuple(read.get("succeeded", ())),
        succeeds=tuple(read.get("succeeds", ())),
    )
    state = reduce(SubjectState.with_submission, (Submission(**entry) for entry in read["submissions"]), state)
    state = reduce(_with_level, read["levels"], state)
    given = ((key, OpinionGiven(**entry)) for key, track in read["tracks"].items() for entry in track["opinions"])
    state = reduce(lambda known, item: known.with_opinion(*item), given, state)
    applied = ((key, _application(entry)) for key, entry in read["applications"].items())
    return reduce(lambda known, item: known.with_application(*item), applied, state)


def _first(times: Iterable[int]) -> tuple[int, ...]:
    return tuple(sorted(times)[:1])


def _with_level(state: SubjectState, entry: Mapping[str, Any]) -> SubjectState:
    return state.with_level(entry["ref"], entry["payload"], entry["ruleset"], _first(entry["confirmed"]))


def _application(entry: Mapping[str, Any]) -> Application:
    return Application(**{**entry, "decision_keys": tuple(entry.get("decision_keys", ()))})


def _payload(code: str) -> Shape[Any]:
    return RECORD_TYPES[code].shape


_TIME = Integer()
_TIMES = ListOf(_TIME, 0, 1_000_000)
_REF = Hex(32)
_LABEL = Nullable(Text(200))
_KEY = Text(120)
_MANY = 1_000_000
_STATE = Fields(
    {
        "identified": _TIMES,
        "informed": _TIMES,
        "noticed": _TIMES,
        "submissions": ListOf(Fields({"ref": _REF, "at": _TIME, "payload": _payload("Q_SUBMIT")}), 0, _MANY),
        "levels": ListOf(
            Fields({"ref": _REF, "payload": _payload("LEVEL_RESULT"), "ruleset": _LABEL, "confirmed": _TIMES}),
            0,
            _MANY,
        ),
        "ratings": ListOf(Fields({"ref": _REF, "payload": _payload("PRODUCT_RATE")}), 0, _MANY),
        "tracks": MapOf(
            _KEY,
            Fields(
                {
                    "opinions": ListOf(
                        Fields({"ref": _REF, "at": _TIME, "ruleset": _LABEL, "payload": _payload("MATCH_OPINION")}),
                        0,
                        _MANY,
                    ),
                    **dict.fromkeys(_STEPS, _TIMES),
                }
            ),
            0,
            _MANY,
        ),
        "applications": MapOf(
            _KEY,
            Fields(
                {
                    "kind": Text(20),
                    "product_id": Nullable(_KEY),
                    "applied_at": Nullable(_TIME),
                    "decided_at": Nullable(_TIME),
                    "decision": Nullable(Text(20)),
                    "signed_at": Nullable(_TIME),
                },
                {"decision_ref": Nullable(_REF), "decision_keys": ListOf(_REF)},
            ),
            0,
            _MANY,
        ),
        "consents": MapOf(
            _REF,
            Fields(
                {
                    "purpose": Text(60),
                    "receivers": ListOf(Text(200)),
                    "given_at": _TIME,
                    "expires_at": _TIME,
                    "withdrawn_at": Nullable(_TIME),
                }
            ),
            0,
            _MANY,
        ),
    },
    {
        "succeeded": _TIMES,
        "succeeds": ListOf(Nullable(_REF)),
    },  # not in states that were stored before they were known
)
