"""Where it is recorded that reports about a client were given out (docs/spec/report.md, section 7)."""

from __future__ import annotations

from evidence.version2.opening import house_subject

_MATTER = "reports"


def reports_matter(subject: str) -> str:
    """Return what the history of the house stands for that holds the issues of reports about a pseudonym (64 hex)."""
    return f"{_MATTER}:{subject}"


def reports_subject(broker: str, subject: str) -> str:
    """Return the pseudonym (64 hex) of that history at a broker (its DID)."""
    return house_subject(broker, reports_matter(subject))
