"""What is stored of the chain hashes to what the chain says; and proofs of ours mean the same on the chain."""

import hashlib
import itertools
import json
from pathlib import Path

import pytest
from eth_hash.auto import keccak
from trie import HexaryTrie

from evidence.chain.proof_kinds.ethereum_receipt_trie import receipts_root
from evidence.log.tree import Tree
from node_adapter.chain.abi import KNOWN, encode_call
from node_adapter.chain.blocks import verify_block
from node_adapter.chain.contracts import call_raw
from node_adapter.chain.deploy import send_and_wait
from node_adapter.chain.errors import ContractReverted
from node_adapter.store import anchors
from node_adapter.store.chain import blocks, evidence
from primitives.errors import VerificationFailed

pytestmark = pytest.mark.chain


def final_size(node):
    with node.store.read() as connection:
        last = anchors.latest(connection)
    return last.size if last and last.block is not None else 0


def test_every_stored_block_recomputes(consortium, add_records, drive):
    node = consortium.node()
    worker = consortium.worker(node)
    for size in (3, 6, 9):
        add_records(node, 3)
        drive(worker, lambda size=size: final_size(node) == size)
    with node.store.read() as connection:
        stored = evidence.headers(connection)
        receipts = {number: evidence.receipts(connection, number) for number, _, _ in stored}
        assert stored[-1][0] == blocks.tip(connection).number
    first = consortium.deployment.directory_block
    assert [number for number, _, _ in stored] == list(range(first, first + len(KNOWN) + 3))  # contracts, anchors
    asked = [consortium.rpc.call("eth_getBlockByNumber", hex(number), False) for number, _, _ in stored]
    for block, after in itertools.pairwise(asked):
        assert after["parentHash"] == block["hash"]
    for (number, digest, header), block in zip(stored, asked, strict=True):
        assert block["hash"] == "0x" + keccak(header).hex() == "0x" + digest.hex()
        assert block["receiptsRoot"] == "0x" + receipts_root(receipts[number]).hex()


@pytest.mark.parametrize("field", ["receiptsRoot", "timestamp", "hash", "logsBloom", "parentHash"])
def test_a_block_that_is_not_what_it_claims_is_refused(consortium, field):
    block, receipts = consortium.rpc.batch(
        [("eth_getBlockByNumber", ["0x1", False]), ("eth_getBlockReceipts", ["0x1"])]
    )
    verify_block(block, receipts)
    changed = block[field][:-1] + ("0" if block[field][-1] != "0" else "1")
    with pytest.raises(VerificationFailed, match="block-header"):
        verify_block(block | {field: changed}, receipts)


def test_receipts_that_are_not_of_the_block_are_refused(consortium):
    block, receipts = consortium.rpc.batch(
        [("eth_getBlockByNumber", ["0x1", False]), ("eth_getBlockReceipts", ["0x1"])]
    )
    for forged in ([], [receipts[0] | {"status": "0x0"}], receipts * 2):
        with pytest.raises(VerificationFailed, match="block-receipts"):
            verify_block(block, forged)


def test_the_short_way_to_the_root_of_one_receipt_agrees_with_the_trie():
    receipt = b"\x02" + b"r" * 300
    trie = HexaryTrie(db={})
    trie[b"\x80"] = receipt  # RLP of the index 0
    assert receipts_root([receipt]) == trie.root_hash


def anchor_call(consortium, member, seq, prev, root, size, map_root, proof):
    data = encode_call("EvidenceAnchor", "anchor", seq, prev, root, size, map_root, proof)
    to = consortium.contracts.address_of("EvidenceAnchor")
    return {"from": member, "to": to, "data": "0x" + data.hex()}


VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "evidence" / "log.json").read_text("utf-8"))


@pytest.mark.parametrize("old", [2, 3])
def test_the_published_consistency_vectors_hold_on_chain(consortium, old):
    signer = consortium.node().keys.signer()
    tree = Tree()
    tree.extend([bytes.fromhex(entry) for entry in VECTORS["entries"]])
    assert tree.root().hex() == VECTORS["root_7"]
    target = consortium.contracts.address_of("EvidenceAnchor")
    first = encode_call("EvidenceAnchor", "anchor", 1, Tree().root(), tree.root_at(old), old, b"\x01" * 32, [])
    send_and_wait(consortium.rpc, signer, consortium.chain.chain_id, target, first)
    proof = [bytes.fromhex(node) for node in VECTORS[f"consistency_{old}_to_7"]]
    call_raw(consortium.rpc, anchor_call(consortium, signer.address, 2, tree.root_at(old), tree.root(), 7, b"", proof))


SIZES = [(1, 2), (1, 7), (3, 7), (4, 8), (6, 8), (7, 8), (8, 13), (13, 64), (64, 65), (65, 300)]


@pytest.mark.parametrize(("old", "new"), SIZES)
def test_our_consistency_proofs_hold_on_chain_and_mutants_do_not(consortium, old, new):
    signer = consortium.node().keys.signer()
    entries = [hashlib.sha256(b"%d" % index).digest() for index in range(new)]
    tree = Tree()
    tree.extend(entries)
    target = consortium.contracts.address_of("EvidenceAnchor")
    map_root = b"\x01" * 32
    first = encode_call("EvidenceAnchor", "anchor", 1, Tree().root(), tree.root_at(old), old, map_root, [])
    send_and_wait(consortium.rpc, signer, consortium.chain.chain_id, target, first)
    proof = tree.consistency(old, new)
    good = (consortium, signer.address, 2, tree.root_at(old), tree.root_at(new), new, map_root)
    call_raw(consortium.rpc, anchor_call(*good, proof))
    for mutant in mutants(proof):
        with pytest.raises(ContractReverted, match="EvidenceAnchorBadProof"):
            call_raw(consortium.rpc, anchor_call(*good, mutant))
    forged = tree.root_at(new - 1) if new - 1 != old else hashlib.sha256(b"forged").digest()
    with pytest.raises(ContractReverted, match="EvidenceAnchorBadProof"):
        call_raw(consortium.rpc, anchor_call(*good[:4], forged, *good[5:], proof))
    with pytest.raises(ContractReverted, match="EvidenceAnchorShrunk"):
        call_raw(consortium.rpc, anchor_call(*good[:4], tree.root_at(old - 1), old - 1, map_root, []))
    with pytest.raises(ContractReverted, match="EvidenceAnchorBadPrev"):
        call_raw(consortium.rpc, anchor_call(*good[:3], b"\x09" * 32, *good[4:], proof))
    with pytest.raises(ContractReverted, match="EvidenceAnchorBadSeq"):
        call_raw(consortium.rpc, anchor_call(*good[:2], 3, *good[3:], proof))


def mutants(proof):
    flipped = [bytes([node[0] ^ 1]) + node[1:] for node in proof]
    for index in range(len(proof)):
        yield [*proof[:index], flipped[index], *proof[index + 1 :]]
        yield proof[:index] + proof[index + 1 :]
    yield [*proof, b"\x00" * 32]
    if len(proof) > 1:
        yield list(reversed(proof))
