"""Every member of every document that a stranger hands over, with a JSON value of another kind: only typed errors."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path

import pytest

from evidence.documents.promise import verify_promise
from evidence.documents.receipt import verify_receipt
from evidence.verify.breach import verify_breach
from primitives.canonical import canonical_json, parse_json
from primitives.errors import BonafidesError
from scripts.vectors.synthetic_chain import PRODUCT, example_world, verify_bundle

VECTORS = Path(__file__).parents[2] / "vectors"
STRANGE = [
    None, True, 0, -1, 1.5, 2**53 - 1, "", "x", "00" * 32, "0x" + "0" * 40, "\u202e\x9b",
    [], [[]], [None], {}, {"a": 1},
]  # fmt: skip

WORLD = example_world()
TRUST = WORLD.trust()
BUNDLE = parse_json(WORLD.seal(WORLD.bundle(references=[PRODUCT]).body()))
BUNDLE_BYTES = canonical_json(BUNDLE)
HELD = [dict(accepted.promise) for accepted in WORLD.records[WORLD.subject][:2]]


def vector(name):
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))


RECEIPT = json.loads(vector("evidence/receipt.json")["receipt"])
MEMBER_KEY = bytes.fromhex(vector("evidence/inputs.json")["member_public_key"])
BREACH = {name: vector(f"breach/{name}.json") for name in ("time", "other-entry")}

DOCUMENTS = {
    "bundle": (BUNDLE, lambda value: verify_bundle(canonical_json(value), TRUST), 2),
    "trust": (parse_json(TRUST), lambda value: verify_bundle(BUNDLE_BYTES, canonical_json(value)), 8),
    "held": (HELD, lambda value: verify_bundle(BUNDLE_BYTES, TRUST, promises=value), 4),
    "receipt": (RECEIPT, lambda value: verify_receipt(value, MEMBER_KEY), 16),
    "promise": (HELD[0], lambda value: verify_promise(value, MEMBER_KEY), 16),
} | {
    f"breach {name}": (
        json.loads(made["claim"]),
        lambda value, made=made: verify_breach(canonical_json(value), made["trust"].encode()),
        8,
    )
    for name, made in BREACH.items()
}


def places(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in items:
        yield from places(item, (*path, name))


def bent(document, path, value):
    if not path:
        return value
    document = copy.deepcopy(document)
    inner = document
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    return document


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_value_of_another_kind_is_an_answer_or_a_typed_error(name):
    document, read, count = DOCUMENTS[name]
    chance = random.Random(name)
    for path in places(document):
        for value in chance.sample(STRANGE, min(count, len(STRANGE))):
            if name == "held" and not path:
                continue  # the list itself is the caller's
            try:
                read(bent(document, path, value))
            except BonafidesError:
                continue
            except Exception as error:
                pytest.fail(f"{path} = {value!r}: {type(error).__name__}: {error}")


@pytest.mark.parametrize("member", sorted(BUNDLE["history"]["records"][2]["record"]["envelope"]))
@pytest.mark.parametrize("value", [[7], {}, None, 7], ids=["list", "object", "null", "number"])
def test_a_malformed_envelope_is_refuted_and_not_no_bundle(member, value):
    """The record's copy is opaque to the reading of a bundle: its shape belongs to the check of its fingerprint."""
    place = ("history", "records", 2, "record", "envelope", member)
    body = bent(BUNDLE, place, value)
    del body["signature"]
    report = verify_bundle(WORLD.seal(body), TRUST)
    assert "fingerprint" in report.failed
