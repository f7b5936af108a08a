"""The outbox row by which a consent's call goes to the chain: its key says which function, of which consent."""

from __future__ import annotations

from replay.wire.consent_call import CALLS, ConsentCall

KIND = "consent"
"""Of the outbox row."""


def key_of(call: ConsentCall) -> str:
    """Return the key of the outbox row of a call."""
    return outbox_key(call.function, call.consent_id.hex())


def outbox_key(function: str, consent_id: str) -> str:
    """Return the key of the outbox row that tells the chain of a consent (64 hex)."""
    return f"{KIND}:{function}:{consent_id}"


def consent_of_key(key: str) -> str | None:
    """Return the consent that an outbox row tells of; None for a row of another kind."""
    match key.split(":"):
        case [kind, function, consent_id] if kind == KIND and function in CALLS.values():
            return consent_id
    return None  # a key of another kind may have any form
