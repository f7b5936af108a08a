"""What a client may claim of its suitability history. That a result is wrong, re-execution answers in every domain."""

from __future__ import annotations

from domain.claim import Claim, History
from domain.words import Words
from suitability.vocabulary import MISMATCHES


def _acts(history: History) -> tuple[int, ...]:
    return history.places("LEVEL_CONFIRM", "MISMATCH_INSIST", "RISK_CONFIRM", "AGREEMENT_SIGN")


def _approved(history: History) -> tuple[int, ...]:
    return history.places("BIZ_DECIDE", where=lambda fact: fact.payload["decision"] == "APPROVED")


def _warned(history: History) -> tuple[int, ...]:
    if history.places("MATCH_OPINION", where=lambda fact: fact.payload["code"] in MISMATCHES):
        return history.places("MISMATCH_WARN")
    return _approved(history)


CLAIMS = (
    Claim(
        "NEVER_TESTED",
        Words("未经测评即办理业务", "The client was never assessed"),
        lambda history: history.places("LEVEL_RESULT"),
    ),
    Claim(
        "TEST_EXPIRED",
        Words("测评已过期仍办理", "The assessment had expired"),
        lambda history: _approved(history) or _acts(history),
    ),
    Claim("NOT_WARNED", Words("未作不匹配警示", "The client was not warned of a mismatch"), _warned),
    Claim(
        "NOT_CONFIRMED",
        Words("未取得客户确认", "A confirmation by the client is missing"),
        lambda history: history.places("LEVEL_CONFIRM", "RISK_CONFIRM") if _approved(history) else (),
    ),
    Claim("SIGNED_LATE", Words("事后补签或补录", "Signed or recorded after the fact"), _acts),
    Claim(
        "NO_CONSENT",
        Words("未经授权使用数据", "Data was used without consent"),
        lambda history: history.places("DATA_USE"),  # no recorded use proves nothing about an unrecorded one
    ),
)
