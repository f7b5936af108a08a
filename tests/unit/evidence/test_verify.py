"""Bundles against a trust file: the honest one holds, and one test per way to cheat, with the name of what fails.

Every cheat of a broker is signed by the broker again: the signature over the bundle guards it on its way, not against
its maker.
"""

from __future__ import annotations

import copy
import random
from dataclasses import replace

import pytest

from evidence.documents.bundle import MAX_BUNDLE_BYTES, parse_bundle, seal_bundle
from evidence.documents.record import redact, seal
from evidence.documents.trust import parse_trust
from evidence.map.subject_map import SubjectMap
from evidence.verify import bundle as verify
from evidence.verify.signing import SigningRules
from evidence.verify.verdict import CHECKS
from primitives import ed25519
from primitives.canonical import canonical_json, parse_json
from primitives.errors import CouldNotCheck, InvalidInput
from scripts.vectors.synthetic_chain import (
    CONTRACTS,
    PRODUCT,
    World,
    address,
    event_log,
    example_world,
    seeded,
    verify_bundle,
)


@pytest.fixture(scope="module")
def world():
    return example_world()


@pytest.fixture(scope="module")
def trust(world):
    return world.trust()


@pytest.fixture
def body(world):
    return copy.deepcopy(world.bundle(references=[PRODUCT]).body())


def verified(world, body, trust=None, **options):
    return verify_bundle(world.seal(body), world.trust() if trust is None else trust, **options)


def test_an_honest_bundle_holds(world, body, trust):
    report = verified(world, body, trust)
    assert report.ok, report.checks
    assert tuple(check.name for check in report.checks) == CHECKS
    assert report.complete_as_of_block == world.anchors[-1].block
    assert report.verdict.startswith(f"complete as of block {world.anchors[-1].block} (2026-")
    assert [record.type for record in report.records] == [
        "Q_SUBMIT", "LEVEL_RESULT", "LEVEL_CONFIRM", "MATCH_OPINION", "RISK_CONFIRM", "PRODUCT_RATE",
    ]  # fmt: skip
    assert report.records[1].values == {"level": "C4", "total": 61}
    assert report.findings == report.notes == ()
    assert all(record.anchored_at >= record.accepted_at for record in report.records)


def test_what_was_signed_before_a_rotation_still_verifies(world, body, trust):
    blocks = [
        r["record"]["envelope"]["signatures"][0]["block"]
        for r in body["history"]["records"]
        if r["record"]["envelope"]["signatures"]
    ]
    keys_changed = world.changed[world.identity]
    assert blocks[0] < keys_changed <= blocks[1]
    assert verified(world, body, trust).ok


def test_a_redacted_bundle_holds_too(world, body, trust):
    for record in body["history"]["records"]:
        record["record"]["fields"] = {}
    assert verified(world, body, trust).ok


def test_no_flipped_byte_goes_unseen(world, body, trust):
    data = world.seal(body)
    chosen = random.Random(20261121)
    for _ in range(600):
        at, bit = chosen.randrange(len(data)), chosen.randrange(8)
        bent = data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
        try:
            report = verify_bundle(bent, trust)
        except (InvalidInput, CouldNotCheck):
            continue
        assert not report.ok, f"byte {at}, bit {bit}"


def test_no_removed_or_added_byte_goes_unseen(world, body, trust):
    data = world.seal(body)
    chosen = random.Random(7)
    for _ in range(150):
        at = chosen.randrange(len(data))
        for bent in (data[:at] + data[at + 1 :], data[:at] + b"0" + data[at:], data[:at]):
            try:
                report = verify_bundle(bent, trust)
            except (InvalidInput, CouldNotCheck):
                continue
            assert not report.ok


def fails(world, body, *names, trust=None):
    report = verified(world, body, trust)
    assert not report.ok
    assert set(names) <= set(report.failed), (names, report.failed, [c for c in report.checks if not c.ok])
    assert report.complete_as_of_time is None
    assert report.records == ()
    return report


@pytest.mark.parametrize("removed", range(5))
def test_any_removed_record_is_missed(world, body, removed):
    del body["history"]["records"][removed]
    fails(world, body, "subject-completeness")


