"""Signed transactions, by eth-account: the form before EIP-1559, which every engine takes, and EIP-1559's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from node_adapter.chain.libraries import Account
from primitives.errors import InvalidInput

_COMMON = frozenset({"nonce", "gas", "to", "value", "data", "chainId"})
_OCTETS = frozenset({"to", "data"})
_FORMS = (frozenset({"gasPrice"}), frozenset({"maxFeePerGas", "maxPriorityFeePerGas"}))


def sign_transaction(transaction: Mapping[str, Any], private_key: bytes) -> tuple[bytes, bytes]:
    """Return the raw transaction and its hash. The same input gives the same bytes (RFC 6979).

    Args:
        transaction: nonce, gas, value, chainId as integers; to (20 bytes, or none to create a contract) and data as
            bytes; and gasPrice, or maxFeePerGas and maxPriorityFeePerGas, in wei.
        private_key: secp256k1, 32 bytes.

    Raises:
        InvalidInput: a member is unknown, missing or of another kind.
    """
    given = set(transaction)
    if not any(given == _COMMON | fees for fees in _FORMS):
        odd = ", ".join(sorted(given ^ (_COMMON | _FORMS["maxFeePerGas" in given])))
        raise InvalidInput("transaction", "shape", f"has members too many or too few: {odd}")
    for name, value in transaction.items():
        if name in _OCTETS:
            if not isinstance(value, bytes):
                raise InvalidInput(f"transaction.{name}", "bytes", "must be bytes")
        elif not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise InvalidInput(f"transaction.{name}", "range", "must be an integer from 0")
    try:
        signed = Account.sign_transaction(dict(transaction), private_key)
    except (TypeError, ValueError) as error:
        raise InvalidInput("transaction", "shape", str(error)) from error
    return bytes(signed.raw_transaction), bytes(signed.hash)
