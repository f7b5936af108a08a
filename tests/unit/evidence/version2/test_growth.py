"""What a witness checks: an honest log at any pace, and one test per way to cheat, each refused by its name."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.log import tree
from evidence.version2.log.anchor_tree import Peaks, batch_root, peaks_of
from evidence.version2.log.growth import CHECKS, GrowthState, GrowthStep, grow
from evidence.version2.log.growth_document import Growth, parse_growth
from evidence.version2.map.append_proof import AppendProof, make_append_proof
from evidence.version2.map.label_map import LabelMap
from primitives.canonical import canonical_json, parse_json
from primitives.errors import InvalidInput, VerificationFailed
from scripts.vectors.growing_log import KEYS, GrowingLog, value
from scripts.vectors.version2.log import WITNESS_SEED


def log_of(*counts):
    log = GrowingLog()
    for count in counts:
        log.anchor(count)
    return log


def start(log):
    return GrowthState.opened(log.opening)


@settings(max_examples=30)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=12), st.data())
def test_an_honest_log_is_followed_at_any_pace(counts, data):
    log = GrowingLog()
    kept = start(log)
    for count in counts:
        log.anchor(count)
        if data.draw(st.booleans()):
            kept = log.check(kept)
            assert (kept.seq, kept.root, kept.map_root, kept.size) == (log.seq, log.tree.root(), log.map.root, log.size)
    assert log.check(kept) == log.check(start(log))


def test_a_long_way_is_gone_in_steps():
    log = log_of(*[3] * 20)
    state, peaks = start(log), Peaks().append(log.opening.hash())[0]
    steps = log.after(state)
    for at in range(0, 20, 7):
        state, peaks = grow(state, peaks, steps[at : at + 7], ())
    assert log.check(state) == log.check(start(log)) == state


def test_what_is_kept_does_not_grow():
    log = log_of(*[1] * 40)
    kept = log.check(start(log))
    assert sum(len(entry) for entry in (kept.root, kept.map_root)) == 64
    assert kept.wrong == ()


def test_the_same_checkpoint_is_cosigned_again():
    log = log_of(2, 0, 1)
    kept = log.check(start(log))
    assert log.check(kept) == kept


def test_a_later_head_of_the_chain_shows_an_earlier_checkpoint():
    log = log_of(2, 1)
    note, kept = log.checkpoint(), start(log)
    steps, seq = log.after(kept), log.seq
    log.anchor(3)
    assert log.check(kept, note, head=log.head(seq), steps=steps).seq == seq


def refused(name, check):
    assert name in CHECKS
    with pytest.raises(VerificationFailed) as caught:
        check()
    assert caught.value.check == name, caught.value


def test_another_signer_or_another_broker():
    log = log_of(2)
    kept = start(log)
    refused("checkpoint-signature", lambda: log.check(kept, log.checkpoint(seed=WITNESS_SEED)))
    refused("checkpoint-signature", lambda: log.check(kept, broker="did:ethr:0x2a3f:0x" + "1" * 40))
    refused("checkpoint-signature", lambda: log.check(kept, keys_digest=bytes(32)))


def test_a_tree_that_is_not_the_chains():
    log, other = log_of(2, 3), log_of(2, 4)
    kept = start(log)
    refused("chain-head", lambda: log.check(kept, head=other.head()))
    refused("chain-head", lambda: log.check(kept, head=dataclasses.replace(log.head(), digest=bytes(32))))
    refused("chain-head", lambda: log.check(kept, head=dataclasses.replace(log.head(), consistency=(bytes(32),))))
    behind = log_of(2)  # the chain has not come as far as the checkpoint
    refused("chain-head", lambda: log.check(kept, head=behind.head()))


def test_another_past_whatever_the_chain_says():
    """An operator that rewrites the chain's state is seen by who kept a root."""
    log, rewritten = log_of(2, 3), log_of(4)
    kept = log.check(start(log))
    rewritten.anchor(1)
    rewritten.anchor(1)
    refused("growth-start", lambda: rewritten.check(kept))
    refused("growth-start", lambda: log.check(kept, peaks=()))
    refused("growth-start", lambda: log.check(kept, peaks=(bytes(32),)))


