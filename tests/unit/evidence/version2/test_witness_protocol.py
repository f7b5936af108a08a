"""C2SP tlog-witness, `add-checkpoint`: the specification's example, loose bodies, and every status."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.log import tree
from evidence.version2.log.checkpoint import sign_anchor_checkpoint
from evidence.version2.log.cosignature import cosign, cosigned_by, with_cosignatures, witness_name
from evidence.version2.log.witness_protocol import (
    SIZE_TYPE,
    AddCheckpoint,
    WitnessAnswer,
    accepted,
    read_answer,
    read_request,
    refuse_request,
    refused_growth,
    unknown_log,
)
from primitives.errors import InvalidInput, Refused, VerificationFailed
from scripts.vectors.version2.log import (
    BROKER_KEY,
    BROKER_SEED,
    WITNESS,
    WITNESS_KEY,
    WITNESS_SEED,
    checkpoint,
    log_tree,
)

EXAMPLE = (Path(__file__).parents[3] / "vectors" / "c2sp" / "add-checkpoint.txt").read_bytes()
NOTE = sign_anchor_checkpoint(checkpoint(), BROKER_SEED)
TREE = log_tree()


def test_the_example_of_the_specification_reads_and_is_written_again():
    request = read_request(EXAMPLE)
    assert (request.old, len(request.proof)) == (20_852_014, 4)
    assert request.note.startswith("example.com/behind-the-sofa\n20852163\n")
    assert request.body() == EXAMPLE


@given(st.integers(0, 2**53 - 1), st.lists(st.binary(min_size=32, max_size=32), max_size=63))
def test_a_request_reads_as_what_was_written(old, proof):
    request = AddCheckpoint(old, tuple(proof), NOTE)
    assert read_request(request.body()) == request


HASH = base64.b64encode(bytes(32)).decode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old 0\n\n",
        b"old 0\n" + NOTE.encode(),
        f"old +0\n\n{NOTE}".encode(),
        f"old 00\n\n{NOTE}".encode(),
        f"old 0 \n\n{NOTE}".encode(),
        f"old  0\n\n{NOTE}".encode(),
        f"old \u0660\n\n{NOTE}".encode(),
        f"Old 0\n\n{NOTE}".encode(),
        f"0\n\n{NOTE}".encode(),
        f"old 0\r\n\r\n{NOTE}".encode(),
        f"old 0\n\n{NOTE}".replace("\n", "\r\n").encode(),
        f"old {2**53}\n\n{NOTE}".encode(),
        f"old 1\n{HASH}\n{HASH[:-2]}B=\n\n{NOTE}".encode(),
        f"old 1\n{HASH[:-1]}\n\n{NOTE}".encode(),
        f"old 1\n {HASH}\n\n{NOTE}".encode(),
        f"old 1\n{HASH}\u2028{HASH}\n\n{NOTE}".encode(),
        b"old 1\n" + (HASH + "\n").encode() * 64 + b"\n" + NOTE.encode(),
        f"\nold 0\n\n{NOTE}".encode(),
        f"old 0\n\n\n{NOTE}".encode(),
        f"old 0\n\n{NOTE}".encode() + b"\xff",
        f"old 0\n\n{NOTE}\n".encode(),
        f"old 0\n\n{NOTE}".encode("utf-16"),
        f"old 0\n\n{NOTE}".encode() + b"x" * 40_000,
    ],
)
def test_a_loose_body_is_none(body):
    with pytest.raises(InvalidInput):
        refuse_request(read_request(body), public_keys=[BROKER_KEY], kept_size=0, kept_root=tree.EMPTY_ROOT)


def test_what_is_too_long_is_not_looked_at():
    with pytest.raises(InvalidInput) as caught:
        read_request(b"\xff" * 20_545)
    assert caught.value.rule == "max-bytes"


def test_what_no_witness_takes_is_not_sent():
    with pytest.raises(InvalidInput):
        AddCheckpoint(1, (bytes(32),) * 64, NOTE).body()


def ask(old=3, proof=None, note=NOTE, kept=3, root=None, keys=(BROKER_KEY,)):
    shown = TREE.consistency(old, 7) if proof is None else proof
    kept_root = TREE.root_at(kept) if root is None else root
    return refuse_request(AddCheckpoint(old, tuple(shown), note), public_keys=keys, kept_size=kept, kept_root=kept_root)


def test_what_stands_is_not_refused():
    assert ask() is None
    assert ask(old=7, proof=[], kept=7) is None
    assert ask(old=0, proof=[], kept=0) is None


def test_a_log_that_is_not_known_is_404():
    assert unknown_log().status == 404


def test_a_checkpoint_that_no_trusted_key_signed_is_403():
    assert ask(note=sign_anchor_checkpoint(checkpoint(), WITNESS_SEED)).status == 403
    assert ask(keys=()).status == 403
    assert ask(keys=(WITNESS_KEY, BROKER_KEY)) is None


def test_an_old_size_above_the_checkpoints_is_400():
    assert ask(old=8, proof=[], kept=3).status == 400


def test_another_old_size_than_was_kept_is_409_with_the_kept_one():
    for old, kept in ((0, 3), (2, 3), (3, 0), (3, 9)):
        root = bytes(32)
        proof = [] if old == 0 else TREE.consistency(old, 7)
        assert ask(old=old, proof=proof, kept=kept, root=root) == WitnessAnswer(409, f"{kept}\n", "text/x.tlog.size")


def test_a_proof_that_does_not_hold_is_422():
    good = TREE.consistency(3, 7)
    for proof in ([], good[:-1], good[::-1], [*good, bytes(32)]):
        assert ask(proof=proof).status == 422
    assert ask(root=bytes(32)).status == 422
    assert ask(old=0, proof=[bytes(32)], kept=0).status == 422, "from nothing the proof is empty"


def test_another_root_of_one_size_is_422_and_never_a_size_to_ask_again_from():
    assert ask(old=7, proof=[], kept=7, root=bytes(32)).status == 422


def test_a_broker_reads_the_cosignatures():
    line = cosign(NOTE, witness_name(WITNESS), 5, WITNESS_SEED)
    answer = accepted(line)
    lines = read_answer(answer.status, answer.content_type, answer.body.encode())
    note = with_cosignatures(NOTE, lines, {witness_name(WITNESS): WITNESS_KEY})
    assert [entry.time for entry in cosigned_by(note, {witness_name(WITNESS): WITNESS_KEY}, BROKER_KEY)] == [5]


def test_a_broker_reads_from_where_to_ask_again():
    answer = ask(old=2)
    assert read_answer(answer.status, answer.content_type, answer.body.encode()) == 3


@pytest.mark.parametrize(
    "body", [b"", b"3", b"33", b"03\n", b"3\n\n", b"+3\n", b" 3\n", b"3 \n", b"3\r\n", b"\xff\n", b"9" * 30 + b"\n"]
)
def test_a_loose_size_is_none(body):
    with pytest.raises(InvalidInput):
        read_answer(409, SIZE_TYPE, body)


@pytest.mark.parametrize(
    ("status", "content_type", "body"),
    [
        (409, "text/x.tlog.size; charset=utf-8", b"3\n"),
        (409, "text/plain", b"3\n"),
        (400, "text/plain", b""),
        (403, "text/plain", b""),
        (404, "text/plain", b""),
        (422, "text/plain", b"growth-map: no\n"),
        (204, "text/plain", b""),
        (301, "text/plain", b""),
        (500, SIZE_TYPE, b"3\n"),
    ],
)
def test_another_answer_is_a_refusal(status, content_type, body):
    with pytest.raises(Refused, match=str(status)):
        read_answer(status, content_type, body)


@pytest.mark.parametrize("body", [b"", b"ok\n", b"\xff", "— x AA==".encode()])
def test_an_answer_without_signature_lines_is_none(body):
    with pytest.raises(InvalidInput):
        read_answer(200, "text/plain", body)


def test_a_growth_that_does_not_hold_is_named():
    answer = refused_growth(VerificationFailed("growth-map", "it lost a leaf"))
    assert (answer.status, answer.body) == (422, "growth-map: it lost a leaf\n")
