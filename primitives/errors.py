"""The error tree of the product, by whose fault it is and what is known.

BonafidesError
├── InvalidInput          the caller's input is malformed: names the field and the rule   (HTTP 400/422, exit 2)
├── Refused               well formed, but not allowed now: names the code                (HTTP 401/403/404/409, exit 2)
├── VerificationFailed    it was checked and it is false: names the check                 (HTTP 422, exit 1)
└── CouldNotCheck         nothing is known: chain down, store locked, file unreadable     (HTTP 503/507, exit 2)

"Invalid" is never "could not check": a verifier that cannot reach what it needs raises CouldNotCheck.
No message ever holds a secret; `detail` is for a person and may be shown to the caller.
"""

from __future__ import annotations


class BonafidesError(Exception):
    """Root of every error that this product raises on purpose."""

    code: str
    detail: str

    def __init__(self, code: str, detail: str) -> None:
        """Keep a stable machine code (kebab-case) and a sentence for a person."""
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class InvalidInput(BonafidesError):
    """Malformed input. `field` is a dotted path into it, `rule` the kebab-case rule that it breaks."""

    def __init__(self, field: str, rule: str, detail: str) -> None:
        """Name the field and the rule."""
        super().__init__("invalid-input", f"{field}: {detail}")
        self.field = field
        self.rule = rule
        self.detail = detail


class Refused(BonafidesError):
    """Well formed, but not allowed: wrong role, unknown member, no consent, duplicate, wrong order."""


class VerificationFailed(BonafidesError):
    """A check was made and failed. `check` is its stable name, such as `inclusion` or `signature`."""

    def __init__(self, check: str, detail: str) -> None:
        """Name the failed check."""
        super().__init__(check, detail)
        self.check = check


class CouldNotCheck(BonafidesError):
    """The answer is unknown: what is needed could not be reached, read or written."""