def test_a_removed_record_with_its_neighbours_mended_is_missed(world, body):
    """The broker re-seals what follows: fingerprints then stand nowhere in the log."""
    records = body["history"]["records"]
    del records[1]
    previous = "0" * 64
    for seq, (item, accepted) in enumerate(
        zip(records, [w for w in world.records[world.subject] if w.sealed.envelope["seq"] != 2], strict=True), 1
    ):
        envelope = {**accepted.sealed.envelope, "seq": seq, "prev": previous}
        sealed = seal(envelope, accepted.sealed.values, accepted.sealed.root_salt)
        item["record"] = redact(sealed)
        item["promise"] = world.promise(sealed, item["promise"]["log_index"], 1_795_000_000_000)
        previous = sealed.fingerprint.hex()
    fails(world, body, "inclusion", "subject-completeness")


@pytest.mark.parametrize("kept", range(5))
def test_a_truncated_tail_is_missed(world, body, kept):
    body["history"]["records"] = body["history"]["records"][:kept]
    fails(world, body, "subject-completeness")


def test_a_truncated_tail_with_an_older_map_is_missed(world, body):
    """The map of the second anchor says three records; the last anchor says five."""
    older = world.bundle(anchors=2).body()
    body["history"]["records"] = body["history"]["records"][:3]
    body["history"]["maps"] = older["history"]["maps"]
    fails(world, body, "subject-completeness")
    body["history"]["maps"] = [*older["history"]["maps"], {**older["history"]["maps"][-1], "seq": 3}]
    fails(world, body, "subject-completeness")


def test_an_older_bundle_says_how_old_it_is(world, trust):
    """True as of its block; the verifier says that it is not the end."""
    older = world.bundle(anchors=2).body()
    report = verified(world, older, trust)
    assert report.ok
    assert report.complete_as_of_block == world.anchors[1].block
    assert f"first in block {world.anchors[2].block}" in report.notes[-1]
    assert "2 later records" in report.notes[0]
    asked = verified(world, older, trust, at_least_block=world.anchors[2].block)
    assert asked.failed == ("subject-completeness",)


def test_two_swapped_records_are_seen(world, body):
    records = body["history"]["records"]
    records[0], records[1] = records[1], records[0]
    fails(world, body, "subject-chain")


def test_two_swapped_log_places_are_seen(world, body):
    for name in ("first_path", "last_path"):
        one, other = body["history"]["records"][3], body["history"]["records"][4]
        one[name], other[name] = other[name], one[name]
    fails(world, body, "inclusion")


def test_a_back_dated_insert_is_seen(world, body):
    """A warning that never was, put between the level and its confirmation."""
    records = body["history"]["records"]
    forged = dict(records[1]["record"]["envelope"]) | {
        "type": "MISMATCH_WARN", "seq": 3, "prev": records[1]["promise"]["fingerprint"],
        "record_id": "019aa3b1-0000-7000-8000-000000000001",
    }  # fmt: skip
    sealed = seal(forged | {"fields": {}}, {}, seeded("forged"))
    item = copy.deepcopy(records[1])
    item["record"], item["promise"] = redact(sealed), world.promise(sealed, 3, 1_795_000_000_000)
    body["history"]["records"] = [*records[:2], item, *records[2:]]
    fails(world, body, "subject-chain", "inclusion", "subject-completeness")


def test_a_duplicated_record_is_seen(world, body):
    body["history"]["records"].append(copy.deepcopy(body["history"]["records"][-1]))
    fails(world, body, "subject-chain", "subject-completeness")


def test_a_salt_of_another_subject_is_seen(world, body):
    """A value of another client passed off under its own salt."""
    other = redact(world.records[seeded("another subject")][0].sealed)
    shown = body["history"]["records"][0]["record"]
    name = next(iter(shown["fields"]))
    shown["fields"][name] = next(iter(other["fields"].values()))
    fails(world, body, "fingerprint")
    shown["fields"] = {}
    shown["envelope_salt"] = other["envelope_salt"]
    fails(world, body, "fingerprint")


def test_a_changed_score_is_seen(world, body):
    body["history"]["records"][1]["record"]["fields"]["total"]["value"] = 90
    fails(world, body, "fingerprint")


def test_the_history_of_another_subject_is_seen(world, body):
    body["history"]["subject"] = seeded("another subject").hex()
    fails(world, body, "subject-chain", "subject-completeness")


def test_a_hidden_rating_of_a_product_is_seen():
    world = example_world()
    world.accept("PRODUCT_RATE", {"product": "FUND-1", "risk": "R5"}, subject=PRODUCT)
    world.anchor()
    body = world.bundle(references=[PRODUCT]).body()
    assert verified(world, body).ok
    body["references"][0]["records"].pop()
    fails(world, body, "subject-completeness")


