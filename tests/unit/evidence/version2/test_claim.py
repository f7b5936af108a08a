"""A claim of format 2: each way to break a promise convicts, a kept one never does, each way to cheat has a name."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.log.tree import Tree
from evidence.version2.documents.claim import parse_claim
from evidence.version2.log.anchors import head_digest
from evidence.version2.log.checkpoint import AnchorCheckpoint, sign_anchor_checkpoint
from evidence.version2.map.label_map import Absence, LabelMap
from evidence.version2.promise import PromiseStanding, sign_promises
from evidence.version2.state.directory import DirectoryEntry
from evidence.version2.verify.claim import CLAIM_CHECKS, verify_claim
from primitives import ed25519
from primitives.canonical import canonical_json
from primitives.encoding import encode_base64url
from primitives.errors import BonafidesError, InvalidInput, VerificationFailed
from scripts.vectors.evidence_2 import VECTORS
from scripts.vectors.synthetic_consortium import Broker, consortium, did, seed
from scripts.vectors.version2.claims import (
    another_entry,
    checkpoint_at,
    claim_of,
    late,
    lived,
    named_wrong,
    never,
    not_counted,
    promise_document,
)
from tests.properties import examples

OTHER = seed("another entry")
REGULATOR = ed25519.public_key(lived()[0].world.members["regulator"].secret)


def verify(claimed, **more):
    return verify_claim(claimed.claim, [claimed.trust], {REGULATOR}, **more)


def convicted(claimed, standing):
    report = verify(claimed)
    assert report.ok, report.checks
    assert report.standing is standing
    assert report.verdict.startswith("broken: ")
    assert standing.value in report.verdict


def refuted(claimed, standing):
    report = verify(claimed)
    assert report.failed == ("not-kept",)
    assert report.standing is standing
    assert report.verdict.startswith("refuted: " if standing else "failed: ")


@pytest.mark.parametrize("name", ["late", "never", "another-entry", "not-counted", "named-wrong", "kept"])
def test_the_worked_claims_get_the_verdicts_of_the_page(name):
    vector = json.loads((VECTORS / "claim.json").read_text("utf-8"))
    claim, trust = (vector[part][name].encode() for part in ("claims", "trusts"))
    report = verify_claim(claim, [trust], {bytes.fromhex(vector["trust_key"])})
    assert report.verdict == vector["verdicts"][name]
    assert report.ok == (name != "kept")
    assert canonical_json(parse_claim(claim).to_json()) == claim
    assert [check.name for check in report.checks] == list(CLAIM_CHECKS)


# -- what convicts


def test_a_record_that_was_anchored_late():
    convicted(claim_of(*late()), PromiseStanding.NOT_IN_TIME)
    convicted(claim_of(*late(), entry=b"", counted=None), PromiseStanding.NOT_IN_TIME)  # the leaf alone decides


def test_a_record_that_was_never_anchored():
    convicted(claim_of(*never()), PromiseStanding.NOT_IN_TIME)
    convicted(claim_of(*never(), members=()), PromiseStanding.NOT_IN_TIME)  # the last leaf names its key


def test_a_broker_that_never_anchored_anything():
    broker = Broker(consortium(), "north")
    client = broker.client("ada")
    document = promise_document(broker, client.places[0])
    refuted(claim_of(broker, document), PromiseStanding.OPEN)
    broker.world.block += 100
    convicted(claim_of(broker, document), PromiseStanding.NOT_IN_TIME)
    assert verify(claim_of(broker, document, members=())).failed == ("promise",)


def test_a_broker_that_changed_its_key_and_fell_silent():
    broker, client = lived()
    broker.rotate()
    broker.record(client, "BIZ_DECIDE", {"decision": "ACCEPTED"})
    document = promise_document(broker, client.places[-1])
    broker.world.block += 100
    convicted(claim_of(broker, document), PromiseStanding.NOT_IN_TIME)
    assert verify(claim_of(broker, document, members=())).failed == ("promise",)


def test_a_broker_that_changes_its_key_twice_does_not_escape():
    broker, client = lived()
    broker.record(client, "BIZ_DECIDE", {"decision": "ACCEPTED"})
    document = promise_document(broker, client.places[-1])
    waiting = broker.entries, broker.waiting, broker.size
    broker.entries, broker.waiting, broker.size = [], {}, broker.anchored
    for _ in range(3):
        broker.rotate()
        broker.anchor()  # a heartbeat under each key
    broker.entries, broker.waiting, broker.size = waiting
    broker.anchor()
    assert verify(claim_of(broker, document)).failed == ("promise",)
    convicted(claim_of(broker, document, also=[3, 4]), PromiseStanding.NOT_IN_TIME)
    assert verify(claim_of(broker, document, also=[3])).failed == ("promise",)  # that it was the last one is not shown


def test_another_entry_in_its_place():
    convicted(claim_of(*another_entry(), entry=OTHER), PromiseStanding.ANOTHER_ENTRY)
    convicted(claim_of(*another_entry(), entry=OTHER, counted=None), PromiseStanding.ANOTHER_ENTRY)


def test_a_record_that_was_logged_and_not_counted():
    convicted(claim_of(*not_counted()), PromiseStanding.NOT_COUNTED)
    convicted(claim_of(*not_counted(), entry=b""), PromiseStanding.NOT_COUNTED)  # a batch that nobody serves


def test_a_record_in_whose_stead_another_is_counted():
    broker, client = lived()
    label = client.head.label
    broker.record(client, "BIZ_DECIDE", {"decision": "ACCEPTED"})
    broker.waiting[label] = OTHER
    broker.anchor()
    convicted(claim_of(broker, promise_document(broker, client.places[-1])), PromiseStanding.NOT_COUNTED)


def test_a_record_under_an_anchor_that_is_named_wrong():
    broker, document = named_wrong()
    convicted(claim_of(broker, document, checkpoint=broker.checkpoint(), also=[3]), PromiseStanding.NOT_COUNTED)
    refuted(claim_of(broker, document, also=[3]), PromiseStanding.KEPT)
    broker.anchor()
    earlier = checkpoint_at(broker, 3)
    convicted(claim_of(broker, document, checkpoint=earlier, also=[3]), PromiseStanding.NOT_COUNTED)


def test_a_place_that_lies_before_the_log_began():
    broker = Broker(consortium(), "north", first_index=1_000)
    client = broker.client("ada")
    bent = replace(broker.promised[1_000].promise, log_index=7)
    [document] = sign_promises([bent], broker.member.secret)
    broker.anchor()
    convicted(claim_of(broker, document), PromiseStanding.ANOTHER_ENTRY)
    refuted(claim_of(broker, promise_document(broker, client.places[0])), PromiseStanding.KEPT)


# -- what does not


def test_a_promise_that_was_kept_or_is_open_convicts_nobody():
    broker, client = lived()
    for place in client.places:
        refuted(claim_of(broker, promise_document(broker, place)), PromiseStanding.KEPT)
    broker.record(client, "BIZ_DECIDE", {"decision": "ACCEPTED"})
    refuted(claim_of(broker, promise_document(broker, client.places[-1])), PromiseStanding.OPEN)


def test_of_a_history_that_was_rolled_back_to_nothing_the_promises_were_kept_all_the_same():
    """No member's claim helps: what their anchor's map held it held."""
    broker, client = lived()
    documents = [promise_document(broker, place) for place in client.places]
    other = broker.client("zoe")
    broker.map = LabelMap()
    broker.record(other, "LEVEL_RESULT", {"band": "C1"})
    broker.anchor()
    for document, label in zip(documents, client.labels, strict=True):
        assert isinstance(broker.maps[broker.leaves[-1].seq].prove(label), Absence)
        refuted(claim_of(broker, document), PromiseStanding.KEPT)
        refuted(claim_of(broker, document, entry=b"", counted=None), None)


def test_what_is_not_shown_is_held_against_nobody():
    broker, client = lived()
    document = promise_document(broker, client.places[0])
    for more in ({"entry": b"", "counted": None}, {"entry": b""}, {"counted": None}):
        refuted(claim_of(broker, document, **more), None)
    broker, document = not_counted()
    refuted(claim_of(broker, document, counted=None), None)


@examples(12)
@given(
    st.lists(st.sampled_from(["record", "other", "anchor", "rotate"]), max_size=10),
    st.booleans(),
    st.booleans(),
    st.integers(0, 100),
)
def test_no_claim_about_an_honest_broker_convicts_it(steps, without_place, without_map, pick):
    broker = Broker(consortium(), "north")
    client, other = broker.client("ada"), broker.client("bob")
    for step in [*steps, "anchor"]:
        if step == "record":
            broker.record(client, "BIZ_APPLY", {"amount_fen": 1})
        elif step == "other":
            broker.record(other, "BIZ_APPLY", {"amount_fen": 1})
        elif step == "rotate":
            broker.rotate()
        else:
            broker.anchor()
    document = promise_document(broker, pick % broker.size)
    more = {"counted": None} if without_map else {}
    shown = claim_of(broker, document, entry=b"" if without_place else None, **more)
    report = verify(shown)
    assert not report.ok
    assert "not-kept" in report.failed


# -- ways to cheat: an outsider who wants to convict a broker that kept its word, and a broker that wants to escape


@cache
def kept():
    broker, client = lived()
    return broker, claim_of(broker, promise_document(broker, client.places[1]))


def bent(change):
    _, claimed = kept()
    body = json.loads(claimed.claim)
    change(body)
    return replace(claimed, claim=canonical_json(body))


def cheats():
    """Yield (what is done to a claim about a promise that was kept, the check that says so)."""
    broker, claimed = kept()
    honest = json.loads(claimed.claim)
    _, client = lived()
    later = json.loads(claim_of(broker, promise_document(broker, client.places[2])).claim)

    def a_later_time(body):
        body["log"]["anchors"][0]["time"] += 86_400

    def an_anchor_left_out(body):
        body["log"] = later["log"] | {"anchors": later["log"]["anchors"][:1]}

    def the_last_anchor_alone(body):
        """Leaf 3 is the last one, and does not cover the place: leaf 2 does."""
        path = broker.log()
        shown = claim_of(broker, honest["promise"], covering=None, entry=b"", counted=None, members=())
        assert path.seq == 3
        body.update(json.loads(shown.claim) | {"header": honest["header"], "nodes": honest["nodes"]})

    def a_shorter_log(body):
        body["log"]["seq"] = 2
        body["log"]["path"] = ""

    def no_log(body):
        body.update({"log": None, "keys": [], "place": None, "map": None})

    def another_entry_at_the_place(body):
        body["place"]["entry"] = OTHER.hex()

    def an_entry_of_another_place(body):
        body["place"] = later["place"]

    def another_entry_under_the_label(body):
        body["map"]["entry"] = OTHER.hex()

    def the_map_of_another_anchor(body):
        body["map"] = later["map"]

    def nothing_under_the_label(body):
        body["map"] = {"path": body["map"]["path"], "other": None}

    def a_promise_of_nobody(body):
        body["promise"]["signature"]["value"] = encode_base64url(bytes(64))

    def a_shorter_term(body):
        body["promise"]["anchor_by"] = body["promise"]["recorded_at"]

    def another_place(body):
        body["promise"]["log_index"] += 1

    def another_label(body):
        body["promise"]["label"] = OTHER.hex()

    def a_checkpoint_of_somebody_else(body):
        other = Broker(consortium(), "north")
        other.world.members["north"] = replace(other.member, generation=9)
        other.client("ada")
        other.anchor()
        body["checkpoint"] = other.checkpoint()

    def a_checkpoint_of_another_log(body):
        twin = lived()[0]
        twin.wrong = (2,)
        twin.leaves[-1] = replace(twin.leaves[-1], size_after=99)
        body.update(json.loads(claim_of(broker, honest["promise"], also=[3]).claim))
        body |= {"header": honest["header"], "nodes": honest["nodes"]}
        body["checkpoint"] = twin.checkpoint()

    def a_key_of_its_own(body):
        body["keys"][0]["signing"] = ed25519.public_key(OTHER).hex()

    def no_keys(body):
        body["keys"] = []

    def another_member(body):
        chain = broker.world.material("north", None)
        body["members"] = [item.to_json() for item in chain.members if item.member == did("south")]

    def another_chain(body):
        body["chain_id"] += 1

    def a_contract_less(body):
        del body["directory"][-1]

    def a_node_more(body):
        body["nodes"].append(encode_base64url(bytes(40)))

    def a_node_less(body):
        del body["nodes"][0]

    def another_block(body):
        body["header"] = later["header"]

    def another_opening(body):
        body["log"]["opening"]["former_size"] = 1_000

    def anchors_in_disorder(body):
        body["log"] = json.loads(claim_of(broker, honest["promise"], also=[3]).claim)["log"]
        body["log"]["anchors"].reverse()

    yield a_later_time, "log-head"
    yield an_anchor_left_out, "log-head"
    yield the_last_anchor_alone, "covering"
    yield a_shorter_log, "log-head"
    yield no_log, "log-head"
    yield another_entry_at_the_place, "inclusion"
    yield an_entry_of_another_place, "inclusion"
    yield another_entry_under_the_label, "label-map"
    yield the_map_of_another_anchor, "label-map"
    yield nothing_under_the_label, "label-map"
    yield a_promise_of_nobody, "promise"
    yield a_shorter_term, "promise"
    yield another_place, "promise"
    yield another_label, "promise"
    yield a_checkpoint_of_somebody_else, "checkpoint-signature"
    yield a_checkpoint_of_another_log, "checkpoint-signature"
    yield a_key_of_its_own, "member-keys"
    yield no_keys, "member-keys"
    yield another_member, "structure"
    yield another_chain, "structure"
    yield a_contract_less, "state-proof"
    yield a_node_more, "state-proof"
    yield a_node_less, "state-proof"
    yield another_block, "trust"
    yield another_opening, "log-head"
    yield anchors_in_disorder, "structure"


@pytest.mark.parametrize(("change", "check"), list(cheats()), ids=lambda value: getattr(value, "__name__", value))
def test_a_forged_claim_fails_by_name(change, check):
    report = verify(bent(change))
    assert not report.ok
    assert report.failed[0] == check, report.checks
    assert report.standing is None
    assert report.verdict.startswith("failed: ")


def test_a_promise_by_somebody_else_convicts_nobody():
    broker, client = lived()
    promise = broker.promised[client.places[1]].promise
    for secret in (seed("a stranger"), broker.world.members["south"].secret):
        [document] = sign_promises([replace(promise, entry=OTHER)], secret)
        assert verify(claim_of(broker, document, entry=promise.entry, counted=None)).failed == ("promise",)


def test_a_key_that_had_ended_promises_nothing_new():
    broker, client = lived()
    stolen = broker.member.secret
    broker.rotate()
    broker.anchor()
    broker.record(client, "BIZ_DECIDE", {"decision": "ACCEPTED"})
    broker.anchor()
    broker.anchor()
    promise = broker.promised[client.places[-1]].promise
    [document] = sign_promises([replace(promise, entry=OTHER)], stolen)
    claimed = claim_of(broker, document, entry=promise.entry, counted=None, also=[2, 3, 4, 5, 6])
    assert verify(claimed).failed == ("promise",)


def test_a_spelling_of_its_own_is_seen():
    _, claimed = kept()
    spelled = json.dumps(json.loads(claimed.claim), indent=1).encode()
    assert verify(replace(claimed, claim=spelled)).failed == ("canonical-form", "not-kept")


def test_a_claim_reaches_the_block_that_is_asked_for():
    broker, document = late()
    claimed = claim_of(broker, document)
    assert verify(claimed, at_least_block=broker.world.block).ok
    assert "trust" in verify(claimed, at_least_block=broker.world.block + 1).failed
    with pytest.raises(VerificationFailed, match="not pinned"):
        verify_claim(claimed.claim, [claimed.trust], {ed25519.public_key(OTHER)})


@cache
def broken():
    return claim_of(*late())


@examples(60)
@given(st.integers(0, 1 << 20), st.integers(1, 255))
def test_every_changed_byte_is_seen(at, flip):
    claimed = broken()
    data = bytearray(claimed.claim)
    at %= len(data)
    data[at] ^= flip
    try:
        report = verify(replace(claimed, claim=bytes(data)))
    except BonafidesError:
        return
    assert not report.ok, at


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.update(format="bonafides.claim/1"),
        lambda body: body.update(more=None),
        lambda body: body.pop("map"),
        lambda body: body["log"].update(anchors=[]),
        lambda body: body["log"].update(anchors=9 * body["log"]["anchors"]),
        lambda body: body["log"]["anchors"][0].update(batch=""),
        lambda body: body.update(members=2 * json.loads(claim_of(*never()).claim)["members"]),
    ],
)
def test_what_is_no_claim(change):
    body = json.loads(broken().claim)
    changed = copy.deepcopy(body)
    change(changed)
    with pytest.raises(InvalidInput):
        parse_claim(canonical_json(changed))


def test_a_claim_is_no_longer_than_the_page_says():
    with pytest.raises(InvalidInput) as caught:
        parse_claim(broken().claim + b" " * 262_144)
    assert caught.value.rule == "max-bytes"


def test_a_claim_does_not_grow_with_the_log():
    sizes = []
    for anchors in (30, 480):
        broker = Broker(consortium(), "north")
        client = broker.client("ada")
        for _ in range(anchors):
            broker.anchor()
        broker.record(client, "BIZ_APPLY", {"amount_fen": 1})
        broker.world.block += 100
        broker.anchor()
        sizes.append(len(claim_of(broker, promise_document(broker, client.places[-1])).claim))
    assert sizes[1] - sizes[0] < 4 * 2 * 45  # sixteen times the anchors: four levels more, at most two hashes each


def test_the_anchor_that_covers_cannot_be_left_out():
    """Two earlier anchors are shown, and not that they are the last ones."""
    broker, client = lived()
    broker.record(client, "BIZ_DECIDE", {"decision": "ACCEPTED"})
    broker.anchor()
    broker.anchor()
    broker.world.block += 100
    document = promise_document(broker, client.places[-1])
    claimed = claim_of(broker, document, covering=broker.leaves[1], entry=b"", counted=None, members=())
    assert verify(claimed).failed[0] == "covering"


def test_a_log_names_the_contract_of_version_1_that_it_continues():
    broker, document = late()
    broker.world.directory.insert(0, DirectoryEntry("EvidenceAnchor", did("v1").rpartition(":")[2], bytes(32), 1, 1))
    broker.world.name("EvidenceLog", broker.world.current("EvidenceLog"))  # the head of the whole Directory
    assert verify(claim_of(broker, document)).failed[0] == "log-head"


def test_a_key_of_another_algorithm_signs_no_promise():
    broker, document = late()
    keys = broker.member.keys
    other = replace(keys, algorithm=2, signing=b"\4" + bytes(64))
    leaf = replace(broker.leaves[-1], keys_digest=other.digest())
    broker.key_sets[other.digest()] = other
    broker.leaves[-1] = leaf
    broker.tree = Tree()
    for one in (broker.opening, *broker.leaves):
        broker.tree.append(one.encode())
    broker.world.set_log_head("north", head_digest(leaf.seq, broker.tree.root()))
    convicted(claim_of(broker, document), PromiseStanding.NOT_IN_TIME)  # by the key of the leaf before


def test_a_checkpoint_that_names_an_anchor_wrong_is_of_a_leaf_that_is_shown_and_of_this_tree():
    broker, document = named_wrong()
    claimed = claim_of(broker, document, checkpoint=broker.checkpoint())
    assert verify(claimed).failed[0] == "checkpoint-signature"
    last = broker.leaves[-1]
    of_no_tree = AnchorCheckpoint(broker.did, last.seq, bytes(32), last.map_root, last.size_after, (2,))
    note = sign_anchor_checkpoint(of_no_tree, broker.member.secret)
    assert verify(claim_of(broker, document, checkpoint=note, also=[3])).failed[0] == "checkpoint-signature"
