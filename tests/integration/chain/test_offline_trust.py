"""A real node's bundle on a real chain against the regulator's trust file, and what a lying broker can try."""

from __future__ import annotations

import json

import pytest

from evidence.chain.engines import KEPT_PROOFS
from evidence.documents.bundle import seal_bundle
from evidence.log.tree import EMPTY_ROOT
from node_adapter.chain.abi import contract_abi, encode_call
from node_adapter.chain.deploy import send_and_wait
from node_adapter.store import anchors
from node_adapter.store.chain import event_log, evidence
from primitives.secp256k1 import address_of
from tests.world.chain_case import CONTROLLER, NEW, OLD, Case
from tests.world.payloads import PAYLOADS

pytestmark = pytest.mark.chain


@pytest.fixture
def case(consortium, drive):
    return Case(consortium, drive)


def test_a_real_bundle_holds_before_and_after_a_rotation(case):
    case.assess(OLD)
    case.anchor()
    case.rotate()
    case.assess(NEW)
    case.anchor()
    answer = case.replay()
    report = case.verify(answer["bundle"].encode())
    assert report.ok, [check for check in report.checks if not check.ok]
    assert len(report.records) == 14  # two of them open the history: the node for the client, and then the client
    assert {item["status"] for item in answer["report"]["re_execution"]} == {"equal"}
    assert not report.findings


def test_a_hidden_rotation_is_refuted(case):
    """The broker leaves out the blocks in which the client changed the key."""
    case.assess(OLD)
    case.rotate()
    case.submit("DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"])
    case.anchor()
    body = json.loads(case.replay()["bundle"])
    del body["signature"]
    assert case.verify(seal_bundle(body, case.broker.keys.newest.signing_seed)).ok
    with case.broker.store.read() as connection:
        topic = event_log.address_topic(address_of(CONTROLLER))
        blocks = {event.block for event in event_log.events(connection, contract="DidRegistry", topic1=topic)}
    for hidden in blocks:
        lie = {**body, "blocks": [block for block in body["blocks"] if block["number"] != hidden]}
        assert "client-key-history" in case.verify(seal_bundle(lie, case.broker.keys.newest.signing_seed)).failed


def test_a_look_alike_anchor_is_refuted(case):
    """The broker deploys an EvidenceAnchor of its own and anchors the same log there, as seq 1, in one transaction."""
    case.assess(OLD)
    case.anchor()
    body = json.loads(case.replay()["bundle"])
    del body["signature"]
    signer, rpc = case.broker.keys.signer(), case.consortium.rpc
    members = case.consortium.contracts.address_of("MemberRegistry")
    deployed = send_and_wait(rpc, signer, case.chain_id, None, contract_abi("EvidenceAnchor").encode_deploy([members]))
    with case.broker.store.read() as connection:
        rows = {row.seq: row for row in anchors.every(connection)}
    wanted = [anchor["seq"] for anchor in body["anchors"]]
    assert wanted == [1]
    row = rows[1]
    data = encode_call("EvidenceAnchor", "anchor", 1, EMPTY_ROOT, row.root, row.size, row.map_root, [])
    made = send_and_wait(rpc, signer, case.chain_id, deployed["contractAddress"], data)
    number = int(made["blockNumber"], 16)
    case.drive(case.workers[0], lambda: case._tip(case.broker) >= number)
    case.drive(case.workers[1], lambda: case._tip(case.regulator) >= number)
    with case.broker.store.read() as connection:
        receipts = evidence.receipts(connection, number)
    place = int(made["transactionIndex"], 16)
    proof = [node.hex() for node in KEPT_PROOFS.prove_one(receipts, place)]
    [anchor] = body["anchors"]
    lie = {
        **body,
        "anchors": [{**anchor, "block": number, "tx_index": place, "log_position": 0, "proof": proof}],
        "blocks": [*body["blocks"], {"number": number, "receipts": [receipt.hex() for receipt in receipts]}],
    }
    report = case.verify(seal_bundle(lie, case.broker.keys.newest.signing_seed))
    assert report.failed == ("directory",)
