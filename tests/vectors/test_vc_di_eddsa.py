"""The official vectors of `eddsa-jcs-2022`."""

import copy
import hashlib
import json
from pathlib import Path

import pytest

from did.credentials.proofs import add_proof, proof_header, verify_proof
from did.credentials.suites.eddsa_jcs_2022 import signed_bytes
from did.keys import encode_ed25519
from primitives import ed25519
from primitives.canonical import canonical_json
from primitives.encoding import decode_base58btc
from primitives.errors import BonafidesError

VECTORS = Path(__file__).parent / "vc-di-eddsa"
SUITE = VECTORS / "eddsa-jcs-2022"


def load(path):
    return json.loads(path.read_text(encoding="utf-8"))


def text(name):
    return (SUITE / name).read_text(encoding="utf-8").strip()


@pytest.fixture
def public_key():
    multikey = load(VECTORS / "keyPair.json")["publicKeyMultibase"]
    key = decode_base58btc(multikey, "key")[2:]
    assert encode_ed25519(key) == multikey
    return key


@pytest.fixture
def seed():
    raw = decode_base58btc(load(VECTORS / "keyPair.json")["privateKeyMultibase"], "key")
    assert raw[:2] == b"\x80\x26"  # multicodec ed25519-priv
    return raw[2:]


def test_canonical_bytes_and_hashes():
    document, options = load(VECTORS / "unsigned.json"), load(SUITE / "proofConfigJCS.json")
    assert canonical_json(document).decode() == text("canonDocJCS.txt")
    assert canonical_json(options).decode() == text("proofCanonJCS.txt")
    assert hashlib.sha256(canonical_json(document)).hexdigest() == text("docHashJCS.txt")
    assert hashlib.sha256(canonical_json(options)).hexdigest() == text("proofHashJCS.txt")
    assert signed_bytes(document, options).hex() == text("combinedHashJCS.txt")


def test_signature(seed, public_key):
    assert ed25519.public_key(seed) == public_key
    assert ed25519.sign(seed, bytes.fromhex(text("combinedHashJCS.txt"))).hex() == text("sigHexJCS.txt")


def test_signed_document_is_reproduced(seed):
    options = load(SUITE / "proofConfigJCS.json")
    signed = add_proof(
        load(VECTORS / "unsigned.json"),
        seed=seed,
        verification_method=options["verificationMethod"],
        created=options["created"],
    )
    assert signed == load(SUITE / "signedJCS.json")
    assert signed["proof"]["proofValue"] == text("sigBTC58JCS.txt")


def test_signed_document_verifies(public_key):
    header = verify_proof(load(SUITE / "signedJCS.json"), public_key)
    assert header == proof_header(load(SUITE / "signedJCS.json"))


@pytest.mark.parametrize("where", ["name", "issuer", "proof.created", "proof.verificationMethod", "proof.proofPurpose"])
def test_any_change_fails(public_key, where):
    document = copy.deepcopy(load(SUITE / "signedJCS.json"))
    target, name = (document["proof"], where.split(".")[1]) if "." in where else (document, where)
    target[name] = target[name].replace("2023", "2024") if name == "created" else target[name] + "x"
    with pytest.raises(BonafidesError):
        verify_proof(document, public_key)
