"""Checkpoints (C2SP signed notes), promises and receipts: round trips and one test per way to cheat."""

from __future__ import annotations

import base64
import copy
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.documents.promise import is_broken, parse_promise, promise_body, sign_promise, verify_promise
from evidence.documents.receipt import AnchorPlace, build_receipt, verify_receipt
from evidence.documents.record import redact, seal
from evidence.log import tree as log
from evidence.log.checkpoint import open_checkpoint, sign_checkpoint
from evidence.log.note import verifier_key
from evidence.map.subject_map import SubjectMap
from primitives import ed25519
from primitives.errors import BonafidesError, InvalidInput, VerificationFailed

SEED = hashlib.sha256(b"a member of tests").digest()
PUBLIC = ed25519.public_key(SEED)
BROKER = "did:ethr:0x539:0x" + "b" * 40
SUBJECT = "5" * 64
SALT = hashlib.sha256(b"a root salt for tests").digest()


@given(size=st.integers(0, 2**50), root=st.binary(min_size=32, max_size=32))
def test_a_checkpoint_opens_to_what_was_signed(size, root):
    opened = open_checkpoint(sign_checkpoint(BROKER, size, root, SEED), BROKER, PUBLIC)
    assert (opened.origin, opened.size, opened.root) == (BROKER, size, root)


NOTE = sign_checkpoint(BROKER, 5, bytes(32), SEED)


def test_the_verifier_key_is_in_c2sp_form():
    name, hint, key = verifier_key(BROKER, PUBLIC).split("+", 2)
    assert name == BROKER
    assert base64.b64decode(key) == b"\1" + PUBLIC
    assert hint == hashlib.sha256(BROKER.encode() + b"\n\1" + PUBLIC).hexdigest()[:8]


@pytest.mark.parametrize(
    "note",
    [
        "",
        NOTE[:-1],
        NOTE + "\n",
        NOTE.replace("\n5\n", "\n05\n"),
        NOTE.replace("\n5\n", "\n+5\n"),
        NOTE.replace("\n5\n", "\n5_0\n"),
        NOTE.replace("\n5\n", "\n٥\n"),
        NOTE.replace("\n5\n", "\r\n5\n"),
        NOTE.replace("AAA=\n", "AAB=\n", 1),
        NOTE.replace("AAA=\n", "AA\n", 1),
        NOTE.replace("\n\n", "\n"),
        NOTE.replace("— ", "- "),
        NOTE.replace("— ", "—  "),
        NOTE + "— x\n",
        NOTE + "— x AA==\n",
        NOTE + "\ud800\n",
        "\n" + NOTE,
        NOTE + f"— x {'A' * 16}\n" * 70,
    ],
)
def test_loose_notes_are_refused(note):
    with pytest.raises(BonafidesError):
        open_checkpoint(note, BROKER, PUBLIC)


@pytest.mark.parametrize("separator", ["\u2028", "\x85"])
def test_separators_of_splitlines_do_not_split(separator):
    extended = f"{BROKER}\n5\n{base64.b64encode(bytes(32)).decode()}\nnote{separator}6\n"
    blob = hashlib.sha256(BROKER.encode() + b"\n\1" + PUBLIC).digest()[:4] + ed25519.sign(SEED, extended.encode())
    note = f"{extended}\n— {BROKER} {base64.b64encode(blob).decode()}\n"
    assert open_checkpoint(note, BROKER, PUBLIC).size == 5


def test_unknown_signatures_are_ignored_and_a_bad_known_one_sinks_the_note():
    stranger = sign_checkpoint(BROKER, 5, bytes(32), bytes(32)).split("\n\n")[1]
    assert open_checkpoint(NOTE + stranger, BROKER, PUBLIC).size == 5
    bad = sign_checkpoint(BROKER, 6, bytes(32), SEED).split("\n\n")[1]
    with pytest.raises(VerificationFailed, match="checkpoint-signature"):
        open_checkpoint(NOTE + bad, BROKER, PUBLIC)
    with pytest.raises(VerificationFailed, match="checkpoint-signature"):
        open_checkpoint(NOTE.split("\n\n")[0] + "\n\n" + stranger, BROKER, PUBLIC)


def test_another_origin_size_or_root_fails():
    for forged in (NOTE.replace("\n5\n", "\n6\n"), NOTE.replace("AAAA", "AABA", 1)):
        with pytest.raises(VerificationFailed, match="checkpoint-signature"):
            open_checkpoint(forged, BROKER, PUBLIC)
    with pytest.raises(VerificationFailed, match="checkpoint-signature"):
        open_checkpoint(NOTE, BROKER[:-1] + "a", PUBLIC)
    assert open_checkpoint(NOTE, BROKER, PUBLIC).size == 5


@pytest.mark.parametrize(
    ("origin", "size", "root"), [("a b", 1, bytes(32)), ("a+b", 1, bytes(32)), ("a", -1, bytes(32)), ("a", 1, b"")]
)
def test_unsound_checkpoints_are_not_signed(origin, size, root):
    with pytest.raises(InvalidInput):
        sign_checkpoint(origin, size, root, SEED)


