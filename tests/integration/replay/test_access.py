"""Looks at originals: approved by a second officer's signature, or by the order of a regulator."""

import json

import pytest

from node_adapter.store import records, replay_orders
from node_adapter.store.replay_orders import OrderRow
from node_adapter.workflows.identity.staff import end_person
from node_adapter.workflows.intake.submitting import submit_facts
from node_adapter.workflows.replay.access import draft_access
from node_adapter.workflows.replay.orders import KIND
from primitives import ed25519
from primitives.canonical import canonical_json
from primitives.encoding import encode_base64url
from primitives.errors import InvalidInput, Refused, VerificationFailed
from primitives.timestamp import format_time
from replay.orders import check_orders
from replay.records import of_verified
from scripts.vectors.synthetic_chain import address, seeded
from tests.integration.replay.test_staff_replay import enrol, public
from tests.world.headers import over_headers
from tests.world.replays import replay, report_on
from tests.world.staff import Person

CASE, REASON = "case 7", "the client disputes the level"


@pytest.fixture
def broker(tmp_path):
    broker = over_headers(tmp_path, packaged="sac-bands@3")
    yield broker
    broker.store.dispose()


@pytest.fixture
def client(broker):
    for name in ("Wang Fang", "Chen Jie"):
        enrol(broker, name, "compliance")
    client = broker.enrol("client")
    broker.assess(client)
    broker.anchor()
    return client


def draft(broker, client, reader="Wang Fang", approver="Chen Jie", **change):
    asked = {"did": client.did, "case": CASE, "reason": REASON, "reader": reader, "approver": approver}
    return draft_access(broker.node, {**asked, **change})


def look(broker, client, *signed, **change):
    return replay(broker.node, {"did": client.did, "case": CASE, "reason": REASON, "access": list(signed), **change})


def looks(broker, client):
    with broker.store.read() as connection:
        rows = [row for row in records.of_subject(connection, client.subject) if row.type == "ACCESS_LOG"]
        found = records.findings_of(connection, [row.record_id for row in rows])
    return [(json.loads(row.payload), [entry.code for entry in found.get(row.record_id, [])]) for row in rows]


def test_a_look_that_a_second_officer_signed(broker, client):
    signed = Person("Chen Jie").sign(broker, draft(broker, client))
    look(broker, client, signed)
    [(payload, findings)] = looks(broker, client)
    assert (payload["approved_by"], payload["countersigned"][0]["key"]) == ("Chen Jie", public("Chen Jie"))
    assert findings == []


def test_a_look_of_one_is_made_all_the_same_with_its_finding(broker, client):
    look(broker, client)
    assert [findings for _, findings in looks(broker, client)] == [["SECOND_PERSON_MISSING"]]


@pytest.mark.parametrize("spelled", ["chen jie", " Chen  Jie", "Ｃhen Jie"])
def test_an_officer_is_found_in_every_spelling_and_named_as_enrolled(broker, client, spelled):
    assert draft(broker, client, approver=spelled)["payload"]["approved_by"] == "Chen Jie"
    with pytest.raises(Refused) as caught:
        draft(broker, client, reader="Chen Jie", approver=spelled)
    assert caught.value.code == "staff-same-person"


def test_an_approval_serves_once(broker, client):
    look(broker, client)  # so that the kinds of records are the same afterwards
    signed = Person("Chen Jie").sign(broker, draft(broker, client))
    look(broker, client, signed)
    with pytest.raises(Refused) as caught:
        look(broker, client, signed)
    assert (caught.value.code, len(looks(broker, client))) == ("access-used", 2)
    with pytest.raises(Refused) as caught:
        look(broker, client, {**signed, "source_ref": "another"})
    assert (caught.value.code, len(looks(broker, client))) == ("duplicate", 2)


def test_an_approval_serves_for_what_it_names(broker, client):
    signed = Person("Chen Jie").sign(broker, draft(broker, client))
    for change in ({"case": "case 8"}, {"reason": "curiosity"}):
        with pytest.raises(InvalidInput) as caught:
            look(broker, client, signed, **change)
        assert caught.value.rule == "approval"
    narrow = {**signed, "payload": {**signed["payload"], "fields": ["ID_VERIFY"]}}
    with pytest.raises(InvalidInput) as caught:
        look(broker, client, narrow)
    assert caught.value.field == "access.payload.fields"
    other = Person("Chen Jie").sign(broker, draft(broker, client, case="case 8"))
    moved = {**other, "payload": {**other["payload"], "case": CASE}}
    with pytest.raises(VerificationFailed) as caught:
        look(broker, client, moved)
    assert (caught.value.check, looks(broker, client)) == ("staff-signature", [])


@pytest.mark.parametrize("access", [5, {}, [5], [{}], [{"type": "ACCESS_LOG", "payload": {}}], [{}] * 11])
def test_what_is_no_approval_is_malformed(broker, client, access):
    with pytest.raises(InvalidInput) as caught:
        replay(broker.node, {"did": client.did, "case": CASE, "reason": REASON, "access": access})
    assert caught.value.field.startswith("access")


