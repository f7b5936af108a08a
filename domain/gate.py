"""The answer to "may this be done now"."""

from __future__ import annotations

from dataclasses import dataclass

ALLOWED = "ALLOWED"


@dataclass(frozen=True)
class Reliance:
    """A record that an act rests on: its type, its fingerprint (hex), and the keys of who signed it."""

    type: str
    ref: str
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Gate:
    """Yes, or no with the first broken rule's code and reason.

    `relied_on` are the records that the act rests on, with who signed them. `not_asked` says what the rules did not
    see; it is empty where they saw all.
    """

    allowed: bool
    code: str
    reason: str
    relied_on: tuple[Reliance, ...] = ()
    not_asked: str = ""
