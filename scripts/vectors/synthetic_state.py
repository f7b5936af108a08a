"""A chain's state in memory: accounts with storage, its root, and the proofs that `eth_getProof` would give of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from eth_hash.auto import keccak

from evidence.chain.patricia import build_trie
from evidence.chain.rlp_codec import encode_rlp
from evidence.version2.state.trie import NO_CODE, StateProof


@dataclass
class SyntheticAccount:
    """An account; `storage` has a word of 32 bytes for a slot of 32 bytes."""

    nonce: int = 1
    balance: int = 0
    code_hash: bytes = NO_CODE
    storage: dict[bytes, bytes] = field(default_factory=dict)


class SyntheticState:
    """The state at a block: every trie is built at once."""

    def __init__(self, accounts: Mapping[str, SyntheticAccount]) -> None:
        """Build the tries of accounts, by their 0x addresses."""
        self._nodes: dict[bytes, bytes] = {}
        self.root = self._trie(
            (bytes.fromhex(address.removeprefix("0x")), self._account(account)) for address, account in accounts.items()
        )

    def prove(self, wanted: Mapping[str, Iterable[bytes]]) -> list[bytes]:
        """Return the pool of nodes that opens slots of accounts, and nothing else."""
        proof = StateProof(self.root, sorted(self._nodes.values()))
        for address, slots in wanted.items():
            account = proof.account(address)
            if account is not None:
                for slot in slots:
                    proof.word(account, slot)
        return proof.used()

    def _account(self, account: SyntheticAccount) -> bytes:
        stored = account.storage.items()
        root = self._trie((slot, encode_rlp(int.from_bytes(word))) for slot, word in stored if any(word))
        return encode_rlp([account.nonce, account.balance, root, account.code_hash])

    def _trie(self, items: Iterable[tuple[bytes, bytes]]) -> bytes:
        root, nodes = build_trie((keccak(key), value) for key, value in items)
        self._nodes |= nodes
        return root
