"""What a state proof costs: taking it from the chain's node, its size, checking it, over the slots of one contract.

python scripts/bench/state_proofs.py [--quick]

An embedded chain whose contract has 1,000, 10,000 and 100,000 slots, set by the engine's own means; what is opened is
what a bundle opens: four accounts with a slot each. The native limit is a plain read of a slot.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from pathlib import Path

from evidence.version2.state.slots import DID_HEAD
from evidence.version2.state.trie import StateProof
from node_adapter.chain import embedded
from node_adapter.chain.rpc import HttpRpc
from node_adapter.chain.state_proofs import take_proofs
from node_adapter.ports import TakenState
from scripts.bench.harness import Row, arguments, best_of, progress, table

SLOTS = (1_000, 10_000, 100_000)
ACCOUNTS = 1_000
_AT_ONCE = 1_000
_CONTRACTS = 4


def _address(number: int) -> str:
    return "0x" + hashlib.sha256(b"bench: account %d" % number).hexdigest()[:40]


BIG = _address(0)


class Chain:
    """A chain of which one account has as many slots as wanted."""

    def __init__(self, url: str) -> None:
        """Make the other accounts; storage of theirs is one slot each."""
        self.rpc = HttpRpc(url, timeout_seconds=60)
        self._slots = 0
        self._batch([("anvil_setBalance", (_address(number), "0x1")) for number in range(ACCOUNTS)])
        self._batch([_stored(_address(number), DID_HEAD.slot(BIG)) for number in range(1, _CONTRACTS)])

    def grow(self, slots: int) -> None:
        """Give the big account so many slots, and make two blocks with them."""
        keys = [DID_HEAD.slot(_address(number)) for number in range(self._slots, slots)]
        self._batch([_stored(BIG, key) for key in keys])
        self._slots = slots
        for _ in range(2):
            self.rpc.call("evm_mine")

    def take(self) -> TakenState:
        """Take the proofs of four accounts with a slot each."""
        return take_proofs(self.rpc, wanted())

    def read(self) -> None:
        """Read a slot without a proof."""
        self.rpc.call("eth_getStorageAt", BIG, "0x" + DID_HEAD.slot(BIG).hex(), "latest")

    def _batch(self, calls: list[tuple[str, tuple[str, ...]]]) -> None:
        for start in range(0, len(calls), _AT_ONCE):
            self.rpc.batch(calls[start : start + _AT_ONCE])
            progress("set", min(start + _AT_ONCE, len(calls)), len(calls))


def wanted() -> dict[str, list[bytes]]:
    """Return what is opened: the slots, by account."""
    return {BIG: [DID_HEAD.slot(BIG)], **{_address(number): [DID_HEAD.slot(BIG)] for number in range(1, _CONTRACTS)}}


def check(taken: TakenState) -> None:
    """Open everything from the pool."""
    proof = StateProof(taken.header.state_root, taken.nodes)
    for address, slots in wanted().items():
        account = proof.account(address)
        if account is None or not any(proof.word(account, slots[0])):
            raise SystemExit("a slot that was set does not open")
    proof.finish()


def measure(chain: Chain, sizes: tuple[int, ...]) -> list[Row]:
    """Return the rows of the table."""
    rows: list[Row] = []
    for size in sizes:
        chain.grow(size)
        read, _ = best_of(chain.read)
        seconds, taken = best_of(chain.take)
        checked, _ = best_of(lambda taken=taken: check(taken))  # type: ignore[misc]
        pool = sum(len(node) for node in taken.nodes)
        rows += [
            (f"{size} slots: a plain read (native limit)", 1000 * read, "ms"),
            (f"{size} slots: taking four proofs under one header", 1000 * seconds, "ms"),
            (f"{size} slots: the pool of {len(taken.nodes)} nodes", pool, "bytes"),
            (f"{size} slots: checking", 1000 * checked, "ms"),
        ]
    return rows


def _stored(address: str, slot: bytes) -> tuple[str, tuple[str, ...]]:
    value = hashlib.sha256(slot).hexdigest()
    return "anvil_setStorageAt", (address, "0x" + slot.hex(), "0x" + value)


def main() -> int:
    """Measure and print."""
    quick = arguments(__doc__).parse_args().quick
    with tempfile.TemporaryDirectory(prefix="bonafides-bench-") as folder:
        made = embedded.up(Path(folder))
        try:
            chain = Chain(made.rpc_url)
            rows = measure(chain, SLOTS[:1] if quick else SLOTS)
            chain.rpc.close()
        finally:
            embedded.down(Path(folder))
    table(f"state proofs of {ACCOUNTS} accounts on the embedded chain", rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
