"""The official vectors of the CFRG drafts: SHAKE128 sponge, codecs, and sigma proofs over BLS12-381."""

import json
from pathlib import Path

import pytest

from primitives import curve, linear, transcript
from primitives.errors import BonafidesError, InvalidInput

VECTORS = Path(__file__).parent / "sigma"
MERSENNE_BYTES = 4


def load(name):
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))


def identify(vector):
    return vector["Id"]


def number(text):
    return int(text, 16)


FIAT_SHAMIR = load("fiatShamirShake128Vectors.json") + load("fiatShamirCodecVectors.json")
PROOFS = load("sigma-proofs_Shake128_BLS12381.json")


def run_sponge(vector):
    sponge, output = transcript.DuplexSponge(bytes.fromhex(vector["SessionId"])), b""
    for operation in vector["Operations"]:
        if operation["type"] == "absorb":
            sponge.absorb(bytes.fromhex(operation["data"]))
        else:
            output += sponge.squeeze(operation["length"])
    return output


def check_sponge(vector):
    assert run_sponge(vector).hex() == vector["Output"]


def check_session_id(vector):
    assert transcript.derive_session_id(bytes.fromhex(vector["Tag"])).hex() == vector["Output"]


def check_decode_uint(vector):
    squeezed = run_sponge(vector) if "Operations" in vector else bytes.fromhex(vector["Input"])
    if "Output" in vector:
        assert squeezed.hex() == vector["Output"]
    assert transcript.decode_uint(squeezed, number(vector["Modulus"])) == number(vector["Challenge"])


def check_serialize_varlen(vector):
    data = bytes.fromhex(vector["Input"])
    assert transcript.serialize_varlen(data).hex() == vector["Output"]
    assert transcript.deserialize_varlen(bytes.fromhex(vector["Output"]) + b"tail") == (data, b"tail")


def check_serialize_field(vector):
    big = vector.get("ByteOrder") == "big-endian"
    modulus, value = number(vector["Modulus"]), number(vector["Value"])
    assert transcript.serialize_field([value], modulus, big_endian=big).hex() == vector["Output"]
    encoded = bytes.fromhex(vector["Output"])
    assert transcript.deserialize_field(encoded, modulus, big_endian=big) == ((value,), b"")


def check_deserialize(vector):
    data = bytes.fromhex(vector["Input"])
    modulus, degree = number(vector["Modulus"]), vector.get("ExtensionDegree", 1)
    if vector.get("Expected") == "reject":
        with pytest.raises(InvalidInput):
            transcript.deserialize_field(data, modulus, degree)
        return
    coordinates, rest = transcript.deserialize_field(data, modulus, degree)
    assert rest == b""
    assert coordinates == tuple(number(text) for text in vector["Coordinates"])


def check_deserialize_varlen(vector):
    with pytest.raises(InvalidInput):
        transcript.deserialize_varlen(bytes.fromhex(vector["Input"]))


def check_sumcheck(vector):
    """The drafts' example protocol, built from our transcript: prover, then verifier, as the vector asks."""
    modulus, claimed = number(vector["Modulus"]), number(vector["ClaimedSum"])
    narg, sid = bytes.fromhex(vector["Narg"]), bytes.fromhex(vector["SessionId"])
    if "Tag" in vector:
        assert transcript.derive_session_id(bytes.fromhex(vector["Tag"])) == sid
    if vector.get("Expected") == "reject":
        with pytest.raises(InvalidInput):
            sumcheck_verify(sid, claimed, narg, vector["NumVariables"], modulus)
        return
    assert sumcheck_prove(sid, vector["Witness"], modulus) == narg
    final = sumcheck_verify(sid, claimed, narg, vector["NumVariables"], modulus)
    assert final == number(vector["FinalEvaluation"])


def sumcheck_start(sid, variables, claimed, modulus):
    sponge = transcript.DuplexSponge(sid)
    sponge.absorb(variables.to_bytes(4, "little") + transcript.serialize_field([claimed], modulus))
    return sponge


def sumcheck_prove(sid, table, modulus):
    sponge = sumcheck_start(sid, (len(table) - 1).bit_length(), sum(table) % modulus, modulus)
    messages = b""
    while len(table) > 1:
        at_zero, at_one = sum(table[0::2]) % modulus, sum(table[1::2]) % modulus
        message = transcript.serialize_field([at_zero, (at_one - at_zero) % modulus], modulus)
        sponge.absorb(message)
        r = transcript.decode_uint(sponge.squeeze(MERSENNE_BYTES), modulus)
        pairs = zip(table[0::2], table[1::2], strict=True)
        table = [(low + r * (high - low)) % modulus for low, high in pairs]
        messages += message
    return messages


def sumcheck_verify(sid, claimed, narg, variables, modulus):
    sponge = sumcheck_start(sid, variables, claimed, modulus)
    for _ in range(variables):
        (constant, slope), rest = transcript.deserialize_field(narg, modulus, 2)
        if (2 * constant + slope) % modulus != claimed:
            raise InvalidInput("narg", "round", "does not sum to the claim")
        sponge.absorb(narg[: len(narg) - len(rest)])
        narg = rest
        claimed = (constant + slope * transcript.decode_uint(sponge.squeeze(MERSENNE_BYTES), modulus)) % modulus
    if narg:
        raise InvalidInput("narg", "trailing", "has trailing bytes")
    return claimed


