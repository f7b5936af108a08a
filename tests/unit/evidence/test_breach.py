"""Claims of a broken promise: what is proved, and every way to accuse a broker who kept his word."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from evidence.chain.engines import KEPT_PROOFS
from evidence.documents.breach import MAX_BREACH_BYTES, BreachAnchor, OtherEntry, parse_breach
from evidence.documents.promise import sign_promise
from evidence.documents.trust import DirectoryEntry, build_trust, parse_trust
from evidence.log.tree import EMPTY_ROOT
from evidence.verify.breach import BREACH_CHECKS, verify_breach
from primitives import ed25519
from primitives.canonical import canonical_json
from primitives.errors import CouldNotCheck, InvalidInput
from primitives.timestamp import format_time, parse_time
from scripts.vectors import breach as script
from scripts.vectors.breach import (
    broken_world,
    claim_of,
    forked_world,
    last_anchor_in_time,
    pass_time,
    started_world,
)
from scripts.vectors.synthetic_chain import CHAIN_ID, CONTRACTS, address, event_log, seeded


def verify(world, claim, **trust):
    return verify_breach(claim.to_bytes(), world.trust(**trust))


def without(claim, *numbers):
    return replace(claim, blocks=tuple(block for block in claim.blocks if block[0] not in numbers))


def with_promise(claim, **changes):
    return replace(claim, promise={**claim.promise, **changes})


def kept_world():
    """The record is anchored in time, an older anchor exists, and the time is over."""
    world = started_world()
    world.accept("Q_SUBMIT", {"answers": {"Q1": "A"}})
    world.anchor()
    kept = world.accept("LEVEL_RESULT", {"level": "C4"})
    world.anchor()
    pass_time(world, kept.promise)
    return world, kept


def test_a_block_out_of_reach_does_not_hide_what_is_refuted():
    world, kept = kept_world()
    claim = claim_of(world, kept.promise, last_anchor_in_time(world, kept.promise))
    claim = replace(claim, blocks=(*claim.blocks, (10**9, ())))
    report = verify(world, claim)
    assert {"header-chain", "not-kept"} <= set(report.failed)
    broken, late = broken_world()
    claim = claim_of(broken, late.promise)
    with pytest.raises(CouldNotCheck):
        verify(broken, replace(claim, blocks=(*claim.blocks, (10**9, ()))))


# -- what is proved


def test_a_promise_that_was_kept_too_late_is_broken():
    world, late = broken_world()
    report = verify(world, claim_of(world, late.promise))
    assert report.ok, report.checks
    assert tuple(check.name for check in report.checks) == BREACH_CHECKS
    assert report.verdict == f"broken: by {late.promise['anchor_by']} no anchor covered log index 1"


def test_a_promise_of_a_broker_that_never_anchored_is_broken():
    world = started_world()
    never = world.accept("Q_SUBMIT", {"answers": {"Q1": "A"}})
    pass_time(world, never.promise)
    claim = claim_of(world, never.promise)
    assert claim.anchor is None
    assert verify(world, claim).ok


def test_another_entry_at_the_promised_place_is_a_breach_before_the_time_is_over():
    world, promised, other = forked_world()
    report = verify(world, claim_of(world, promised.promise, world.anchors[-1], other))
    assert report.ok, report.checks
    assert report.verdict == "broken: another entry stands at log index 1"


def test_a_promise_stands_by_the_key_of_its_block_after_a_rotation():
    world = started_world()
    before = world.accept("Q_SUBMIT", {"answers": {"Q1": "A"}})
    world.chain.add_block([world.rotate_member(seeded("next broker seed"))])
    pass_time(world, before.promise)
    assert verify(world, claim_of(world, before.promise)).ok


def test_a_block_at_exactly_the_promised_time_is_in_time():
    world = started_world()
    world.accept("Q_SUBMIT", {"answers": {"Q1": "A"}})
    accepted = world.records[world.subject][0]
    exact = world.chain.time(world.chain.head + 2) * 1000
    body = {name: value for name, value in accepted.promise.items() if name != "signature"}
    signed, tight = (
        sign_promise({**body, "anchor_by": format_time(time)}, world.broker_seed, f"{world.broker}#signing")
        for time in (exact, exact - 1)
    )
    world.chain.add_block()
    world.anchor()
    world.chain.add_block()
    assert verify(world, claim_of(world, signed)).failed == ("not-kept",)
    assert verify(world, claim_of(world, tight)).ok


# -- accusing a broker who kept his word


def test_a_kept_promise_cannot_be_called_broken():
    world, kept = kept_world()
    assert verify(world, claim_of(world, kept.promise)).failed == ("not-kept",)


def test_the_anchor_in_time_cannot_be_hidden_behind_an_older_one():
    world, kept = kept_world()
    claim = claim_of(world, kept.promise, world.anchors[0])
    report = verify(world, claim)
    assert report.failed == ("not-kept",)
    assert "anchor 2" in report.checks[-1].detail
    hidden = verify(world, without(claim, world.anchors[1].block))
    assert hidden.failed == ("not-kept",)
    assert "is not shown" in hidden.checks[-1].detail


def test_anchors_cannot_be_hidden_by_showing_none():
    world, kept = kept_world()
    claim = replace(claim_of(world, kept.promise, world.anchors[0]), anchor=None)
    assert verify(world, claim).failed == ("not-kept",)
    bare = without(claim, *(anchor.block for anchor in world.anchors))
    assert verify(world, bare).failed == ("not-kept",)


def test_a_covering_anchor_in_the_older_ones_block_is_seen():
    world = started_world()
    world.accept("Q_SUBMIT", {"answers": {"Q1": "A"}})
    contract = world.contracts["EvidenceAnchor"]
    covering = event_log(contract, "Anchored", world.member, 2, seeded("root"), 2, world.tree.root(), bytes(32))
    kept = world.accept("LEVEL_RESULT", {"level": "C4"})
    world.tree = type(world.tree).from_leaf_hashes([world.tree.leaf(0)])
    world.anchor(covering)
    pass_time(world, kept.promise)
    claim = claim_of(world, kept.promise)
    assert claim.anchor.block in dict(claim.blocks)
    assert verify(world, claim).failed == ("not-kept",)
    assert verify(world, without(claim, claim.anchor.block)).failed == ("not-kept",)


def test_an_anchor_after_the_time_is_no_last_anchor_in_time():
    world, late = broken_world()
    shown = claim_of(world, late.promise, world.anchors[1])
    assert verify(world, shown).failed == ("not-kept",)


def test_headers_that_end_before_the_time_is_over_prove_nothing():
    world, late = broken_world()
    claim = claim_of(world, late.promise)
    past = next(
        n for n in range(world.chain.head) if world.chain.time(n) * 1000 > parse_time(late.promise["anchor_by"], "t")
    )
    assert verify(world, claim, last=past).ok
    with pytest.raises(CouldNotCheck):
        verify(world, claim, last=past - 1)


def test_headers_that_begin_after_the_first_anchors_prove_nothing():
    world = started_world()
    never = world.accept("Q_SUBMIT", {"answers": {"Q1": "A"}})
    pass_time(world, never.promise)
    claim = claim_of(world, never.promise)
    with pytest.raises(CouldNotCheck):
        verify(world, claim, first=2)


# -- forged promises


@pytest.mark.parametrize(
    "changes",
    [
        {"log_index": 2},
        {"anchor_by": "2026-11-18T19:06:50.000+08:00"},
        {"fingerprint": "ab" * 32},
        {"subject": "cd" * 32},
        {"block": 1},
    ],
)
def test_a_forged_promise_is_refuted(changes):
    world, late = broken_world()
    assert "promise" in verify(world, with_promise(claim_of(world, late.promise), **changes)).failed


def test_a_promise_by_another_key_is_refuted():
    world = started_world()
    honest, world.broker_seed = world.broker_seed, seeded("somebody's seed")
    forged = world.accept("Q_SUBMIT", {"answers": {"Q1": "A"}})
    world.broker_seed = honest
    pass_time(world, forged.promise)
    assert verify(world, claim_of(world, forged.promise)).failed == ("promise",)


def test_a_promise_by_a_key_that_was_rotated_out_before_its_block_is_refuted():
    world = started_world()
    world.chain.add_block([world.rotate_member(seeded("next broker seed"))])
    stale = world.accept("Q_SUBMIT", {"answers": {"Q1": "A"}})
    pass_time(world, stale.promise)
    claim = claim_of(world, stale.promise)
    assert verify(world, claim).failed == ("promise",)
    report = verify(world, without(claim, 3))
    assert "member-key-history" in report.failed


def test_a_promise_of_nobody_is_refuted():
    world = started_world()
    world.member = address("a stranger")
    promised = world.accept("Q_SUBMIT", {"answers": {"Q1": "A"}})
    pass_time(world, promised.promise)
    assert "member-key-history" in verify(world, claim_of(world, promised.promise)).failed


def test_a_promise_of_a_regulator_is_refuted():
    world = started_world()
    world.member = address("regulator")
    world.chain.add_block([world.admit(world.member, world.broker_seed, 2)])
    promised = world.accept("Q_SUBMIT", {"answers": {"Q1": "A"}})
    pass_time(world, promised.promise)
    assert "member-key-history" in verify(world, claim_of(world, promised.promise)).failed


# -- forged anchors


def test_another_brokers_anchor_is_refuted():
    """The first transaction of an anchor's block holds an anchor of another broker, of one entry."""
    world, late = broken_world()
    claim = claim_of(world, late.promise)
    block = world.anchors[0].block
    proof = KEPT_PROOFS.prove_one(world.chain.receipts[block], 0)
    stolen = replace(claim, anchor=BreachAnchor(1, block, 0, 0, tuple(proof)))
    assert "anchor-event" in verify(world, stolen).failed


