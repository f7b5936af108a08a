"""A signed chain transaction: the form before EIP-1559 with EIP-155's chain id, which every engine takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evidence.rlp_codec import encode_rlp
from primitives.errors import InvalidInput
from primitives.secp256k1 import keccak256, sign_digest

_NUMBERS = ("nonce", "gasPrice", "gas", "value", "chainId")
_BYTES = ("to", "data")
_ADDRESS_BYTES = 20
_V_OFFSET = 27  # what `sign_digest` adds to the recovery id
_EIP155_OFFSET = 35


def sign_transaction(transaction: Mapping[str, Any], private_key: bytes) -> tuple[bytes, bytes]:
    """Return the raw transaction and its hash.

    Args:
        transaction: nonce, gasPrice, gas, value, chainId as integers; to (0x hex or bytes, empty to create), data.
        private_key: secp256k1, 32 bytes.

    Raises:
        InvalidInput: a member is unknown, missing or of another kind.
    """
    for name in transaction:
        if name not in (*_NUMBERS, *_BYTES):
            raise InvalidInput(f"transaction.{name}", "unknown", "is not a member of this form")
    number = {name: _number(transaction.get(name), name) for name in _NUMBERS}
    to, data = _octets(transaction.get("to", b""), "to"), _octets(transaction.get("data", b""), "data")
    if len(to) not in (0, _ADDRESS_BYTES):
        raise InvalidInput("transaction.to", "length", f"must be {_ADDRESS_BYTES} bytes, or none to create a contract")
    body = [number["nonce"], number["gasPrice"], number["gas"], to, number["value"], data]
    signature = sign_digest(private_key, keccak256(encode_rlp([*body, number["chainId"], 0, 0])))
    v = signature[64] - _V_OFFSET + _EIP155_OFFSET + 2 * number["chainId"]
    r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:64])
    raw = encode_rlp([*body, v, r, s])
    return raw, keccak256(raw)


def _number(value: object, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise InvalidInput(f"transaction.{name}", "range", "must be an integer from 0")
    return value


def _octets(value: object, name: str) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str) and value.startswith("0x"):
        try:
            return bytes.fromhex(value[2:])
        except ValueError as error:
            raise InvalidInput(f"transaction.{name}", "hex", "is not 0x and hexadecimal digits") from error
    raise InvalidInput(f"transaction.{name}", "bytes", "must be bytes or 0x hex")
