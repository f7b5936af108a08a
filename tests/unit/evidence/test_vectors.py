"""The page docs/spec/evidence.md, the vector files and the code say the same bytes."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest
from eth_hash.auto import keccak

from scripts.vectors import evidence as script
from scripts.vectors.synthetic_chain import verify_bundle

OUTPUTS = script.outputs()


@pytest.mark.parametrize("path", OUTPUTS, ids=lambda path: path.name)
def test_page_and_vectors_equal_the_code(path):
    assert path.read_text(encoding="utf-8") == OUTPUTS[path]


@pytest.mark.parametrize("name", script.vectors())
def test_every_vector_stands_on_the_page(name):
    assert f"<!-- vector {name} -->\n```text\n" in script.PAGE.read_text(encoding="utf-8")


def load(name):
    return json.loads((script.VECTORS / f"{name}.json").read_text(encoding="utf-8"))


def tagged(key, tag, data=b""):
    return hmac.new(key, bytes([len(tag)]) + tag + data, hashlib.sha256).digest()


def test_the_record_follows_from_the_page_alone():
    """Section 2 re-implemented with nothing of ours."""
    vector = load("record")
    root_salt = bytes.fromhex(vector["root_salt"])
    for name, text in (("band", b'"C4"'), ("total", b"61")):
        salt = tagged(root_salt, b"bonafides/record/1/field-salt", name.encode())
        assert salt.hex() == vector[f"field_salt_{name}"]
        assert hmac.new(salt, text, hashlib.sha256).hexdigest() == vector[f"field_digest_{name}"]
    salt = tagged(root_salt, b"bonafides/record/1/envelope-salt")
    assert salt.hex() == vector["envelope_salt"]
    digest = hmac.new(salt, bytes.fromhex(vector["envelope_bytes"]), hashlib.sha256).hexdigest()
    assert digest == vector["fingerprint"]


def test_the_log_follows_from_the_page_alone():
    vector = load("log")
    one, two = (hashlib.sha256(b"\0" + bytes.fromhex(entry)).digest() for entry in vector["entries"][:2])
    assert one.hex() == vector["leaf_hash_0"] == vector["root_1"]
    assert hashlib.sha256(b"\1" + one + two).hexdigest() == vector["root_2"]
    assert vector["root_0"] == hashlib.sha256().hexdigest()


def test_the_map_leaf_follows_from_the_page_alone():
    vector, subject = load("map"), bytes.fromhex(load("inputs")["subject"])
    head = bytes.fromhex(vector["presence"]["head"])
    leaf = hashlib.sha256(b"\0bonafides/map/1" + subject + (2).to_bytes(8, "big") + head)
    assert leaf.hexdigest() == vector["leaf"]


def test_the_worked_bundle_verifies_against_the_worked_trust_file():
    bundle, trust = load("bundle"), load("trust")
    report = verify_bundle(bytes.fromhex(bundle["bundle_bytes"]), bytes.fromhex(trust["trust_bytes"]))
    assert report.ok
    assert report.verdict == bundle["verdict"]


def test_the_worked_header_hashes_to_its_parent_link():
    vector = load("chain")
    assert keccak(bytes.fromhex(vector["header_bytes"])).hex() == vector["header_hash"]
