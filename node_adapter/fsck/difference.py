"""What the first difference says: no client's data and no salt, only places and digests."""

from __future__ import annotations

from primitives.errors import BonafidesError, InvalidInput, VerificationFailed


class StoreDifference(Exception):
    """The first place at which the store is not what it has to be.

    `what` names what differs, `where` its place; `expected` and `found` are digests, numbers or a rule.
    """

    def __init__(self, what: str, where: str, expected: object, found: object) -> None:
        """Name it."""
        super().__init__(f"{what} at {where}")
        self.what, self.where = what, where
        self.expected, self.found = _text(expected), _text(found)

    def to_json(self) -> dict[str, str]:
        """Return what the report shows."""
        return {"what": self.what, "where": self.where, "expected": self.expected, "found": self.found}


def same(what: str, where: str, expected: object, found: object) -> None:
    """Require that two values are the same.

    Raises:
        StoreDifference: they are not.
    """
    if expected != found:
        raise StoreDifference(what, where, expected, found)


def unreadable(what: str, where: str, error: BonafidesError) -> StoreDifference:
    """Return the difference of bytes that do not read: by the field and the rule, or the check, never by the value."""
    if isinstance(error, InvalidInput):
        return StoreDifference(what, where, "well-formed", f"{error.field} {error.rule}")
    if isinstance(error, VerificationFailed):
        return StoreDifference(what, where, "verified", error.code)
    raise error


def _text(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