def test_a_shorter_log_than_was_kept():
    log = log_of(2, 3)
    kept, shorter = log.check(start(log)), log_of(2)
    refused(
        "growth-checkpoint",
        lambda: shorter.check(kept, peaks=peaks_of(3, log.tree.node).hashes, steps=()),
    )


@pytest.mark.parametrize("skipped", [0, 1, 2])
def test_an_anchor_that_is_left_out(skipped):
    log = log_of(2, 0, 3)
    steps = log.after(start(log))
    del steps[skipped]
    refused(
        "growth-checkpoint" if skipped == 2 else "growth-order",
        lambda: log.check(start(log), steps=steps, keys_digest=KEYS),
    )


def test_anchors_in_another_order_or_of_another_size():
    log = log_of(2, 1)
    refused("growth-order", lambda: log.check(start(log), steps=log.after(start(log))[::-1]))
    jumped = GrowingLog()
    jumped.anchor(2)
    jumped.anchor(1, leaf={"size_before": 1, "size_after": 2})
    refused("growth-order", lambda: jumped.check(start(jumped)))
    shrunk = GrowingLog()
    shrunk.anchor(2)
    shrunk.anchor(0, leaf={"size_after": 1})
    refused("growth-order", lambda: shrunk.check(start(shrunk)))


def test_entries_that_are_not_the_batch():
    log = log_of(2, 3)
    for entries in ([], [value("other")] * 3, log.steps[3].entries[:2], log.steps[3].entries[::-1]):
        steps = [log.steps[2], dataclasses.replace(log.steps[3], entries=entries)]
        refused("growth-batch", lambda steps=steps: log.check(start(log), steps=steps))


def test_a_batch_that_is_more_than_the_log_grew():
    log = GrowingLog()
    log.anchor(3, leaf={"size_after": 2})
    refused("growth-batch", lambda: log.check(start(log)))


def test_a_map_that_lost_a_leaf():
    """The rollback between anchors that a bundle of the last one would not show."""
    log = log_of(2)
    log.anchor(1, good=LabelMap())
    refused("growth-map", lambda: log.check(start(log)))


def test_a_map_that_was_changed_and_put_back():
    log = log_of(2)
    kept, whole = log.check(start(log)), log.map
    log.anchor(1, good=LabelMap())
    refused("growth-map", lambda: log.check(kept))
    log.anchor(1, good=whole)
    refused("growth-map", lambda: log.check(kept))


def test_a_map_that_is_not_the_one_that_was_proved():
    log = GrowingLog()
    log.anchor(2, leaf={"map_root": value("another map")})
    refused("growth-map", lambda: log.check(start(log)))
    log = log_of(2)
    refused("growth-map", lambda: log.check(start(log), steps=[dataclasses.replace(log.steps[2], proof=None)]))
    bent = dataclasses.replace(log.steps[2].proof, walk="")
    refused("growth-map", lambda: log.check(start(log), steps=[dataclasses.replace(log.steps[2], proof=bent)]))


def test_a_heartbeat_that_moves_the_map():
    log = log_of(2)
    log.anchor(0, leaf={"map_root": value("another map")})
    refused("growth-map", lambda: log.check(start(log)))
    log = log_of(2, 0)
    assert isinstance(log.steps[2].proof, AppendProof)
    steps = [log.steps[2], dataclasses.replace(log.steps[3], proof=log.steps[2].proof)]
    refused("growth-map", lambda: log.check(start(log), steps=steps))


