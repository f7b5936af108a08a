"""Cosignatures: what C2SP's own example and public witnesses sign, what counts, and what sinks a note."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.log.note import NoteSignature, key_id, split_note, verify_note
from evidence.version2.log.checkpoint import log_origin, open_anchor_checkpoint, sign_anchor_checkpoint
from evidence.version2.log.cosignature import (
    COSIGNATURE,
    Cosigned,
    cosign,
    cosigned_by,
    with_cosignatures,
    witness_name,
    witness_verifier_key,
)
from primitives import ed25519
from primitives.errors import InvalidInput, VerificationFailed
from scripts.vectors.evidence import BROKER, seeded
from scripts.vectors.version2.log import BROKER_KEY, BROKER_SEED, WITNESS, WITNESS_KEY, WITNESS_SEED, checkpoint

PUBLIC_LOG = Path(__file__).parents[3] / "vectors" / "c2sp" / "checkpoint.txt"
LOG_KEY = "arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f"
WITNESS_KEYS = (
    "transparency.dev/DEV:witness-little-garden+d8042a87+BCtusOxINQNUTN5Oj8HObRkh2yHf/MwYaGX4CPdiVEPM",
    "witness1.smartit.nu/witness1+a48c820f+BPSFWg9G6KPiO7QPryYO5Xq4oYJJ+kAvLKLSimDhoxMO",
    "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
    "witness.stagemole.eu+67f7aea0+BEqSG3yu9YrmcM3BHvQYTxwFj3uSWakQepafafpUqklv",
)


def named_keys(*verifier_keys):
    parts = [text.split("+", 2) for text in verifier_keys]  # base64 may hold a plus: split twice at most
    return {name: base64.b64decode(key)[1:] for name, _, key in parts}


def test_cosignatures_of_public_witnesses_verify():
    note = PUBLIC_LOG.read_bytes().decode("utf-8")
    keys = named_keys(*WITNESS_KEYS)
    assert cosigned_by(note, keys, b"") == [Cosigned(name, key, 1_779_573_024) for name, key in keys.items()]
    assert [witness_verifier_key(name, key) for name, key in keys.items()] == list(WITNESS_KEYS)
    [(log, log_key)] = named_keys(LOG_KEY).items()
    text, signatures = split_note(note)
    verify_note(text, signatures, log, log_key)
    with pytest.raises(VerificationFailed, match="cosignature"):
        cosigned_by(note.replace("\n1432088532\n", "\n1432088533\n"), keys, b"")


NAME = witness_name(WITNESS)
KNOWN = {NAME: WITNESS_KEY}
NOTE = sign_anchor_checkpoint(checkpoint(3), BROKER_SEED)
LINE = cosign(NOTE, NAME, 1_795_224_000, WITNESS_SEED)


@given(st.integers(0, 2**63 - 1))
def test_a_cosignature_says_who_and_when(time):
    note = with_cosignatures(NOTE, cosign(NOTE, NAME, time, WITNESS_SEED), KNOWN)
    assert cosigned_by(note, KNOWN, BROKER_KEY) == [Cosigned(NAME, WITNESS_KEY, time)]
    assert open_anchor_checkpoint(note, BROKER, BROKER_KEY) == checkpoint(3)


@pytest.mark.parametrize("time", [-1, 2**63])
def test_a_time_that_c2sp_does_not_have_is_not_signed(time):
    with pytest.raises(InvalidInput):
        cosign(NOTE, NAME, time, WITNESS_SEED)


def line(value, name=NAME, key=WITNESS_KEY):
    return NoteSignature(name, key_id(name, key, COSIGNATURE), value).line()


def test_every_line_of_the_text_is_cosigned():
    note = NOTE + LINE
    changed = sign_anchor_checkpoint(checkpoint(4), BROKER_SEED) + LINE
    assert cosigned_by(note, KNOWN, BROKER_KEY)
    with pytest.raises(VerificationFailed, match="cosignature"):
        cosigned_by(changed, KNOWN, BROKER_KEY)


def test_a_bad_cosignature_of_a_known_key_sinks_the_note():
    good = base64.b64decode(LINE.split(" ")[2])[4:]
    later = (int.from_bytes(good[:8]) + 1).to_bytes(8) + good[8:]
    text = NOTE.split("\n\n")[0] + "\n"
    beyond = (2**63).to_bytes(8) + ed25519.sign(WITNESS_SEED, f"cosignature/v1\ntime {2**63}\n{text}".encode())
    for value in (later, good[:-1], good + b"\0", good[:5], good[8:], beyond, good[:8] + bytes(64)):
        with pytest.raises(VerificationFailed, match="cosignature"):
            cosigned_by(NOTE + LINE + line(value), KNOWN, BROKER_KEY)
        with pytest.raises(VerificationFailed, match="cosignature"):
            with_cosignatures(NOTE, line(value), KNOWN)


def test_lines_of_unknown_keys_are_ignored_and_not_taken_over():
    stranger = seeded("a stranger's seed")
    lines = cosign(NOTE, "example.com/w1", 5, stranger) + cosign(NOTE, NAME, 5, stranger)
    assert with_cosignatures(NOTE, lines, KNOWN) == NOTE
    assert cosigned_by(NOTE + lines, KNOWN, BROKER_KEY) == []
    assert with_cosignatures(NOTE, lines + LINE, KNOWN) == NOTE + LINE
    assert with_cosignatures(NOTE + LINE, LINE, KNOWN) == NOTE + LINE


def test_a_logs_own_signature_is_no_cosignature():
    as_witness = {log_origin(BROKER): BROKER_KEY}
    assert cosigned_by(NOTE, as_witness, BROKER_KEY) == []


def test_keys_are_counted_not_names():
    other = witness_name("did:ethr:0x2a3f:0x" + "5" * 40)
    note = NOTE + LINE + cosign(NOTE, other, 1_795_224_009, WITNESS_SEED)
    assert cosigned_by(note, {NAME: WITNESS_KEY, other: WITNESS_KEY}, BROKER_KEY) == [
        Cosigned(NAME, WITNESS_KEY, 1_795_224_000)
    ]


def test_of_several_by_one_key_the_newest_counts():
    for times in ((5, 9), (9, 5)):
        note = NOTE + "".join(cosign(NOTE, NAME, time, WITNESS_SEED) for time in times)
        assert cosigned_by(note, KNOWN, BROKER_KEY) == [Cosigned(NAME, WITNESS_KEY, 9)]


def test_who_judges_itself_is_no_witness():
    own, borrowed = witness_name(BROKER), witness_name("did:ethr:0x2a3f:0x" + "6" * 40)
    note = NOTE + cosign(NOTE, own, 5, BROKER_SEED) + cosign(NOTE, borrowed, 5, BROKER_SEED)
    assert cosigned_by(note, {own: BROKER_KEY, borrowed: BROKER_KEY}, BROKER_KEY) == []


@pytest.mark.parametrize(
    "lines", ["", "x\n", LINE[:-1], LINE + "\n", LINE.replace("— ", "- "), LINE.replace("=", "==")]
)
def test_an_answer_that_is_no_signature_lines_is_refused(lines):
    with pytest.raises(InvalidInput):
        with_cosignatures(NOTE, lines, KNOWN)


def test_a_note_does_not_grow_beyond_what_a_reader_takes():
    many = "".join(cosign(NOTE, NAME, time, WITNESS_SEED) for time in range(64))
    with pytest.raises(InvalidInput):
        with_cosignatures(NOTE, many, KNOWN)
