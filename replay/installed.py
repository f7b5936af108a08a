"""The domains of this installation: suitability, and what other distributions add to it."""

from __future__ import annotations

from importlib.metadata import entry_points

from domain.domain import Domain
from domain.domains import Domains
from suitability.domain import SUITABILITY

GROUP = "bonafides.domains"
"""The entry points by which a distribution offers a domain: each names a `Domain`."""


def installed() -> Domains:
    """Return the domains of this installation.

    Raises:
        TypeError: an entry point names something else.
        ValueError: two domains share a name, a record type or a code.
    """
    others = [entry.load() for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name)]
    for other in others:
        if not isinstance(other, Domain):
            raise TypeError(f"{other!r} is no domain")
    return Domains(SUITABILITY, *others)


INSTALLED = installed()
