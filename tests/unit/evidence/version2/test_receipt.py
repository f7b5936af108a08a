"""A receipt of format 2: what holds, what a reader pins, and each way to cheat with one."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.version2.documents.receipt import NOT_CHECKED, PinnedKeys, Successor, verify_receipt
from evidence.version2.map.label_map import Absence
from evidence.version2.promise import promise_of, sign_promises
from evidence.version2.record import SealedRecord, seal
from evidence.version2.salts import envelope_salt
from primitives import ed25519
from primitives.canonical import canonical_json, parse_json
from primitives.errors import BonafidesError, InvalidInput, VerificationFailed
from scripts.vectors import synthetic_consortium
from scripts.vectors.evidence_2 import VECTORS
from scripts.vectors.synthetic_consortium import MINUTE_MS, seed
from scripts.vectors.version2.claims import keys_of, lived, promise_document, receipt_of
from tests.properties import examples

STRANGER = ed25519.public_key(seed("a stranger"))


@cache
def world():
    return lived()


@cache
def honest(seq):
    return canonical_json(receipt_of(*world(), seq))


def receipt(seq=2):
    return parse_json(honest(seq), field="receipt")


def verify(value, *keys):
    return verify_receipt(parse_json(canonical_json(value), field="receipt"), *(keys or (keys_of(world()[0]),)))


def fails(check, value, *keys):
    with pytest.raises(VerificationFailed) as caught:
        verify(value, *keys)
    assert caught.value.check == check, caught.value.detail


def test_the_worked_receipts_hold():
    vector = json.loads((VECTORS / "receipt.json").read_text("utf-8"))
    keys = PinnedKeys(bytes.fromhex(vector["signing_key"]), bytes.fromhex(vector["checkpoint_key"]))
    second, third = (verify(json.loads(vector[f"receipt_of_record_{seq}"]), keys) for seq in (2, 3))
    assert isinstance(second.following, Successor)
    assert second.following.link == third.record.link
    assert isinstance(third.following, Absence)
    assert third.not_checked() == vector["not_checked_of_record_3"]
    assert second.in_time


def sha256(data):
    return hashlib.sha256(data).digest()


def hashes(text):
    joined = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return [joined[at : at + 32] for at in range(0, len(joined), 32)]


def inclusion(leaf, index, size, path):
    """RFC 9162, section 2.1.3.2."""
    value, node, last = sha256(b"\0" + leaf), index, size - 1
    for sibling in path:
        if node & 1 or node == last:
            value = sha256(b"\1" + sibling + value)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            value = sha256(b"\1" + value + sibling)
        node, last = node >> 1, last >> 1
    assert last == 0
    return value


def bits(label):
    return [label[at // 8] >> (7 - at % 8) & 1 for at in range(256)]


def map_root(label, value, path):
    for depth, sibling in zip(reversed(range(len(path))), path, strict=True):
        value = sha256(b"\1" + (sibling + value if bits(label)[depth] else value + sibling))
    return value


def test_the_worked_receipt_follows_from_the_page_alone():
    """Sections 2.1, 5, 6 and 11 re-implemented with nothing of ours."""
    shown = json.loads(json.loads((VECTORS / "receipt.json").read_text("utf-8"))["receipt_of_record_2"])
    promise, anchor, lines = shown["promise"], shown["anchor"], shown["checkpoint"].split("\n")
    entry, label = bytes.fromhex(promise["entry"]), bytes.fromhex(promise["label"])
    at, added = promise["log_index"] - anchor["size_before"], anchor["size_after"] - anchor["size_before"]
    assert inclusion(entry, at, added, hashes(shown["batch"])).hex() == anchor["batch_root"]
    numbers = {name: anchor[name].to_bytes(8, "big") for name in anchor if isinstance(anchor[name], int)}
    parts = {name: numbers.get(name) or bytes.fromhex(value) for name, value in anchor.items()}
    order = (
        "seq",
        "batch_root",
        "size_before",
        "size_after",
        "map_root",
        "block",
        "time",
        "keys_digest",
        "key_version",
    )
    leaf = b"\1" + b"".join(parts[name] for name in order)
    size = shown["log"]["size"]
    assert lines[1] == str(size)
    root = inclusion(leaf, anchor["seq"] - 1, size, hashes(shown["log"]["path"]))
    assert base64.b64encode(root).decode() == lines[2]
    tag = b"\0" + bytes([15]) + b"bonafides/map/2"
    present = map_root(label, sha256(tag + label + entry), hashes(shown["map"]["path"]))
    stub = shown["next"]["link"]
    fields = stub["seq"].to_bytes(8, "big") + b"".join(bytes.fromhex(stub[n]) for n in ("prev", "next", "fingerprint"))
    after = sha256(bytes([17]) + b"bonafides/entry/2" + fields)
    following = bytes.fromhex(shown["record"]["envelope"]["next"])
    assert map_root(following, sha256(tag + following + after), hashes(shown["next"]["path"])) == present
    assert lines[3] == f"map {base64.b64encode(present).decode()} 7"


@pytest.mark.parametrize("seq", [1, 2, 3])
def test_every_honest_receipt_holds(seq):
    found = verify(receipt(seq))
    assert found.record.link.seq == seq
    assert set(found.not_checked()) == set(NOT_CHECKED) - ({"subject-chain"} if seq == 1 else set())


def test_a_receipt_of_an_earlier_checkpoint_holds_beside_a_later_one():
    broker, client = world()
    early = verify(receipt_of(broker, client, 2, reaches=2))
    assert early.checkpoint.seq == 2
    assert isinstance(early.following, Absence)


def test_a_receipt_needs_the_pinned_keys():
    stranger = PinnedKeys(STRANGER, STRANGER)
    fails("promise", receipt(), stranger)
    verify(receipt(), stranger, keys_of(world()[0]))
    verify(receipt(), keys_of(world()[0]), stranger)
    with pytest.raises(VerificationFailed, match="no key"):
        verify_receipt(receipt())


def test_each_key_signs_its_own():
    signing = keys_of(world()[0]).signing
    fails("promise", receipt(), PinnedKeys(STRANGER, signing))
    fails("checkpoint-signature", receipt(), PinnedKeys(signing, STRANGER))


def test_a_broker_that_changed_its_keys_gives_receipts_under_both():
    broker, client = lived()
    before = keys_of(broker)
    broker.rotate()
    broker.anchor()
    found = receipt_of(broker, client, 2)
    fails("checkpoint-signature", found, before)
    fails("promise", found, keys_of(broker))
    verify(found, before, keys_of(broker))


def test_a_record_that_was_anchored_late_has_a_receipt_that_says_so():
    broker, client = lived()
    broker.record(client, "BIZ_DECIDE", {"decision": "ACCEPTED"})
    broker.world.block += 100
    broker.anchor()
    assert not verify(receipt_of(broker, client, 4)).in_time


def bent(change, seq=2):
    value = copy.deepcopy(receipt(seq))
    change(value)
    return value


def cheats():
    """Yield (what is done to the receipt of record 2, the check that says so)."""
    other, late = receipt(3), receipt_of(*world(), 2, reaches=2)

    def of_another_record(value):
        value["record"] = other["record"]

    def another_value(value):
        value["record"]["fields"]["band"]["value"] = "C1"

    def another_term(value):
        value["promise"]["anchor_by"] = value["promise"]["recorded_at"]

    def another_label(value):
        value["promise"]["label"] = other["promise"]["label"]

    def another_anchor(value):
        value["anchor"] = other["anchor"]

    def a_leaf_that_was_not_anchored(value):
        value["anchor"]["time"] -= 60

    def another_batch(value):
        value["batch"] = other["batch"]

    def another_path(value):
        value["log"]["path"] = other["log"]["path"]

    def another_size(value):
        value["log"]["size"] += 1

    def the_map_of_another_checkpoint(value):
        value["map"] = late["map"]

    def the_next_of_another_checkpoint(value):
        value["next"] = late["next"]

    def nothing_follows(value):
        value["next"] = other["next"]

    def another_one_follows(value):
        value["next"]["link"]["fingerprint"] = "ab" * 32

    def what_follows_names_another(value):
        value["next"]["link"]["prev"] = "ab" * 32

    def what_follows_is_numbered_otherwise(value):
        value["next"]["link"]["seq"] += 1

    yield of_another_record, "fingerprint"
    yield another_value, "field-digest"
    yield another_term, "promise"
    yield another_label, "promise"
    yield another_anchor, "inclusion"
    yield a_leaf_that_was_not_anchored, "inclusion"
    yield another_batch, "inclusion"
    yield another_path, "inclusion"
    yield another_size, "receipt"
    yield the_map_of_another_checkpoint, "label-map"
    yield the_next_of_another_checkpoint, "label-map"
    yield nothing_follows, "label-map"
    yield another_one_follows, "label-map"
    yield what_follows_names_another, "subject-chain"
    yield what_follows_is_numbered_otherwise, "subject-chain"


@pytest.mark.parametrize(("change", "check"), list(cheats()), ids=lambda value: getattr(value, "__name__", value))
def test_a_changed_receipt_fails_by_name(change, check):
    fails(check, bent(change))


@pytest.mark.parametrize("name", ["next", "map", "batch"])
def test_nothing_may_be_left_out(name):
    with pytest.raises(InvalidInput):
        verify(bent(lambda value: value.update({name: None})))


def test_an_anchor_that_is_named_wrong_gives_no_receipt():
    broker, client = lived()
    broker.wrong = (2,)
    fails("inclusion", receipt_of(broker, client, 2))


def test_a_next_label_that_is_in_use_is_seen_at_once(monkeypatch):
    """The broker makes record 4 name the label of another client's record: nothing could ever follow it."""
    broker, client = lived()
    taken = broker.promised[2].promise
    assert taken.subject != client.subject

    def blocking(envelope, values, root_salt):
        made = seal(envelope, values, root_salt)
        bent = {**made.envelope, "next": taken.label.hex()}
        canonical = canonical_json(bent)
        print_ = made.suite.hmac(envelope_salt(made.suite, root_salt), canonical)
        return SealedRecord(bent, print_, canonical, root_salt, values)

    monkeypatch.setattr(synthetic_consortium, "seal", blocking)
    broker.record(client, "BIZ_DECIDE", {"decision": "ACCEPTED"})
    broker.anchor()
    client.records.append(client.records[0])  # what is shown as the one after: whatever it is, it follows nothing
    value = receipt_of(broker, client, 4)
    fails("subject-chain", value)
    value["next"] = receipt(3)["next"]
    fails("label-map", value)


