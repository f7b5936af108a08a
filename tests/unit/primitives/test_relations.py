import copy
import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from primitives import context as zk_context
from primitives import curve, ed25519, linear, pedersen, relations
from primitives.context import ExpectedContext, ProofContext
from primitives.encoding import encode_base64url
from primitives.errors import BonafidesError, CouldNotCheck, InvalidInput, VerificationFailed
from primitives.timestamp import CLOCK_LEEWAY_MS
from tests.properties import examples

HOLDER = "did:ethr:0x4f24:0x" + "bb" * 20
VERIFIER = "did:ethr:0x4f24:0x" + "aa" * 20
NOW = 1_800_000_000_000
MESSAGE = pedersen.certificate_message("resident-id", "11010519491231002X")
BLINDING = int.from_bytes(hashlib.sha256(b"test blinding").digest()) % curve.ORDER
COMMITMENT = pedersen.commit(MESSAGE, BLINDING)
ENTROPY = hashlib.sha256(b"test entropy").digest()
SEED = hashlib.sha256(b"test seed: holder").digest()
KEY = ed25519.public_key(SEED)
CONTEXT = ProofContext(
    chain_id=0x4F24,
    audience=VERIFIER,
    holder=HOLDER,
    verification_method=f"{HOLDER}#delegate-1",
    nonce=bytes(range(16)),
    purpose="IDENTITY_CHECK",
    issued_at=NOW,
    expires_at=NOW + 60_000,
)
EXPECTED = ExpectedContext(
    chain_id=0x4F24, audience=VERIFIER, holder=HOLDER, nonce=bytes(range(16)), purpose="IDENTITY_CHECK", now=NOW + 5
)
PROOF = relations.prove_opening(CONTEXT, COMMITMENT, MESSAGE, BLINDING, ENTROPY)
SIGNED = relations.prove_opening(CONTEXT, COMMITMENT, MESSAGE, BLINDING, ENTROPY, SEED)


def multibase(data):
    return "u" + encode_base64url(data)


def body(proof=PROOF):
    return zk_context.decode_multibase(proof["proof"], "proof")


def test_a_good_proof():
    statement = relations.verify_opening(PROOF, expected=EXPECTED)
    assert statement.commitment == COMMITMENT
    assert statement.context == CONTEXT
    assert relations.proof_context(PROOF) == CONTEXT


def test_a_signed_proof():
    assert relations.verify_opening(SIGNED, expected=EXPECTED, holder_key=KEY).commitment == COMMITMENT


@examples(15)
@given(st.integers(0, curve.ORDER - 1), st.integers(1, curve.ORDER - 1), st.binary(min_size=32, max_size=64))
def test_complete(message, blinding, entropy):
    commitment = pedersen.commit(message, blinding)
    proof = relations.prove_opening(CONTEXT, commitment, message, blinding, entropy)
    assert relations.verify_opening(proof, expected=EXPECTED).commitment == commitment


class TestProver:
    def test_refuses_a_false_opening(self):
        for message, blinding in ((MESSAGE + 1, BLINDING), (MESSAGE, BLINDING + 1)):
            with pytest.raises(InvalidInput):
                relations.prove_opening(CONTEXT, COMMITMENT, message, blinding, ENTROPY)

    def test_refuses_little_entropy(self):
        with pytest.raises(InvalidInput):
            relations.prove_opening(CONTEXT, COMMITMENT, MESSAGE, BLINDING, bytes(31))

    def test_repeated_entropy_does_not_repeat_a_nonce(self):
        """Two proofs with one nonce give the message away; nonces are hedged with witness and context."""
        other = relations.prove_opening(replace(CONTEXT, nonce=bytes(16)), COMMITMENT, MESSAGE, BLINDING, ENTROPY)
        c1, z1 = (int.from_bytes(body()[at : at + 32]) for at in (0, 32))
        c2, z2 = (int.from_bytes(body(other)[at : at + 32]) for at in (0, 32))
        assert c1 != c2
        assert (z1 - z2) * pow(c1 - c2, -1, curve.ORDER) % curve.ORDER != MESSAGE

    def test_proof_shows_neither_message_nor_blinding(self):
        assert curve.encode_scalar(MESSAGE) not in body()
        assert curve.encode_scalar(BLINDING) not in body()


