"""Documents that convict a member: brought by anybody, verified by each node alone, recorded, fetched by the others."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from eth_abi.abi import decode

from evidence.version2.log.checkpoint import read_anchor_checkpoint, sign_anchor_checkpoint
from evidence.version2.log.convict import Equivocation
from evidence.version2.verify.conviction import MAX_CONVICTION_BYTES, conviction_digest
from node_adapter.chain.abi import CONVICTIONS
from node_adapter.peers import client
from node_adapter.peers.messages import sign_message
from node_adapter.ports import PeerAnswer
from node_adapter.store import alarms, convictions, outbox
from node_adapter.store.chain import event_log
from node_adapter.store.chain.conviction_registry import statements_against, statements_in
from node_adapter.workflows.convictions.fetching import fetch_next, fetching, note_recorded
from tests.waiting import wait_until
from tests.world.chain import CONTRACTS
from tests.world.keys import keystore_of
from tests.world.members import Members

ROUTE = "/v1/convictions"


@pytest.fixture
def members(tmp_path, chain):
    """Two brokers and a regulator; north anchored once."""
    members = Members(tmp_path, chain)
    members["north"].install()
    members.more("north")
    yield members
    members.close()


def equivocation(members, *, seed=None, text="another map", name="north"):
    """Two checkpoints of one number, both under a key of the broker, or of somebody else."""
    broker = members[name]
    note = broker.get("/v1/log/checkpoint", role=None).text
    stated = read_anchor_checkpoint(note.partition("\n\n")[0] + "\n")
    other = replace(stated, map_root=text.encode().ljust(32, b"."))
    return Equivocation(broker.did, note, sign_anchor_checkpoint(other, seed or broker.keys.newest.signing_seed))


def bring(members, claim, name="regulator"):
    return members[name].post(ROUTE, claim.to_json(), role=None)


def calls(members, name):
    """What the outbox of a node would record: convicted, kind and digest of each call."""
    with members[name].store.read() as connection:
        rows = outbox.under(connection, "conviction:", outbox.STATES)
    assert {row.target for row in rows} <= {CONTRACTS[CONVICTIONS]}
    return [decode(["address", "uint8", "bytes32"], row.data[4:]) for row in rows]


def record(members, claim, name, *, convicted="north", kind=2, digest=None):
    """What the contract tells of a member's call, at every node."""
    convicted, member = keystore_of(convicted).address, members[name].keys.address
    digest = digest or "0x" + conviction_digest(claim).hex()
    args = {"convicted": convicted, "member": member, "kind": kind, "digest": digest}
    topic = "0x" + convicted[2:].rjust(64, "0")
    chain = members["north"].chain
    chain.block((CONVICTIONS, "ConvictionRecorded", topic, args))
    [told] = statements_in(chain.known[-1][1])
    for member in members.by_name.values():
        with member.store.write() as connection:
            note_recorded(connection, [told], members.clock.now)


def listed(members, name, role="regulator", **query):
    answer = members[name].get(ROUTE + ("?member=" + query["member"] if query else ""), role=role)
    assert answer.status_code == 200, answer.get_json()
    return answer.get_json()["convictions"]


def refused(answer, status, code):
    assert (answer.status_code, answer.get_json()["code"]) == (status, code), answer.get_json()


def test_a_document_is_verified_kept_and_recorded_once(members):
    claim = equivocation(members)
    answer = bring(members, claim)
    digest = conviction_digest(claim).hex()
    assert (answer.status_code, answer.headers["Location"]) == (202, f"{ROUTE}/{digest}")
    shown = answer.get_json()
    assert (shown["digest"], shown["broker"], shown["state"]) == (digest, members["north"].did, "verified")
    assert (shown["format"], shown["recorded"], shown["relay"]) == ("bonafides.equivocation/2", [], "new")
    assert calls(members, "regulator") == [(keystore_of("north").address, 2, bytes.fromhex(digest))]
    assert bring(members, claim).get_json() == shown
    assert bring(members, equivocation(members, text="a third map")).get_json() == shown, "the matter is known"
    assert len(calls(members, "regulator")) == 1
    assert members["regulator"].get(f"{ROUTE}/{digest}", role=None).get_json() == shown
    assert listed(members, "regulator") == [shown]


