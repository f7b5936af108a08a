"""Equivocation and rollback: what convicts, from which side, and what does not."""

from __future__ import annotations

import dataclasses
import json
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.log import tree
from evidence.version2.log.checkpoint import AnchorCheckpoint, sign_anchor_checkpoint
from evidence.version2.log.convict import (
    EQUIVOCATION,
    ROLLBACK,
    Equivocation,
    PlacedLeaf,
    PresentEntry,
    Rollback,
    SignedMap,
    unnames,
    verify_equivocation,
    verify_rollback,
)
from evidence.version2.map.label_map import LabelMap
from primitives.canonical import canonical_json, parse_json
from primitives.errors import InvalidInput, VerificationFailed
from scripts.vectors.evidence import BROKER, seeded
from scripts.vectors.evidence_2 import VECTORS
from scripts.vectors.version2.log import BROKER_KEY, BROKER_SEED, WITNESS, WITNESS_KEY, WITNESS_SEED, leaves

LEAVES = leaves()
LABEL, ENTRY, OTHER = seeded("label"), seeded("entry"), seeded("another entry")
REST = {seeded(f"label {number}"): seeded(f"entry {number}") for number in range(9)}
WHOLE, CUT, CHANGED = (LabelMap().insert({**REST, **more}) for more in ({LABEL: ENTRY}, {}, {LABEL: OTHER}))


def tree_of(leaves_):
    return tree.Tree.from_leaf_hashes(leaf.hash() for leaf in leaves_)


def note(leaves_, *wrong, seed=BROKER_SEED, broker=BROKER, **changes):
    last = leaves_[-1]
    made = AnchorCheckpoint(broker, len(leaves_), tree_of(leaves_).root(), last.map_root, last.size_after, wrong)
    return sign_anchor_checkpoint(dataclasses.replace(made, **changes), seed)


def placed(leaves_, seq):
    return PlacedLeaf(leaves_[seq - 1], tuple(tree_of(leaves_).inclusion(seq - 1, len(leaves_))))


def with_map(seq, label_map, base=LEAVES):
    """Return the log with another map at an anchor."""
    changed = dataclasses.replace(base[seq - 1], map_root=label_map.root)
    return [*base[: seq - 1], changed, *base[seq:]]


def travelled(claim):
    """Return a claim as it is read from its bytes."""
    shape = EQUIVOCATION if isinstance(claim, Equivocation) else ROLLBACK
    read = shape.read(parse_json(canonical_json(claim.to_json()), field="claim"), "claim")
    assert read == claim
    return read


def fails(check, verify, claim, *keys):
    with pytest.raises(VerificationFailed) as caught:
        verify(claim, *(keys or (BROKER_KEY,)))
    assert caught.value.check == check


FORKED = with_map(5, WHOLE)


@pytest.mark.parametrize("change", [{"root": bytes(32)}, {"map_root": bytes(32)}, {"size": 4}])
def test_two_checkpoints_of_one_number_convict(change):
    verify_equivocation(travelled(Equivocation(BROKER, note(LEAVES), note(LEAVES, **change))), BROKER_KEY)


def test_two_trees_of_one_number_convict():
    verify_equivocation(travelled(Equivocation(BROKER, note(LEAVES), note(FORKED))), BROKER_KEY)


def test_two_numbers_convict_by_one_leaf_that_differs():
    fork = (placed(LEAVES[:6], 5), placed(FORKED, 5))
    verify_equivocation(travelled(Equivocation(BROKER, note(LEAVES[:6]), note(FORKED), fork)), BROKER_KEY)
    opening = [dataclasses.replace(LEAVES[0], block=7), *LEAVES[1:]]
    fork = (placed(LEAVES[:6], 1), placed(opening, 1))
    verify_equivocation(travelled(Equivocation(BROKER, note(LEAVES[:6]), note(opening), fork)), BROKER_KEY)


def test_a_broker_that_changed_its_key_is_convicted_under_both():
    by_new_key = note(FORKED, seed=WITNESS_SEED)
    claim = Equivocation(BROKER, note(LEAVES), by_new_key)
    verify_equivocation(claim, BROKER_KEY, WITNESS_KEY)
    verify_equivocation(claim, WITNESS_KEY, BROKER_KEY)
    fails("checkpoint-signature", verify_equivocation, claim)


