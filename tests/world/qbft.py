"""Blocks of a Besu network under QBFT, sealed by keys of the test, as JSON-RPC gives them and as RLP."""

from __future__ import annotations

import hashlib

from eth_hash.auto import keccak

from evidence.chain.patricia import EMPTY_ROOT
from evidence.chain.rlp_codec import decode_rlp, encode_rlp
from evidence.chain.rlp_header import encode_header
from primitives.secp256k1 import sign_digest

KEYS = [hashlib.sha256(b"a validator of the tests: %d" % number).digest() for number in range(10)]
ISTANBUL = "0x" + b"ctical byzantine fault tolerance".hex()
_EXTRA = 12
ZERO = "0x" + "00" * 32


def qbft_header(validators, sealers, *, number=7, round_=0):
    """Return a header that names validators and bears the seals of keys."""
    return encode_header(qbft_block(validators, sealers, number=number, round_=round_))


def qbft_block(validators, sealers, *, number=7, round_=0, parent=ZERO):
    """Return a block without transactions as Besu's JSON-RPC gives it."""
    named = [bytes.fromhex(address.removeprefix("0x")) for address in validators]
    block = {
        "parentHash": parent,
        "sha3Uncles": "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347",
        "miner": "0x" + "00" * 20,
        "stateRoot": "0x" + hashlib.sha256(b"state").hexdigest(),
        "transactionsRoot": "0x" + EMPTY_ROOT.hex(),
        "receiptsRoot": "0x" + EMPTY_ROOT.hex(),
        "logsBloom": "0x" + "00" * 256,
        "difficulty": "0x1",
        "number": hex(number),
        "gasLimit": "0x1fffffffffffff",
        "gasUsed": "0x0",
        "timestamp": hex(1_700_000_000 + 5 * number),
        "extraData": "0x" + encode_rlp([bytes(32), named, [], round_, []]).hex(),
        "mixHash": ISTANBUL,
        "nonce": "0x0000000000000000",
        "baseFeePerGas": "0x0",
        "transactions": [],
        "uncles": [],
    }
    unsealed = encode_header(block)
    seals = [seal(key, unsealed) for key in sealers]
    hashed = {**block, "extraData": "0x" + encode_rlp([bytes(32), named, [], 0, []]).hex()}
    sealed = "0x" + encode_rlp([bytes(32), named, [], round_, seals]).hex()
    return {**block, "extraData": sealed, "hash": "0x" + keccak(encode_header(hashed)).hex()}


def seal(key, header):
    """Return the seal of a key over a header, whose own seals do not count."""
    fields = decode_rlp(header, "header")
    extra = decode_rlp(fields[_EXTRA], "header")
    fields[_EXTRA] = encode_rlp([*extra[:4], []])
    signature = sign_digest(key, keccak(encode_rlp(fields)))
    return signature[:64] + bytes([signature[64] - 27])