def test_what_convicts_nobody_is_refused_and_kept_nowhere(members):
    note = members["north"].get("/v1/log/checkpoint", role=None).text
    stranger = keystore_of("stranger").newest.signing_seed
    same = Equivocation(members["north"].did, note, note)
    refused(bring(members, same), 422, "equivocation")
    refused(bring(members, equivocation(members, seed=stranger)), 422, "checkpoint-signature")
    unknown = replace(equivocation(members), broker=members["north"].did.replace(":0x7a69:", ":0x7a70:"))
    refused(bring(members, unknown), 404, "member-not-found")
    refused(bring(members, replace(same, broker=members["north"].did[:-4] + "abcd")), 404, "member-not-found")
    refused(members["regulator"].post(ROUTE, {"format": "bonafides.rollback/1"}, role=None), 422, "invalid-input")
    long = json.dumps({"format": "x" * MAX_CONVICTION_BYTES}).encode()
    assert members["regulator"].http.post(ROUTE, data=long, content_type="application/json").status_code == 413
    assert calls(members, "regulator") == listed(members, "regulator") == []


def test_a_member_records_nothing_against_itself(members):
    refused(bring(members, equivocation(members), "north"), 409, "conviction-own")
    assert calls(members, "north") == []


def test_a_suspended_member_records_nothing_and_is_convicted_all_the_same(members, chain):
    chain.suspend("south")
    chain.suspend("north")
    refused(bring(members, equivocation(members), "south"), 403, "member-suspended")
    assert bring(members, equivocation(members)).status_code == 202


def test_a_key_that_was_changed_since_convicts(members):
    claim = equivocation(members)
    members["north"].rotate()
    assert bring(members, claim).status_code == 202


def test_a_consortium_without_the_contract_says_so_and_the_members_add_it(members, monkeypatch):
    asked = "node_adapter.workflows.convictions.taking.directory.find_address"
    with monkeypatch.context() as patched:
        patched.setattr(asked, lambda connection, name: None)
        refused(bring(members, equivocation(members)), 409, "contract-not-named")
    assert listed(members, "regulator") == []
    assert bring(members, equivocation(members)).status_code == 202


def test_only_members_see_what_a_document_says(members):
    claim = equivocation(members)
    digest = conviction_digest(claim).hex()
    bring(members, claim)
    regulator, south = members["regulator"], members["south"]
    for path in (ROUTE, f"{ROUTE}/{digest}/document"):
        assert regulator.get(path, role=None).status_code == 401
    for role in ("regulator", "compliance", "operator"):
        assert regulator.get(f"{ROUTE}/{digest}/document", role=role).get_json() == claim.to_json()
    message = sign_message(south.node, regulator.keys.address, "bonafides.conviction/1", {"digest": digest})
    forged = {**message, "body": {"digest": "00" * 32}}
    assert regulator.post("/v1/peer/messages", forged, role=None).status_code == 422
    assert regulator.post("/v1/peer/messages", message, role=None).get_json() == {"document": claim.to_json()}
    for path in (f"{ROUTE}/{'00' * 32}", f"{ROUTE}/{'00' * 32}/document"):
        refused(regulator.get(path), 404, "conviction-not-found")