def test_what_one_log_can_say_does_not_convict():
    def equivocation(first, second, fork=None):
        fails("equivocation", verify_equivocation, Equivocation(BROKER, first, second, fork))

    equivocation(note(LEAVES), note(LEAVES))
    equivocation(note(LEAVES), note(LEAVES, 3))  # it may name an anchor as soon as it knows
    equivocation(note(LEAVES[:6]), note(LEAVES))
    equivocation(note(LEAVES[:6], 3), note(LEAVES, 3, 6))
    equivocation(note(LEAVES[:6]), note(LEAVES), (placed(LEAVES[:6], 5), placed(LEAVES, 5)))
    equivocation(note(LEAVES[:6]), note(LEAVES), (placed(LEAVES[:6], 4), placed(LEAVES, 5)))


WORKED = json.loads((VECTORS / "log-equivocation.json").read_bytes())["by_names"]


@pytest.mark.parametrize("name", WORKED["convicts"])
def test_a_wrong_anchor_that_is_named_no_longer_convicts(name):
    verify_equivocation(EQUIVOCATION.read(WORKED["convicts"][name], "claim"), WITNESS_KEY, BROKER_KEY)
    fails(
        "checkpoint-signature", verify_equivocation, EQUIVOCATION.read(WORKED["convicts"][name], "claim"), WITNESS_KEY
    )


@pytest.mark.parametrize("name", WORKED["acquits"])
def test_names_that_may_follow_each_other_convict_nobody(name):
    fails("equivocation", verify_equivocation, EQUIVOCATION.read(WORKED["acquits"][name], "claim"))


NAMES = st.sets(st.integers(2, 5)).map(lambda found: tuple(sorted(found)))


@given(st.lists(NAMES, min_size=2, max_size=4))
def test_of_any_names_that_only_grow_none_convicts_and_of_any_that_shrink_two_do(steps):
    """Whatever is named from checkpoint to checkpoint: with each name kept nothing convicts, else two neighbours do."""
    kept = [tuple(sorted(set().union(*steps[: number + 1]))) for number in range(len(steps))]
    for names, honest in ((kept, True), (steps, all({*one} <= {*other} for one, other in pairwise(steps)))):
        stated = [AnchorCheckpoint(BROKER, 6 + at, bytes(32), bytes(32), 9, wrong) for at, wrong in enumerate(names)]
        assert any(unnames(one, other) for one, other in combinations(stated, 2)) is not honest
        assert not any(unnames(other, one) for one, other in combinations(stated, 2))


def test_a_leaf_that_is_in_no_signed_tree_convicts_nobody():
    for fork in (
        (placed(LEAVES[:6], 5), placed(FORKED, 5)),
        (placed(FORKED[:6], 5), placed(LEAVES, 5)),
        (placed(LEAVES[:6], 5), PlacedLeaf(LEAVES[4], placed(LEAVES, 5).path[:-1])),
    ):
        fails("inclusion", verify_equivocation, Equivocation(BROKER, note(LEAVES[:6]), note(LEAVES), fork))


def test_what_somebody_else_signed_convicts_nobody():
    forged = note(FORKED, seed=WITNESS_SEED)
    fails("checkpoint-signature", verify_equivocation, Equivocation(BROKER, note(LEAVES), forged))
    fails("checkpoint-signature", verify_equivocation, Equivocation(BROKER, forged, note(LEAVES)))
    of_another = note(FORKED, broker=WITNESS)
    fails("checkpoint-signature", verify_equivocation, Equivocation(BROKER, note(LEAVES), of_another))


HELD = with_map(4, WHOLE)
LOST, REPLACED = with_map(7, CUT, HELD), with_map(7, CHANGED, HELD)
PRESENT = PresentEntry(ENTRY, WHOLE.prove(LABEL).path)
ABSENT, OTHERWISE = CUT.prove(LABEL), PresentEntry(OTHER, CHANGED.prove(LABEL).path)
EARLIER = SignedMap(note(HELD[:4]), None, PRESENT)


@pytest.mark.parametrize(("leaves_", "proof"), [(LOST, ABSENT), (REPLACED, OTHERWISE)])
@pytest.mark.parametrize("by_leaf", [False, True])
def test_a_label_that_is_gone_or_holds_another_entry_convicts(leaves_, proof, by_leaf):
    later = SignedMap(note(leaves_), placed(leaves_, 7) if by_leaf else None, proof)
    verify_rollback(travelled(Rollback(BROKER, LABEL, EARLIER, later)), BROKER_KEY)
    under_one = SignedMap(note(leaves_), placed(leaves_, 4), PRESENT)
    verify_rollback(travelled(Rollback(BROKER, LABEL, under_one, later)), BROKER_KEY)