def test_an_anchor_of_a_look_alike_contract_is_refuted():
    """Somebody lets a contract of his own say that the broker anchored nothing: the true anchor stays hidden."""
    look_alike = address("look-alike")
    world = started_world()
    kept = world.accept("Q_SUBMIT", {"answers": {"Q1": "A"}})
    world.anchor()
    empty = event_log(look_alike, "Anchored", world.member, 1, EMPTY_ROOT, 0, EMPTY_ROOT, bytes(32))
    number = world.chain.add_block([empty])
    pass_time(world, kept.promise)
    claim = claim_of(world, kept.promise)
    proof = KEPT_PROOFS.prove_one(world.chain.receipts[number], 0)
    lie = without(replace(claim, anchor=BreachAnchor(1, number, 0, 0, tuple(proof))), world.anchors[0].block)
    assert verify(world, lie).failed == ("directory", "not-kept")


def test_an_anchor_of_a_look_alike_does_not_keep_a_promise():
    world = started_world()
    late = world.accept("Q_SUBMIT", {"answers": {"Q1": "A"}})
    world.anchor(contract=address("look-alike"))
    world.anchors.clear()
    pass_time(world, late.promise)
    assert verify(world, claim_of(world, late.promise)).ok


def test_what_was_anchored_at_an_earlier_address_counts():
    """The consortium moved to a new contract, where the log begins anew; the promise was kept at the old one."""
    world = started_world()
    kept = world.accept("Q_SUBMIT", {"answers": {"Q1": "A"}})
    world.anchor()
    moved, target = world.chain.head + 1, address("the next EvidenceAnchor")
    empty = event_log(target, "Anchored", world.member, 1, EMPTY_ROOT, 0, EMPTY_ROOT, bytes(32))
    number = world.chain.add_block([empty])
    pass_time(world, kept.promise)
    old = CONTRACTS["EvidenceAnchor"]
    entries = [
        DirectoryEntry("EvidenceAnchor", old, 1, moved - 1),
        DirectoryEntry("EvidenceAnchor", target, moved, None),
        DirectoryEntry("MemberRegistry", CONTRACTS["MemberRegistry"], 1, None),
    ]
    trust = build_trust(CHAIN_ID, "ethereum-header/1", entries, 0, world.chain.headers)
    proof = KEPT_PROOFS.prove_one(world.chain.receipts[number], 0)
    claim = replace(claim_of(world, kept.promise), anchor=BreachAnchor(1, number, 0, 0, tuple(proof)))
    shown = dict(claim.blocks) | {number: tuple(world.chain.receipts[number])}
    lie = replace(claim, blocks=tuple(sorted(shown.items())))
    assert verify_breach(lie.to_bytes(), trust).failed == ("not-kept",)
    assert verify_breach(without(lie, world.anchors[0].block).to_bytes(), trust).failed == ("not-kept",)