class TestContext:
    """Every absorbed field, changed in the proof and in what the verifier expects alike, so only the proof can fail."""

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("chain_id", 1),
            ("audience", "did:ethr:0x4f24:0x" + "cc" * 20),
            ("nonce", b"\xff" * 16),
            ("purpose", "AML_JOINT"),
        ],
    )
    def test_changed_on_both_sides(self, field, value):
        changed = {**PROOF, "ctx": replace(CONTEXT, **{field: value}).to_json()}
        with pytest.raises(VerificationFailed) as caught:
            relations.verify_opening(changed, expected=replace(EXPECTED, **{field: value}))
        assert caught.value.check == "zk-proof"

    def test_changed_holder(self):
        other = "did:ethr:0x4f24:0x" + "dd" * 20
        context = replace(CONTEXT, holder=other, verification_method=f"{other}#delegate-1")
        with pytest.raises(VerificationFailed) as caught:
            relations.verify_opening({**PROOF, "ctx": context.to_json()}, expected=replace(EXPECTED, holder=other))
        assert caught.value.check == "zk-proof"

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("verification_method", f"{HOLDER}#delegate-2"),
            ("issued_at", NOW + 1),
            ("expires_at", NOW + 60_001),
        ],
    )
    def test_changed_fields_that_no_expectation_names(self, field, value):
        changed = {**PROOF, "ctx": replace(CONTEXT, **{field: value}).to_json()}
        with pytest.raises(VerificationFailed) as caught:
            relations.verify_opening(changed, expected=EXPECTED)
        assert caught.value.check == "zk-proof"

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("chain_id", 1),
            ("audience", HOLDER),
            ("holder", VERIFIER),
            ("nonce", b"\xff" * 16),
            ("purpose", "AML_JOINT"),
        ],
    )
    def test_replayed_to_another_expectation(self, field, value):
        with pytest.raises(VerificationFailed) as caught:
            relations.verify_opening(PROOF, expected=replace(EXPECTED, **{field: value}))
        assert caught.value.check == "proof-context"

    def test_key_of_somebody_else(self):
        context = replace(CONTEXT, verification_method=f"{VERIFIER}#signing")
        proof = relations.prove_opening(context, COMMITMENT, MESSAGE, BLINDING, ENTROPY)
        with pytest.raises(VerificationFailed) as caught:
            relations.verify_opening(proof, expected=EXPECTED)
        assert caught.value.check == "proof-context"

    @pytest.mark.parametrize("behind", [0, 1500, CLOCK_LEEWAY_MS])
    def test_a_clock_that_is_a_little_behind_is_no_reason(self, behind):
        relations.verify_opening(PROOF, expected=replace(EXPECTED, now=NOW - behind))

    @pytest.mark.parametrize(
        ("now", "check"), [(NOW - CLOCK_LEEWAY_MS - 1, "proof-not-yet-valid"), (NOW + 60_001, "proof-expired")]
    )
    def test_period(self, now, check):
        with pytest.raises(VerificationFailed) as caught:
            relations.verify_opening(PROOF, expected=replace(EXPECTED, now=now))
        assert caught.value.check == check

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("chainId", 20260),
            ("chainId", "020260"),
            ("chainId", "0"),
            ("chainId", "٣"),
            ("chainId", "9" * 30),
            ("aud", ""),
            ("aud", "x" * 257),
            ("holder", None),
            ("nonce", "AAAA"),
            ("nonce", "u"),
            ("nonce", "uAAAA"),
            ("nonce", multibase(bytes(65))),
            ("purpose", ""),
            ("iat", "-1"),
            ("exp", "0"),
        ],
    )
    def test_ill_formed(self, name, value):
        with pytest.raises(InvalidInput) as caught:
            relations.verify_opening({**PROOF, "ctx": {**PROOF["ctx"], name: value}}, expected=EXPECTED)
        assert caught.value.field.startswith("ctx")

    def test_unknown_and_missing_fields(self):
        missing = {name: value for name, value in PROOF["ctx"].items() if name != "nonce"}
        for ctx in ({**PROOF["ctx"], "extra": "1"}, missing, None, []):
            with pytest.raises(InvalidInput):
                relations.verify_opening({**PROOF, "ctx": ctx}, expected=EXPECTED)

    def test_round_trip(self):
        assert ProofContext.from_json(CONTEXT.to_json()) == CONTEXT


