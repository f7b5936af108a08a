"""Going over the public leaves of a log: what the contract would not have made is no leaf that follows."""

from __future__ import annotations

import dataclasses

import pytest

from evidence.log import note as notes
from evidence.version2.log.anchor_tree import batch_root
from evidence.version2.log.audit import PublicState, check_stated, go_over
from evidence.version2.log.checkpoint import read_anchor_checkpoint
from primitives.errors import VerificationFailed
from scripts.vectors.growing_log import GrowingLog


def log_of(*counts):
    log = GrowingLog()
    for count in counts:
        log.anchor(count)
    return log


def entries(log):
    return [log.opening.encode(), *(log.steps[seq].leaf.encode() for seq in sorted(log.steps))]


def stated(log):
    return read_anchor_checkpoint(notes.split_note(log.checkpoint())[0])


def test_leaves_lead_to_the_checkpoint_from_wherever_one_stopped():
    log = log_of(2, 0, 3, 1)
    found = entries(log)
    for cut in range(len(found) + 1):
        state = go_over(go_over(PublicState(), found[:cut]), found[cut:])
        check_stated(state, stated(log))
        assert state.seq == log.seq


@pytest.mark.parametrize(
    "change",
    [
        {"seq": 5},
        {"size_before": 1},
        {"size_after": 2, "size_before": 1},
        {"batch_root": batch_root([])},
        {"block": 3},
        {"time": 3},
        {"key_version": 0},
    ],
)
def test_a_leaf_that_the_contract_would_not_make_does_not_follow(change):
    log = log_of(2, 3)
    found = entries(log)
    if change.get("key_version") == 0:
        found[1] = dataclasses.replace(log.steps[2].leaf, key_version=2).encode()
    else:
        found[2] = dataclasses.replace(log.steps[3].leaf, **change).encode()
    with pytest.raises(VerificationFailed, match="audit-leaves: leaf 3"):
        go_over(PublicState(), found)


def test_a_heartbeat_keeps_the_map():
    log = log_of(2, 0)
    changed = dataclasses.replace(log.steps[3].leaf, map_root=bytes(32))
    with pytest.raises(VerificationFailed, match="audit-leaves"):
        go_over(PublicState(), [*entries(log)[:2], changed.encode()])


def test_a_log_begins_with_one_opening():
    log = log_of(2)
    first, second = entries(log)
    for found in ([second], [first, first], [b""]):
        with pytest.raises(VerificationFailed, match="audit-leaves"):
            go_over(PublicState(), found)


@pytest.mark.parametrize("change", [{"root": bytes(32)}, {"map_root": bytes(32)}, {"size": 9}, {"seq": 2}])
def test_another_checkpoint_is_not_what_they_lead_to(change):
    log = log_of(2, 3)
    state = go_over(PublicState(), entries(log))
    with pytest.raises(VerificationFailed, match="audit-tree"):
        check_stated(state, dataclasses.replace(stated(log), **change))
    with pytest.raises(VerificationFailed, match="audit-tree"):
        check_stated(PublicState(), stated(log))
