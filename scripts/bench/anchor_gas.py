"""What anchoring costs on the chain: gas per record at batches of 1, 100 and 10,000 records.

python scripts/bench/anchor_gas.py [--quick]

Real anchors on an embedded chain: the log holds 100,003 entries already, each batch comes with its root, the map's root
and the peaks of the tree before, which the contract checks; the leaf that it makes is read back. The native limit is a
plain transaction that carries 32 bytes: what writing one digest down costs when no contract is asked.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evidence.version2.batch_tree import BatchTree
from evidence.version2.log.anchor_tree import Peaks
from evidence.version2.log.anchors import FIRST_ANCHOR, AnchorLeaf, Leaf, OpeningLeaf, head_digest
from evidence.version2.state.member_keys import MemberKeySet
from node_adapter.chain import embedded
from node_adapter.chain.abi import LOG_OF_ANCHORS, contract_abi, encode_call
from node_adapter.chain.contracts import Contracts
from node_adapter.chain.deploy import deploy, send_and_wait
from node_adapter.chain.founder import Founder
from node_adapter.chain.rpc import HttpRpc
from node_adapter.keys.keystore import LocalSigner
from primitives.secp256k1 import address_of
from scripts.bench.harness import Row, arguments, progress, table

BATCHES = (1, 100, 10_000)
BEFORE = 100_003
ANCHORS_EACH = 5


class Log:
    """A broker's log on the chain: grows by batches, each anchored."""

    def __init__(self, url: str) -> None:
        """Deploy the contracts with this broker as the only founder."""
        self._rpc = HttpRpc(url)
        self._signer = LocalSigner(hashlib.sha256(b"bench: anchor gas").digest())
        key = hashlib.sha256(b"bench: any other key").digest()
        keys = MemberKeySet.of_one_key(key, key, address_of(key))
        founder = Founder(self._signer.address, "broker", "Bench (synthetic)", keys)
        made = deploy(self._rpc, self._signer, [founder], veto_blocks=0)
        self._chain_id = made.chain_id
        self._contract = {contract.name: contract.address for contract in made.contracts}[LOG_OF_ANCHORS]
        self._contracts = Contracts(self._rpc, made.directory)
        self._peaks = Peaks()
        self._size = 0

    def plain_gas(self) -> int:
        """Return the gas of a transaction that carries 32 bytes and does nothing."""
        return self._send(self._signer.address, hashlib.sha256(b"a digest").digest())[0]

    def anchor(self, batch: int) -> tuple[int, int]:
        """Append a batch and anchor it; return the gas, and the number of the peaks that the contract checked."""
        entries = [hashlib.sha256(b"bench %d" % number).digest() for number in range(self._size, self._size + batch)]
        seq, peaks = max(FIRST_ANCHOR, self._peaks.size + 1), list(self._peaks.hashes)
        self._size += batch
        root, map_root = BatchTree.of_entries(entries).root, hashlib.sha256(b"map %d" % self._size).digest()
        call = encode_call(LOG_OF_ANCHORS, "anchor", seq, peaks, root, self._size, map_root)
        gas, leaves = self._send(self._contract, call)
        for leaf in leaves:
            self._peaks, _ = self._peaks.append(leaf.hash())
        if self._contracts.head(self._signer.address).head != head_digest(seq, self._peaks.root()):
            raise SystemExit(f"anchor {seq} is not the contract's head")
        return gas, len(peaks)

    def close(self) -> None:
        """Close the connection to the chain."""
        self._rpc.close()

    def _send(self, to: str, data: bytes) -> tuple[int, list[Leaf]]:
        receipt: Any = send_and_wait(self._rpc, self._signer, self._chain_id, to, data)
        return int(receipt["gasUsed"], 16), [_leaf(log) for log in receipt["logs"]]


def _leaf(log: Mapping[str, Any]) -> Leaf:
    """Read the leaf that an event of the contract tells."""
    topics = [bytes.fromhex(topic[2:]) for topic in log["topics"]]
    event = contract_abi(LOG_OF_ANCHORS).decode_event(topics, bytes.fromhex(log["data"][2:]))
    if event is None:
        raise SystemExit("an event is none of the contract's")
    told, block = event.args, int(log["blockNumber"], 16)
    if event.name == "LogOpened":
        return OpeningLeaf(
            former=told["former"],
            former_seq=told["formerSeq"],
            former_root=told["formerRoot"],
            former_size=told["formerSize"],
            former_map_root=told["formerMapRoot"],
            block=block,
            time=told["time"],
        )
    return AnchorLeaf(
        seq=told["seq"],
        batch_root=told["batchRoot"],
        size_before=told["sizeBefore"],
        size_after=told["sizeAfter"],
        map_root=told["mapRoot"],
        block=block,
        time=told["time"],
        keys_digest=told["keysDigest"],
        key_version=told["keyVersion"],
    )


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
            (f"batch of {batch}: one anchor, {sum(nodes) / anchors:.1f} peaks", mean, "gas"),
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