# -- the chain


def look_alike():
    """The broker deploys an EvidenceAnchor of its own and anchors a history that suits it there."""
    world = example_world()
    world.records[world.subject] = world.records[world.subject][:3]
    world.anchor(contract=address("look-alike EvidenceAnchor"))
    return world


def test_an_anchor_from_a_look_alike_contract_is_refuted():
    world = look_alike()
    fails(world, world.bundle().body(), "directory")


def test_the_trust_file_alone_says_which_contract_counts():
    other = address("another EvidenceAnchor")
    world = World(contracts={**CONTRACTS, "EvidenceAnchor": other})
    world.chain.add_block([world.admit(world.member, world.broker_seed)])
    world.accept("LEVEL_RESULT", {"level": "C4"})
    world.anchor()
    fails(world, world.bundle().body(), "directory")
    data = parse_json(world.trust())
    for entry in data["directory"]:
        if entry["name"] == "EvidenceAnchor":
            entry["address"] = other
    assert verify_bundle(world.seal(world.bundle().body()), canonical_json(data)).ok


def test_an_event_of_another_member_or_another_seq_is_seen(world, body):
    body["anchors"][-1]["log_position"] = 0  # the other broker's event in the same receipt
    fails(world, body, "anchor-event")
    body["anchors"][-1]["log_position"] = 2
    fails(world, body, "anchor-event")


def test_an_anchor_of_another_block_or_transaction_is_seen(world, body):
    body["anchors"][-1]["tx_index"] = 0
    fails(world, body, "anchor-event")
    body["anchors"][-1]["tx_index"] = 1
    body["anchors"][-1]["block"] += 1
    fails(world, body, "anchor-event")


def test_a_forged_checkpoint_key_is_seen():
    world = example_world()
    world.accept("DUTY_NOTICE", {})
    world.anchor(checkpoint_seed=seeded("a key of nobody"))
    fails(world, world.bundle().body(), "checkpoint-signature")


def test_a_checkpoint_of_another_anchor_is_seen(world, body):
    body["anchors"][-1]["checkpoint"] = body["anchors"][0]["checkpoint"]
    fails(world, body, "checkpoint-signature")
    body["anchors"][-1]["checkpoint"] = "no note\n"
    fails(world, body, "checkpoint-signature")


def test_a_key_that_the_broker_no_longer_has_signs_nothing():
    world = example_world()
    world.chain.add_block([world.rotate_member(seeded("the broker's next key"))])
    world.accept("DUTY_NOTICE", {})
    world.anchor()
    fails(world, world.bundle().body(), "checkpoint-signature", "promise", "bundle-signature")


def test_a_broker_that_rotates_its_key_goes_on():
    world = example_world()
    next_seed = seeded("the broker's next key")
    world.chain.add_block([world.rotate_member(next_seed)])
    world.broker_seed = next_seed
    world.accept("DUTY_NOTICE", {})
    world.anchor()
    assert verified(world, world.bundle().body()).ok


@pytest.mark.parametrize("status", ["suspended", "regulator", "never admitted"])
def test_who_is_no_active_broker_proves_nothing(status):
    world = World()
    world.chain.add_block()
    role = 2 if status == "regulator" else 1
    if status != "never admitted":
        world.chain.add_block([world.admit(world.member, world.broker_seed, role)])
    if status == "suspended":
        world.chain.add_block([world.change("MemberRegistry", "MemberSuspended", world.member)])
    world.accept("Q_SUBMIT", {})
    world.anchor()
    fails(world, world.bundle().body(), "member-key-history")


def without_block(body, number):
    body["blocks"] = [block for block in body["blocks"] if block["number"] != number]
    return body


def test_no_block_with_a_key_change_can_be_left_out(world, body):
    for block in body["blocks"]:
        name = {1: "member-key-history", body["anchors"][-1]["block"]: "anchor-event"}.get(
            block["number"], "client-key-history"
        )
        fails(world, without_block(copy.deepcopy(body), block["number"]), name)


def rotation(*, same_block=False):
    """The client sets a new key and revokes the old one; the broker goes on with the old one."""
    world = example_world()
    old_seed = world.client_seed
    new = world.set_key(ed25519.public_key(seeded("the client's third key")))
    old = world.set_key(ed25519.public_key(old_seed), 0)
    if same_block:
        world.anchor(new, old)
    else:
        world.chain.add_block([new], [old])
    world.accept("CONSENT_GIVE", {"purpose": "X", "text_sha256": seeded("t").hex()}, signed=True)
    world.anchor()
    return world, world.changed[world.identity]


