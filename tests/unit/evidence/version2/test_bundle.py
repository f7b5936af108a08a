"""Bundles of format 2: what holds, and every way to cheat with one, by the check that says so."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from evidence.version2.documents.bundle import parse_bundle
from evidence.version2.log.anchors import head_digest
from evidence.version2.promise import sign_promises
from evidence.version2.record import open_redacted, redact
from evidence.version2.verify.bundle import VerificationRequest, verify_bundle
from primitives import ed25519
from primitives.canonical import canonical_json
from primitives.encoding import encode_base64url
from primitives.errors import CouldNotCheck, InvalidInput, VerificationFailed
from primitives.suites import sm3_sm2
from scripts.vectors.synthetic_consortium import CLIENT, Broker, Fact, address, consortium, did
from scripts.vectors.version2.bundles import RULE, SIGNING, TWENTY_YEARS

VECTORS = Path(__file__).parents[3] / "vectors" / "evidence-2"


def lived():
    """A broker with a client of four records, another one, a heartbeat."""
    broker = Broker(consortium(), "north")
    client = broker.client("ada")
    broker.record(client, "LEVEL_RESULT", {"band": "C4"})
    broker.anchor()
    broker.act(client, "LEVEL_CONFIRM", {"level": "C4"})
    broker.record(client, "MATCH_OPINION", {"opinion": "MISMATCH"})
    other = broker.client("bob")
    broker.record(other, "LEVEL_RESULT", {"band": "C1"})
    broker.anchor()
    broker.anchor()
    return broker, client


def regulator(broker):
    return ed25519.public_key(broker.world.members["regulator"].secret)


def verify(broker, bundle, header, **more):
    asked = VerificationRequest(more.pop("signing", SIGNING), **more)
    return verify_bundle(bundle, [broker.world.trust(header)], {regulator(broker)}, asked)


def verdict(broker, client, **more):
    """Return the report about an honest bundle of what the broker did."""
    bundle, header = broker.bundle(client, **more)
    return verify(broker, bundle, header)


def resigned(broker, bundle, change):
    """Return a bundle with a changed body under the broker's own signature."""
    body = json.loads(bundle)
    del body["signature"]
    change(body)
    return sealed(broker, body)


def sealed(broker, body):
    value = encode_base64url(ed25519.sign(broker.member.secret, canonical_json(body)))
    signature = {"key": f"{broker.did}#signing", "alg": "Ed25519", "value": value}
    return canonical_json({**body, "signature": signature})


@pytest.mark.parametrize("name", ["bundle", "bundle-joined", "bundle-erased", "bundle-reported", "bundle-sm"])
def test_the_worked_bundles_hold_and_say_what_the_page_says(name):
    vector = json.loads((VECTORS / f"{name}.json").read_text("utf-8"))
    key = bytes.fromhex(vector["trust_key"])
    report = verify_bundle(vector["bundle"].encode(), [vector["trust"].encode()], {key}, VerificationRequest(SIGNING))
    assert report.ok
    assert report.verdict == vector["verdict"]
    assert [f"{check.name}: {check.detail}" for check in report.checks] == vector["checks"]
    assert parse_bundle(vector["bundle"].encode()).body() == {
        name: value for name, value in json.loads(vector["bundle"]).items() if name != "signature"
    }


def test_without_the_suites_library_a_bundle_could_not_be_checked(monkeypatch):
    vector = json.loads((VECTORS / "bundle-sm.json").read_text("utf-8"))
    monkeypatch.setattr(sm3_sm2, "ec", None)
    with pytest.raises(CouldNotCheck) as caught:
        verify_bundle(
            vector["bundle"].encode(),
            [vector["trust"].encode()],
            {bytes.fromhex(vector["trust_key"])},
            VerificationRequest(SIGNING),
        )
    assert caught.value.code == "suite-not-installed"


def test_an_honest_bundle_holds_with_and_without_witnesses():
    broker, client = lived()
    report = verdict(broker, client)
    assert report.ok
    assert "a rollback between anchors would not show" in report.verdict
    report = verdict(broker, client, witnesses=["south", "regulator"])
    assert report.reach.witnesses == (did("south"), did("regulator"))
    assert report.reach.members == 3
    assert "growth checked by 2 of 3 other members" in report.verdict
    assert [record.seq for record in report.records] == [1, 2, 3, 4]


def test_the_broker_is_no_witness_of_itself():
    broker, client = lived()
    assert verdict(broker, client, witnesses=["north"]).reach.witnesses == ()