class TestStatement:
    def test_another_commitment(self):
        """Weak Fiat-Shamir would not absorb the commitment, and accept."""
        other = pedersen.commit(MESSAGE, BLINDING + 1)
        changed = {**PROOF, "statement": {"C": [multibase(other)], "params": {}}}
        with pytest.raises(VerificationFailed) as caught:
            relations.verify_opening(changed, expected=EXPECTED)
        assert caught.value.check == "zk-proof"

    def test_frozen_heart_forgery(self):
        """Pick responses first and solve for C: works only where the challenge leaves C out."""
        z1, z2 = 11, 13
        commitment_first = curve.multiply(curve.GENERATOR, 17)
        tag = CONTEXT.tag(relations.POK_OPEN, linear.COMPACT, linear.CIPHERSUITE, PROOF["statement"])
        relation = relations.opening_relation(COMMITMENT)
        challenge = linear.derive_challenge(tag, relation, curve.encode_point(commitment_first))
        bases = curve.multiply(curve.GENERATOR, z1) + curve.multiply(pedersen.blinding_base().point, z2)
        forged = curve.multiply(
            bases + curve.multiply(commitment_first, curve.ORDER - 1), pow(challenge, -1, curve.ORDER)
        )
        proof = b"".join(map(curve.encode_scalar, (challenge, z1, z2)))
        wire = {
            **PROOF,
            "statement": {"C": [multibase(curve.encode_point(forged))], "params": {}},
            "proof": multibase(proof),
        }
        with pytest.raises(VerificationFailed):
            relations.verify_opening(wire, expected=EXPECTED)

    @pytest.mark.parametrize(
        "point",
        [
            b"\xc0" + bytes(47),
            b"\xe0" + bytes(47),
            b"\x80" + bytes(47),
            b"\x80" + bytes(46) + b"\x01",
            bytes([COMMITMENT[0] & 0x7F]) + COMMITMENT[1:],
            COMMITMENT[:-1],
            COMMITMENT + b"\0",
        ],
    )
    def test_bytes_that_are_no_commitment(self, point):
        with pytest.raises(InvalidInput):
            relations.verify_opening({**PROOF, "statement": {"C": [multibase(point)], "params": {}}}, expected=EXPECTED)

    @pytest.mark.parametrize(
        "statement",
        [
            None,
            {},
            {"C": [multibase(COMMITMENT)]},
            {"C": [multibase(COMMITMENT)], "params": {"x": "1"}},
            {"C": [], "params": {}},
            {"C": [multibase(COMMITMENT)] * 2, "params": {}},
            {"C": multibase(COMMITMENT), "params": {}},
            {"C": [5], "params": {}},
            {"C": [multibase(COMMITMENT)], "params": {}, "extra": 1},
        ],
    )
    def test_ill_formed(self, statement):
        with pytest.raises(InvalidInput):
            relations.verify_opening({**PROOF, "statement": statement}, expected=EXPECTED)


class TestBody:
    @pytest.mark.parametrize("place", [0, 31, 32, 63, 64, 95])
    def test_a_flipped_bit(self, place):
        data = bytearray(body())
        data[place] ^= 1
        with pytest.raises(BonafidesError):
            relations.verify_opening({**PROOF, "proof": multibase(bytes(data))}, expected=EXPECTED)

    @pytest.mark.parametrize("index", range(3))
    def test_scalars_beyond_the_order(self, index):
        data = body()
        value = int.from_bytes(data[32 * index : 32 * index + 32]) + curve.ORDER
        value = value if value < 2**256 else curve.ORDER
        changed = data[: 32 * index] + value.to_bytes(32) + data[32 * index + 32 :]
        with pytest.raises(InvalidInput) as caught:
            relations.verify_opening({**PROOF, "proof": multibase(changed)}, expected=EXPECTED)
        assert caught.value.rule == "scalar-range"

    @pytest.mark.parametrize("data", [b"", bytes(95), bytes(97), bytes(64)])
    def test_length(self, data):
        with pytest.raises(InvalidInput):
            relations.verify_opening({**PROOF, "proof": multibase(data)}, expected=EXPECTED)

    def test_all_zero(self):
        with pytest.raises(VerificationFailed):
            relations.verify_opening({**PROOF, "proof": multibase(bytes(96))}, expected=EXPECTED)

    @pytest.mark.parametrize("text", [None, 5, PROOF["proof"][1:], PROOF["proof"] + "=", "z" + PROOF["proof"][1:]])
    def test_encoding(self, text):
        with pytest.raises(InvalidInput):
            relations.verify_opening({**PROOF, "proof": text}, expected=EXPECTED)


