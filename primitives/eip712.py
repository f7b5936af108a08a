"""EIP-712 typed data of every signature that our contracts check, and how to sign and recover it.

A typed-data value is a plain JSON object (bytes as 0x hex, integers as numbers), so that a wallet can show it, or any
other EIP-712 signer can sign it. Each binds the chain id and the contract; deadlines and nonces are in the structs.
Our structs are flat, and so is what is hashed here: a member that is a struct or an array is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from primitives.address import check_address
from primitives.encoding import decode_hex
from primitives.errors import InvalidInput
from primitives.secp256k1 import address_of, keccak256, recover_address, sign_digest

__all__ = [
    "ED25519_ATTRIBUTE",
    "TypedData",
    "address_of",
    "approve_typed_data",
    "attribute_name",
    "change_owner_typed_data",
    "grant_typed_data",
    "recover_typed",
    "revoke_attribute_typed_data",
    "set_attribute_typed_data",
    "sign_typed",
    "typed_digest",
    "withdraw_typed_data",
]

TypedData = dict[str, Any]

_UINT256_BITS = 256
_WORD_BYTES = 32
_DOMAIN_FIELDS = (
    ("name", "string"),
    ("version", "string"),
    ("chainId", "uint256"),
    ("verifyingContract", "address"),
)
_CHANGE_OWNER = (("identity", "address"), ("newOwner", "address"), ("nonce", "uint256"), ("deadline", "uint256"))
_SET_ATTRIBUTE = (
    ("identity", "address"),
    ("name", "bytes32"),
    ("value", "bytes"),
    ("validity", "uint256"),
    ("nonce", "uint256"),
    ("deadline", "uint256"),
)
_REVOKE_ATTRIBUTE = (
    ("identity", "address"),
    ("name", "bytes32"),
    ("value", "bytes"),
    ("nonce", "uint256"),
    ("deadline", "uint256"),
)
_CONSENT = (("identity", "address"), ("consentId", "bytes32"), ("deadline", "uint256"))
_APPROVE = (("taskId", "bytes32"), ("specHash", "bytes32"))


def attribute_name(text: str) -> bytes:
    """Return the bytes32 form of an ERC-1056 attribute name: ASCII, right-padded with zeros."""
    encoded = text.encode("ascii", errors="replace")
    if not text.isascii() or not 0 < len(encoded) <= _WORD_BYTES or b"\0" in encoded:
        raise InvalidInput("name", "attribute-name", "must be 1 to 32 ASCII characters")
    return encoded.ljust(_WORD_BYTES, b"\0")


ED25519_ATTRIBUTE = attribute_name("did/pub/Ed25519/veriKey/hex")  # the client's signing key


def change_owner_typed_data(
    chain_id: int, contract: str, identity: str, new_owner: str, nonce: int, deadline: int
) -> TypedData:
    """Return DidRegistry's ChangeOwner."""
    values = {"identity": identity, "newOwner": new_owner, "nonce": nonce, "deadline": deadline}
    return _typed("DidRegistry", chain_id, contract, "ChangeOwner", _CHANGE_OWNER, values)


def set_attribute_typed_data(
    chain_id: int, contract: str, identity: str, name: bytes, value: bytes, validity: int, nonce: int, deadline: int
) -> TypedData:
    """Return DidRegistry's SetAttribute; `validity` is in seconds, `deadline` a Unix time in seconds."""
    values: dict[str, Any] = {
        "identity": identity,
        "name": name,
        "value": value,
        "validity": validity,
        "nonce": nonce,
        "deadline": deadline,
    }
    return _typed("DidRegistry", chain_id, contract, "SetAttribute", _SET_ATTRIBUTE, values)


def revoke_attribute_typed_data(
    chain_id: int, contract: str, identity: str, name: bytes, value: bytes, nonce: int, deadline: int
) -> TypedData:
    """Return DidRegistry's RevokeAttribute."""
    values: dict[str, Any] = {"identity": identity, "name": name, "value": value, "nonce": nonce, "deadline": deadline}
    return _typed("DidRegistry", chain_id, contract, "RevokeAttribute", _REVOKE_ATTRIBUTE, values)


def grant_typed_data(chain_id: int, contract: str, identity: str, consent_id: bytes, deadline: int) -> TypedData:
    """Return ConsentRegistry's Grant."""
    values: dict[str, Any] = {"identity": identity, "consentId": consent_id, "deadline": deadline}
    return _typed("ConsentRegistry", chain_id, contract, "Grant", _CONSENT, values)


