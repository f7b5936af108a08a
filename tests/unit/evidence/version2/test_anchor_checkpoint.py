"""Checkpoints of the tree of anchors: round trips, and one test per way to cheat."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.log.note import sign_note
from evidence.version2.log.checkpoint import (
    AnchorCheckpoint,
    log_origin,
    open_anchor_checkpoint,
    read_anchor_checkpoint,
    sign_anchor_checkpoint,
)
from primitives import ed25519
from primitives.errors import InvalidInput, VerificationFailed
from scripts.vectors.evidence import BROKER
from scripts.vectors.version2.log import BROKER_KEY, BROKER_SEED, WITNESS, WITNESS_SEED, checkpoint

HASHES = st.binary(min_size=32, max_size=32)
ROOT = base64.b64encode(bytes(32)).decode()


@given(
    seq=st.integers(1, 2**53 - 1),
    root=HASHES,
    map_root=HASHES,
    size=st.integers(0, 2**53 - 1),
    wrong=st.sets(st.integers(2)),
)
def test_a_checkpoint_opens_to_what_was_signed(seq, root, map_root, size, wrong):
    named = tuple(sorted(number for number in wrong if number < seq))
    made = AnchorCheckpoint(BROKER, seq, root, map_root, size, named)
    assert open_anchor_checkpoint(sign_anchor_checkpoint(made, BROKER_SEED), BROKER, BROKER_KEY) == made


def note(*lines):
    return sign_note("".join(f"{line}\n" for line in lines), log_origin(BROKER), BROKER_SEED)


HEAD = (log_origin(BROKER), 7, ROOT)


@pytest.mark.parametrize(
    ("lines", "field", "rule"),
    [
        ((BROKER, 7, ROOT, f"map {ROOT} 9"), "checkpoint.origin", "checkpoint"),
        (("example.com/log/2", 7, ROOT, f"map {ROOT} 9"), "checkpoint.origin", "did-ethr"),
        ((log_origin(BROKER.upper()), 7, ROOT, f"map {ROOT} 9"), "checkpoint.origin", "did-ethr"),
        ((log_origin(BROKER), 0, ROOT, f"map {ROOT} 9"), "checkpoint.size", "range"),
        ((log_origin(BROKER), 2**53, ROOT, f"map {ROOT} 9"), "checkpoint.size", "range"),
        (HEAD, "checkpoint.map", "checkpoint"),
        ((*HEAD, "wrong 3"), "checkpoint.map", "checkpoint"),
        ((*HEAD, f"map {ROOT}"), "checkpoint.map", "checkpoint"),
        ((*HEAD, f"map  {ROOT} 9"), "checkpoint.map", "checkpoint"),
        ((*HEAD, f"map {ROOT} 9 "), "checkpoint.map", "checkpoint"),
        ((*HEAD, f"Map {ROOT} 9"), "checkpoint.map", "checkpoint"),
        ((*HEAD, f"map {ROOT[:-2]}B= 9"), "checkpoint.map", "base64"),
        ((*HEAD, "map AAAA 9"), "checkpoint.map", "length"),
        ((*HEAD, f"map {ROOT} 09"), "checkpoint.map", "decimal"),
        ((*HEAD, f"map {ROOT} +9"), "checkpoint.map", "decimal"),
        ((*HEAD, f"map {ROOT} ٩"), "checkpoint.map", "decimal"),
        ((*HEAD, f"map {ROOT} {2**53}"), "checkpoint.map", "range"),
        ((*HEAD, f"map {ROOT} 9", f"map {ROOT} 9"), "checkpoint.wrong", "checkpoint"),
        ((*HEAD, f"map {ROOT} 9", "anything else"), "checkpoint.wrong", "checkpoint"),
        ((*HEAD, f"map {ROOT} 9", "wrong"), "checkpoint.wrong", "checkpoint"),
        ((*HEAD, f"map {ROOT} 9", "wrong 3 4"), "checkpoint.wrong", "decimal"),
        ((*HEAD, f"map {ROOT} 9", "wrong 03"), "checkpoint.wrong", "decimal"),
        ((*HEAD, f"map {ROOT} 9", "wrong 3", "wrong 3"), "checkpoint.wrong", "ascending"),
        ((*HEAD, f"map {ROOT} 9", "wrong 4", "wrong 3"), "checkpoint.wrong", "ascending"),
        ((*HEAD, f"map {ROOT} 9", "wrong 1"), "checkpoint.wrong", "range"),
        ((*HEAD, f"map {ROOT} 9", "wrong 7"), "checkpoint.wrong", "range"),
        ((*HEAD, f"map {ROOT} 9", *(f"wrong {seq}" for seq in range(2, 260))), "checkpoint.wrong", "length"),
        ((*HEAD, f"map {ROOT} 9", "", "wrong 3"), "checkpoint", "checkpoint"),
    ],
)
def test_other_lines_are_no_checkpoint(lines, field, rule):
    with pytest.raises(InvalidInput) as caught:
        open_anchor_checkpoint(note(*lines), BROKER, BROKER_KEY)
    assert (caught.value.field, caught.value.rule) == (field, rule)


@pytest.mark.parametrize("separator", ["\u2028", "\x85"])
def test_a_separator_of_splitlines_makes_no_line(separator):
    with pytest.raises(InvalidInput):
        open_anchor_checkpoint(note(*HEAD, f"map {ROOT} 9{separator}wrong 3"), BROKER, BROKER_KEY)


def test_nothing_in_it_can_be_changed():
    made = sign_anchor_checkpoint(checkpoint(3, 6), BROKER_SEED)
    text, signature = made.split("\n\n")
    lines = text.split("\n")
    assert open_anchor_checkpoint(made, BROKER, BROKER_KEY) == checkpoint(3, 6)
    for forged in (
        [lines[0], "8", *lines[2:]],
        [*lines[:2], ROOT, *lines[3:]],
        [*lines[:3], f"map {ROOT} 1022", *lines[4:]],
        [*lines[:3], lines[3].removesuffix("2") + "3", *lines[4:]],
        lines[:-1],
        [*lines[:4], "wrong 4", *lines[5:]],
    ):
        assert forged != lines
        with pytest.raises(VerificationFailed, match="checkpoint-signature"):
            open_anchor_checkpoint("\n".join(forged) + "\n\n" + signature, BROKER, BROKER_KEY)


def test_another_brokers_and_another_keys_are_refused():
    made = sign_anchor_checkpoint(checkpoint(), BROKER_SEED)
    with pytest.raises(VerificationFailed, match="checkpoint-signature"):
        open_anchor_checkpoint(made, WITNESS, BROKER_KEY)
    with pytest.raises(VerificationFailed, match="checkpoint-signature"):
        open_anchor_checkpoint(made, BROKER, ed25519.public_key(WITNESS_SEED))
    under_our_name = sign_note(replace(checkpoint(), broker=WITNESS).text(), log_origin(BROKER), BROKER_SEED)
    with pytest.raises(VerificationFailed, match="checkpoint-signature"):
        open_anchor_checkpoint(under_our_name, BROKER, BROKER_KEY)
    by_another = sign_anchor_checkpoint(checkpoint(), WITNESS_SEED)
    with pytest.raises(VerificationFailed, match="checkpoint-signature"):
        open_anchor_checkpoint(by_another, BROKER, BROKER_KEY)


@pytest.mark.parametrize("wrong", [(1,), (7,), (3, 2), (3, 3), (8,), tuple(range(2, 300))])
def test_what_no_reader_takes_is_not_signed(wrong):
    with pytest.raises(InvalidInput):
        sign_anchor_checkpoint(replace(checkpoint(), wrong=wrong), BROKER_SEED)


def test_a_checkpoint_of_version_1_is_none_of_version_2():
    with pytest.raises(InvalidInput):
        read_anchor_checkpoint(f"{BROKER}\n7\n{ROOT}\n")
