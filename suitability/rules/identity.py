"""Who the client is, and that the identity goes on."""

from __future__ import annotations

from collections.abc import Iterator

from domain.finding import Code, Finding
from domain.words import Words
from suitability.act import Act
from suitability.subject import SubjectState, happened

CODES = {
    "NOT_IDENTIFIED": Code(
        Words("未实名", "not identified"), "no identity was verified before by a document that was valid then"
    ),
    "IDENTITY_ENDED": Code(
        Words("原身份已由新身份承接", "identity was succeeded"),
        "anything but the use and the reading of data, and what is taken back, stands in the log behind the record by "
        "which another identity of the same client took over, whenever it says that it happened; the consents of the "
        "old one end with it, and none is given after",
    ),
}


def identified(state: SubjectState, act: Act) -> Iterator[Finding]:
    """A document that was valid then was verified before."""
    if not happened(state.identified, act.at):
        yield Finding("NOT_IDENTIFIED", "identity-first", "no document that was valid then was verified before")


def not_ended(state: SubjectState, act: Act) -> Iterator[Finding]:
    """No other identity of this client took over. Owed by all but what may still be recorded of an ended identity."""
    del act
    if state.succeeded:  # by the order of the log: whoever holds the old key writes any time into what he signs
        yield Finding("IDENTITY_ENDED", "identity.succession", "another identity of this client took over before")
