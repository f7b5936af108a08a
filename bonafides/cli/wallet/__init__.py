"""`bonafides wallet`: the client's side, in a directory that no broker reads."""

from __future__ import annotations

from bonafides.cli.wallet import kept, online  # noqa: F401 - they add their commands
from bonafides.cli.wallet.consents import consent_group
from bonafides.cli.wallet.identities import wallet

wallet.add_command(consent_group)

__all__ = ["wallet"]
