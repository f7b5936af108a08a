"""Members as witnesses of each other's logs, over the whole HTTP interface of each."""

from __future__ import annotations

import json
import threading
from contextlib import nullcontext
from dataclasses import replace

import pytest
from click.testing import CliRunner
from sqlalchemy import delete

from api.app import create_app
from api.resources.witness import _UnderCheck
from bonafides.cli.node import witness_anew
from did.identifiers import member_did
from evidence.version2.documents.receipt import PinnedKeys, verify_receipt
from evidence.version2.log.cosignature import cosign, cosigned_by, witness_name
from evidence.version2.log.growth_document import GROWTH_FORMAT
from evidence.version2.log.witness_protocol import SIGNATURES_TYPE, SIZE_TYPE, read_request
from evidence.version2.map.append_proof import AppendProof
from node_adapter.peers.messages import sign_message
from node_adapter.ports import PeerAnswer
from node_adapter.store import alarms, anchors, cosignatures, log_growth, records, restored, schema, witnessed
from node_adapter.workflows.anchoring.cosigning import PATH as ADD
from node_adapter.workflows.anchoring.cosigning import Asking, ask_witness, asking
from node_adapter.workflows.anchoring.receipts import receipts_for
from primitives.errors import CouldNotCheck, InvalidInput, Refused
from primitives.timestamp import format_time
from tests.waiting import wait_until
from tests.world.chain import CHAIN_ID
from tests.world.keys import keystore_of
from tests.world.members import Members


@pytest.fixture
def members(tmp_path, chain):
    """Two brokers and a regulator; north has a client, and anchored what it did for it."""
    members = Members(tmp_path, chain)
    members["north"].install()
    client = members["north"].enrol("client one")
    members["north"].assess(client)
    members["north"].anchor()
    members.client = client
    yield members
    members.close()


def keys(members):
    """The checkpoint keys of the members but the broker, by the name under which each cosigns."""
    return {
        witness_name(member.did): member.keys.newest.signing_public
        for name, member in members.by_name.items()
        if name != "north"
    }


def published(members):
    answer = members["north"].get("/v1/log/checkpoint", role=None)
    assert answer.status_code == 200
    return answer.text


def who_cosigned(members):
    own = members["north"].keys.newest.signing_public
    return {cosigned.name.partition("/")[0] for cosigned in cosigned_by(published(members), keys(members), own)}


def dids(members, *names):
    return {members[name].did for name in names}


def kept(members, name):
    with members[name].store.read() as connection:
        return witnessed.kept_state(connection, members["north"].did)


def states(members):
    with members["north"].store.read() as connection:
        return cosignatures.cosigners(connection)


def test_every_other_member_checks_and_cosigns(members):
    assert who_cosigned(members) == set()
    members.cosign("north")
    assert who_cosigned(members) == dids(members, "south", "regulator")
    assert kept(members, "south") == kept(members, "regulator")
    assert kept(members, "south").seq == 2
    row = members.more("north")
    assert who_cosigned(members) == set(), "it is another checkpoint"
    members.cosign("north")
    assert who_cosigned(members) == dids(members, "south", "regulator")
    assert kept(members, "south").seq == row.seq


def test_a_receipt_bears_the_cosignatures_of_its_checkpoint(members):
    broker = members["north"]
    own = broker.keys.newest.signing_public
    with broker.store.read() as connection:
        record_id = records.of_subject(connection, members.client.subject)[1].record_id

    def cosigned():
        [receipt] = receipts_for(broker.node, [{"record_id": record_id}])
        assert verify_receipt(receipt, PinnedKeys(own, own)).promise.record_id == record_id
        return {one.name.partition("/")[0] for one in cosigned_by(receipt["checkpoint"], keys(members), own)}

    assert cosigned() == set()
    members.down = {"south"}
    members.cosign("north")
    assert cosigned() == dids(members, "regulator")
    members.down = set()
    members.clock.sleep(60)
    members.cosign("north")
    assert cosigned() == dids(members, "south", "regulator")
    members.more("north")
    assert cosigned() == set(), "it is made against the newest anchor, which nobody has gone over"