@pytest.mark.parametrize(
    "changes", [{"seq": 2}, {"tx_index": 0}, {"log_position": 0}, {"log_position": 9}, {"proof": ()}]
)
def test_an_anchor_at_another_place_is_refuted(changes):
    world, late = broken_world()
    claim = claim_of(world, late.promise)
    assert "anchor-event" in verify(world, replace(claim, anchor=replace(claim.anchor, **changes))).failed


# -- another entry that is none


def test_the_promised_entry_itself_is_no_other_entry():
    world, kept = kept_world()
    own = OtherEntry(kept.sealed.fingerprint, tuple(world.tree.inclusion(1, 2)))
    assert verify(world, claim_of(world, kept.promise, world.anchors[1], own)).failed == ("not-kept",)


def test_an_entry_of_another_place_is_no_other_entry():
    world, kept = kept_world()
    first = world.records[world.subject][0].sealed.fingerprint
    other = OtherEntry(first, tuple(world.tree.inclusion(0, 2)))
    assert verify(world, claim_of(world, kept.promise, world.anchors[1], other)).failed == ("not-kept",)


def test_another_entry_needs_an_anchor_that_reaches_it():
    world, kept = kept_world()
    other = OtherEntry(seeded("nothing"), ())
    assert verify(world, claim_of(world, kept.promise, world.anchors[0], other)).failed == ("not-kept",)


