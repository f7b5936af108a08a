"""Header rule `qbft/1`: Besu's QBFT, whose headers bear the seals of the validators (docs/spec/evidence-2.md, 9.4).

`extraData` is RLP of (vanity, validators, vote, round, seals). Seals and round differ from node to node, so a block's
hash leaves them out: what is hashed has round 0 and no seals, and what a seal signs has the round and no seals. Block 0
is hashed as it is. Over JSON-RPC Besu gives `extraData` with the seals, so that what it gives does not hash as it is.

Source: Besu's `QbftExtraDataCodec`, `BftBlockHashing` and `BftCommitSealsValidationRule`. A list in a contract
(`extraData` names no validators) is known from elsewhere; the curve is secp256k1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from eth_hash.auto import keccak

from evidence.chain.engine import Header, HeaderRule, SealRule
from evidence.chain.recovery import recover_signer
from evidence.chain.rlp_codec import Encodable, Rlp, decode_rlp, encode_rlp, rpc_bytes
from evidence.chain.rlp_header import encode_header, header_fields, header_of, may_hold
from primitives.errors import InvalidInput, VerificationFailed

MIX_HASH = b"ctical byzantine fault tolerance"  # the end of a name that was cut to 32 bytes
_NUMBER, _EXTRA = 8, 12
_EXTRA_ITEMS, _VOTE_ITEMS = 5, 2
_ADDRESS_BYTES, _SEAL_BYTES, _MAX_ROUND_BYTES = 20, 65, 4
_VOTES = (b"", b"\xff")  # drop, add


@dataclass(frozen=True)
class _Extra:
    vanity: bytes
    validators: tuple[bytes, ...]
    vote: Rlp
    round: bytes
    seals: tuple[bytes, ...]


def _parse(data: bytes, field: str) -> Header:
    """Read a header, and hash it as Besu does.

    Raises:
        InvalidInput: no header, or its extra data is not of QBFT.
    """
    fields = header_fields(data, field)
    extra = _extra(fields, field)
    return header_of(fields, keccak(data) if fields[_NUMBER] == b"" else _digest(fields, extra, b""), field)


def _validators(data: bytes, field: str) -> tuple[str, ...]:
    """Return the validators whom a header names, who are those that seal it; none where a contract keeps the list."""
    return tuple("0x" + address.hex() for address in _extra(header_fields(data, field), field).validators)


def _check_seals(data: bytes, validators: Sequence[str], field: str) -> None:
    """Require the seals of at least two thirds of the validators, each one's once, and nobody else's.

    Raises:
        VerificationFailed: `header-seals`.
    """
    fields = header_fields(data, field)
    extra = _extra(fields, field)
    signed = _digest(fields, extra, extra.round)
    sealers = [_sealer(signed, seal) for seal in extra.seals]
    if len(set(sealers)) != len(sealers) or not set(sealers) <= set(validators):
        raise VerificationFailed("header-seals", "a seal is of no validator in force, or stands twice")
    needed = -(-2 * len(validators) // 3)
    if len(sealers) < max(needed, 1):
        raise VerificationFailed("header-seals", f"{len(sealers)} of {len(validators)} validators sealed, not {needed}")


def _sealer(digest: bytes, seal: bytes) -> str:
    """Return who sealed. Besu takes either of the two spellings of a signature, which recover to the same key."""
    try:
        return recover_signer(digest, int.from_bytes(seal[:32]), int.from_bytes(seal[32:64]), seal[64])
    except VerificationFailed as error:
        raise VerificationFailed("header-seals", "a seal recovers to no key") from error


def _digest(fields: Sequence[Rlp], extra: _Extra, round_: bytes) -> bytes:
    """Return the hash of a header without seals, of a round."""
    unsealed: list[Encodable] = [extra.vanity, list(extra.validators), extra.vote, round_, []]
    return keccak(encode_rlp([*fields[:_EXTRA], encode_rlp(unsealed), *fields[_EXTRA + 1 :]]))


def _extra(fields: Sequence[Rlp], field: str) -> _Extra:
    where, data = f"{field}.extra", fields[_EXTRA]
    items = decode_rlp(data, where) if isinstance(data, bytes) else None
    if not isinstance(items, list) or len(items) != _EXTRA_ITEMS:
        raise InvalidInput(where, "header", "must be a list of vanity, validators, vote, round and seals")
    vanity, validators, vote, round_, seals = items
    if not isinstance(vanity, bytes) or not _is_vote(vote) or not _is_round(round_):
        raise InvalidInput(where, "header", "must have a vanity, a vote or none, and a round")
    return _Extra(
        vanity,
        _all_of(validators, _ADDRESS_BYTES, f"{where}.validators"),
        vote,
        bytes(round_),
        _all_of(seals, _SEAL_BYTES, f"{where}.seals"),
    )


def _all_of(values: Rlp, length: int, where: str) -> tuple[bytes, ...]:
    found = values if isinstance(values, list) else [values]
    if found is not values or not all(isinstance(value, bytes) and len(value) == length for value in found):
        raise InvalidInput(where, "header", f"must be a list of entries of {length} bytes")
    return tuple(value for value in found if isinstance(value, bytes))


def _is_vote(vote: Rlp) -> bool:
    if vote == []:
        return True
    return (
        isinstance(vote, list)
        and len(vote) == _VOTE_ITEMS
        and isinstance(vote[0], bytes)
        and len(vote[0]) == _ADDRESS_BYTES
        and vote[1] in _VOTES
    )


def _is_round(round_: Rlp) -> TypeGuard[bytes]:
    return isinstance(round_, bytes) and len(round_) <= _MAX_ROUND_BYTES and not round_.startswith(b"\0")


def _is_of(block: Mapping[str, Any]) -> bool:
    """Tell a block of this engine: QBFT writes its mark where others write a mix hash, and its list as extra data."""
    if rpc_bytes(block["mixHash"]) != MIX_HASH:
        return False
    try:
        _parse(encode_header(block), "header")
    except InvalidInput:  # IBFT 2.0 bears the same mark
        return False
    return True


RULE = HeaderRule(
    "qbft/1",
    parse=_parse,
    may_hold=may_hold,
    encode=encode_header,
    opens_state=True,
    seals=SealRule(check=_check_seals, validators=_validators),
    is_of=_is_of,
)
"""Headers of Hyperledger Besu under QBFT."""