def test_every_other_node_raises_an_alarm_and_fetches_the_document(members):
    claim = equivocation(members)
    bring(members, claim)
    record(members, claim, "regulator")
    for name in ("south", "north", "regulator"):
        status = members[name].get("/v1/status", role="operator").get_json()
        [alarm] = [one for one in status["alarms"] if one["kind"] == alarms.MEMBER_CONVICTED]
        assert alarm["about"] == keystore_of("north").address
        [entry] = status["convictions"]
        assert (entry["member"], entry["name"]) == (keystore_of("north").address, "north")
        assert entry["unseen"] == (name != "regulator")
    [seen] = listed(members, "south")
    assert (seen["state"], [one["member"] for one in seen["recorded"]]) == ("unseen", [members["regulator"].did])
    refused(members["south"].get(f"{ROUTE}/{seen['digest']}/document", role="regulator"), 404, "conviction-not-found")
    for name in ("south", "north"):
        assert fetch_next(members[name].node)
        assert not fetch_next(members[name].node), "nothing else is due"
        document = members[name].get(f"{ROUTE}/{seen['digest']}/document", role="regulator").get_json()
        assert document == claim.to_json()
    [seen] = listed(members, "south", member=keystore_of("north").address)
    assert (seen["state"], seen["problem"]) == ("verified", None)
    assert listed(members, "south", member=keystore_of("south").address) == []
    status = members["south"].get("/v1/status", role="operator").get_json()
    [alarm] = [one for one in status["alarms"] if one["kind"] == alarms.MEMBER_CONVICTED]
    assert (alarm["count"], alarm["detail"][:36]) == (1, "documents against it: 1 verified her")
    metrics = members["south"].get("/metrics", role="operator").text
    about = f'member="{keystore_of("north").address}"'
    assert f'bonafides_convictions{{{about},state="verified"}} 1.0' in metrics
    assert bring(members, claim, "south").status_code == 202
    assert calls(members, "south") == [], "it is recorded already"


def test_a_member_that_is_down_is_asked_again(members):
    claim = equivocation(members)
    bring(members, claim, "south")
    record(members, claim, "south")
    members.down = {"south"}
    assert fetch_next(members["regulator"].node)
    [seen] = listed(members, "regulator")
    assert (seen["state"], "peer-unreachable" in seen["problem"]) == ("unseen", True)
    assert not fetch_next(members["regulator"].node), "not at once"
    members.down = set()
    members.clock.sleep(2)
    assert fetch_next(members["regulator"].node)
    assert listed(members, "regulator")[0]["state"] == "verified"


def test_a_document_is_had_from_whoever_has_it(tmp_path, chain):
    chain.admit("east")
    roles = {"north": "broker", "south": "broker", "east": "broker", "regulator": "regulator"}
    members = Members(tmp_path, chain, roles)
    members["north"].install()
    members.more("north")
    claim = equivocation(members)
    bring(members, claim, "south")
    record(members, claim, "south")
    assert fetch_next(members["east"].node)
    members.down = {"south", "north"}
    for _ in range(2):
        assert fetch_next(members["regulator"].node)
        members.clock.sleep(2)
    assert listed(members, "regulator")[0]["state"] == "verified"
    assert ("north", "/v1/peer/messages") not in members.asked, "who is convicted is not asked"
    members.close()


def test_what_nobody_shows_is_asked_for_less_and_less_often(members):
    record(members, None, "south", digest="0x" + "ab" * 32)
    asked = []
    for _ in range(200):
        before = len(members.asked)
        fetch_next(members["regulator"].node)
        asked.append(len(members.asked) > before)
        members.clock.sleep(30)
    assert 10 <= sum(asked) <= 14, "of 200 looks in 100 minutes"
    [seen] = listed(members, "regulator")
    assert (seen["state"], "conviction-not-found" in seen["problem"]) == ("unseen", True)


def test_a_flood_of_what_nobody_can_show_is_told_once_and_read_by_nobody_else(members, monkeypatch):
    read = []
    parse = event_log._event
    monkeypatch.setattr(event_log, "_event", lambda row: read.append(row) or parse(row))
    claim = equivocation(members)
    record(members, claim, "regulator")
    convicted, member = members["north"].keys.address, members["south"].keys.address
    chain, topic = members["north"].chain, "0x" + members["north"].keys.address[2:].rjust(64, "0")
    digests = ["0x" + number.to_bytes(32, "big").hex() for number in range(1, 61)]
    of_each = [{"convicted": convicted, "member": member, "kind": 2, "digest": digest} for digest in digests]
    chain.block(*((CONVICTIONS, "ConvictionRecorded", topic, args) for args in of_each))
    counted = []
    counts = convictions.counts
    monkeypatch.setattr(convictions, "counts", lambda *asked: counted.append(1) or counts(*asked))
    with members["regulator"].store.write() as connection:
        note_recorded(connection, statements_in(chain.known[-1][1]), members.clock.now)
        told = alarms.open_detail(connection, alarms.MEMBER_CONVICTED, convicted)
    assert (len(counted), "61 not seen" in told) == (1, True)
    read.clear()
    found = members["regulator"].get(f"{ROUTE}/{conviction_digest(claim).hex()}", role=None).get_json()
    assert [one["member"] for one in found["recorded"]] == [members["regulator"].did]
    assert len([row for row in read if row.contract == CONVICTIONS]) == 1