@pytest.mark.parametrize("same_block", [False, True])
def test_an_act_by_a_rotated_key_fails_and_the_rotation_cannot_be_hidden(same_block):
    world, block = rotation(same_block=same_block)
    body = world.bundle().body()
    fails(world, body, "client-signature")
    fails(world, without_block(copy.deepcopy(body), block), "client-key-history")
    emptied = copy.deepcopy(body)
    for item in emptied["blocks"]:
        if item["number"] == block:
            item["receipts"] = item["receipts"][:-1]
    fails(world, emptied, "block-receipts")


def test_a_rotation_after_the_last_act_cannot_be_hidden_either(world):
    """The change is later than every signature; it is still part of the history up to the last anchor."""
    later = example_world()
    later.chain.add_block([later.set_key(seeded("another key"))])
    later.anchor()
    body = later.bundle().body()
    assert verified(later, body).ok
    fails(later, without_block(body, later.changed[later.identity]), "client-key-history")


def test_an_earlier_change_before_the_trusted_headers_could_not_be_checked(world):
    first = next(number for number in range(1, 9) if len(world.chain.receipts[number]) > 0) + 1
    with pytest.raises(CouldNotCheck):
        verified(world, world.bundle().body(), world.trust(first=first))


def test_headers_that_end_before_the_anchor_could_not_be_checked(world):
    with pytest.raises(CouldNotCheck):
        verified(world, world.bundle().body(), world.trust(last=world.anchors[-1].block - 1))


def test_what_is_refuted_is_refuted_though_another_check_is_out_of_reach(world, body):
    first = next(number for number in range(1, 9) if len(world.chain.receipts[number]) > 0) + 1
    body["blocks"] = [block for block in body["blocks"] if block["number"] >= first]
    body["history"]["records"].pop()
    report = verified(world, body, world.trust(first=first))
    assert "subject-completeness" in report.failed
    assert any(check.detail.startswith("could not check") for check in report.checks)


def far_block(body):
    body["blocks"].append({"number": 10**9, "receipts": []})
    return body


def test_a_block_out_of_reach_does_not_hide_what_is_refuted(world, body, trust):
    """A refuted bundle must not turn into one that could not be checked by adding a block that nobody has."""
    with pytest.raises(CouldNotCheck):
        verified(world, far_block(copy.deepcopy(body)), trust)
    body["history"]["records"].pop()
    report = verified(world, far_block(body), trust)
    assert set(report.failed) == {"header-chain", "subject-completeness"}
    assert report.checks[2].detail.startswith("could not check: block 1000000000")


def test_an_anchor_out_of_reach_does_not_hide_a_refuted_one(world, body, trust):
    body["anchors"][0]["tx_index"] = 0
    body["anchors"][-1]["block"] = 10**9
    assert "anchor-event" in verified(world, body, trust).failed


@pytest.mark.parametrize("last", range(3, 8))
def test_too_few_headers_refute_nothing_that_is_true(world, body, last):
    """The headers end before the last anchor: histories are not whole, and no answer is drawn from a part of them."""
    if last >= world.anchors[-1].block:
        assert verified(world, body, world.trust(last=last)).ok
        return
    with pytest.raises(CouldNotCheck):
        verified(world, body, world.trust(last=last))


def test_broken_headers_fail_by_name(world, body):
    data = parse_json(world.trust())
    data["headers"][3] = data["headers"][2]
    fails(world, body, "header-chain", trust=canonical_json(data))


@pytest.mark.parametrize(
    ("place", "value"),
    [("chain_id", 1), ("broker", "did:ethr:0x1:0x" + "b" * 40), ("client", "did:ethr:0x1:0x" + "c" * 40)],
)
def test_another_chain_is_another_matter(world, body, place, value):
    body[place] = value
    assert "structure" in fails(world, body).failed


def test_another_broker_or_client_is_seen(world, body):
    changed = copy.deepcopy(body) | {"client": f"did:ethr:0x2a3f:{address('somebody')}"}
    fails(world, changed, "client-signature")
    fails(world, copy.deepcopy(body) | {"client": None}, "client-signature")
    fails(world, body | {"broker": f"did:ethr:0x2a3f:{address('other broker')}"}, "anchor-event", "member-key-history")


