"""A member that founds a consortium, as the constructor of MemberRegistry takes it."""

from __future__ import annotations

from dataclasses import dataclass

from did.member_log import ROLES
from evidence.version2.state.member_keys import MemberKeySet
from node_adapter.chain.abi import member_keys
from primitives.errors import InvalidInput


@dataclass(frozen=True)
class Founder:
    """A founding member: its account, its role (broker, regulator or operator) and its keys."""

    address: str
    role: str
    name: str
    keys: MemberKeySet

    def to_abi(self) -> tuple[str, int, str, tuple[int, bytes, bytes, bytes, str]]:
        """Return the constructor's struct.

        Raises:
            InvalidInput: there is no such role.
        """
        if self.role not in ROLES[1:]:
            raise InvalidInput("founder.role", "one-of", f"must be one of {', '.join(ROLES[1:])}")
        return self.address, ROLES.index(self.role), self.name, member_keys(self.keys)
