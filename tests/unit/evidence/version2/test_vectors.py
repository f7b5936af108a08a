"""The page docs/spec/evidence-2.md, the vector files and the code say the same bytes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from evidence.version2.act import verify_act
from evidence.version2.record import open_redacted
from primitives.suites import SUITES
from scripts.vectors import evidence_2 as script

OUTPUTS = script.outputs()


@pytest.mark.parametrize("path", OUTPUTS, ids=lambda path: path.name)
def test_page_and_vectors_equal_the_code(path):
    assert path.read_text(encoding="utf-8") == OUTPUTS[path]


@pytest.mark.parametrize("name", script.vectors())
def test_every_vector_stands_on_the_page(name):
    assert f"<!-- vector {name} -->\n```text\n" in script.PAGE.read_text(encoding="utf-8")


def test_no_vector_is_left_of_before():
    assert {path for path in OUTPUTS if path != script.PAGE} == set(script.VECTORS.glob("*.json"))


def load(name):
    return json.loads((script.VECTORS / f"{name}.json").read_text(encoding="utf-8"))


def tag(text):
    return bytes([len(text)]) + text


def tagged(key, name, data=b""):
    return hmac.new(key, tag(name) + data, hashlib.sha256).digest()


def jcs(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


SUBJECT = bytes.fromhex(load("inputs")["subject"])


def test_the_record_follows_from_the_page_alone():
    """Section 2 re-implemented with nothing of ours."""
    vector = load("record")
    root_salt = bytes.fromhex(vector["root_salt"])
    salt = tagged(root_salt, b"bonafides/record/2/field-salt", b"band")
    assert salt.hex() == vector["field_salt_band"]
    assert hmac.new(salt, b'"C4"', hashlib.sha256).hexdigest() == vector["field_digest_band"]
    salt = tagged(root_salt, b"bonafides/record/2/envelope-salt")
    envelope = bytes.fromhex(vector["envelope_bytes"])
    assert hmac.new(salt, envelope, hashlib.sha256).hexdigest() == vector["fingerprint"]
    secret = tagged(root_salt, b"bonafides/record/2/next", SUBJECT + (3).to_bytes(8, "big"))
    assert hashlib.sha256(secret).hexdigest() == vector["next"] == json.loads(envelope)["next"]


def test_the_links_follow_from_the_page_alone():
    links, stub = load("links"), json.loads(load("erasure")["stub_2"])
    broker = load("inputs")["broker"].encode()
    label = hashlib.sha256(tag(b"bonafides/label/2") + broker + SUBJECT)
    assert label.hexdigest() == links["labels"][0]
    assert links["labels"][2] == stub["next"]
    parts = (2).to_bytes(8, "big") + b"".join(bytes.fromhex(stub[name]) for name in ("prev", "next", "fingerprint"))
    assert hashlib.sha256(tag(b"bonafides/entry/2") + parts).hexdigest() == links["entries"][1]


def verify(key, data, signature):
    Ed25519PublicKey.from_public_bytes(bytes.fromhex(load("inputs")[key])).verify(bytes.fromhex(signature), data)


def test_the_act_follows_from_the_page_alone():
    vector = load("act")
    envelope = json.loads(bytes.fromhex(vector["envelope_bytes"]))
    names = ("suite", "type", "broker", "subject", "occurred_at", "document", "ruleset", "fields", "known")
    signed = jcs({"version": "bonafides.act/2", **{name: envelope[name] for name in names}})
    assert signed.hex() == vector["signed_bytes"]
    verify("client_public_key", signed, vector["signature"])


def test_the_promises_follow_from_the_page_alone():
    vector = load("promise")
    made = [json.loads(text) for text in vector["promises"]]
    bodies = [{name: value for name, value in one.items() if name not in ("batch", "signature")} for one in made]
    leaves = [hashlib.sha256(b"\0" + jcs(body)).digest() for body in bodies]
    assert [leaf.hex() for leaf in leaves] == vector["leaves"]
    root = hashlib.sha256(b"\1" + leaves[0] + leaves[1]).hexdigest()
    assert root == vector["root"]
    assert [one["batch"] for one in made] == [
        {"index": 0, "count": 2, "path": _base64url(leaves[1])},
        {"index": 1, "count": 2, "path": _base64url(leaves[0])},
    ]
    body = bodies[0]
    signed = {"format": "bonafides.promise-batch/2", "block": 8, "count": 2, "root": root}
    signed |= {name: body[name] for name in ("suite", "broker")}
    verify("member_public_key", jcs(signed), vector["signature"])
    assert body["entry"] == load("links")["entries"][1]
    assert body["label"] == load("links")["labels"][1]


def _base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def test_the_worked_act_of_sm2_is_signed():
    vector, sm = load("sm"), SUITES["sm3-sm2/1"]
    key = bytes.fromhex(vector["public_key"])
    assert sm.public_key(bytes.fromhex(load("inputs")["client_seed"])) == key
    sm.verify(key, bytes.fromhex(vector["signed_bytes"]), bytes.fromhex(vector["signature"]))
    opened = open_redacted(json.loads(vector["copy"]), fingerprint=bytes.fromhex(vector["fingerprint"]))
    [signature] = opened.envelope["signatures"]
    verify_act(opened.envelope, signature, key)
    assert opened.entry.hex() == vector["entry"]
