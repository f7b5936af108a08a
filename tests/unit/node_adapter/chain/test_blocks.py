"""The node's reader of blocks: it hashes each by the rule of the engine that made it."""

from __future__ import annotations

import pytest
from eth_hash.auto import keccak

from evidence.chain.rlp_header import encode_header
from node_adapter.chain.blocks import verify_block
from primitives.errors import VerificationFailed
from primitives.secp256k1 import address_of
from tests.unit.node_adapter.chain.simulated_chain import make_block
from tests.world.qbft import KEYS, qbft_block

VALIDATORS = [address_of(key) for key in KEYS[:4]]


def besu_block(round_=0):
    return qbft_block(VALIDATORS, KEYS[:3], number=7, round_=round_)


@pytest.mark.parametrize("round_", [0, 1, 300])
def test_a_block_of_besu_hashes_to_what_it_claims(round_):
    """Over JSON-RPC it comes with its seals, which no hash covers."""
    block = besu_block(round_)
    read = verify_block(block, [])
    assert (read.number, "0x" + read.hash.hex()) == (7, block["hash"])
    assert read.header == encode_header(block)
    assert keccak(read.header) != read.hash


def test_the_same_block_of_two_nodes_has_one_hash():
    others = qbft_block(VALIDATORS, KEYS[1:4], number=7, round_=5)
    assert verify_block(others, []).hash == verify_block(besu_block(), []).hash


@pytest.mark.parametrize(
    "changed",
    [
        {"stateRoot": "0x" + "11" * 32},
        {"mixHash": "0x" + "00" * 32},
        {"extraData": qbft_block(VALIDATORS[:3], KEYS[:3], number=7)["extraData"]},
        {"hash": "0x" + keccak(encode_header(besu_block())).hex()},
        {"extraData": "0x"},
    ],
)
def test_a_block_that_was_changed_is_refused(changed):
    with pytest.raises(VerificationFailed) as caught:
        verify_block(besu_block() | changed, [])
    assert caught.value.check == "block-header"


def test_blocks_without_a_mark_are_hashed_as_they_are():
    block = make_block(None, [], 1).header
    assert "0x" + verify_block(block, []).hash.hex() == block["hash"]