# -- signatures and promises


def own_world():
    """A world with one act, made as the test wants it and anchored for good."""
    world = World()
    world.chain.add_block([world.admit(world.member, world.broker_seed)])
    world.chain.add_block([world.set_key(ed25519.public_key(world.client_seed))])
    world.accept("LEVEL_RESULT", {"level": "C4"})
    return world


def test_an_act_without_its_signature_fails():
    world = own_world()
    world.accept("LEVEL_CONFIRM", {"level": "C4"})
    world.anchor()
    fails(world, world.bundle().body(), "client-signature")


def test_which_types_owe_the_signature_is_the_domains_to_say():
    """There is one list: a type that the domain makes an act of the client is not accepted unsigned here."""
    world = own_world()
    world.accept("DUTY_NOTICE", {})
    world.anchor()
    data, trust = world.seal(world.bundle().body()), world.trust()
    nobody = SigningRules((), {}, "ENROL", "END")
    assert verify.verify_bundle(data, trust, signing=nobody).ok
    owed = replace(nobody, client_acts={"DUTY_NOTICE"})
    assert verify.verify_bundle(data, trust, signing=owed).failed == ("client-signature",)


def test_an_act_signed_by_another_key_fails():
    world = own_world()
    world.client_seed = seeded("a thief")
    world.accept("LEVEL_CONFIRM", {"level": "C4"}, signed=True)
    world.anchor()
    fails(world, world.bundle().body(), "client-signature")


def test_an_act_signed_for_other_content_fails():
    world = own_world()
    accepted = world.accept("LEVEL_CONFIRM", {"level": "C4"}, signed=True)
    signature = accepted.sealed.envelope["signatures"][0]
    world.accept("RISK_CONFIRM", {"items": []}, signatures=[signature])
    world.anchor()
    fails(world, world.bundle().body(), "client-signature")


@pytest.mark.parametrize("block", [0, 1, 99])
def test_an_act_accepted_at_a_claimed_block_fails(block):
    """Before the key, before the promise's block, or after the anchor."""
    other = own_world()
    signature = other.accept("RISK_CONFIRM", {"items": []}, signed=True).sealed.envelope["signatures"][0]
    world = own_world()
    world.accept("RISK_CONFIRM", {"items": []}, signed=True, signatures=[{**signature, "block": block}])
    world.anchor()
    fails(world, world.bundle().body(), "client-signature")


def test_a_late_promise_is_a_finding_not_a_failure():
    world = own_world()
    for _ in range(20):
        world.chain.add_block()
    world.anchor()
    report = verified(world, world.bundle().body())
    assert report.ok
    [finding] = report.findings
    assert finding.code == "PROMISE_LATE"
    assert finding.record_id == world.records[world.subject][0].sealed.envelope["record_id"]


def test_a_promise_for_another_record_or_by_another_key_fails(world, body):
    records = body["history"]["records"]
    swapped = copy.deepcopy(body)
    swapped["history"]["records"][0]["promise"] = records[1]["promise"]
    fails(world, swapped, "fingerprint")
    sealed = world.records[world.subject][0].sealed
    renamed = copy.deepcopy(body)
    renamed["history"]["records"][0]["promise"]["record_id"] = records[1]["promise"]["record_id"]
    fails(world, renamed, "promise")
    forger = example_world()
    forger.broker_seed = seeded("a forger")
    records[0]["promise"] = forger.promise(sealed, 2, 1_795_000_000_000)
    fails(world, body, "promise")


def test_a_bundle_signed_by_somebody_else_fails(world, body, trust):
    report = verify_bundle(seal_bundle(body, seeded("somebody")), trust)
    assert report.failed == ("bundle-signature",)


# -- the map


def test_an_anchored_map_that_counts_less_convicts_the_broker():
    """The broker anchors a map in which the client has one record fewer: the shown records do not fit it."""
    world = example_world()
    heads = world.heads()
    count = heads[world.subject][0]
    heads[world.subject] = (count - 1, world.records[world.subject][-2].sealed.fingerprint)
    world.anchor(heads=heads)
    fails(world, world.bundle().body(), "subject-completeness")


def test_one_root_holds_one_value_per_subject(world):
    """There is no map with a key twice: `build` takes a mapping, and a forged second leaf has no path."""
    built = SubjectMap.build(world.heads())
    assert parse_trust(world.trust()).chain_id == 0x2A3F
    assert built.with_entries({world.subject: (9, bytes(32))}).root != built.root


