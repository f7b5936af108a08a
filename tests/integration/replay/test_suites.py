"""Members of two suites in one consortium: each client's history, who cosigned it, and whoever's word it is read by."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from evidence.version2.documents.bundle import parse_bundle
from evidence.version2.documents.claim import parse_claim
from evidence.version2.documents.trust import parse_trust
from evidence.version2.state.headers import state_rule
from evidence.version2.verify.claim import verify_claim
from node_adapter.workflows.anchoring.promises import check_promises
from node_adapter.workflows.operation.status import status_of
from primitives.canonical import canonical_json
from primitives.errors import VerificationFailed
from primitives.suites import DEFAULT, SUITES
from replay.verification import verify_history
from tests.world.clock import Clock
from tests.world.headers import HeaderChain
from tests.world.keys import keystore_of
from tests.world.members import ROLES, Members
from tests.world.payloads import PAYLOADS
from tests.world.replays import replay, word

SM = SUITES["sm3-sm2/1"]
CHOSEN = {"north": SM, "south": DEFAULT, "regulator": SM}
ROLE_NUMBERS = {"broker": 1, "regulator": 2}


@pytest.fixture
def members(tmp_path):
    clock = Clock(step_ms=1000)
    chain = HeaderChain(clock)
    for name, role in ROLES.items():
        chain.admit(name, role=ROLE_NUMBERS[role], keys=keystore_of(name, CHOSEN[name]))
    chain.deploy()
    members = Members(tmp_path, chain, clock=clock, suites=CHOSEN)
    members.clients = {}
    for name in ("north", "south"):
        broker = members[name]
        broker.install()
        members.clients[name] = broker.enrol(f"client of {name}")
        broker.assess(members.clients[name])
        broker.anchor()
    yield members
    members.close()


def heard_by(member, _url, message):
    answer = member.http.post("/v1/peer/messages", json=message)
    assert answer.status_code == 200, answer.get_json()
    return answer.get_json()


def bundle_of(members, name):
    asked = {"did": members.clients[name].did, "case": "2026-17", "reason": "as the client asks"}
    return replay(members[name].node, asked)["bundle"].encode()


def test_each_history_is_of_its_brokers_suite_and_holds_under_the_word_of_either_kind(members):
    for name in ("north", "south"):
        members.cosign(name)
        bundle = bundle_of(members, name)
        assert parse_bundle(bundle).suite == CHOSEN[name].name
        others = {member.did for other, member in members.by_name.items() if other != name}
        for other in ("regulator", "north", "south"):
            said = word(members[other].node)
            assert parse_trust(said.file).signer.alg == CHOSEN[other].alg
            found = verify_history(bundle, said.file, trust_keys=[said.key], witnesses=2)
            assert found.ok, found.report.checks
            assert set(found.report.reach.witnesses) == others


def test_a_trust_file_counts_under_the_key_of_its_signer_alone(members):
    bundle, said = bundle_of(members, "north"), word(members["regulator"].node)
    for other in ("north", "south"):  # of the same length, and of another one
        with pytest.raises(VerificationFailed) as caught:
            verify_history(bundle, said.file, trust_keys=[word(members[other].node).key])
        assert caught.value.check == "trust"


def test_a_member_proves_what_another_of_either_suite_did_not_keep(members):
    """One of another suite takes the promises of the broker, asks it, and finds them broken."""
    for name, other in (("north", "south"), ("south", "north")):
        broker, client = members[name], members.clients[name]
        promise = broker.submit(client, "DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"]).promise
        assert promise["suite"] == CHOSEN[name].name
        members.clock.sleep(700)
        broker.chain.block()
        asking = replace(members[other].node, send=partial(heard_by, members[name]))
        [answer] = check_promises(asking, [{"promise": promise}])
        assert (answer["status"], answer["claim"]["promise"]["suite"]) == ("broken", CHOSEN[name].name), answer
        claim = parse_claim(canonical_json(answer["claim"]))
        said = word(members["regulator"].node, state_rule(claim.header_rule).parse(claim.header, "header").number)
        report = verify_claim(canonical_json(answer["claim"]), [said.file], {bytes.fromhex(said.key)})
        assert report.ok, report.checks


def test_a_node_says_its_suite(members):
    for name, suite in CHOSEN.items():
        assert status_of(members[name].node)["member"]["suite"] == suite.name