def test_another_entry_without_an_anchor_is_no_claim():
    world, promised, other = forked_world()
    body = claim_of(world, promised.promise, world.anchors[-1], other).to_json() | {"anchor": None}
    with pytest.raises(InvalidInput):
        parse_breach(canonical_json(body))


# -- the frame


def test_a_block_with_other_receipts_is_refuted():
    world, late = broken_world()
    claim = claim_of(world, late.promise)
    number, receipts = claim.blocks[0]
    assert "block-receipts" in verify(world, replace(claim, blocks=((number, receipts[:-1]), *claim.blocks[1:]))).failed


def test_headers_that_do_not_link_are_refuted():
    world, late = broken_world()
    claim = claim_of(world, late.promise).to_bytes()
    trusted = parse_trust(world.trust())
    headers = [*world.chain.headers]
    headers[4] = started_world().chain.headers[0]
    entries = list(trusted.directory)
    with pytest.raises(InvalidInput):
        verify_breach(claim, build_trust(CHAIN_ID, "ethereum-header/1", entries, 0, headers[4:5] + headers))
    assert (
        "header-chain" in verify_breach(claim, build_trust(CHAIN_ID, "ethereum-header/1", entries, 0, headers)).failed
    )


def test_a_claim_of_another_chain_is_refuted():
    world, late = broken_world()
    body = claim_of(world, late.promise).to_json() | {"chain_id": CHAIN_ID + 1}
    assert "structure" in verify_breach(canonical_json(body), world.trust()).failed


def trust_naming(world, *names):
    entries = [DirectoryEntry(name, CONTRACTS[name], 1, None) for name in names]
    return build_trust(CHAIN_ID, "ethereum-header/1", entries, 0, world.chain.headers)


