"""DIDs of the method did:ethr on the consortium's chain.

`did:ethr:0x<chain id, hex without leading zeros>:0x<address, lower case>`. Each DID has one spelling: the checksum
form of an address, a chain's nickname and the 33-byte key form are not accepted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from primitives.address import check_address
from primitives.errors import InvalidInput

SIGNING_FRAGMENT = "signing"  # a member's key of its suite in MemberRegistry
CHECKPOINT_FRAGMENT = "checkpoint"  # its Ed25519 key there, where that of its suite is another one
AGREEMENT_FRAGMENT = "agreement"  # its X25519 key there
DID_PATTERN = "did:ethr:0x([1-9a-f][0-9a-f]{0,15}):(0x[0-9a-f]{40})"
_DID = re.compile(DID_PATTERN)


@dataclass(frozen=True)
class Did:
    """A parsed did:ethr."""

    chain_id: int
    address: str

    @property
    def text(self) -> str:
        """The DID itself."""
        return f"did:ethr:{self.chain_id:#x}:{self.address}"

    def __str__(self) -> str:
        return self.text

    def url(self, fragment: str) -> str:
        """The DID URL of a verification method, such as `<did>#signing`."""
        return f"{self.text}#{fragment}"


def ethr_did(chain_id: int, address: str) -> Did:
    """Return the DID of an account, a client's or a member's."""
    if not 0 < chain_id < 1 << 64:
        raise InvalidInput("chain_id", "chain-id", f"{chain_id} is not a chain id")
    return Did(chain_id, check_address(address, "address"))


def member_did(chain_id: int, address: str) -> str:
    """Return the text of a member's DID: its founding account's."""
    return ethr_did(chain_id, address).text


def parse_did(text: object, field: str = "did") -> Did:
    """Parse a did:ethr.

    Raises:
        InvalidInput: another method, or another spelling.
    """
    match = _DID.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise InvalidInput(field, "did-ethr", "must be did:ethr:0x<chain id>:0x<address> in lower case")
    return Did(int(match[1], 16), match[2])
