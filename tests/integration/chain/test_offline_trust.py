"""A real node's bundle on a real chain against the regulator's trust file, and what a lying broker can try."""

from __future__ import annotations

import json

import pytest

from evidence.version2.documents.bundle import seal_bundle
from evidence.version2.log.anchors import NO_CONTRACT
from node_adapter.chain.abi import contract_abi
from node_adapter.chain.deploy import send_and_wait
from tests.world.chain_case import NEW, OLD, Case
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


def lied(case, change):
    """The node's bundle, bent and signed again by the broker; first as it is, which holds."""
    body = json.loads(case.replay()["bundle"])
    del body["signature"]
    seed = case.broker.keys.newest.signing_seed
    assert case.verify(seal_bundle(body, seed)).ok
    return case.verify(seal_bundle({**body, **change(body)}, seed))


def test_a_hidden_rotation_is_refuted(case):
    """The broker leaves out what shows that the client changed the key."""
    case.assess(OLD)
    case.rotate()
    case.submit("DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"])
    case.anchor()
    report = lied(case, lambda body: {"did": body["did"][:1]})
    assert set(report.failed) >= {"client-keys", "client-signature"}


def test_a_look_alike_log_is_refuted(case):
    """The broker deploys an EvidenceLog of its own, and says that the Directory named it."""
    case.assess(OLD)
    case.anchor()
    members = case.consortium.contracts.address_of("MemberRegistry")
    data = contract_abi("EvidenceLog").encode_deploy([members, NO_CONTRACT, NO_CONTRACT])
    made = send_and_wait(case.consortium.rpc, case.broker.keys.signer(), case.chain_id, None, data)

    def named(body):
        entries = [
            {**entry, "target": made["contractAddress"].lower()} if entry["name"] == "EvidenceLog" else entry
            for entry in body["directory"]
        ]
        return {"directory": entries}

    assert {"state-proof", "directory"} <= set(lied(case, named).failed)
