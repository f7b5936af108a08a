"""What anchoring costs on the chain: gas per record at batches of 1, 100 and 10,000 records.

python scripts/bench/anchor_gas.py [--quick]

Real anchors on an embedded chain: the log holds 100,003 entries already, each batch comes with its checkpoint's root,
the map's root and a consistency proof that the contract checks, and the contracts' own event is read back. The native
limit is a plain transaction that carries 32 bytes: what writing one digest down costs when no contract is asked.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from pathlib import Path

from evidence.log.tree import Tree
from node_adapter.chain import embedded
from node_adapter.chain.abi import encode_call
from node_adapter.chain.contracts import Contracts
from node_adapter.chain.deploy import Founder, deploy, send_and_wait
from node_adapter.chain.rpc import HttpRpc
from node_adapter.keys.keystore import LocalSigner
from primitives.secp256k1 import address_of
from scripts.bench.harness import Row, arguments, progress, table

BATCHES = (1, 100, 10_000)
BEFORE = 100_003
ANCHORS_EACH = 5
CONTRACT = "EvidenceAnchor"


class Log:
    """A broker's log on the chain: grows by batches, each anchored."""

    def __init__(self, url: str) -> None:
        """Deploy the contracts with this broker as the only founder."""
        self._rpc = HttpRpc(url)
        self._signer = LocalSigner(hashlib.sha256(b"bench: anchor gas").digest())
        key = hashlib.sha256(b"bench: any other key").digest()
        founder = Founder(self._signer.address, "broker", "Bench (synthetic)", key, key, address_of(key))
        made = deploy(self._rpc, self._signer, [founder], veto_blocks=0)
        self._chain_id = made.chain_id
        self._contract = {contract.name: contract.address for contract in made.contracts}[CONTRACT]
        self._contracts = Contracts(self._rpc, made.directory)
        self._tree = Tree()
        self._seq = 0

    def plain_gas(self) -> int:
        """Return the gas of a transaction that carries 32 bytes and does nothing."""
        return self._send(self._signer.address, hashlib.sha256(b"a digest").digest())

    def anchor(self, batch: int) -> tuple[int, int]:
        """Append a batch and anchor it; return the gas, and the nodes of its consistency proof."""
        old, previous = self._tree.size, self._tree.root()
        self._tree.extend(hashlib.sha256(b"bench %d" % number).digest() for number in range(old, old + batch))
        self._seq += 1
        size, root = self._tree.size, self._tree.root()
        proof = self._tree.consistency(old, size)
        map_root = hashlib.sha256(b"map %d" % size).digest()
        gas = self._send(
            self._contract, encode_call(CONTRACT, "anchor", self._seq, previous, root, size, map_root, proof)
        )
        head = self._contracts.head(self._signer.address)
        if (head.seq, head.root) != (self._seq, root):
            raise SystemExit(f"anchor {self._seq} is not the contract's head")
        return gas, len(proof)

    def close(self) -> None:
        """Close the connection to the chain."""
        self._rpc.close()

    def _send(self, to: str, data: bytes) -> int:
        receipt = send_and_wait(self._rpc, self._signer, self._chain_id, to, data)
        return int(receipt["gasUsed"], 16)


def measure(log: Log, anchors: int) -> list[Row]:
    """Anchor every size of batch a few times, and return the rows of the table."""
    plain = log.plain_gas()
    log.anchor(BEFORE)
    rows: list[Row] = [("plain transaction with 32 bytes (native limit)", plain, "gas/record")]
    done = 0
    for batch in BATCHES:
        gas, nodes = [], []
        for _ in range(anchors):
            used, length = log.anchor(batch)
            gas.append(used)
            nodes.append(length)
            done += 1
            progress("anchors", done, anchors * len(BATCHES))
        mean = sum(gas) / anchors
        rows += [
            (f"batch of {batch}: one anchor, {sum(nodes) / anchors:.1f} nodes of proof", mean, "gas"),
            (f"batch of {batch}", mean / batch, "gas/record"),
            (f"batch of {batch}: ratio to a plain transaction a record", mean / batch / plain, ""),
        ]
    return rows


def main() -> int:
    """Measure and print."""
    quick = arguments(__doc__).parse_args().quick
    with tempfile.TemporaryDirectory(prefix="bonafides-bench-") as folder:
        chain = embedded.up(Path(folder))
        try:
            log = Log(chain.rpc_url)
            rows = measure(log, 2 if quick else ANCHORS_EACH)
            log.close()
        finally:
            embedded.down(Path(folder))
    table(f"anchors of a log that begins at {BEFORE} entries", rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
