"""Witnesses of issues, of either format, against the anchors that the node's index has."""

from contextlib import nullcontext
from functools import partial
from types import SimpleNamespace

import pytest

from did.identifiers import parse_did
from node_adapter.chain.abi import directory_name
from node_adapter.workflows.former import issued
from node_adapter.workflows.identity.issue_witness import witnessed_block
from primitives.errors import VerificationFailed
from scripts.vectors import credentials as script
from scripts.vectors.synthetic_chain import seeded
from tests.unit.node_adapter.test_chain_histories import FIRST, SECOND, index

__all__ = ["index"]


def of_node(node=None):
    """The check as a node makes it; what is of format 2 it asks of its index alone."""
    return partial(witnessed_block, node)


def reach(index, number):
    """Let the next event stand in the block of a number."""
    while index.height < number - 1:
        index.tell("DidRegistry", FIRST, "DIDCallSponsored", FIRST)


def named(index, contract="EvidenceLog"):
    name = "0x" + directory_name(contract).hex()
    index.tell("Directory", SECOND, "AddressSet", None, name=name, target=FIRST, fromBlock=1)


def hexed(value):
    return "0x" + value.hex()


def test_a_witness_of_format_1_stands_on_an_anchor_of_evidence_anchor(index, monkeypatch):
    monkeypatch.setattr(issued, "former_node", nullcontext)
    check = of_node(SimpleNamespace(store=index.store))  # as it was at the end of format 1
    world, credential, witness = script.witnessed_world()
    digest, anchor = script.credential_digest(credential), world.anchors[-1]
    address = parse_did(world.broker).address
    roots = {"root": hexed(world.tree.root()), "prevRoot": hexed(bytes(32)), "mapRoot": hexed(bytes(32))}
    reach(index, anchor.block)
    args = {"member": address, "seq": 1, "size": world.tree.size, **roots}
    assert index.tell("EvidenceAnchor", FIRST, "Anchored", address, **args) == anchor.block
    assert index.read(check, witness, world.broker, digest, anchor.block) == anchor.block
    for changed in ({"seq": 2, "block": anchor.block}, {"seq": 1, "block": anchor.block - 1}):
        with pytest.raises(VerificationFailed, match="holds no anchor"):
            index.read(check, {**witness, "anchor": changed}, world.broker, digest, anchor.block)
    with pytest.raises(VerificationFailed, match="is later than"):
        index.read(check, witness, world.broker, digest, anchor.block - 1)


def test_a_witness_of_format_2_stands_on_a_leaf_of_evidence_log(index):
    leaf, broker, credential, witness = script.witnessed_by_batch()
    digest, address = script.credential_digest(credential), parse_did(broker.did).address
    named(index)
    first = broker.leaves[0]
    reach(index, first.block - 1)
    roots = dict.fromkeys(("formerRoot", "formerMapRoot"), hexed(bytes(32)))
    former = {"former": SECOND, "formerSeq": 0, "formerSize": 0, **roots, "time": first.time}
    index.tell("EvidenceLog", FIRST, "LogOpened", address, member=address, **former)
    for one in broker.leaves:
        reach(index, one.block)
        roots = {"batchRoot": one.batch_root, "mapRoot": one.map_root, "keysDigest": one.keys_digest}
        sizes = {"sizeBefore": one.size_before, "sizeAfter": one.size_after, "time": one.time, "keyVersion": 1}
        args = {"member": address, "seq": one.seq, **{name: hexed(value) for name, value in roots.items()}, **sizes}
        assert index.tell("EvidenceLog", FIRST, "Anchored", address, **args) == one.block
    assert index.read(of_node(), witness, broker.did, digest, leaf.block) == leaf.block
    for changed in ({"seq": 2, "block": leaf.block}, {"seq": 3, "block": leaf.block - 1}):
        with pytest.raises(VerificationFailed, match="holds no anchor"):
            index.read(of_node(), {**witness, "anchor": changed}, broker.did, digest, leaf.block)
    with pytest.raises(VerificationFailed) as caught:
        index.read(of_node(), witness, broker.did, seeded("another"), leaf.block)
    assert caught.value.check == "issue-witness"


def test_a_leaf_of_a_contract_that_no_directory_named_is_none(index):
    leaf, broker, credential, witness = script.witnessed_by_batch()
    address = parse_did(broker.did).address
    roots = {"batchRoot": leaf.batch_root, "mapRoot": leaf.map_root, "keysDigest": leaf.keys_digest}
    sizes = {"sizeBefore": leaf.size_before, "sizeAfter": leaf.size_after, "time": leaf.time, "keyVersion": 1}
    args = {"member": address, "seq": leaf.seq, **{name: hexed(value) for name, value in roots.items()}, **sizes}
    reach(index, leaf.block)
    index.tell("EvidenceLog", FIRST, "Anchored", address, **args)
    with pytest.raises(VerificationFailed, match="holds no anchor"):
        index.read(of_node(), witness, broker.did, script.credential_digest(credential), leaf.block)