def test_every_flipped_byte_is_seen():
    broker, client = lived()
    bundle, header = broker.bundle(client, witnesses=["south"])
    for at in range(0, len(bundle), 97):
        changed = bytearray(bundle)
        changed[at] ^= 1
        try:
            report = verify(broker, bytes(changed), header)
        except (InvalidInput, VerificationFailed):
            continue
        assert not report.ok, at


def cheats():
    """Yield (what is changed in the body under the broker's own signature, the check that says so)."""

    def cut(body):
        del body["history"]["records"][-1]

    def drop(body):
        del body["history"]["records"][1]

    def swap(body):
        records = body["history"]["records"]
        records[1], records[2] = records[2], records[1]

    def other_value(body):
        body["history"]["records"][1]["record"]["fields"]["band"]["value"] = "C1"

    def back_date(body):
        body["history"]["records"][1]["record"]["envelope"]["occurred_at"] = "2020-01-01T00:00:00.000+08:00"

    def earlier_anchor(body):
        body["log"]["anchors"][0]["time"] -= 86_400

    def later_promise(body):
        body["history"]["records"][1]["promise"]["anchor_by"] = "2026-11-21T12:00:00.000+08:00"

    def no_directory_entry(body):
        del body["directory"][-1]

    def other_key(body):
        body["keys"][0]["signing"] = ed25519.public_key(bytes(32)).hex()

    def no_change_of_did(body):
        body["did"] = []

    def another_client(body):
        body["client"] = did("bob")

    def other_members(body):
        body["members"][1]["role"] = 2

    def stub(body):
        record = body["history"]["records"][3]
        envelope = record["record"]["envelope"]
        print_ = body["history"]["records"][3]["record"]
        link = {name: envelope[name] for name in ("seq", "prev", "next")}
        record["record"] = {"erased": {**link, "fingerprint": fingerprint(print_)}}
        record["promise"] = None
        used = sorted({item["promise"]["batch"] for item in body["history"]["records"] if item["promise"]})
        body["promises"] = [body["promises"][number] for number in used]
        for item in body["history"]["records"]:
            if item["promise"]:
                item["promise"]["batch"] = used.index(item["promise"]["batch"])

    yield cut, "subject-completeness"
    yield drop, "subject-chain"
    yield swap, "subject-chain"
    yield other_value, "fingerprint"
    yield back_date, "subject-completeness"
    yield earlier_anchor, "log-head"
    yield later_promise, "promise"
    yield no_directory_entry, "state-proof"
    yield other_key, "member-keys"
    yield no_change_of_did, "client-keys"
    yield another_client, "opening"
    yield other_members, "member-keys"
    yield stub, "subject-chain"


def fingerprint(copy):
    return open_redacted(copy).fingerprint.hex()


@pytest.mark.parametrize(("change", "check"), list(cheats()), ids=lambda value: getattr(value, "__name__", value))
def test_a_changed_bundle_under_the_brokers_own_signature_fails_by_name(change, check):
    broker, client = lived()
    bundle, header = broker.bundle(client)
    forged = resigned(broker, bundle, change)
    try:
        report = verify(broker, forged, header)
    except InvalidInput:
        pytest.fail("it was no bundle any more")
    assert not report.ok
    assert check in report.failed or "structure" in report.failed, report.verdict


def test_a_second_history_under_the_same_pseudonym_does_not_hold():
    """The broker counts a record for everybody to see, and keeps another one beside, under a label of nobody's."""
    broker, client = lived()
    twin = replace(client, records=list(client.records), places=list(client.places), labels=list(client.labels))
    broker.record(client, "BIZ_APPLY", {"amount_fen": 1})
    label = broker.waiting.popitem()
    hidden = broker.record(twin, "BIZ_APPLY", {"amount_fen": 2}, channel="web")
    broker.waiting = {label[0]: label[1], bytes(31) + b"\1": hidden.entry}
    broker.record(twin, "BIZ_DECIDE", {"decision": "REFUSED"})
    broker.anchor()
    report = verdict(broker, client)
    assert not report.ok or len(report.records) == 5
    assert verdict(broker, twin).failed == ("subject-completeness",)


def test_what_was_logged_and_never_counted_does_not_hold():
    broker, client = lived()
    broker.record(client, "BIZ_APPLY", {"amount_fen": 1})
    broker.anchor(into_map=False)
    assert verdict(broker, client).failed == ("subject-completeness",)


