"""Name and version of the program that makes a report."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

_DISTRIBUTIONS = ("bonafides", "bonafides-verify")  # the product, which brings the verifier; the verifier alone


def software() -> str | None:
    """Return name and version of the installed distribution; None where the program was not installed."""
    for name in _DISTRIBUTIONS:
        try:
            return f"{name} {version(name)}"
        except PackageNotFoundError:
            continue
    return None