def test_a_member_that_is_down_costs_nothing_and_is_named(members):
    members.down = {"south"}
    asking = Asking(members["north"].node)
    members.cosign("north", asking)
    assert who_cosigned(members) == dids(members, "regulator")
    south = states(members)[members["south"].keys.address]
    assert (south.seq, south.cosigned_at) == (0, None)
    assert "peer-unreachable" in south.failure
    since = south.failed_since
    asked = len(members.asked)
    members.cosign("north", asking)
    assert len(members.asked) == asked, "it is not asked again at once"
    members.more("north")
    members.clock.sleep(2)
    members.cosign("north", asking)
    assert states(members)[members["south"].keys.address].failed_since == since
    members.down = set()
    members.clock.sleep(60)
    members.cosign("north", asking)
    assert who_cosigned(members) == dids(members, "south", "regulator")
    south = states(members)[members["south"].keys.address]
    assert (south.failure, south.failed_since) == (None, None)


def test_a_process_that_begins_anew_asks_from_where_each_stands(members):
    members.cosign("north")
    members.more("north")
    members.asked.clear()
    members.cosign("north")
    assert sorted(members.asked) == sorted(
        [(name, "/v1/witness/add-checkpoint") for name in ("south", "regulator")] + [("north", "/v1/peer/messages")] * 2
    )


def test_a_database_that_forgot_learns_where_each_stands(members):
    members.cosign("north")
    with members["north"].store.write() as connection:
        connection.execute(delete(schema.cosigner))
        connection.execute(delete(schema.cosignature))
    assert who_cosigned(members) == set()
    members.cosign("north")
    assert who_cosigned(members) == dids(members, "south", "regulator")


def test_growth_that_does_not_hold_is_not_cosigned(members):
    members.cosign("north")
    row = members.more("north")
    with members["north"].store.write() as connection:
        connection.execute(delete(schema.log_growth).where(schema.log_growth.c.seq == row.seq))
        assert log_growth.at(connection, row.seq) is None
    members.cosign("north")
    assert who_cosigned(members) == set()
    failures = {entry.failure for entry in states(members).values()}
    assert len(failures) == 1
    assert "growth-batch" in failures.pop()
    assert kept(members, "south").seq == row.seq - 1


def refusals(members):
    """The alarms about witnesses that refuse, by whom: what they say."""
    with members["north"].store.read() as connection:
        return {one.about: one.detail for one in alarms.list_alarms(connection, alarms.WITNESS_REFUSES)}


def test_a_witness_that_goes_on_refusing_is_an_alarm_until_it_cosigns_again(members):
    members.cosign("north")
    row = members.more("north")
    with members["north"].store.write() as connection:
        kept_growth = log_growth.at(connection, row.seq)
        connection.execute(delete(schema.log_growth).where(schema.log_growth.c.seq == row.seq))
    members.down = {"south"}
    members.cosign("north")
    assert refusals(members) == {}, "once may be chance"
    since = format_time(members.clock.now)
    members.clock.sleep(2)
    members.cosign("north")
    regulator, south = (members[name].keys.address for name in ("regulator", "south"))
    assert list(refusals(members)) == [regulator], "one that is down refuses nothing"
    assert refusals(members)[regulator].startswith(f"does not cosign since {since}: witness-refused: ")
    assert "growth-batch" in refusals(members)[regulator]
    members.down = set()
    members.cosign("north")
    assert set(refusals(members)) == {regulator, south}
    with members["north"].store.write() as connection:
        grown = AppendProof(bytes(32), bytes(32), (), kept_growth.walk, kept_growth.hashes)
        log_growth.keep(connection, row.seq, grown)
    members.cosign("north")
    assert who_cosigned(members) == dids(members, "south", "regulator")
    assert refusals(members) == {}


