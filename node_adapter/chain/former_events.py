"""Events in the form that earlier releases of our contracts gave them: a chain is read from its first block on.

What is still emitted stands in the artifacts. Entries are those of a contract's ABI.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def _event(event: str, /, **types: str) -> dict[str, Any]:
    """Return an event's entry; the first parameter is the indexed one."""
    inputs = [
        {"name": field, "type": kind, "indexed": not number} for number, (field, kind) in enumerate(types.items())
    ]
    return {"type": "event", "name": event, "inputs": inputs}


# Before a member's keys had an algorithm: the signing key was Ed25519 and signed checkpoints too.
_KEYS = {"signing": "bytes32", "agreement": "bytes32", "compliance": "address", "previousChange": "uint256"}
FORMER_EVENTS: Mapping[str, tuple[dict[str, Any], ...]] = {
    "MemberRegistry": (
        _event("MemberAdmitted", member="address", role="uint8", name="string", **_KEYS),
        _event("MemberKeysChanged", member="address", **_KEYS),
    ),
}