@pytest.mark.parametrize("named", ["MemberRegistry", "EvidenceAnchor"])
def test_a_trust_file_that_names_a_contract_too_few_checks_nothing(named):
    world, late = broken_world()
    claim = claim_of(world, late.promise)
    with pytest.raises(CouldNotCheck):
        verify_breach(claim.to_bytes(), trust_naming(world, named))
    forged = replace(claim, anchor=replace(claim.anchor, proof=()))  # what is refuted is refuted all the same
    report = verify_breach(forged.to_bytes(), trust_naming(world, named))
    assert "anchor-event" in report.failed
    assert report.verdict.startswith("failed: ")


def test_another_event_is_no_anchor():
    world, late = broken_world()
    claim = claim_of(world, late.promise)
    proof = KEPT_PROOFS.prove_one(world.chain.receipts[1], 0)
    admission = replace(claim, anchor=BreachAnchor(1, 1, 0, 0, tuple(proof)))
    assert verify(world, admission).failed == ("directory", "anchor-event", "not-kept")


def test_blocks_out_of_order_are_refuted():
    world, late = broken_world()
    claim = claim_of(world, late.promise)
    assert "structure" in verify(world, replace(claim, blocks=claim.blocks[::-1])).failed
    assert "structure" in verify(world, replace(claim, blocks=claim.blocks + claim.blocks[-1:])).failed


def test_another_spelling_is_refuted():
    world, late = broken_world()
    data = json.dumps(claim_of(world, late.promise).to_json()).encode()
    assert verify_breach(data, world.trust()).failed == ("canonical-form",)


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "bonafides.bundle/1"},
        {"promise": None},
        {"blocks": None},
        {"blocks": [{"number": -1, "receipts": []}]},
        {"anchor": {}},
        {"other": {}},
        {"header_rule": "another/1"},
        {"proof_kind": "another/1"},
        {"more": 1},
    ],
)
def test_what_has_another_shape_is_no_claim(changes):
    world, late = broken_world()
    with pytest.raises(InvalidInput):
        parse_breach(canonical_json(claim_of(world, late.promise).to_json() | changes))


def test_a_claim_that_is_too_long_is_no_claim():
    with pytest.raises(InvalidInput):
        parse_breach(b" " * (MAX_BREACH_BYTES + 1))


def test_one_changed_byte_never_proves_a_breach():
    world, late = broken_world()
    data, trust = claim_of(world, late.promise).to_bytes(), world.trust()
    for place in range(0, len(data), 61):
        changed = bytearray(data)
        changed[place] ^= 1
        try:
            report = verify_breach(bytes(changed), trust)
        except (InvalidInput, CouldNotCheck):
            continue
        assert not report.ok, place


def test_the_keys_of_the_worlds_differ():
    """The forgeries above are by keys that are not the broker's."""
    assert ed25519.public_key(seeded("somebody's seed")) != ed25519.public_key(seeded("broker signing seed"))
    world, late = broken_world()
    assert last_anchor_in_time(world, late.promise) == world.anchors[0]


# -- the page docs/spec/breach.md, the vector files and the code say the same bytes

OUTPUTS = script.outputs()


@pytest.mark.parametrize("path", OUTPUTS, ids=lambda path: path.name)
def test_page_and_vectors_equal_the_code(path):
    assert path.read_text(encoding="utf-8") == OUTPUTS[path]


@pytest.mark.parametrize("name", ["time", "other-entry"])
def test_the_worked_claims_verify_against_their_trust_files(name):
    vector = json.loads((script.VECTORS / f"{name}.json").read_text(encoding="utf-8"))
    report = verify_breach(bytes.fromhex(vector["claim_bytes"]), vector["trust"].encode())
    assert report.ok
    assert report.verdict == vector["verdict"]
    assert f"<!-- vector {name} -->\n```text\n" in script.PAGE.read_text(encoding="utf-8")
