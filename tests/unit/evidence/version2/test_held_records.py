"""What a bundle gives back of its records: the promises as they were given, and the copies."""

import json
from dataclasses import replace

import pytest

from evidence.version2.documents.bundle import parse_bundle
from evidence.version2.documents.held_records import held_records
from evidence.version2.links import Link
from evidence.version2.promise import verify_promise
from evidence.version2.record import open_redacted, open_shown
from primitives import ed25519
from primitives.errors import InvalidInput, VerificationFailed
from scripts.vectors.evidence_2 import VECTORS
from scripts.vectors.synthetic_consortium import Broker, Fact, consortium
from scripts.vectors.version2.claims import promise_document


def lived():
    broker = Broker(consortium(), "north")
    client = broker.client("ada")
    broker.request(client, [Fact("LEVEL_RESULT", {"band": "C4"}), Fact("LEVEL_RESULT", {"band": "C5"})])
    broker.anchor()
    broker.record(client, "BIZ_APPLY", {"product_id": "FUND-1"})
    broker.anchor()
    return broker, client


def test_promises_are_those_that_were_given_and_copies_those_of_the_bundle():
    broker, client = lived()
    found = list(held_records(parse_bundle(broker.bundle(client)[0])))
    assert [one["promise"] for one in found] == [promise_document(broker, place) for place in client.places]
    public = ed25519.public_key(broker.member.secret)
    for one, record in zip(found, client.records, strict=True):
        promise = verify_promise(one["promise"], public)
        assert open_redacted(one["record"], fingerprint=promise.fingerprint).values == record.values


@pytest.mark.parametrize("name", ["bundle", "bundle-joined", "bundle-erased", "bundle-reported", "bundle-sm"])
def test_the_worked_bundles_give_back_all_but_what_was_erased(name):
    bundle = parse_bundle(json.loads((VECTORS / f"{name}.json").read_text("utf-8"))["bundle"].encode())
    shown = [item for history in bundle.histories for item in history.records]
    left = [item for item in shown if not isinstance(open_shown(item.shown), Link)]
    assert [one["promise"]["log_index"] for one in held_records(bundle)] == [item.log_index for item in left]
    assert (len(left) < len(shown)) == (name == "bundle-erased")


def test_what_holds_not_in_itself_gives_nothing():
    broker, client = lived()
    bundle = parse_bundle(broker.bundle(client)[0])
    first, *rest = bundle.history.records
    for records, error in (
        ([first, *rest[1:]], VerificationFailed),
        ([replace(first, promise=None), *rest], InvalidInput),
        ([replace(first, promise=replace(first.promise, batch=9)), *rest], InvalidInput),
        ([replace(first, shown={}), *rest], InvalidInput),
    ):
        with pytest.raises(error):
            list(held_records(replace(bundle, history=replace(bundle.history, records=tuple(records)))))
