"""What a transaction pays for a unit of gas: nothing on a chain without fees, enough on others, never more than told.

All amounts are wei for one unit of gas. Where blocks carry a base fee, transactions are of type 2 (EIP-1559): they pay
the base fee and a tip, and a price bounds the sum. Elsewhere the price is paid as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# A pool takes another transaction at a nonce only when it pays a tenth more; an eighth is safe with any rounding.
_BUMP_NUMERATOR, _BUMP_DENOMINATOR = 9, 8
_TIP_SHARE = 10  # of the price


def fields(price: int, *, has_base_fee: bool) -> dict[str, int]:
    """Return the members of a transaction that offer a price."""
    if not has_base_fee:
        return {"gasPrice": price}
    return {"maxFeePerGas": price, "maxPriorityFeePerGas": -(-price // _TIP_SHARE)}


def first_price(block: Mapping[str, Any], bound: int) -> int:
    """Return the price of a first try: twice the base fee, so that it may double before the transaction is stuck."""
    return min(2 * base_fee(block), bound)


def higher_price(block: Mapping[str, Any], asked: int, last: int, bound: int) -> int | None:
    """Return the price that replaces a stuck transaction, or None when the bound leaves no room for one.

    Args:
        block: the newest block, as JSON-RPC gives it.
        asked: what the node says that a transaction costs (`eth_gasPrice`).
        last: what the stuck transaction offers.
        bound: the most that may be offered.
    """
    least = -(-last * _BUMP_NUMERATOR // _BUMP_DENOMINATOR) + 1
    if least > bound:
        return None
    return min(max(least, 2 * base_fee(block), asked), bound)


def base_fee(block: Mapping[str, Any]) -> int:
    """Return a block's base fee; zero where there is none."""
    return int(block.get("baseFeePerGas") or "0x0", 16)