def test_growth_is_shown_to_members_alone(members):
    north, south = members["north"], members["south"]
    message = sign_message(south.node, north.keys.address, GROWTH_FORMAT, {"start": 1})
    forged = {**message, "body": {"start": 2}}
    assert north.post("/v1/peer/messages", forged, role=None).status_code == 422
    shown = north.post("/v1/peer/messages", message, role=None)
    assert shown.status_code == 200
    assert [step["anchor"]["seq"] for step in shown.get_json()["steps"]] == [2]
    assert north.post("/v1/peer/messages", message, role=None).status_code == 409, "a message counts once"
    for path in ("/v1/log/growth", "/v1/witness/growth"):
        assert north.get(path, role=None).status_code == 404


def test_a_suspended_member_is_neither_asked_nor_shown_anything(members, chain):
    chain.suspend("south")
    members.cosign("north")
    assert who_cosigned(members) == dids(members, "regulator")
    message = sign_message(members["south"].node, members["north"].keys.address, GROWTH_FORMAT, {"start": 1})
    answer = members["north"].post("/v1/peer/messages", message, role=None)
    assert (answer.status_code, answer.get_json()["code"]) == (403, "member-suspended")


def test_a_broker_is_no_witness_of_itself(members):
    north = members["north"]
    body = f"old 0\n\n{published(members)}".encode()
    answer = north.http.post("/v1/witness/add-checkpoint", data=body, content_type="text/plain")
    assert (answer.status_code, answer.text) == (404, "the log is not known here\n")
    members.cosign("north")
    assert all(name != "north" or path == "/v1/peer/messages" for name, path in members.asked)


def test_a_checkpoint_of_nobody_is_not_known(members):
    south = members["south"]
    stranger = member_did(CHAIN_ID, "0x" + "99" * 20)
    body = f"old 0\n\n{published(members).replace(members['north'].did, stranger)}".encode()
    assert south.http.post("/v1/witness/add-checkpoint", data=body, content_type="text/plain").status_code == 404
    assert south.http.post("/v1/witness/add-checkpoint", data=b"x", content_type="text/plain").status_code == 400


def test_what_the_index_has_not_is_asked_again_later(members, chain):
    north, south = members["north"], members["south"]
    chain.nodes.remove(south.node)
    members.more("north")
    asking = Asking(members["north"].node)
    for _ in range(7):  # it was down for long before
        members.down = {"south"}
        members.clock.sleep(60)
        members.cosign("north", asking)
    members.down = set()
    members.clock.sleep(60)
    members.cosign("north", asking)
    assert "peer-failed" in states(members)[south.keys.address].failure
    asked = members.asked.count(("south", ADD))
    members.clock.sleep(5)
    members.cosign("north", asking)
    assert members.asked.count(("south", ADD)) == asked + 1, "it is there, and asked again soon"
    assert who_cosigned(members) == dids(members, "regulator")
    assert north.keys.address not in states(members)


def test_cosignatures_of_a_lost_anchor_are_gone(members):
    members.cosign("north")
    with members["north"].store.write() as connection:
        newest = anchors.last_final(connection)
        assert "/witness/2" in newest.checkpoint
        anchors.reopen(connection, newest.block - 1)
        assert cosignatures.with_cosigners(connection, newest.seq, "note") == "note"
        assert {entry.seq for entry in cosignatures.cosigners(connection).values()} == {newest.seq - 1}


def status(members, name):
    answer = members[name].get("/v1/status", role="operator")
    assert answer.status_code == 200
    return answer.get_json()


