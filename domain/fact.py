"""What happened, as a domain sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

CHANNELS = ("branch", "app", "web", "phone", "api")  # by which a fact can come


@dataclass(frozen=True)
class Fact:
    """What happened. The payload has passed its record type's check; times are milliseconds.

    `ref` is the record's fingerprint (hex); `ruleset` the label in its envelope, None where none applies; `broker` the
    DID of the member whose record it is: the client's own broker needs no leave to be among the parties of a use.
    """

    type: str
    payload: Mapping[str, Any] = field(repr=False)
    occurred_at: int
    recorded_at: int
    channel: str
    ref: str
    ruleset: str | None = None
    broker: str | None = None