def test_record_1_is_promised_under_the_label_of_its_subject():
    broker, client = lived()
    value = receipt_of(broker, client, 1)
    bent_promise = promise_of(
        client.records[0], label=bytes(32), log_index=0, anchor_by=broker.promised[0].promise.anchor_by
    )
    [value["promise"]] = sign_promises([bent_promise], broker.member.secret)
    fails("promise", value)


def test_a_promise_of_the_right_record_for_another_place_does_not_fit_its_anchor():
    broker, client = lived()
    record, label = client.records[1], client.labels[1]
    for place in (5, 100):
        promise = promise_of(record, label=label, log_index=place, anchor_by=record_time(broker, client) + MINUTE_MS)
        value = receipt_of(broker, client, 2)
        [value["promise"]] = sign_promises([promise], broker.member.secret)
        with pytest.raises(VerificationFailed, match="does not cover"):
            verify(value)


def test_a_promise_is_of_the_record_that_is_shown():
    """The broker signs the right fingerprint, entry and place, and says something else of the record."""
    broker, client = lived()
    promise = broker.promised[client.places[1]].promise
    for changes in (
        {"record_id": "019aa3b1-5c10-7000-8000-00000000ffff"},
        {"seq": 3},
        {"subject": bytes(32)},
        {"recorded_at": promise.recorded_at - 1},
        {"block": promise.block - 1},
        {"entry": bytes(32)},
    ):
        value = receipt_of(broker, client, 2)
        [value["promise"]] = sign_promises([replace(promise, **changes)], broker.member.secret)
        fails("promise", value)