def test_a_history_that_was_rolled_back_in_the_map_does_not_hold_whole():
    broker, client = lived()
    broker.map = broker.maps[2]
    broker.record(client, "BIZ_APPLY", {"amount_fen": 1})
    broker.anchor()
    assert verdict(broker, client).failed == ("subject-completeness",)


def test_a_record_that_is_passed_over_by_naming_its_anchor_wrong_is_said():
    broker, client = lived()
    kept = replace(client, records=list(client.records), places=list(client.places), labels=list(client.labels))
    broker.record(client, "BIZ_APPLY", {"amount_fen": 1})
    wrong = broker.anchor()
    broker.map, broker.wrong = broker.maps[wrong.seq - 1], (wrong.seq,)
    broker.record(broker.client("carol"), "LEVEL_RESULT", {"band": "C1"})
    broker.anchor()
    assert verdict(broker, client).failed
    report = verdict(broker, kept)
    assert report.ok
    assert report.reach.wrong == (wrong.seq,)
    assert "1 anchors are named wrong by the broker, and what lies under them is not counted" in report.verdict


def test_a_tail_cannot_be_cut_by_an_older_anchor():
    broker, client = lived()
    bundle, _ = broker.bundle(client)
    broker.record(client, "BIZ_APPLY", {"amount_fen": 1})
    broker.anchor()
    later, header = broker.bundle(client)
    old = json.loads(bundle)
    new = json.loads(later)

    def present_the_old_log(body):
        body.update({name: old[name] for name in ("log", "checkpoint", "history", "map", "promises", "keys")})

    report = verify(broker, resigned(broker, later, present_the_old_log), header)
    assert "log-head" in report.failed
    assert new["log"]["seq"] == old["log"]["seq"] + 1


def test_a_log_that_begins_anew_in_another_contract_does_not_hold():
    broker, client = lived()
    world = broker.world
    world.block += 1
    world.name("EvidenceLog", address("a new log"))
    again = Broker(world, "north")
    subject = again.client("ada")
    again.anchor()
    report = verdict(again, subject)
    assert "state-proof" in report.failed
    # A contract that takes the tree over is another thing: the head moves, the tree goes on.
    broker, client = lived()
    broker.world.block += 1
    broker.world.name("EvidenceLog", address("a new log"))
    assert verdict(broker, client).ok
    broker.record(client, "BIZ_APPLY", {"amount_fen": 1})
    broker.anchor()
    assert verdict(broker, client).ok


def test_a_client_is_known_in_a_registry_that_succeeds_another_one():
    """Until its first change there the head of its history stands in the former registry, in the new one nothing."""
    broker, client = lived()
    broker.world.block += 1
    broker.world.name("DidRegistry", address("a new registry"))
    assert verdict(broker, client).ok
    broker.world.set_key("ada", ed25519.public_key(client.secret))
    report = verdict(broker, client)
    assert report.ok
    assert len(report.key_changes) == 2
    del broker.world.changes["ada"][-1]
    assert "client-keys" in verdict(broker, client).failed


def test_a_log_names_the_contract_of_version_1_that_it_continues():
    broker = Broker(consortium(), "north")
    broker.world.name("EvidenceAnchor", address("version 1"))
    client = broker.client("ada")
    broker.anchor()
    assert verdict(broker, client).failed[:1] == ("log-head",)


def test_an_act_is_used_once_and_knows_what_went_before():
    broker, client = lived()
    broker.record(client, "LEVEL_RESULT", {"band": "C5"})
    false = {"count": 5, "fingerprint": "ab" * 32, "nonce": "cd" * 16}
    broker.act(client, "LEVEL_CONFIRM", {"level": "C5"}, known=false)
    broker.anchor()
    assert "client-signature" in verdict(broker, client).failed


def test_an_act_owes_the_clients_signature():
    broker, client = lived()
    broker.record(client, "LEVEL_CONFIRM", {"level": "C5"})
    broker.anchor()
    assert verdict(broker, client).failed == ("client-signature",)


def test_a_key_that_had_ended_signs_nothing():
    broker, client = lived()
    broker.world.block += 1
    broker.world.set_key("ada", ed25519.public_key(client.secret), valid_to=0)
    broker.world.block += 1
    broker.act(client, "LEVEL_CONFIRM", {"level": "C5"})
    broker.anchor()
    assert verdict(broker, client).failed == ("client-signature",)


