"""Trust files: whose word a verifier takes, about which block, and which header follows from it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.chain.engines import HEADER_RULES
from evidence.version2.documents.trust import (
    Signer,
    TrustedBlock,
    build_trust,
    parse_trust,
    trusted_blocks,
    trusted_header,
)
from primitives.errors import CouldNotCheck, InvalidInput, VerificationFailed
from primitives.secp256k1 import address_of
from primitives.suites import DEFAULT
from scripts.vectors.evidence import seeded
from tests.unit.node_adapter.chain.simulated_chain import make_block
from tests.world.qbft import KEYS, qbft_header

RULE = HEADER_RULES["ethereum/1"]
DIRECTORY = "0x" + "d1" * 20


def chain(length):
    """Return the headers of blocks without transactions."""
    blocks = [make_block(None, [], 1)]
    while len(blocks) < length:
        blocks.append(make_block(blocks[-1], [], 1))
    return [RULE.encode(block.header) for block in blocks]


HEADERS = chain(8)
SECRETS = {name: seeded(f"trust: {name}") for name in ("regulator", "another broker", "the broker itself")}


def signer(name):
    return Signer("did:ethr:0x2a3f:0x" + seeded(name)[:20].hex(), "Ed25519", DEFAULT.public_key(SECRETS[name]))


PINNED = [signer("regulator").key, signer("another broker").key]


def block_of(data, rule="ethereum/1", **members):
    header = HEADER_RULES[rule].parse(data, "header")
    return replace(TrustedBlock(42, rule, DIRECTORY, header.number, header.hash, header.timestamp), **members)


def file_of(data, by="regulator", **members):
    return build_trust(block_of(data, **members), signer(by), lambda signed: DEFAULT.sign(SECRETS[by], signed))


def blocks_of(*files, pinned=PINNED):
    return trusted_blocks([parse_trust(data) for data in files], pinned)


def refused(words, *args, **kwargs):
    with pytest.raises(VerificationFailed, match=words) as caught:
        (trusted_header if isinstance(args[0], tuple) else blocks_of)(*args, **kwargs)
    assert caught.value.check == "trust"


def test_a_trust_file_is_about_a_kilobyte_and_gives_the_block():
    data = file_of(HEADERS[5])
    assert len(data) < 700
    (block,) = blocks_of(data)
    assert block == block_of(HEADERS[5], signers=(signer("regulator").did,))
    header, said = trusted_header((block,), HEADERS[5])
    assert (header.number, said) == (5, block)


def test_several_signers_of_one_block_are_all_named():
    blocks = blocks_of(file_of(HEADERS[5]), file_of(HEADERS[5], "another broker"), file_of(HEADERS[3]))
    assert [(block.number, len(block.signers)) for block in blocks] == [(3, 1), (5, 2)]
    assert trusted_header(blocks, HEADERS[5])[1].signers == (signer("regulator").did, signer("another broker").did)


def test_the_header_reaches_the_last_trusted_block_unless_less_is_asked_for():
    blocks = blocks_of(file_of(HEADERS[5]), file_of(HEADERS[3]))
    refused("older than asked for", blocks, HEADERS[3])
    assert trusted_header(blocks, HEADERS[3], least=3)[0].number == 3
    refused("older than asked for", blocks, HEADERS[5], least=6)


def test_no_other_header_is_trusted():
    blocks = blocks_of(file_of(HEADERS[5]))
    refused("no trust file names", blocks, HEADERS[6])
    refused("no trust file names", blocks, HEADERS[4], least=0)
    refused("header: is not", blocks, b"\x80\x80")
    fork = RULE.encode(make_block(None, [], 2).header)
    refused("no trust file names", blocks_of(file_of(HEADERS[0])), fork)


@pytest.mark.parametrize("members", [{"number": 4}, {"time": 1}])
def test_a_block_is_of_its_number_and_time(members):
    refused("another number or time", blocks_of(file_of(HEADERS[5], **members)), HEADERS[5], least=0)


def test_only_pinned_keys_count_also_where_another_file_is_signed_by_one():
    refused("is not pinned", file_of(HEADERS[5], "the broker itself"))
    refused("is not pinned", file_of(HEADERS[5]), file_of(HEADERS[5], "the broker itself"))
    refused("is not pinned", file_of(HEADERS[5]), pinned=[])
    with pytest.raises(VerificationFailed, match="no trust file"):
        trusted_blocks([], PINNED)


@pytest.mark.parametrize(
    "members",
    [{"chain_id": 43}, {"directory": "0x" + "d2" * 20}, {"header_rule": "cometbft/1"}],
)
def test_files_of_two_chains_are_refused(members):
    refused("different chains", file_of(HEADERS[5]), file_of(HEADERS[5], "another broker", **members))


@pytest.mark.parametrize("members", [{"hash": seeded("fork")}, {"time": 7}])
def test_files_that_contradict_each_other_are_refused(members):
    refused("different things of block 5", file_of(HEADERS[5]), file_of(HEADERS[5], "another broker", **members))


def changed(data, change):
    value = json.loads(data)
    change(value)
    return json.dumps(value).encode()


@given(st.sampled_from(["chain_id", "directory", "number", "hash", "time", "did", "signature"]), st.integers(1, 6))
def test_what_is_signed_cannot_be_changed(member, by):
    def change(value):
        place = next(place for place in (value, value["block"], value["signer"]) if member in place)
        held = place[member]
        place[member] = held + by if isinstance(held, int) else held[:-3] + "abcdef"[by - 1] + held[-2:]

    data = file_of(HEADERS[5])
    moved = changed(data, change)
    if json.loads(moved) != json.loads(data):
        refused("is not signed by its key", moved)


def test_the_order_of_members_does_not_matter():
    value = json.loads(file_of(HEADERS[5]))
    blocks_of(json.dumps(dict(reversed(value.items()))).encode())


@pytest.mark.parametrize(
    ("change", "field", "rule"),
    [
        (lambda value: value.update(format="bonafides.trust/1"), "trust.format", "constant"),
        (lambda value: value.update(more=1), "trust.more", "unknown-member"),
        (lambda value: value.pop("signer"), "trust.signer", "required"),
        (lambda value: value.update(chain_id=0), "trust.chain_id", "range"),
        (lambda value: value.update(header_rule="Ethereum"), "trust.header_rule", "header-rule"),
        (lambda value: value.update(directory="0xD1" + "d1" * 19), "trust.directory", "address"),
        (lambda value: value["block"].update(hash="11" * 32), "trust.block.hash", "hex"),
        (lambda value: value["block"].update(hash="0x" + "11" * 31), "trust.block.hash", "length"),
        (lambda value: value["block"].update(number=-1), "trust.block.number", "range"),
        (lambda value: value["signer"].update(alg="RS256"), "trust.signer.alg", "one-of"),
        (lambda value: value["signer"].update(key="00" * 31), "trust.signer.key", "length"),
        (lambda value: value["signer"].update(key="00" * 32), "trust.signer.key", "point"),
        (lambda value: value["signer"].update(did="did:web:x"), "trust.signer.did", "did-ethr"),
        (lambda value: value.update(signature="AA"), "trust.signature", "length"),
        (lambda value: value.update(validators=["0x" + "11" * 20]), "trust.validators", "unknown-member"),
        (lambda value: value.update(header_rule="qbft/1"), "trust.validators", "required"),
        (lambda value: value.update(header_rule="qbft/1", validators=[]), "trust.validators", "length"),
    ],
)
def test_what_is_no_trust_file_is_refused(change, field, rule):
    with pytest.raises(InvalidInput) as caught:
        parse_trust(changed(file_of(HEADERS[5]), change))
    assert (caught.value.field, caught.value.rule) == (field, rule)


def test_a_header_rule_that_is_not_known_is_no_failure():
    blocks = blocks_of(file_of(HEADERS[5], header_rule="cometbft/1"))
    with pytest.raises(CouldNotCheck) as caught:
        trusted_header(blocks, HEADERS[5])
    assert caught.value.code == "header-rule"


def addresses(count):
    return tuple(address_of(key) for key in KEYS[:count])


def sealed(number, count=4, sealers=3):
    return qbft_header(addresses(count), KEYS[:sealers], number=number)


def sealed_file(number=10, count=4, **members):
    return file_of(sealed(number, count), rule="qbft/1", validators=addresses(count), **members)


def file_of_sealed(header, count=4):
    block = block_of(header, "qbft/1", validators=addresses(count))
    return build_trust(block, signer("regulator"), lambda data: DEFAULT.sign(SECRETS["regulator"], data))


def test_a_sealed_header_needs_its_seals_also_where_its_hash_is_trusted():
    blocks = blocks_of(file_of_sealed(sealed(10)))
    assert trusted_header(blocks, sealed(10))[0].number == 10
    assert trusted_header(blocks, sealed(10, sealers=4))[0].number == 10  # another copy of the same block
    refused("2 of 4 validators", blocks, sealed(10, sealers=2))


def test_a_later_sealed_header_is_trusted_through_the_validators():
    blocks = blocks_of(file_of_sealed(sealed(10)))
    header, said = trusted_header(blocks, sealed(5000))
    assert (header.number, said.number) == (5000, 10)
    refused("no trust file names", blocks, sealed(9), least=0)
    refused("older than asked for", blocks, sealed(5000), least=5001)
    refused("2 of 4 validators", blocks, sealed(5000, sealers=2))
    refused("no validator in force", blocks, sealed(5000, 5, 5))


def test_changes_of_the_validators_are_followed_to_a_later_header():
    blocks = blocks_of(file_of_sealed(sealed(10)))
    steps = [sealed(100, 5, 4), sealed(200, 6, 4)]
    assert trusted_header(blocks, sealed(5000, 6, 4), changes=steps)[0].number == 5000
    refused("change by more than one", blocks, sealed(5000, 6, 4), changes=steps[1:])
    refused("do not ascend", blocks, sealed(5000, 6, 4), changes=steps[::-1])
    refused("do not ascend", blocks, sealed(150, 6, 4), changes=steps)
    refused("do not ascend", blocks, sealed(5000, 5, 4), changes=[sealed(10, 5, 4)])
    refused("3 of 5 validators", blocks, sealed(5000, 5, 4), changes=[sealed(100, 5, 3)])