def record_time(broker, client):
    return broker.promised[client.places[1]].promise.recorded_at


def test_a_checkpoint_names_the_map_of_its_last_anchor():
    """The map root of the record's own anchor, which is the checkpoint's last leaf, is that of the checkpoint."""
    broker, client = lived()
    honest_leaf = broker.leaves[-1]
    value = receipt_of(broker, client, 3)
    broker.leaves[-1] = replace(honest_leaf, size_after=honest_leaf.size_after + 1)  # the checkpoint alone lies
    value["checkpoint"] = broker.checkpoint()
    fails("receipt", value)


@examples(60)
@given(st.integers(0, 1 << 20), st.integers(1, 255))
def test_every_changed_byte_is_seen(at, flip):
    data = bytearray(honest(2))
    at %= len(data)
    data[at] ^= flip
    try:
        value = parse_json(bytes(data), field="receipt")
        found = verify_receipt(value, keys_of(world()[0]))
    except BonafidesError:
        return
    assert value["log"]["size"] == found.checkpoint.seq
    # What may change are signature lines of nobody whom the reader knows: none stands in this note.
    pytest.fail(f"byte {at} changed and nobody saw it")


def test_the_document_of_a_promise_is_the_one_that_was_given():
    broker, client = world()
    assert receipt()["promise"] == promise_document(broker, client.places[1])