@pytest.mark.parametrize("lie", [{"convicted": "regulator"}, {"kind": 3}])
def test_a_document_about_something_else_convicts_nobody_of_this(members, lie):
    claim = equivocation(members)
    bring(members, claim, "south")
    record(members, claim, "south", **lie)
    assert fetch_next(members["regulator"].node)
    [seen] = listed(members, "regulator")
    assert seen["state"] == "refuted"
    assert "against another member, or of another kind" in seen["problem"]
    members.clock.sleep(100_000)
    assert not fetch_next(members["regulator"].node), "it is settled"
    record(members, claim, "south")
    assert fetch_next(members["regulator"].node), "who states it rightly is heard"
    assert sorted(one["state"] for one in listed(members, "regulator")) == ["refuted", "verified"]


def test_a_document_that_does_not_hold_convicts_nobody(members):
    stranger = keystore_of("stranger").newest.signing_seed
    claim = equivocation(members, seed=stranger)
    with members["south"].store.write() as connection:
        row = convictions.ConvictionRow(
            conviction_digest(claim).hex(),
            keystore_of("north").address,
            2,
            convictions.VERIFIED,
            0,
            matter="m",
            document=json.dumps(claim.to_json()),
        )
        convictions.keep(connection, row)
    record(members, claim, "south")
    assert fetch_next(members["regulator"].node)
    [seen] = listed(members, "regulator")
    assert (seen["state"], seen["problem"].split(":")[0]) == ("refuted", "checkpoint-signature")


def test_another_document_under_the_digest_is_none(members, monkeypatch):
    claim, other = equivocation(members), equivocation(members, text="a third map")
    record(members, claim, "south")
    monkeypatch.setattr(members, "send", lambda url, message: {"document": other.to_json()})
    object.__setattr__(members["regulator"].node, "send", members.send)
    assert fetch_next(members["regulator"].node)
    [seen] = listed(members, "regulator")
    assert (seen["state"], "shows another document" in seen["problem"]) == ("unseen", True)


@pytest.mark.parametrize("answer", [b"no JSON", b"[" * 5_000, b'{"document": {"format": "x"}}', b"[]"])
def test_whatever_a_member_answers_a_document_that_it_keeps_back_is_not_refuted(members, monkeypatch, answer):
    claim = equivocation(members)
    bring(members, claim, "south")
    record(members, claim, "south")
    node = members["regulator"].node
    monkeypatch.setattr(client, "_ask", lambda *_, **__: PeerAnswer(200, "application/json", answer))
    object.__setattr__(node, "send", client.post_message)
    assert fetch_next(node)
    assert listed(members, "regulator")[0]["state"] == "unseen"
    object.__setattr__(node, "send", members.send)
    members.clock.sleep(2)
    assert fetch_next(node)
    assert listed(members, "regulator")[0]["state"] == "verified"


def test_the_chain_process_fetches_beside_its_loop(members):
    claim = equivocation(members)
    bring(members, claim, "south")
    record(members, claim, "south")
    node = members["regulator"].node
    with fetching(node):
        wait_until(lambda: listed(members, "regulator")[0]["state"] == "verified", "the document")
    with node.store.read() as connection:
        assert [one.member for one in statements_against(connection, keystore_of("north").address)] == [
            members["south"].keys.address
        ]