def test_the_operator_sees_how_far_each_witness_is(members):
    assert [(entry["seq"], entry["lag"]) for entry in status(members, "north")["witnesses"]] == [(0, 2), (0, 2)]
    members.down = {"south"}
    members.cosign("north")
    members.more("north")
    found = {entry["name"]: entry for entry in status(members, "north")["witnesses"]}
    assert (found["south"]["seq"], found["south"]["lag"]) == (0, 3)
    assert "peer-unreachable" in found["south"]["failure"]
    assert (found["regulator"]["seq"], found["regulator"]["lag"], found["regulator"]["failure"]) == (2, 1, None)
    text = members["north"].get("/metrics", role="operator").text
    assert f'bonafides_witness_lag{{member="{members["south"].keys.address}"}} 3.0' in text
    assert f'bonafides_witness_failing{{member="{members["south"].keys.address}"}} 1.0' in text
    [seen] = status(members, "regulator")["witnessed"]
    assert (seen["name"], seen["seq"], seen["lag"]) == ("north", 2, 1)
    assert f'bonafides_witnessed_lag{{member="{members["north"].keys.address}"}} 1.0' in (
        members["regulator"].get("/metrics", role="operator").text
    )


def test_they_are_asked_beside_the_loop_of_the_process(members):
    def cosigned_by_all():
        members.clock.sleep(1)  # whoever could not answer, its database being busy, is asked again
        return who_cosigned(members) == dids(members, "south", "regulator")

    with asking(members["north"].node):
        wait_until(cosigned_by_all, "cosignatures")
        members.more("north")
        wait_until(cosigned_by_all, "those of the next one")
    asked = len(members.asked)
    members.more("north")
    assert len(members.asked) == asked, "it has ended"


def test_a_member_without_a_log_asks_nobody(members):
    with asking(members["regulator"].node):
        assert "cosigning" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize(("secret", "why"), [("another", "witness-key"), ("north", "witness-key")])
def test_a_line_by_another_key_is_not_kept(members, secret, why):
    """What a member's node answers counts under the key that the registry holds of it, and under no other."""
    north, south = members["north"], members["south"]
    signing = keystore_of(secret).newest.signing_seed

    def answer(_url, content, _type, *, max_bytes):
        line = cosign(read_request(content).note, witness_name(south.did), 1, signing)
        return PeerAnswer(200, SIGNATURES_TYPE, line.encode()[:max_bytes])

    assert ask_witness(replace(north.node, ask=answer), south.keys.address) == why
    assert who_cosigned(members) == set()
    assert why in states(members)[south.keys.address].failure


def test_of_many_lines_of_one_witness_one_is_kept(members):
    """More signatures than a note bears would make the checkpoint, and all that holds it, unreadable."""
    north, south = members["north"], members["south"]
    signing = south.keys.newest.signing_seed

    def answer(_url, content, _type, *, max_bytes):
        note = read_request(content).note
        lines = "".join(cosign(note, witness_name(south.did), time, signing) for time in range(1, 64))
        return PeerAnswer(200, SIGNATURES_TYPE, lines.encode()[:max_bytes])

    assert ask_witness(replace(north.node, ask=answer), south.keys.address) is None
    assert ask_witness(north.node, members["regulator"].keys.address) is None
    assert who_cosigned(members) == dids(members, "south", "regulator")


def test_an_answer_that_is_none_is_not_kept(members):
    north, south = members["north"], members["south"]
    for status, body in ((200, b"no lines"), (200, b"\xff"), (409, b"x\n"), (422, b"growth-map: no\n"), (404, b"")):
        node = replace(north.node, ask=lambda *_, status=status, body=body, **__: PeerAnswer(status, SIZE_TYPE, body))
        assert ask_witness(node, south.keys.address)
        assert states(members)[south.keys.address].failure


def test_what_a_witness_says_forges_no_line_of_a_log(members):
    north, south = members["north"], members["south"]
    said = "growth-map: no\x1b[2J\u2028\r\n2026-11-28 ERROR everything is lost\n".encode()
    node = replace(north.node, ask=lambda *_, **__: PeerAnswer(422, SIGNATURES_TYPE, said))
    assert ask_witness(node, south.keys.address) == "witness-refused"
    assert states(members)[south.keys.address].failure.endswith("the witness answered 422: growth-map: no[2J")


