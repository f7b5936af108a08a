"""What a wallet holds against what it keeps: a contradiction becomes a document that convicts; nothing else does."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.version2.documents.contradiction import (
    CONTRADICTION,
    PromiseContradiction,
    contradict,
    verify_contradiction,
)
from evidence.version2.documents.receipt import verify_receipt
from evidence.version2.log.checkpoint import read_anchor_checkpoint
from evidence.version2.log.convict import (
    EQUIVOCATION,
    ROLLBACK,
    Equivocation,
    Rollback,
    verify_equivocation,
    verify_rollback,
)
from evidence.version2.promise import parse_promise, promise_of, sign_promises
from evidence.version2.verify.contradictions import contradictions, given_checkpoint, given_promise, given_receipt
from primitives import ed25519
from primitives.canonical import canonical_json, parse_json
from primitives.errors import VerificationFailed
from scripts.vectors.evidence_2 import VECTORS
from scripts.vectors.synthetic_consortium import MINUTE_MS, Broker, consortium, seed
from scripts.vectors.version2.claims import keys_of, lived, promise_document, receipt_of
from tests.properties import examples


def given_of(broker, client, seq, **more):
    return given_receipt(verify_receipt(receipt_of(broker, client, seq, **more), keys_of(broker)))


def promised(broker, document):
    return given_promise(document, parse_promise(document)[0])


def resigned(broker, promise, secret=None, **changes):
    [document] = sign_promises([replace(promise, **changes)], secret or broker.member.secret)
    return document


def convicts(claims, kind, broker):
    """Return the one claim of a kind, once it travelled and convicted."""
    [claim] = [claim for claim in claims if isinstance(claim, kind)]
    shape = {Equivocation: EQUIVOCATION, Rollback: ROLLBACK, PromiseContradiction: CONTRADICTION}[kind]
    verify = {
        Equivocation: verify_equivocation,
        Rollback: verify_rollback,
        PromiseContradiction: verify_contradiction,
    }[kind]
    read = shape.read(parse_json(canonical_json(claim.to_json()), field="claim"), "claim")
    assert read == claim
    verify(read, ed25519.public_key(seed("a stranger")), keys_of(broker).signing)
    return claim


def everything(broker, client):
    """Return all that an honest broker gives about a client: receipts as of every anchor, promises, checkpoints."""
    found = []
    for seq, place in enumerate(client.places, 1):
        found.append(promised(broker, promise_document(broker, place)))
        found += [given_of(broker, client, seq, reaches=leaf.seq) for leaf in broker.leaves if leaf.size_after > place]
    return found


def test_an_honest_broker_never_contradicts_itself():
    broker, client = lived()
    broker.anchor()
    found = everything(broker, client)
    for new in found:
        assert contradictions(found, new) == []


@examples(15)
@given(st.lists(st.sampled_from(["record", "other", "anchor", "rotate"]), min_size=1, max_size=12))
def test_whatever_an_honest_broker_does_nothing_convicts_it(steps):
    broker = Broker(consortium(), "north")
    client, other = broker.client("ada"), broker.client("bob")
    broker.anchor()
    keys = [keys_of(broker)]
    kept = []
    for step in [*steps, "anchor"]:
        if step == "record":
            broker.record(client, "BIZ_APPLY", {"amount_fen": len(client.records)})
        elif step == "other":
            broker.record(other, "BIZ_APPLY", {"amount_fen": 1})
        elif step == "rotate":
            broker.rotate()
            keys.append(keys_of(broker))
        else:
            broker.anchor()
            for seq, place in enumerate(client.places, 1):
                new = given_receipt(verify_receipt(receipt_of(broker, client, seq), *keys))
                assert contradictions(kept, new) == []
                kept += [new, promised(broker, promise_document(broker, place))]


def test_two_checkpoints_of_one_number():
    broker, client = lived()
    held = given_of(broker, client, 2)
    broker.leaves[-1] = replace(broker.leaves[-1], map_root=bytes(32))
    note = broker.checkpoint()
    stated = replace(held.head.stated, map_root=bytes(32))
    convicts(contradictions([held], given_checkpoint(note, stated)), Equivocation, broker)
    convicts(contradictions([given_checkpoint(note, stated)], held), Equivocation, broker)


def naming(broker, *wrong):
    broker.wrong = wrong
    note = broker.checkpoint()
    return given_checkpoint(note, read_anchor_checkpoint(note.partition("\n\n")[0] + "\n"))


def test_a_name_that_is_taken_back():
    """From whichever side it comes, the document has the earlier checkpoint first; what goes on being named is fine."""
    broker, _client = lived()
    broker.anchor()
    named = naming(broker, 3)
    broker.anchor()
    dropped, others, kept = naming(broker), naming(broker, 2), naming(broker, 3)
    for later in (dropped, others):
        for one, two in ((named, later), (later, named)):
            claim = convicts(contradictions([one], two), Equivocation, broker)
            assert (claim.first, claim.second, claim.fork) == (named.head.note, later.head.note, None)
    assert contradictions([named, dropped], kept) == []
    convicts(contradictions([others], kept), Equivocation, broker)


def test_two_leaves_of_one_number():
    """The broker shows another tree to the same wallet later: the leaf of its record is another one."""
    broker, client = lived()
    fork, twin = Broker(consortium(), "north"), None
    twin = fork.client("ada")
    fork.record(twin, "LEVEL_RESULT", {"band": "C4", "total": 61})
    fork.anchor()  # without the other client's records
    held = given_of(fork, twin, 2)
    new = given_of(broker, client, 2)
    claim = convicts(contradictions([held], new), Equivocation, broker)
    assert claim.fork is not None


def rolled_back():
    """Return (broker, client, what was held before) of a broker whose map lost what anchor 3 put into it."""
    broker, client = lived()
    held = given_of(broker, client, 3)
    broker.map = broker.maps[2]
    broker.record(broker.client("zoe"), "LEVEL_RESULT", {"band": "C1", "total": 1})
    broker.anchor()
    return broker, client, held


def test_what_the_next_label_held_is_gone():
    """A wallet that holds the receipt of record 3 asks for that of record 2 again, which shows nothing after it."""
    broker, client, held = rolled_back()
    new = given_of(broker, client, 2)
    claim = convicts(contradictions([held], new), Rollback, broker)
    assert claim.label == client.labels[2]
    assert contradictions([new], held) == contradictions([held], new)  # in whatever order they came


def test_another_record_lies_where_one_was():
    broker, client, held = rolled_back()
    client.records[2:], client.places[2:], client.labels[2:] = [], [], []
    client.head = replace(client.head, count=2, fingerprint=client.records[1].fingerprint, label=held.shown[0][0])
    broker.record(client, "BIZ_APPLY", {"product_id": "FUND-2", "amount_fen": 1})
    broker.anchor()
    claims = contradictions([held], given_of(broker, client, 3))
    convicts(claims, Rollback, broker)
    convicts(claims, PromiseContradiction, broker)
    after = contradictions([held], given_of(broker, client, 2))
    convicts(after, Rollback, broker)


def test_an_anchor_that_is_named_wrong_is_no_rollback():
    broker, client, held = rolled_back()
    broker.wrong = (3,)
    assert contradictions([held], given_of(broker, client, 2)) == []


def test_two_promises_that_cannot_both_be_true():
    broker, client = lived()
    first = broker.promised[client.places[2]].promise
    held = promised(broker, promise_document(broker, client.places[2]))
    other = bytes(31) + b"\1"
    for changes in (
        {"entry": other},
        {"label": other},
        {"fingerprint": other, "entry": other, "record_id": "019aa3b1-5c10-7000-8000-00000000ffff", "log_index": 99},
        {"subject": other},
        {"seq": 7, "log_index": 99},
        {"recorded_at": first.recorded_at - 1, "log_index": 99},
        {"subject": other, "log_index": 99},  # one record in two histories
        {  # one label for two records
            "seq": 7,
            "fingerprint": other,
            "entry": other,
            "record_id": "019aa3b1-5c10-7000-8000-00000000ffff",
            "log_index": 99,
        },
    ):
        new = promised(broker, resigned(broker, first, **changes))
        convicts(contradictions([held], new), PromiseContradiction, broker)


def test_a_record_that_is_promised_anew_after_a_wrong_anchor_convicts_nobody():
    broker, client = lived()
    first = broker.promised[client.places[2]].promise
    held = promised(broker, promise_document(broker, client.places[2]))
    again = promised(broker, resigned(broker, first, log_index=99, anchor_by=first.anchor_by + MINUTE_MS))
    assert contradictions([held], again) == []
    claim = PromiseContradiction(broker.did, held.promise[0], again.promise[0])
    with pytest.raises(VerificationFailed, match="both promises may be true"):
        verify_contradiction(claim, keys_of(broker).signing)


def test_a_promise_for_a_label_that_the_record_before_does_not_name():
    broker, client = lived()
    held = given_of(broker, client, 3)
    record = broker.record(client, "BIZ_DECIDE", {"decision": "ACCEPTED"})
    bent = promise_of(record, label=bytes(32), log_index=broker.size - 1, anchor_by=broker.world.now)
    [document] = sign_promises([bent], broker.member.secret)
    new = promised(broker, document)
    claim = convicts(contradictions([held], new), PromiseContradiction, broker)
    assert claim.link == client.records[2].link
    assert contradictions([new], held) == [claim]
    for link in (
        client.records[1].link,
        replace(claim.link, next=bytes(32)),
        replace(claim.link, next=bytes(31) + b"1"),
    ):
        with pytest.raises(VerificationFailed, match="for the label that"):
            verify_contradiction(replace(claim, link=link), keys_of(broker).signing)


def test_the_worked_contradiction_convicts():
    text = json.loads((VECTORS / "promise-contradiction.json").read_text("utf-8"))["contradiction"]
    claim = CONTRADICTION.read(json.loads(text), "claim")
    verify_contradiction(claim, keys_of(lived()[0]).signing)


def test_what_somebody_else_promised_convicts_nobody():
    broker, client = lived()
    first = broker.promised[client.places[2]].promise
    document = promise_document(broker, client.places[2])
    forged = resigned(broker, first, seed("a stranger"), entry=bytes(32))
    for claim in (
        PromiseContradiction(broker.did, document, forged),
        PromiseContradiction(broker.did, forged, document),
        PromiseContradiction(broker.did.replace("f", "e"), document, resigned(broker, first, entry=bytes(32))),
    ):
        with pytest.raises(VerificationFailed) as caught:
            verify_contradiction(claim, keys_of(broker).signing)
        assert caught.value.check == "promise"


def test_two_brokers_do_not_contradict_each_other():
    broker, client = lived()
    first = broker.promised[client.places[2]].promise
    elsewhere = replace(first, broker=broker.did.replace("f", "e"), entry=bytes(32))
    assert contradict(first, elsewhere) is None
    held, south = given_of(broker, client, 2), Broker(consortium(), "south")
    south.client("ada")
    for _ in range(2):
        south.anchor()
    stated = read_anchor_checkpoint(south.checkpoint().split("\n\n")[0] + "\n")
    assert stated.seq == held.head.stated.seq
    assert contradictions([held], given_checkpoint(south.checkpoint(), stated)) == []
    new = given_promise(resigned(broker, elsewhere), elsewhere)
    assert contradictions([promised(broker, promise_document(broker, client.places[2]))], new) == []