CHECKS = {
    "DuplexSponge": check_sponge,
    "DeriveSessionID": check_session_id,
    "DecodeUint": check_decode_uint,
    "SerializeVarLenString": check_serialize_varlen,
    "SerializeUint": check_serialize_field,
    "SerializeField": check_serialize_field,
    "DeserializeUint": check_deserialize,
    "DeserializeField": check_deserialize,
    "DeserializeVarLenString": check_deserialize_varlen,
    "Sumcheck": check_sumcheck,
}


@pytest.mark.parametrize("vector", FIAT_SHAMIR, ids=identify)
def test_fiat_shamir(vector):
    CHECKS[vector["Function"]](vector)


class Reader:
    """Reads the vector files' instance bytes; the product itself never parses a statement."""

    def __init__(self, data):
        self.data = data

    def take(self, count):
        taken, self.data = self.data[:count], self.data[count:]
        assert len(taken) == count
        return taken

    def index(self):
        return int.from_bytes(self.take(4), "little")

    def scalar(self):
        return curve.decode_scalar(self.take(32), "coefficient")

    def relation(self):
        equations = tuple(
            linear.Equation(
                image=tuple((self.index(), self.scalar()) for _ in range(self.index())),
                terms=tuple((self.index(), self.index(), self.scalar()) for _ in range(self.index())),
            )
            for _ in range(self.index())
        )
        points = [curve.decode_point(self.take(48), "element") for _ in range(len(self.data) // 48)]
        assert self.data == b""
        return linear.LinearRelation((curve.GENERATOR, *points), equations)


def parse_relation(text):
    return Reader(bytes.fromhex(text)).relation()


VERIFY = {"compact": linear.verify_compact, "batchable": linear.verify_batchable}
PROVE = {"compact": linear.prove_compact, "batchable": linear.prove_batchable}


def parts(vector):
    relation = parse_relation(vector["Instance"])
    return vector["Tag"].encode(), relation, bytes.fromhex(vector["NargString"])


@pytest.mark.parametrize("vector", PROOFS, ids=identify)
def test_proof_is_accepted(vector):
    tag, relation, proof = parts(vector)
    assert relation.serialize().hex() == vector["Instance"]
    assert transcript.derive_session_id(tag).hex() == vector["SessionId"]
    VERIFY[vector["Flavor"]](tag, relation, proof)


@pytest.mark.parametrize("vector", PROOFS, ids=identify)
def test_proof_is_reproduced(vector):
    """From witness and proof follow the nonces; with them our prover writes the same bytes."""
    tag, relation, proof = parts(vector)
    raw = bytes.fromhex(vector["Witness"])
    witness = [int.from_bytes(raw[start : start + 32]) for start in range(0, len(raw), 32)]
    if vector["Flavor"] == "compact":
        challenge, response = int.from_bytes(proof[:32]), proof[32:]
    else:
        split = 48 * len(relation.equations)
        challenge, response = linear.derive_challenge(tag, relation, proof[:split]), proof[split:]
    answers = [int.from_bytes(response[start : start + 32]) for start in range(0, len(response), 32)]
    nonces = [(z - challenge * w) % curve.ORDER for z, w in zip(answers, witness, strict=True)]
    assert PROVE[vector["Flavor"]](tag, relation, witness, nonces) == proof


@pytest.mark.parametrize("vector", PROOFS, ids=identify)
def test_mutations_are_rejected(vector):
    tag, relation, proof = parts(vector)
    verify = VERIFY[vector["Flavor"]]
    mutations = [proof[:-1], proof + b"\0", proof[:-1] + bytes([proof[-1] ^ 1]), b"", bytes(len(proof))]
    last = int.from_bytes(proof[-32:]) + curve.ORDER
    if last < 2**256:
        mutations.append(proof[:-32] + last.to_bytes(32))  # s + r: the same value, another spelling
    for mutation in mutations:
        with pytest.raises(BonafidesError):
            verify(tag, relation, mutation)
    with pytest.raises(BonafidesError):
        verify(tag + b"x", relation, proof)


def test_the_flavour_is_in_the_tag():
    """A compact proof written as a batchable one does not verify under the tag of the other."""
    by_id = {vector["Id"]: vector for vector in PROOFS}
    tag, relation, proof = parts(by_id["sigma-protocols/bls12381/discrete_logarithm/batchable"])
    challenge = linear.derive_challenge(tag, relation, proof[:48])
    compact = curve.encode_scalar(challenge) + proof[48:]
    linear.verify_compact(tag, relation, compact)  # under one tag both spellings hold: hence the rule
    with pytest.raises(BonafidesError):
        linear.verify_compact(tag.replace(b"DSFS", b"CMPT"), relation, compact)