def test_a_witness_that_went_further_than_this_database_is_named(members):
    """This database is an older copy, and the witness has seen what came after."""
    north, south = members["north"], members["south"]
    node = replace(north.node, ask=lambda *_, **__: PeerAnswer(409, SIZE_TYPE, b"9\n"))
    assert ask_witness(node, south.keys.address) == "witness-ahead"
    assert "witness-ahead" in states(members)[south.keys.address].failure


def test_a_log_is_gone_over_once_at_a_time(members):
    """Whoever asks again while its first request is still being answered takes no second thread."""
    north, south = members["north"], members["south"]
    body = f"old 0\n\n{published(members)}".encode()
    answers = []

    def ask(url, content, content_type, *, max_bytes):
        answers.append(south.http.post("/v1/witness/add-checkpoint", data=body, content_type="text/plain"))
        return members.ask(url, content, content_type, max_bytes=max_bytes)

    app = create_app(replace(south.node, ask=ask))
    south.http = app.test_client()
    assert app.test_client().post("/v1/witness/add-checkpoint", data=body, content_type="text/plain").status_code == 200
    [second] = answers
    assert (second.status_code, second.get_json()["code"]) == (503, "witness-busy")
    assert app.test_client().post("/v1/witness/add-checkpoint", data=body, content_type="text/plain").status_code == 409
    assert north.keys.address not in states(members)


def test_a_stranger_with_a_public_checkpoint_makes_nobody_ask(members):
    members.cosign("north")
    members.asked.clear()
    body = f"old 2\n\n{published(members)}".encode()
    for _ in range(3):
        answer = members["south"].http.post(ADD, data=body, content_type="text/plain")
        assert answer.status_code == 200
    assert members.asked == []


def test_a_member_that_is_suspended_cosigns_nothing(members, chain):
    members.cosign("north")
    body = f"old 2\n\n{published(members)}".encode()
    chain.suspend("south")
    members.asked.clear()
    answer = members["south"].http.post(ADD, data=body, content_type="text/plain")
    assert (answer.status_code, members.asked) == (404, [])
    assert members["regulator"].http.post(ADD, data=body, content_type="text/plain").status_code == 200


def test_whoever_holds_no_signature_of_the_broker_takes_no_turn(members):
    """A log is gone over once at a time; a note that nobody signed takes no turn from the broker."""
    south = members["south"]
    body = f"old 0\n\n{published(members)}".encode()
    forged = body[:-9] + b"AAAAAAA=\n"
    answers = []

    def ask(url, content, content_type, *, max_bytes):
        answers.append(south.http.post(ADD, data=forged, content_type="text/plain").status_code)
        return members.ask(url, content, content_type, max_bytes=max_bytes)

    app = create_app(replace(south.node, ask=ask))
    south.http = app.test_client()
    assert app.test_client().post(ADD, data=body, content_type="text/plain").status_code == 200
    assert answers == [403]


def test_what_was_answered_about_a_lost_anchor_is_not_kept(members):
    north, south = members["north"], members["south"]

    def ask(url, content, content_type, *, max_bytes):
        answer = members.ask(url, content, content_type, max_bytes=max_bytes)
        with north.store.write() as connection:
            anchors.reopen(connection, anchors.last_final(connection).block - 1)
        return answer

    assert ask_witness(replace(north.node, ask=ask), south.keys.address) is None
    assert kept(members, "south").seq == 2
    assert states(members) == {}


def test_a_restored_copy_asks_nobody(members):
    north = members["north"]
    with north.store.write() as connection:
        restored.mark(connection, members.clock.now)
    assert Asking(north.node).step() == []
    assert members.asked == []