def test_an_anchor_between_convicts_though_the_last_one_is_whole_again():
    leaves_ = with_map(7, WHOLE, with_map(6, CUT, HELD))
    later = SignedMap(note(leaves_), placed(leaves_, 6), ABSENT)
    verify_rollback(Rollback(BROKER, LABEL, EARLIER, later), BROKER_KEY)


def rolled_back(earlier=EARLIER, proof=ABSENT, leaves_=LOST, anchor=None, label=LABEL, **changes):
    return Rollback(BROKER, label, earlier, SignedMap(changes.get("later", note(leaves_)), anchor, proof))


def test_a_map_that_only_grew_does_not_convict():
    grown = WHOLE.insert({seeded("one more"): seeded("its entry")})
    leaves_ = with_map(7, grown, HELD)
    fails("rollback", verify_rollback, rolled_back(leaves_=leaves_, proof=PresentEntry(ENTRY, grown.prove(LABEL).path)))
    fails("label-map", verify_rollback, rolled_back(leaves_=leaves_))


def test_the_order_of_the_anchors_counts():
    """That a label was absent before it was there is how a map grows."""
    leaves_ = with_map(7, WHOLE, with_map(4, CUT))
    late = SignedMap(note(leaves_), None, PRESENT)
    early = SignedMap(note(leaves_[:4]), None, ABSENT)
    fails("rollback", verify_rollback, Rollback(BROKER, LABEL, late, early))
    fails("rollback", verify_rollback, Rollback(BROKER, LABEL, late, SignedMap(note(leaves_), None, ABSENT)))


def test_a_map_of_another_label_or_another_anchor_convicts_nobody():
    stranger = seeded("another label")
    fails("label-map", verify_rollback, rolled_back(label=stranger))
    fails("label-map", verify_rollback, rolled_back(earlier=SignedMap(note(LEAVES[:4]), None, PRESENT)))
    fails("label-map", verify_rollback, rolled_back(anchor=placed(LOST, 6)))
    fails("inclusion", verify_rollback, rolled_back(leaves_=LEAVES, anchor=placed(LOST, 7)))
    opening = SignedMap(note(LOST), placed(LOST, 1), PRESENT)
    fails("rollback", verify_rollback, rolled_back(earlier=opening))
    fails("rollback", verify_rollback, rolled_back(earlier=SignedMap(note(HELD[:4]), None, ABSENT)))


def test_an_anchor_that_is_named_wrong_is_no_map_that_the_broker_stands_for():
    fails("rollback", verify_rollback, rolled_back(later=note(LOST, 4)))
    whole = with_map(7, WHOLE, with_map(6, CUT, HELD))
    fails("rollback", verify_rollback, rolled_back(later=note(whole, 6), anchor=placed(whole, 6)))


def test_what_somebody_else_signed_is_no_rollback():
    fails("checkpoint-signature", verify_rollback, rolled_back(later=note(LOST, seed=WITNESS_SEED)))
    fails("checkpoint-signature", verify_rollback, rolled_back(), WITNESS_KEY)


@pytest.mark.parametrize(
    "change",
    [
        {"format": "bonafides.rollback/1"},
        {"broker": BROKER.upper()},
        {"label": "00"},
        {"later": None},
        {"more": 1},
        {"earlier": EARLIER.to_json() | {"proof": ABSENT.to_json()}},
        {"earlier": EARLIER.to_json() | {"anchor": {"leaf": LEAVES[3].encode().hex()[2:], "path": ""}}},
        {"earlier": EARLIER.to_json() | {"anchor": {"leaf": LEAVES[3].encode().hex(), "path": "AA"}}},
    ],
)
def test_another_document_is_none(change):
    with pytest.raises(InvalidInput):
        ROLLBACK.read(rolled_back().to_json() | change, "claim")
    with pytest.raises(InvalidInput):
        EQUIVOCATION.read(rolled_back().to_json() | change, "claim")


def worked(name):
    return parse_json((VECTORS / f"log-{name}.json").read_bytes(), field=name)[name].encode()


def test_the_worked_claims_convict():
    verify_equivocation(EQUIVOCATION.read(parse_json(worked("equivocation"), field="claim"), "claim"), BROKER_KEY)
    verify_rollback(ROLLBACK.read(parse_json(worked("rollback"), field="claim"), "claim"), BROKER_KEY)