def test_a_key_that_ended_after_acceptance_is_noted():
    broker, client = lived()
    broker.act(client, "LEVEL_CONFIRM", {"level": "C4"})
    broker.world.block += 1
    broker.world.set_key("ada", ed25519.public_key(client.secret), valid_to=0)
    broker.anchor()
    report = verdict(broker, client, before=[broker.leaves[-2].seq])
    assert report.ok
    assert "no longer at block" in report.notes[0]
    assert verdict(broker, client).failed == ("client-signature",)


def test_a_promise_by_a_key_that_ended_needs_the_anchor_before():
    broker, client = lived()
    broker.record(client, "BIZ_APPLY", {"amount_fen": 1})
    broker.rotate()
    broker.anchor()
    assert verdict(broker, client).failed == ("promise",)
    assert verdict(broker, client, before=[broker.leaves[-2].seq]).ok


def test_a_record_may_be_erased_when_its_time_is_over_and_not_before():
    for passed, failed in ((TWENTY_YEARS, ()), (TWENTY_YEARS - 600, ("erasure",))):
        broker, client = lived()
        broker.world.block += passed // 5
        named = {"seq": 2, "fingerprint": client.records[1].fingerprint.hex(), "rule": RULE}
        broker.record(client, "ERASE", {"erases": [named], "reason": "time"})
        broker.anchor()
        broker.erase(client, 2)
        assert verdict(broker, client).failed == failed


def test_an_erased_record_that_is_put_back_is_named():
    broker, client = lived()
    broker.world.block += TWENTY_YEARS // 5
    named = {"seq": 2, "fingerprint": client.records[1].fingerprint.hex(), "rule": RULE}
    broker.record(client, "ERASE", {"erases": [named], "reason": "time"})
    broker.anchor()
    report = verdict(broker, client)
    assert report.ok
    assert report.reach.put_back == (2,)


def test_a_fork_of_the_chain_with_its_own_trust_file_is_refused_under_the_pinned_key():
    broker, _ = lived()
    fork, victim = lived()
    fork.world.members["regulator"] = replace(fork.world.members["regulator"], generation=2)
    bundle, header = fork.bundle(victim)
    with pytest.raises(VerificationFailed, match="not pinned"):
        verify_bundle(bundle, [fork.world.trust(header)], {regulator(broker)}, VerificationRequest(SIGNING))


def test_another_block_of_the_same_chain_is_not_the_trusted_one():
    broker, client = lived()
    _, header = broker.bundle(client)
    bundle, _ = broker.bundle(client)
    assert "trust" in verify(broker, bundle, header).failed


def test_the_answer_reaches_the_block_that_is_asked_for():
    broker, client = lived()
    bundle, header = broker.bundle(client)
    assert verify(broker, bundle, header, at_least_block=broker.world.block).ok
    assert "trust" in verify(broker, bundle, header, at_least_block=broker.world.block + 1).failed


def test_held_promises_are_in_the_bundle_or_not_due():
    broker, client = lived()
    held = [sign_promises([broker.promised[place].promise], broker.member.secret)[0] for place in client.places]
    bundle, header = broker.bundle(client)
    assert verify(broker, bundle, header, promises=held).ok
    hidden = broker.record(client, "BIZ_APPLY", {"amount_fen": 1})
    promise = sign_promises([broker.promised[client.places[-1]].promise], broker.member.secret)
    assert hidden.link.seq == 5
    assert verify(broker, bundle, header, promises=promise).ok  # not due yet
    broker.world.block += 100
    late, header = broker.bundle(client)
    assert verify(broker, late, header, promises=promise).failed == ("held-promises",)


def test_records_of_one_request_are_promised_together_and_a_redacted_one_holds():
    broker, client = lived()
    broker.request(client, [Fact("LEVEL_CONFIRM", {"level": "C4"}, CLIENT), Fact("BIZ_APPLY", {"a": 1, "b": 2})])
    broker.anchor()
    client.shown[6] = redact(client.records[5], ["a"])
    report = verdict(broker, client)
    assert report.ok
    assert head_digest(broker.leaves[-1].seq, broker.tree.root())
    assert "1 records are redacted" in " ".join(report.notes)


def test_a_history_may_rest_on_more_than_a_thousand_others():
    """Twenty years of a client's orders, of a product each: what bounds a bundle are its bytes."""
    broker, client = lived()
    products = [broker.product(f"fund-{number}") for number in range(1_001)]
    broker.anchor()
    report = verdict(broker, client, references=products)
    assert report.failed == ()
    assert len(report.records) == 4 + 1_001
