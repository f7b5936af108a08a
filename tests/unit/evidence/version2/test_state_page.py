"""The worked values of sections 9 and 10 follow from the page docs/spec/evidence-2.md and public libraries alone."""

from __future__ import annotations

import base64
import hashlib
import json

import rlp
from coincurve import PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from eth_abi.abi import encode as abi_encode
from eth_hash.auto import keccak
from trie import HexaryTrie

from scripts.vectors.evidence_2 import VECTORS


def load(name):
    return json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))


def unhex(text):
    return bytes.fromhex(text.removeprefix("0x"))


def unpadded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_the_keys_digest():
    vector = load("keys-digest")
    keys = vector["keys"]
    signing, others = unhex(keys["signing"]), [unhex(keys[name]) for name in ("checkpoint", "agreement", "compliance")]
    data = [b"\x17bonafides/member-keys/2", b"\0\1", len(signing).to_bytes(2), signing, *others]
    assert hashlib.sha256(b"".join(data)).hexdigest() == vector["digest"]


EVENTS = {
    "DIDAttributeChanged": ("address,bytes32,bytes,uint256,uint256", ("name", "value", "validTo")),
    "DIDDelegateChanged": ("address,bytes32,address,uint256,uint256", ("delegateType", "delegate", "validTo")),
}


def value_of(change, member, kind):
    if kind == "address":
        return change[member]
    data = unhex(change[member])
    return int.from_bytes(data) if kind == "uint256" else data


def test_the_heads_of_a_did():
    vector = load("did-history")
    head, heads = bytes(32), ["00" * 32]
    for number, change in enumerate(vector["changes"], 1):
        kinds, members = EVENTS[change["event"]]
        inner = kinds.split(",")[1:-1]
        values = [value_of(change, member, kind) for member, kind in zip(members, inner, strict=True)]
        digest = keccak(keccak(f"{change['event']}({kinds})".encode()) + abi_encode(inner, values))
        assert digest.hex() == vector["digests"][number - 1]
        words = (keccak(b"bonafides/did-history/2"), head, number, change["block"], change["time"], digest)
        head = keccak(abi_encode(["bytes32", "bytes32", "uint256", "uint256", "uint256", "bytes32"], words))
        heads.append(head.hex())
    assert heads == vector["heads"]


def test_the_record_of_a_conviction():
    """A document's digest, and the history of who is convicted, by the page's own formulas."""
    vector, document = load("conviction-record"), load("log-rollback")["rollback"].encode()
    text = b"\x16bonafides/conviction/1" + len(document).to_bytes(8) + document
    assert hashlib.sha256(text).hexdigest() == vector["document_digest"]
    told = json.loads(vector["recorded"])
    assert (told["kind"], told["digest"]) == (3, vector["document_digest"])
    members = abi_encode(["address", "uint8", "bytes32"], [told["member"], 3, unhex(told["digest"])])
    change = keccak(keccak(b"ConvictionRecorded(address,address,uint8,bytes32)") + members)
    words = (keccak(b"bonafides/conviction-history/2"), bytes(32), 1, told["block"], told["time"], change)
    head = keccak(abi_encode(["bytes32", "bytes32", "uint256", "uint256", "uint256", "bytes32"], words))
    assert (change.hex(), head.hex()) == (vector["change"], vector["head"])


def test_the_tree_of_active_members():
    vector = load("active-members")
    level = [unhex(vector["leaves"].get(str(number), "00" * 32)) for number in range(1024)]
    path, at = [], 2
    while len(level) > 1:
        path.append(level[at ^ 1].hex())
        pairs = zip(level[::2], level[1::2], strict=True)
        level = [keccak(b"\1" + left + right) if any(left + right) else bytes(32) for left, right in pairs]
        at >>= 1
    assert (level[0].hex(), path) == (vector["root"], vector["path_of_2"])


def opened(root, key, nodes):
    return HexaryTrie.get_from_proof(root, keccak(key), [rlp.decode(node) for node in nodes])


def test_the_state_proof():
    vector = load("state-proof")
    nodes = [unpadded(node) for node in vector["nodes"]]
    account = rlp.decode(opened(unhex(vector["state_root"]), unhex(vector["address"]), nodes))
    assert rlp.decode(opened(account[2], unhex(vector["slot"]), nodes)).rjust(32, b"\0").hex() == vector["word"]
    assert opened(account[2], unhex(vector["slot_never_written"]), nodes) == b""
    assert account[3] == keccak(b"code")


def test_the_sealed_header():
    vector = load("sealed-header")
    fields = rlp.decode(unhex(vector["header"]))
    vanity, validators, vote, round_, seals = rlp.decode(fields[12])

    def hashed(of_round):
        extra = rlp.encode([vanity, validators, vote, of_round, []])
        return keccak(rlp.encode([*fields[:12], extra, *fields[13:]]))

    assert hashed(b"").hex() == vector["hash"]
    assert hashed(round_).hex() == vector["sealed_digest"]
    keys = [PublicKey.from_signature_and_message(seal, hashed(round_), hasher=None) for seal in seals]
    sealers = {"0x" + keccak(key.format(compressed=False)[1:])[12:].hex() for key in keys}
    assert vector["validators"] == ["0x" + address.hex() for address in validators]
    assert len(sealers & set(vector["validators"])) == 3


def test_the_trust_file():
    vector = load("trust")
    value = json.loads(vector["file"])
    signature = unpadded(value.pop("signature"))
    signed = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    assert signed.hex() == vector["signed"]
    Ed25519PublicKey.from_public_bytes(unhex(value["signer"]["key"])).verify(signature, signed)
