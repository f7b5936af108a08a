"""What joint statistics refuse, and whom a refusal can name.

InvalidInput        └── MessageRefused    a malformed or out-of-range message or commitment: names its sender
VerificationFailed  ├── PartyFault        a well-formed message that contradicts what stands fixed: names its sender
                    └── SumCheckFailed    the sum does not open the commitments: it cannot be known who lied
Refused             └── PolicyRefused     the release policy or the clients' consents do not allow it
"""

from __future__ import annotations

from primitives.errors import InvalidInput, Refused, VerificationFailed


class MessageRefused(InvalidInput):
    """A member sent what the format does not allow. `sender` is that member's address."""

    def __init__(self, sender: str, field: str, rule: str, detail: str) -> None:
        """Name the sender, the field and the rule."""
        super().__init__(field, rule, f"{detail} (sent by {sender})")
        self.sender = sender


class PartyFault(VerificationFailed):
    """A member contradicts the task, the chain or itself. `sender` is that member's address."""

    def __init__(self, sender: str, check: str, detail: str) -> None:
        """Name the sender and the failed check."""
        super().__init__(check, f"{detail} (sent by {sender})")
        self.sender = sender


class SumCheckFailed(VerificationFailed):
    """The masked messages do not add up to what was committed to. No culprit can be named from the sum."""


class PolicyRefused(Refused):
    """The release policy of the task, or a client's consent, does not allow it."""
