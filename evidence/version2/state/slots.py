"""Where the contracts keep what a state proof opens (docs/spec/evidence-2.md, section 9.2): slots as 32 bytes.

Solidity lays out storage so: a variable has the slot of its place; the entry of a mapping under a key has
keccak-256(key || slot of the mapping), both as 32 bytes, and the members of a struct follow from there.
"""

from __future__ import annotations

from dataclasses import dataclass

from eth_hash.auto import keccak

WORD_BYTES = 32


def word(value: int | bytes | str) -> bytes:
    """Return a number, bytes or a 0x address as the 32 bytes that the chain makes of it: padded on the left."""
    if isinstance(value, int):
        return value.to_bytes(WORD_BYTES)
    data = bytes.fromhex(value.removeprefix("0x")) if isinstance(value, str) else value
    return data.rjust(WORD_BYTES, b"\0")


def map_slot(key: int | bytes | str, slot: int, member: int = 0) -> bytes:
    """Return the slot of a mapping's entry: map(key, slot) of the page, and `member` slots further."""
    begin = int.from_bytes(keccak(word(key) + word(slot)))
    return word((begin + member) % (1 << 8 * WORD_BYTES))


@dataclass(frozen=True)
class Variable:
    """A variable of a contract: a whole one, or one within the entry that a mapping has for a key.

    Attributes:
        contract: the contract's name in the Directory.
        base: the slot of the variable, or of the mapping.
        mapped: whether a mapping is at `base`.
        member: how many slots after the entry's first one.
        low, high: its bytes in the word, counted from the least significant one.
    """

    contract: str
    base: int
    mapped: bool = True
    member: int = 0
    low: int = 0
    high: int = WORD_BYTES - 1

    def slot(self, key: bytes | str = b"") -> bytes:
        """Return the variable's slot; of a mapping, that of a key: a 0x address, or 32 bytes."""
        return map_slot(key, self.base, self.member) if self.mapped else word(self.base + self.member)

    def number(self, stored: bytes) -> int:
        """Return the variable as a number, from the word that its slot holds."""
        return int.from_bytes(stored[WORD_BYTES - 1 - self.high : WORD_BYTES - self.low])


LOG_HEAD = Variable("EvidenceLog", 0)
LOG_MAP_ROOT = Variable("EvidenceLog", 0, member=1)
LOG_SIZE = Variable("EvidenceLog", 0, member=2, high=7)
LOG_SEQ = Variable("EvidenceLog", 0, member=2, low=8, high=15)
MEMBER_ROLE = Variable("MemberRegistry", 0, high=0)
MEMBER_ACTIVE = Variable("MemberRegistry", 0, low=1, high=1)
MEMBER_NUMBER = Variable("MemberRegistry", 0, low=2, high=3)
MEMBER_KEY_VERSION = Variable("MemberRegistry", 0, low=4, high=11)
MEMBER_CHANGES = Variable("MemberRegistry", 0, low=12, high=19)
MEMBER_KEYS_DIGEST = Variable("MemberRegistry", 0, member=1)
MEMBER_HEAD = Variable("MemberRegistry", 0, member=2)
ACTIVE_COUNT = Variable("MemberRegistry", 5, mapped=False)
ACTIVE_ROOT = Variable("MemberRegistry", 6, mapped=False)
DID_CHANGES = Variable("DidRegistry", 2, low=16, high=30)
DID_HEAD = Variable("DidRegistry", 2, member=1)
CONSENT_IDENTITY = Variable("ConsentRegistry", 2, high=19)
CONSENT_STATUS = Variable("ConsentRegistry", 2, low=20, high=20)
CONSENT_GRANTED_IN = Variable("ConsentRegistry", 2, low=21, high=25)
CONSENT_WITHDRAWN_IN = Variable("ConsentRegistry", 2, low=26, high=30)
TASK_CHANGES = Variable("TaskRegistry", 3, low=13, high=20)
TASK_HEAD = Variable("TaskRegistry", 3, member=1)
CONVICTION_CHANGES = Variable("ConvictionRegistry", 0, high=7)
CONVICTION_HEAD = Variable("ConvictionRegistry", 0, member=1)
DIRECTORY_HEAD = Variable("Directory", 0, mapped=False)
DIRECTORY_CHANGES = Variable("Directory", 1, mapped=False)