@pytest.fixture
def anew(members, monkeypatch):
    """The command at south's node: what it prints, or the error."""
    monkeypatch.setattr(witness_anew, "opened_store", lambda _dir: nullcontext(members["south"].store))

    def run(*options, broker=None):
        words = [broker or members["north"].did, "--node", "south", *options]
        command = witness_anew.witness_anew_command
        return json.loads(CliRunner().invoke(command, words, catch_exceptions=False, standalone_mode=False).stdout)

    return run


def test_a_witness_whose_tree_the_chain_has_lost_begins_anew_when_its_operator_says_so(members, anew):
    """As after a reset: what was kept is a tree that the chain does not hold."""
    with pytest.raises(Refused, match="witness-not-kept"):
        anew()
    members.cosign("north")
    with pytest.raises(Refused, match="witness-agrees"):
        anew()
    before = kept(members, "south")
    lost, table = b"l" * 32, schema.witnessed
    with members["south"].store.write() as connection:
        connection.execute(table.update().values(root=lost))
        note = witnessed.cosigned_note(connection, members["north"].did)
    members.more("north")
    for _ in range(2):
        members.cosign("north")
        assert who_cosigned(members) == dids(members, "regulator"), "it does not forget by itself"
    shown = anew()
    assert (shown["seq"], shown["kept"]["root"], shown["chain"]["root"]) == (2, lost.hex(), before.root.hex())
    with pytest.raises(Refused, match="not-confirmed"):
        anew("--confirm", "0" * 12, "--reason", "the chain was set back")
    for wrong in (
        ["--confirm", shown["confirm"]],
        ["--reason", "why"],
        ["--confirm", shown["confirm"], "--reason", " "],
    ):
        with pytest.raises(InvalidInput):
            anew(*wrong)
    assert kept(members, "south").root == lost
    assert anew("--confirm", shown["confirm"], "--reason", "the chain was set back") == shown
    members.cosign("north")
    assert who_cosigned(members) == dids(members, "south", "regulator")
    assert kept(members, "south") == kept(members, "regulator")
    [witnessed_log] = members["south"].get("/v1/status", role="operator").get_json()["witnessed"]
    assert (witnessed_log["anew"]["reason"], witnessed_log["anew"]["seq"]) == ("the chain was set back", 2)
    [other] = members["regulator"].get("/v1/status", role="operator").get_json()["witnessed"][:1]
    assert other["anew"] is None
    with members["south"].store.read() as connection:
        row = connection.execute(schema.witness_anew.select()).one()
    assert (row.root, row.note) == (lost, note), "what it cosigned stays on record"


def test_a_chain_that_is_not_as_long_yet_is_waited_for(members, anew):
    members.cosign("north")
    with members["south"].store.write() as connection:
        connection.execute(schema.witnessed.update().values(seq=9))
    with pytest.raises(CouldNotCheck, match="index-behind"):
        anew()
    with pytest.raises(InvalidInput, match="did:ethr"):
        anew(broker="north")


def test_a_broker_that_takes_long_and_shows_nothing_good_gets_a_fifth_of_the_time():
    now = [0.0]
    under_check = _UnderCheck(lambda: now[0])

    def go_over(origin, seconds, *, held):
        with under_check.one(origin):
            now[0] += seconds
            if not held:
                raise CouldNotCheck("peer-unreachable", "too slow")

    for _ in range(3):
        with pytest.raises(CouldNotCheck, match="too slow"):
            go_over("north", 0.5, held=False)  # what costs little may be tried at once
    with pytest.raises(CouldNotCheck, match="too slow"):
        go_over("north", 120, held=False)
    for waited in (1, 400):
        now[0] += waited
        with pytest.raises(CouldNotCheck, match="ask again later"):
            go_over("north", 120, held=False)
        go_over("south", 120, held=True)
        now[0] -= 120  # the other broker's turn passes beside it
        go_over("south", 1, held=True)
        now[0] -= 1
    now[0] += 80
    go_over("north", 120, held=True)
    go_over("north", 1, held=True)