# -- what is no bundle


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"{}",
        b"[]",
        b"\xff",
        b'{"format":"bonafides.bundle/1"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"a":1,"a":1}',
        b'{"a":NaN}',
        b'{"a":99999999999999999999}',
        b"\x1f\x8b not json",
    ],
)
def test_what_is_no_bundle_is_invalid(data, trust):
    with pytest.raises(InvalidInput):
        verify_bundle(data, trust)


def test_a_huge_bundle_is_refused_unread(trust):
    with pytest.raises(InvalidInput) as caught:
        verify_bundle(b" " * (MAX_BUNDLE_BYTES + 1), trust)
    assert caught.value.rule == "max-bytes"


@pytest.mark.parametrize("depth", [40, 500])
def test_a_deep_bundle_is_refused(world, body, trust, depth):
    value = 1
    for _ in range(depth):
        value = [value]
    body["history"]["records"][0]["record"]["fields"]["answers"]["value"] = value
    with pytest.raises(InvalidInput) as caught:
        verify_bundle(canonical_json(body | {"signature": {}}), trust)
    assert caught.value.rule == "depth"


def test_a_bundle_in_another_spelling_is_refused(world, body, trust):
    report = verify_bundle(world.seal(body).replace(b'"pending":0', b'"pending": 0'), trust)
    assert report.failed == ("canonical-form",)


def test_lone_surrogates_do_not_crash_the_reader(world, body, trust):
    data = world.seal(body)
    for place in (b'"case":"\\ud800', b'"\\udc00":1,"case":"'):
        with pytest.raises(InvalidInput):
            verify_bundle(data.replace(b'"case":"', place), trust)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"anchors": []}, "length"),
        ({"header_rule": "cometbft/1"}, "header-rule"),
        ({"proof_kind": "ics-23/1"}, "proof-kind"),
        ({"pending": -1}, "range"),
        ({"case": ""}, "length"),
        ({"more": 1}, "unknown-member"),
        ({"history": {}}, "required"),
    ],
)
def test_shape_errors_name_their_rule(world, body, change, rule):
    with pytest.raises(InvalidInput) as caught:
        world.seal(body | change)
    assert caught.value.rule == rule


def test_a_map_proof_of_absence_is_no_history(world, body):
    body["history"]["maps"][-1]["proof"] = {"path": [], "other": None}
    with pytest.raises(InvalidInput):
        world.seal(body)
    body["history"]["maps"] = []
    with pytest.raises(InvalidInput):
        world.seal(body)


def test_records_that_name_no_anchor_of_the_bundle_fail(world, body):
    body["history"]["records"][0]["first_anchor"] = 77
    report = fails(world, body, "structure")
    assert report.failed == CHECKS


def test_parsing_and_writing_are_inverse(world, body):
    data = world.seal(body)
    assert parse_bundle(data).body() == body


@pytest.mark.parametrize(
    "change",
    [
        {"format": "bonafides.trust/2"},
        {"headers": []},
        {"last": 1},
        {"headers": ["00"]},
        {"directory": [{"name": "A", "address": CONTRACTS["DidRegistry"], "from_block": 5, "to_block": 4}]},
        {
            "directory": [
                {"name": "A", "address": CONTRACTS["DidRegistry"], "from_block": b, "to_block": None} for b in (1, 2)
            ]
        },
        {"header_rule": "other"},
        {"chain_id": 0},
    ],
)
def test_malformed_trust_files_are_invalid(world, body, change):
    data = parse_json(world.trust()) | change
    with pytest.raises(InvalidInput):
        verify_bundle(world.seal(body), canonical_json(data))


def test_a_trust_file_without_a_name_could_not_check(world, body):
    data = parse_json(world.trust())
    for name in CONTRACTS:
        cut = data | {"directory": [entry for entry in data["directory"] if entry["name"] != name]}
        with pytest.raises(CouldNotCheck):
            verify_bundle(world.seal(body), canonical_json(cut))


def test_a_stray_registry_event_in_the_same_block_is_not_taken_for_a_change():
    world = example_world()
    stray = event_log(address("look-alike DidRegistry"), "DIDOwnerChanged", world.identity, "0x" + "0" * 40, 0)
    world.anchor(stray)
    assert verified(world, world.bundle().body()).ok