class TestWireForm:
    @pytest.mark.parametrize("proof", [None, [], "proof", {}])
    def test_not_a_proof(self, proof):
        with pytest.raises(InvalidInput):
            relations.verify_opening(proof, expected=EXPECTED)

    def test_unknown_field(self):
        with pytest.raises(InvalidInput):
            relations.verify_opening({**PROOF, "note": "hello"}, expected=EXPECTED)

    @pytest.mark.parametrize("name", ["type", "suite", "proto", "hash", "ctx", "statement", "proof"])
    def test_missing_field(self, name):
        with pytest.raises(InvalidInput):
            relations.verify_opening({k: v for k, v in PROOF.items() if k != name}, expected=EXPECTED)

    @pytest.mark.parametrize(
        ("name", "value"), [("type", "Proof"), ("suite", "x"), ("proto", "pok-open/2"), ("hash", "xmd-sha256")]
    )
    def test_unsupported(self, name, value):
        with pytest.raises(InvalidInput) as caught:
            relations.verify_opening({**PROOF, name: value}, expected=EXPECTED)
        assert (caught.value.field, caught.value.rule) == (f"zk_proof.{name}", "constant")


class TestHolderSignature:
    def test_required_when_the_key_is_given(self):
        with pytest.raises(VerificationFailed) as caught:
            relations.verify_opening(PROOF, expected=EXPECTED, holder_key=KEY)
        assert caught.value.check == "proof-signature"

    def test_never_skipped(self):
        with pytest.raises(CouldNotCheck):
            relations.verify_opening(SIGNED, expected=EXPECTED)

    def test_by_another_key(self):
        other = relations.prove_opening(CONTEXT, COMMITMENT, MESSAGE, BLINDING, ENTROPY, bytes(32))
        with pytest.raises(VerificationFailed) as caught:
            relations.verify_opening(other, expected=EXPECTED, holder_key=KEY)
        assert caught.value.check == "signature"

    def test_moved_to_another_proof(self):
        again = relations.prove_opening(CONTEXT, COMMITMENT, MESSAGE, BLINDING, b"\x01" * 32)
        with pytest.raises(VerificationFailed):
            relations.verify_opening({**again, "sig": SIGNED["sig"]}, expected=EXPECTED, holder_key=KEY)

    def test_names_another_key(self):
        changed = copy.deepcopy(SIGNED)
        changed["sig"]["vm"] = f"{HOLDER}#delegate-9"
        with pytest.raises(VerificationFailed):
            relations.verify_opening(changed, expected=EXPECTED, holder_key=KEY)

    @pytest.mark.parametrize("change", [{"alg": "ES256K"}, {"value": "uAAAA"}, {"value": None}, {"extra": 1}])
    def test_ill_formed(self, change):
        changed = {**SIGNED, "sig": {**SIGNED["sig"], **change}}
        with pytest.raises(InvalidInput):
            relations.verify_opening(changed, expected=EXPECTED, holder_key=KEY)

    def test_not_an_object(self):
        with pytest.raises(InvalidInput):
            relations.verify_opening({**SIGNED, "sig": "signed"}, expected=EXPECTED, holder_key=KEY)


@pytest.mark.parametrize(
    "changes",
    [{"nonce": bytes(15)}, {"audience": ""}, {"chain_id": 0}, {"expires_at": NOW - 1}, {"purpose": 7}],
)
def test_a_context_that_binds_nothing(changes):
    with pytest.raises(InvalidInput):
        replace(CONTEXT, **changes)