def withdraw_typed_data(chain_id: int, contract: str, identity: str, consent_id: bytes, deadline: int) -> TypedData:
    """Return ConsentRegistry's Withdraw."""
    values: dict[str, Any] = {"identity": identity, "consentId": consent_id, "deadline": deadline}
    return _typed("ConsentRegistry", chain_id, contract, "Withdraw", _CONSENT, values)


def approve_typed_data(chain_id: int, contract: str, task_id: bytes, spec_hash: bytes) -> TypedData:
    """Return TaskRegistry's Approve, which a member's compliance key signs."""
    values = {"taskId": task_id, "specHash": spec_hash}
    return _typed("TaskRegistry", chain_id, contract, "Approve", _APPROVE, values)


def typed_digest(typed: TypedData) -> bytes:
    """Return the 32-byte EIP-712 digest: keccak256(0x19 01 || domain separator || hash of the struct)."""
    types, kind = typed.get("types"), typed.get("primaryType")
    if not isinstance(types, dict) or not isinstance(kind, str):
        raise _not_typed("types or primaryType is missing")
    domain = _hash_struct(types, "EIP712Domain", typed.get("domain"))
    return keccak256(b"\x19\x01" + domain + _hash_struct(types, kind, typed.get("message")))


def sign_typed(private_key: bytes, typed: TypedData) -> bytes:
    """Return the 65-byte signature r || s || v of typed data."""
    return sign_digest(private_key, typed_digest(typed))


def recover_typed(typed: TypedData, signature: bytes) -> str:
    """Return the address that signed typed data; raises as `secp256k1.recover_address` does."""
    return recover_address(typed_digest(typed), signature)


def _typed(
    component: str,
    chain_id: int,
    contract: str,
    struct: str,
    fields: tuple[tuple[str, str], ...],
    values: dict[str, Any],
) -> TypedData:
    return {
        "types": {
            "EIP712Domain": [{"name": name, "type": kind} for name, kind in _DOMAIN_FIELDS],
            struct: [{"name": name, "type": kind} for name, kind in fields],
        },
        "primaryType": struct,
        "domain": {
            "name": f"Bonafides {component}",
            "version": "1",
            "chainId": _encode("uint256", chain_id, "chain_id"),
            "verifyingContract": check_address(contract, "contract"),
        },
        "message": {name: _encode(kind, values[name], name) for name, kind in fields},
    }


def _encode(kind: str, value: object, field: str) -> Any:
    if kind == "address":
        return check_address(value, field)
    if kind == "uint256":
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << _UINT256_BITS:
            raise InvalidInput(field, "uint256", "must be an integer from 0 to 2^256-1")
        return value
    if not isinstance(value, bytes) or (kind == "bytes32" and len(value) != _WORD_BYTES):
        raise InvalidInput(field, "eip712", f"must be {kind}")
    return "0x" + value.hex()


def _hash_struct(types: Mapping[str, Any], kind: str, values: object) -> bytes:
    """Return hashStruct of a flat struct: keccak256(typeHash || one word per member)."""
    fields = types.get(kind)
    if not isinstance(fields, list) or not all(
        isinstance(field, dict) and isinstance(field.get("name"), str) and field.get("type") in _WORDS
        for field in fields
    ):
        raise _not_typed(f"{kind} is no list of members of the types {', '.join(_WORDS)}")
    if not isinstance(values, dict) or set(values) != {field["name"] for field in fields}:
        raise _not_typed(f"the members of {kind} are not those of its type")
    signature = f"{kind}({','.join(field['type'] + ' ' + field['name'] for field in fields)})"
    words = [_word(field["type"], values[field["name"]], field["name"]) for field in fields]
    return keccak256(keccak256(signature.encode()) + b"".join(words))


_WORDS = ("address", "bytes32", "uint256", "bytes", "string")


def _word(kind: str, value: object, field: str) -> bytes:
    if kind == "uint256":
        return int(_encode(kind, value, field)).to_bytes(_WORD_BYTES)
    if not isinstance(value, str):
        raise InvalidInput(field, "eip712", f"must be {kind} as text")
    if kind == "string":
        return keccak256(value.encode())
    if kind == "address":
        return bytes.fromhex(check_address(value, field)[2:]).rjust(_WORD_BYTES, b"\0")
    octets = decode_hex(value.removeprefix("0x"), field, _WORD_BYTES if kind == "bytes32" else None)
    return octets if kind == "bytes32" else keccak256(octets)


def _not_typed(why: str) -> InvalidInput:
    return InvalidInput("typed_data", "eip712", f"is not EIP-712 typed data: {why}")