def test_a_map_that_counts_what_was_not_logged():
    log = GrowingLog()
    log.anchor(2)
    entries = [value("logged"), value("logged too")]
    leaf = dataclasses.replace(log.steps[2].leaf, batch_root=batch_root(entries))
    log.tree = tree.Tree.from_leaf_hashes([log.opening.hash(), leaf.hash()])
    log.steps[2] = GrowthStep(leaf, entries, log.steps[2].proof)
    refused("growth-entries", lambda: log.check(start(log)))


def test_one_entry_under_two_labels():
    log = GrowingLog()
    entry = value("entry")
    added = {value("one"): entry, value("two"): entry}
    proof = make_append_proof(LabelMap().top, added)
    log.anchor(2, leaf={"map_root": proof.new, "batch_root": batch_root([entry] * 2)}, entries=[entry] * 2, proof=proof)
    refused("growth-entries", lambda: log.check(start(log)))


def test_a_checkpoint_that_states_something_else():
    log = log_of(2, 1)
    for change in ({"map_root": value("another map")}, {"size": 4}):
        note = log.checkpoint(**change)
        refused("growth-checkpoint", lambda note=note: log.check(start(log), note))


def healed():
    """A log whose anchor 3 has a wrong map, and anchor 4 goes on from the map of anchor 2."""
    log = log_of(2)
    whole = log.map
    log.anchor(2, leaf={"map_root": value("a map that was not meant")})
    log.anchor(2, good=whole)
    return log


def test_a_wrong_anchor_is_passed_over_once_it_is_named():
    log = healed()
    refused("growth-map", lambda: log.check(start(log)))
    kept = log.check(start(log), log.checkpoint(3))
    assert (kept.wrong, kept.map_root, kept.size) == ((3,), log.map.root, 6)
    log.anchor(1)
    assert log.check(kept, log.checkpoint(3)).wrong == (3,)


def test_of_a_wrong_anchor_the_leaf_alone_is_shown():
    log = healed()
    steps = log.after(start(log))
    steps[1] = GrowthStep(steps[1].leaf)
    assert log.check(start(log), log.checkpoint(3), steps=steps).wrong == (3,)


def test_naming_another_anchor_does_not_help():
    log = healed()
    refused("growth-map", lambda: log.check(start(log), log.checkpoint(2)))


def test_what_was_gone_over_is_not_named_wrong_afterwards():
    """Else a broker would take back what members cosigned."""
    log = log_of(2)
    kept = log.check(start(log))
    log.anchor(1, good=LabelMap())
    refused("growth-wrong", lambda: log.check(kept, log.checkpoint(2)))


def test_what_was_named_wrong_stays_so():
    log = healed()
    kept = log.check(start(log), log.checkpoint(3))
    log.anchor(1)
    refused("growth-wrong", lambda: log.check(kept))


def test_the_document_reads_as_what_was_written_and_serves_the_check():
    log = log_of(2, 0, 3, 1)
    kept = start(log)
    made = Growth(kept.seq, peaks_of(kept.seq, log.tree.node).hashes, tuple(log.after(kept)))
    read = parse_growth(made.to_bytes())
    assert read.to_bytes() == made.to_bytes()
    assert log.check(kept, peaks=read.peaks, steps=read.steps) == log.check(kept)


@pytest.mark.parametrize(
    "change",
    [
        {"format": "bonafides.growth/1"},
        {"start": 0},
        {"peaks": "AA"},
        {"steps": [{"anchor": None, "entries": "", "proof": None}]},
        {"steps": {}},
        {"more": 1},
    ],
)
def test_another_document_is_none(change):
    made = parse_json(Growth(1, (bytes(32),), ()).to_bytes(), field="growth")
    with pytest.raises(InvalidInput):
        parse_growth(canonical_json(made | change))


def test_a_document_that_nobody_would_read_is_not_made():
    step = log_of(0).steps[2]
    with pytest.raises(InvalidInput):
        Growth(1, (bytes(32),), (step,) * 10_001).to_bytes()