def test_who_looks_does_not_approve_it(broker, client):
    with pytest.raises(Refused) as caught:
        draft(broker, client, approver="Wang Fang")
    assert caught.value.code == "staff-same-person"
    stated = draft(broker, client)
    own = {**stated, "payload": {**stated["payload"], "approved_by": "Wang Fang"}}
    with pytest.raises(VerificationFailed) as caught:
        look(broker, client, Person("Wang Fang").sign(broker, own))
    assert caught.value.check == "staff-actor"
    hidden = {**own, "actor": {"did": broker.node.did, "role": "compliance"}}  # the reader is named in the payload, too
    with pytest.raises(VerificationFailed) as caught:
        look(broker, client, Person("Wang Fang").sign(broker, hidden))
    assert caught.value.check == "staff-actor"


def test_no_other_role_approves_a_look(broker, client):
    enrol(broker, "Li Wei", "reviewer")
    with pytest.raises(InvalidInput) as caught:
        draft(broker, client, approver="Li Wei")
    assert (caught.value.field, caught.value.rule) == ("approver", "staff")
    stated = draft(broker, client)
    stated["payload"]["approved_by"] = "Li Wei"
    with pytest.raises(VerificationFailed) as failed:
        look(broker, client, Person("Li Wei").sign(broker, stated))
    assert failed.value.check == "staff-role"


def test_an_officer_that_left_approves_no_look(broker, client):
    signed = Person("Chen Jie").sign(broker, draft(broker, client))
    end_person(broker.node, {"key": public("Chen Jie"), "reason": "LEFT"})
    with pytest.raises(VerificationFailed) as caught:
        look(broker, client, signed)
    assert caught.value.check == "staff-key-ended"
    with pytest.raises(InvalidInput):
        draft(broker, client)


# -- orders


def ordered(broker, client, case=CASE):
    """A regulator's order as the broker's node keeps it."""
    unsigned = {
        "format": "bonafides.peer/1",
        "sender": address("regulator"),
        "receiver": broker.node.address,
        "kind": KIND,
        "nonce": "ab" * 16,
        "sent_at": broker.clock.now,
        "body": {"id": "o-1", "did": client.did, "case": case, "ordered_at": format_time(broker.clock.now)},
    }
    message = {**unsigned, "signature": encode_base64url(ed25519.sign(seeded("regulator"), canonical_json(unsigned)))}
    row = OrderRow("o-1", case, address("regulator"), broker.node.address, client.did, broker.clock.now, None)
    with broker.store.write() as connection:
        replay_orders.keep_order(connection, OrderRow(**{**vars(row), "message": json.dumps(message)}))
    return message


def reported(broker, client):
    broker.submit(client, "DUTY_NOTICE", {"documents": ["a@1"], "scroll_end": True, "dwell_ms": 1})
    broker.anchor()
    report = report_on(broker.node, look(broker, client)["bundle"])
    assert report.ok, report.verdict
    return report, [of_verified(record) for record in report.records]


KEY = ed25519.public_key(seeded("regulator")).hex()


def test_a_look_under_an_order_holds_the_order(broker, client):
    message = ordered(broker, client)
    look(broker, client)
    [(payload, findings)] = looks(broker, client)
    assert (payload["order"], payload["approved_by"], findings) == (message, f"regulator {address('regulator')}", [])
    report, _ = reported(broker, client)
    assert [entry.missing for entry in report.second_persons] == ["ordered"]


def test_an_order_is_checked_with_the_regulators_key(broker, client):
    ordered(broker, client)
    look(broker, client)
    report, shown = reported(broker, client)
    assert len(check_orders(shown, report, KEY)) == 1
    with pytest.raises(VerificationFailed) as caught:
        check_orders(shown, report, ed25519.public_key(seeded("somebody")).hex())
    assert caught.value.check == "order"
    with pytest.raises(InvalidInput):
        check_orders(shown, report, "zz")


def test_an_order_that_never_came_is_refused(broker, client):
    message = ordered(broker, client)
    look(broker, client)
    [(payload, _)] = looks(broker, client)
    other = broker.enrol("another client")
    stated = {
        "source_ref": "x",
        "subject": client.subject,
        "type": "ACCESS_LOG",
        "occurred_at": format_time(broker.clock.now),
        "channel": "api",
        "actor": {"did": broker.node.did, "role": "compliance"},
        "payload": payload,
    }
    forged = {**message, "body": {**message["body"], "id": "o-2"}}
    for change in (
        {"payload": {**payload, "order": forged}},
        {"payload": {**payload, "case": "case 8"}},
        {"subject": other.subject},
    ):
        [outcome] = submit_facts(broker.node, [{**stated, **change}])
        assert isinstance(outcome, Refused)
        assert outcome.code == "order-unknown"


@pytest.mark.parametrize("member", ["receiver", "did", "case", "shape"])
def test_an_order_about_something_else_is_refuted(broker, client, member):
    ordered(broker, client)
    look(broker, client)
    report, shown = reported(broker, client)
    record = next(record for record in shown if "order" in record.values)
    order = json.loads(json.dumps(record.values["order"]))
    if member == "receiver":
        order["receiver"] = address("another broker")
    elif member == "shape":
        order = 5
    else:
        order["body"][member] = "another"
    if member != "shape":
        unsigned = {name: value for name, value in order.items() if name != "signature"}
        order["signature"] = encode_base64url(ed25519.sign(seeded("regulator"), canonical_json(unsigned)))
    bent = [type(record)(**{**vars(record), "values": {**record.values, "order": order}})]
    with pytest.raises(VerificationFailed) as caught:
        check_orders(bent, report, KEY)
    assert caught.value.check == "order"
