"""What one trusted block says: state proof, heads, keys, the tree of active members, a sealed header, a trust file."""

from __future__ import annotations

from eth_hash.auto import keccak

from evidence.chain.engines import HEADER_RULES
from evidence.chain.patricia import EMPTY_ROOT
from evidence.chain.rlp_codec import encode_rlp
from evidence.chain.rlp_header import encode_header
from evidence.version2.documents.trust import Signer, TrustedBlock, build_trust
from evidence.version2.state.active_members import ActiveMembers, member_leaf
from evidence.version2.state.did_changes import KEY_ATTRIBUTES, DidChange, did_head
from evidence.version2.state.member_keys import MemberKeySet
from evidence.version2.state.slots import LOG_HEAD
from primitives.canonical import canonical_json
from primitives.encoding import encode_base64url
from primitives.secp256k1 import address_of, sign_digest
from primitives.suites import DEFAULT
from scripts.vectors.evidence import BROKER, CLIENT, seeded
from scripts.vectors.output import Vector
from scripts.vectors.synthetic_state import SyntheticAccount, SyntheticState

BROKER_ADDRESS, CLIENT_ADDRESS = BROKER.rpartition(":")[2], CLIENT.rpartition(":")[2]
SIGNER_SEED, CHAIN_ID = seeded("signer of the trust file"), 0x2A3F
_BLOCK, _TIME, _YEAR = 100, 1_795_223_700, 365 * 86_400
_OTHERS = 20  # accounts beside the one that is proved


def _address(name: str) -> str:
    return "0x" + seeded(name)[:20].hex()


def worked_keys(name: str) -> MemberKeySet:
    """Return the worked keys of a member: an Ed25519 key and its other keys."""
    signing, checkpoint, agreement = (
        seeded(f"{kind} key of {name}") for kind in ("signing", "checkpoint", "agreement")
    )
    return MemberKeySet(1, signing, checkpoint, agreement, _address(f"compliance of {name}"))


def _changes() -> list[DidChange]:
    """Return the worked history of the client's DID: a key, a delegate, and the key put off by a year."""
    key = {"name": KEY_ATTRIBUTES[1], "value": DEFAULT.public_key(seeded("client signing seed"))}
    delegate = {"delegate_type": b"veriKey".ljust(32, b"\0"), "delegate": _address("delegate"), "valid_to": 0}
    return [
        DidChange("DIDAttributeChanged", _BLOCK, _TIME, {**key, "valid_to": _TIME + _YEAR}),
        DidChange("DIDDelegateChanged", _BLOCK + 7, _TIME + 35, delegate),
        DidChange("DIDAttributeChanged", _BLOCK + 9, _TIME + 45, {**key, "valid_to": _TIME + 2 * _YEAR}),
    ]


def _keys_digest() -> Vector:
    keys = worked_keys("the broker")
    return {"keys": keys.to_json(), "digest": keys.digest().hex()}


def _did_history() -> Vector:
    changes = _changes()
    return {
        "changes": [change.to_json() for change in changes],
        "digests": [change.digest().hex() for change in changes],
        "heads": [did_head(changes[:count]).hex() for count in range(len(changes) + 1)],
    }


def _active_members() -> Vector:
    leaves = {
        number: member_leaf(_address(f"member {number}"), role, worked_keys(f"member {number}").digest())
        for number, role in ((0, 1), (2, 1), (3, 2))  # number 1 is suspended
    }
    tree = ActiveMembers(leaves)
    return {
        "leaves": {str(number): leaf.hex() for number, leaf in leaves.items()},
        "root": tree.root.hex(),
        "path_of_2": [sibling.hex() for sibling in tree.path(2)],
    }


def _state_proof() -> Vector:
    contract = _address("EvidenceLog")
    slot = LOG_HEAD.slot(BROKER_ADDRESS)
    storage = {LOG_HEAD.slot(_address(f"broker {number}")): seeded(f"head {number}") for number in range(5)}
    others = {_address(f"account {number}"): SyntheticAccount() for number in range(_OTHERS)}
    log = SyntheticAccount(code_hash=keccak(b"code"), storage={**storage, slot: seeded("head")})
    state = SyntheticState({**others, contract: log})
    absent = LOG_HEAD.slot(CLIENT_ADDRESS)
    return {
        "state_root": state.root.hex(),
        "address": contract,
        "slot": slot.hex(),
        "word": seeded("head").hex(),
        "slot_never_written": absent.hex(),
        "nodes": [encode_base64url(node) for node in state.prove({contract: [slot, absent]})],
    }


def _header(seals: list[bytes], validators: list[str], round_: int) -> bytes:
    named = [bytes.fromhex(address.removeprefix("0x")) for address in validators]
    return encode_header(
        {
            "parentHash": "0x" + seeded("parent").hex(),
            "sha3Uncles": "0x" + keccak(encode_rlp([])).hex(),
            "miner": validators[0],
            "stateRoot": "0x" + seeded("state root").hex(),
            "transactionsRoot": "0x" + EMPTY_ROOT.hex(),
            "receiptsRoot": "0x" + EMPTY_ROOT.hex(),
            "logsBloom": "0x" + "00" * 256,
            "difficulty": "0x1",
            "number": hex(_BLOCK),
            "gasLimit": "0x1c9c380",
            "gasUsed": "0x0",
            "timestamp": hex(_TIME),
            "extraData": "0x" + encode_rlp([bytes(32), named, [], round_, seals]).hex(),
            "mixHash": "0x" + b"ctical byzantine fault tolerance".hex(),
            "nonce": "0x" + "00" * 8,
            "baseFeePerGas": "0x0",
        }
    )


def _sealed_header() -> Vector:
    secrets = [seeded(f"validator {number}") for number in range(4)]
    validators = [address_of(secret) for secret in secrets]
    signed = keccak(_header([], validators, 2))
    signatures = [sign_digest(secret, signed) for secret in secrets[:3]]
    seals = [signature[:64] + bytes([signature[64] - 27]) for signature in signatures]
    header, rule = _header(seals, validators, 2), HEADER_RULES["qbft/1"]
    return {
        "header": header.hex(),
        "hash": rule.parse(header, "header").hash.hex(),
        "sealed_digest": signed.hex(),
        "validators": validators,
    }


def _trust() -> Vector:
    signer = Signer("did:ethr:0x2a3f:" + _address("regulator"), DEFAULT.alg, DEFAULT.public_key(SIGNER_SEED))
    block = TrustedBlock(CHAIN_ID, "ethereum/1", _address("Directory"), _BLOCK, seeded("block hash"), _TIME)
    data = build_trust(block, signer, lambda signed: DEFAULT.sign(SIGNER_SEED, signed))
    return {
        "signer_seed": SIGNER_SEED.hex(),
        "signed": canonical_json(block.statement(signer)).hex(),
        "file": data.decode(),
    }


def vectors() -> dict[str, Vector]:
    """Return the worked values of section 9 and 10 by name."""
    return {
        "keys-digest": _keys_digest(),
        "did-history": _did_history(),
        "active-members": _active_members(),
        "state-proof": _state_proof(),
        "sealed-header": _sealed_header(),
        "trust": _trust(),
    }