def promise(fingerprint=bytes(32), log_index=0, **changes):
    body = promise_body(
        broker=BROKER,
        subject=SUBJECT,
        record_id="019aa3b1-0000-7000-8000-000000000001",
        fingerprint=fingerprint,
        log_index=log_index,
        accepted_at=1_795_000_000_000,
        anchor_by=1_795_000_030_000,
        block=7,
    )
    return sign_promise(body | changes, SEED, f"{BROKER}#signing")


def test_a_promise_verifies_and_no_member_of_it_can_change():
    made = promise()
    assert verify_promise(made, PUBLIC).block == 7
    changes = {
        "log_index": 1,
        "block": 8,
        "fingerprint": "01" * 32,
        "subject": "6" * 64,
        "anchor_by": "2027-11-21T09:16:38.123+08:00",
        "record_id": "019aa3b1-0000-7000-8000-000000000002",
    }
    for name, value in changes.items():
        with pytest.raises(VerificationFailed, match="promise-signature"):
            verify_promise(made | {name: value}, PUBLIC)
    with pytest.raises(VerificationFailed, match="promise-signature"):
        verify_promise(made, ed25519.public_key(bytes(32)))


def test_malformed_promises_are_refused():
    made = promise()
    for forged in (
        None,
        made | {"x": 1},
        made | {"signature": None},
        made | {"format": "bonafides.promise/2"},
        made | {"signature": made["signature"] | {"key": BROKER + "#other"}},
        made | {"anchor_by": "2020-11-21T09:16:38.123+08:00"},
    ):
        with pytest.raises(InvalidInput):
            verify_promise(forged, PUBLIC)


def test_a_promise_is_broken_by_lateness_or_by_silence():
    made = parse_promise(promise())
    assert not is_broken(made, made.anchor_by, made.anchor_by + 99)
    assert is_broken(made, made.anchor_by + 1, made.anchor_by + 1)
    assert not is_broken(made, None, made.anchor_by)
    assert is_broken(made, None, made.anchor_by + 1)


def receipt():
    envelope = {
        "record_id": "019aa3b1-0000-7000-8000-000000000001",
        "type": "DUTY_NOTICE",
        "schema": "1",
        "broker": BROKER,
        "subject": SUBJECT,
        "seq": 1,
        "prev": "0" * 64,
        "occurred_at": "2026-11-21T09:16:38.123+08:00",
        "recorded_at": "2026-11-21T09:16:38.456+08:00",
        "channel": "app",
        "actor": {"did": BROKER, "role": "staff"},
        "ruleset": None,
        "document": None,
        "attachments": [],
        "signatures": [],
    }
    sealed = seal(envelope, {"dwell_ms": 9000}, SALT)
    tree = log.Tree()
    tree.extend([b"\1" * 32, b"\2" * 32, sealed.fingerprint])
    subjects = SubjectMap.build({bytes.fromhex(SUBJECT): (1, sealed.fingerprint), b"\1" * 32: (2, b"\2" * 32)})
    return build_receipt(
        promise=promise(sealed.fingerprint, 2),
        record=redact(sealed),
        size=3,
        path=tree.inclusion(2, 3),
        checkpoint=sign_checkpoint(BROKER, 3, tree.root(), SEED),
        map_proof=subjects.prove(bytes.fromhex(SUBJECT)),
        anchor=AnchorPlace(
            0x539, "0x" + "e" * 40, "0x" + "b" * 40, 1, subjects.root, 9, "0x" + "1" * 64, "0x" + "2" * 64, 0
        ),
    )


def test_a_receipt_verifies_in_the_wallet():
    opened = verify_receipt(receipt(), PUBLIC)
    assert opened.record.values == {"dwell_ms": 9000}
    assert (opened.count, opened.anchor.seq, opened.checkpoint.size) == (1, 1, 3)


@pytest.mark.parametrize(
    ("path", "value", "check"),
    [
        (("record", "fields", "dwell_ms", "value"), 1, "field-digest"),
        (("record", "envelope_salt"), "00" * 32, "fingerprint"),
        (("log", "path"), [], "inclusion"),
        (("log", "index"), 1, "receipt"),
        (("log", "size"), 4, "receipt"),
        (("checkpoint",), NOTE, "receipt"),
        (("anchor", "member"), "0x" + "a" * 40, "receipt"),
        (("anchor", "chain_id"), 1, "receipt"),
        (("anchor", "map_root"), "00" * 32, "subject-map"),
        (("map", "count"), 2, "subject-map"),
        (("promise", "log_index"), 1, "promise-signature"),
    ],
)
def test_a_bent_receipt_fails_by_name(path, value, check):
    forged = copy.deepcopy(receipt())
    place = forged
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    with pytest.raises(VerificationFailed) as caught:
        verify_receipt(forged, PUBLIC)
    assert caught.value.check == check


def test_a_receipt_with_a_promise_for_another_record_fails():
    forged = receipt()
    forged["promise"] = promise(bytes.fromhex(forged["promise"]["fingerprint"]), 2, subject="6" * 64)
    with pytest.raises(VerificationFailed, match="receipt"):
        verify_receipt(forged, PUBLIC)


def test_malformed_receipts_are_refused():
    made = receipt()
    for forged in (None, {}, made | {"format": "x"}, made | {"anchor": made["anchor"] | {"tx": "2" * 64}}):
        with pytest.raises(InvalidInput):
            verify_receipt(forged, PUBLIC)
