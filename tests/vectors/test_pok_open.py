"""The worked example of docs/spec/zero-knowledge.md, verified a second time by code that shares nothing with ours.

The second verifier is written from the specification with hashlib and py_ecc: other curve arithmetic, other hash to the
curve, other decoding.
"""

import base64
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from py_ecc.bls.g2_primitives import G1_to_pubkey, pubkey_to_G1
from py_ecc.bls.hash_to_curve import hash_to_G1
from py_ecc.optimized_bls12_381 import G1, add, curve_order, multiply, neg

from primitives import relations
from primitives.context import ExpectedContext, decode_multibase

ROOT = Path(__file__).resolve().parents[2]
SPECIFICATION = ROOT / "docs" / "spec" / "zero-knowledge.md"
EXAMPLE = json.loads((ROOT / "docs" / "spec" / "vectors" / "pok-open-1.json").read_text(encoding="utf-8"))
WIRE = EXAMPLE["zk_proof"]


def unbase(text):
    assert text[0] == "u"
    return base64.urlsafe_b64decode(text[1:] + "=" * (-len(text[1:]) % 4))


def tagged_sha256(tag, *parts):
    data = bytes([len(tag)]) + tag.encode()
    return hashlib.sha256(data + b"".join(len(part).to_bytes(8) + part for part in parts)).digest()


def shake(session, data, length):
    return hashlib.shake_128(session + bytes(136) + data).digest(length)


def second_tag():
    bound = {"suite": "bonafides-zk-1", "proto": "pok-open/1", "statement": WIRE["statement"], **WIRE["ctx"]}
    text = json.dumps(bound, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    head = "BONAFIDES-ZK-V1/pok-open/1/CMPT-with-sigma-proofs_Shake128_BLS12381/"
    return (head + hashlib.sha256(text.encode()).hexdigest()).encode()


def blinding_base():
    return hash_to_G1(b"pedersen/blind", b"BONAFIDES-ZK-V1_BLS12381G1_XMD:SHA-256_SSWU_RO_GEN_", hashlib.sha256)


def second_verifier(wire, tag):
    body, commitment = unbase(wire["proof"]), unbase(wire["statement"]["C"][0])
    c, z_m, z_b = (int.from_bytes(body[at : at + 32]) for at in (0, 32, 64))
    assert len(body) == 96
    assert max(c, z_m, z_b) < curve_order
    base, point = blinding_base(), pubkey_to_G1(commitment)
    announced = add(add(multiply(G1, z_m), multiply(base, z_b)), neg(multiply(point, c)))
    number, one = (lambda n: n.to_bytes(4, "little")), (1).to_bytes(32)
    instance = number(1) + number(1) + number(2) + one
    instance += number(2) + number(0) + number(0) + one + number(1) + number(1) + one
    instance += bytes(G1_to_pubkey(base)) + commitment
    session = shake(b"irtf-cfrg-fiat-shamir/session-id", tag, 32)
    challenge = shake(session, instance + bytes(G1_to_pubkey(announced)), 48)
    return session, instance, int.from_bytes(challenge, "little") % curve_order == c


def test_a_second_implementation_accepts():
    tag = second_tag()
    assert tag.decode() == EXAMPLE["tag"]
    session, instance, accepted = second_verifier(WIRE, tag)
    assert accepted
    assert session.hex() == EXAMPLE["session_id"]
    assert instance.hex() == EXAMPLE["instance"]


def test_a_second_implementation_commits_alike():
    kind, number = EXAMPLE["certificate"]["kind"].encode(), EXAMPLE["certificate"]["number"].encode()
    halves = [tagged_sha256(f"bonafides/zk/1/certificate/{k}", kind, number) for k in (0, 1)]
    message = int.from_bytes(b"".join(halves)) % curve_order
    assert message == int(EXAMPLE["message"], 16)
    point = add(multiply(G1, message), multiply(blinding_base(), int(EXAMPLE["blinding"], 16)))
    assert bytes(G1_to_pubkey(point)).hex() == EXAMPLE["commitment"]
    assert bytes(G1_to_pubkey(blinding_base())).hex() == EXAMPLE["blinding_base"]


def test_the_holders_signature_by_hand():
    message = tagged_sha256("bonafides/zk/1/proof-signature", second_tag(), unbase(WIRE["proof"]))
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(EXAMPLE["holder_key"]))
    key.verify(unbase(WIRE["sig"]["value"]), message)


def test_our_verifier_accepts():
    context = relations.proof_context(WIRE)
    expected = ExpectedContext(
        chain_id=0x4F24,
        audience=WIRE["ctx"]["aud"],
        holder=WIRE["ctx"]["holder"],
        nonce=decode_multibase(WIRE["ctx"]["nonce"], "nonce"),
        purpose="IDENTITY_CHECK",
        now=context.issued_at,
    )
    key = bytes.fromhex(EXAMPLE["holder_key"])
    assert relations.verify_opening(WIRE, expected=expected, holder_key=key).commitment.hex() == EXAMPLE["commitment"]


def test_the_file_is_what_the_code_makes():
    command = [sys.executable, "-m", "scripts.vectors.pok_open", "--check"]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)


@pytest.mark.parametrize("name", ["message", "blinding", "blinding_base", "commitment", "session_id"])
def test_the_specification_shows_the_same_values(name):
    assert f"`{EXAMPLE[name]}`" in SPECIFICATION.read_text(encoding="utf-8")


def test_the_specification_shows_the_same_proof():
    text = SPECIFICATION.read_text(encoding="utf-8")
    assert f"`{unbase(WIRE['proof']).hex()}`" in text
    assert f"`{EXAMPLE['tag'].rpartition('/')[2]}`" in text
