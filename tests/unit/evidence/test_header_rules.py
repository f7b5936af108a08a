"""Header rules: a header that a Besu network made, and headers sealed here by validators of every number."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from eth_hash.auto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.chain.engines import HEADER_RULE, HEADER_RULES, header_rule_of
from evidence.chain.rlp_codec import decode_rlp, encode_rlp
from evidence.version2.state.headers import HEADER_RULE_NAME, RULES, follow_validators, state_rule
from primitives.errors import CouldNotCheck, InvalidInput, VerificationFailed
from primitives.secp256k1 import CURVE_ORDER, address_of
from tests.world.qbft import ISTANBUL, KEYS, qbft_block, qbft_header, seal

RULE = HEADER_RULES["qbft/1"]
RECORDED = json.loads((Path(__file__).parents[2] / "vectors" / "chain" / "qbft.json").read_text("utf-8"))
HEADER = bytes.fromhex(RECORDED["header"])
NAMED = tuple(RECORDED["validators"])
EXTRA = 12


def rebuilt(header, change):
    """Return a header whose extra data `change` was given as a list."""
    fields = decode_rlp(header, "x")
    extra = decode_rlp(fields[EXTRA], "x")
    changed = change(extra)
    fields[EXTRA] = encode_rlp(extra if changed is None else changed)
    return encode_rlp(fields)


def with_round(number):
    def change(extra):
        extra[3] = encode_rlp(number)[-1:] if number else b""

    return change


def without_seals(extra):
    extra[4] = []


def addresses(count):
    return [address_of(key) for key in KEYS[:count]]


def refused(header, validators, words):
    with pytest.raises(VerificationFailed, match=words) as caught:
        RULE.seals.check(header, validators, "header")
    assert caught.value.check == "header-seals"


def test_a_recorded_header_is_read_and_its_seals_are_of_its_validators():
    header = RULE.parse(HEADER, "header")
    assert (header.number, header.timestamp) == (7528, RECORDED["time"])
    assert header.state_root.hex() == RECORDED["state_root"]
    assert RULE.seals.validators(HEADER, "header") == NAMED
    RULE.seals.check(HEADER, NAMED, "header")
    signed = rebuilt(HEADER, without_seals)
    assert keccak(signed).hex() == RECORDED["committed_seal_hash"]


def test_a_block_s_hash_leaves_seals_and_round_out():
    """Of the recorded header: three copies that nodes of one network may hold."""
    hashes = {RULE.parse(copy, "x").hash for copy in (HEADER, rebuilt(HEADER, without_seals))}
    hashes.add(RULE.parse(rebuilt(HEADER, with_round(7)), "x").hash)
    assert hashes == {keccak(rebuilt(rebuilt(HEADER, without_seals), with_round(0)))}
    assert HEADER_RULES["ethereum/1"].parse(HEADER, "x").hash not in hashes


def test_seals_sign_the_round():
    refused(rebuilt(HEADER, with_round(2)), NAMED, "no validator in force")


def test_a_header_without_enough_of_the_recorded_seals_is_refused():
    def drop(extra):
        extra[4].pop()

    refused(rebuilt(HEADER, drop), NAMED, "2 of 4 validators sealed, not 3")
    refused(HEADER, [*NAMED, *addresses(1)], "3 of 5 validators sealed, not 4")
    refused(HEADER, NAMED[1:], "no validator in force")


@pytest.mark.parametrize("count", range(1, 11))
def test_two_thirds_seal_and_one_fewer_does_not(count):
    validators, needed = addresses(count), -(-2 * count // 3)
    RULE.seals.check(qbft_header(validators, KEYS[:needed]), validators, "header")
    refused(qbft_header(validators, KEYS[: needed - 1]), validators, f"{needed - 1} of {count}")


def test_a_seal_counts_once_and_of_a_validator_only():
    validators = addresses(4)
    refused(qbft_header(validators, [KEYS[0], KEYS[0], KEYS[0], KEYS[1]]), validators, "twice")
    refused(qbft_header(validators, [*KEYS[:3], KEYS[9]]), validators, "no validator")
    refused(qbft_header([], []), [], "0 of 0")


def test_either_spelling_of_a_seal_counts_as_in_besu():
    """The other s recovers to the same validator, so it is no second seal either."""

    def other(extra):
        first = extra[4][0]
        s = CURVE_ORDER - int.from_bytes(first[32:64])
        extra[4][0] = first[:32] + s.to_bytes(32) + bytes([first[64] ^ 1])

    def both(extra):
        kept = extra[4][0]
        other(extra)
        extra[4].append(kept)

    RULE.seals.check(rebuilt(HEADER, other), NAMED, "header")
    refused(rebuilt(HEADER, both), NAMED, "twice")


@pytest.mark.parametrize("value", [bytes(65), b"\xff" * 65, bytes(64) + b"\x1b"])
def test_what_recovers_to_nobody_is_no_seal(value):
    def replace(extra):
        extra[4][0] = value

    refused(rebuilt(HEADER, replace), NAMED, "recovers to no key")


def test_a_list_in_a_contract_is_given_and_not_read():
    header = qbft_header([], KEYS[:3])
    assert RULE.seals.validators(header, "header") == ()
    RULE.seals.check(header, addresses(4), "header")


def test_block_0_is_hashed_as_it_is():
    header = qbft_header(addresses(4), KEYS[:1], number=0, round_=3)  # what the hash of a later block would leave out
    assert RULE.parse(header, "header").hash == keccak(header)


@pytest.mark.parametrize(
    "change",
    [
        lambda extra: [*extra, b""],
        lambda extra: extra[:4],
        lambda extra: b"\1" * 40,
        lambda extra: [[], *extra[1:]],
        lambda extra: [extra[0], [b"\1" * 19], *extra[2:]],
        lambda extra: [extra[0], b"\1" * 20, *extra[2:]],
        lambda extra: [*extra[:2], [b"\1" * 20], *extra[3:]],
        lambda extra: [*extra[:2], [b"\1" * 20, b"\1"], *extra[3:]],
        lambda extra: [*extra[:2], b"", *extra[3:]],
        lambda extra: [*extra[:3], b"\0\1", extra[4]],
        lambda extra: [*extra[:3], b"\1" * 5, extra[4]],
        lambda extra: [*extra[:3], [], extra[4]],
        lambda extra: [*extra[:4], [b"\1" * 64]],
        lambda extra: [*extra[:4], [[]]],
        lambda extra: [*extra[:4], b""],
    ],
)
def test_other_extra_data_is_no_header_of_qbft(change):
    with pytest.raises(InvalidInput) as caught:
        RULE.parse(rebuilt(HEADER, change), "header")
    assert caught.value.field.startswith("header.extra")
    assert caught.value.rule == "header"


@pytest.mark.parametrize("vote", [[], [b"\2" * 20, b"\xff"], [b"\2" * 20, b""]])
def test_a_vote_is_part_of_the_hash(vote):
    changed = rebuilt(HEADER, lambda extra: [*extra[:2], vote, *extra[3:]])
    assert (RULE.parse(changed, "x").hash == RULE.parse(HEADER, "x").hash) == (vote == [])


def steps(*counts):
    """Return the headers of lists of so many validators, sealed by as many of each as needed."""
    return [
        qbft_header(addresses(count), KEYS[: -(-2 * count // 3)], number=10 * place)
        for place, count in enumerate(counts, 1)
    ]


def test_changes_of_the_list_are_followed_one_validator_at_a_time():
    assert follow_validators(RULE.seals, addresses(4), []) == tuple(addresses(4))
    assert follow_validators(RULE.seals, addresses(4), steps(4, 5, 6, 5, 4, 3)) == tuple(addresses(3))


def test_a_list_that_jumps_or_is_not_sealed_is_not_followed():
    short = qbft_header(addresses(5), KEYS[:3])
    swapped = qbft_header([*addresses(3), address_of(KEYS[9])], KEYS[:3])
    double = qbft_header([*addresses(4), addresses(4)[0]], KEYS[:4])
    for headers in (steps(6), steps(5, 3), [short], [swapped], [double]):
        with pytest.raises(VerificationFailed) as caught:
            follow_validators(RULE.seals, addresses(4), headers)
        assert caught.value.check == "header-seals"


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(0, 63), st.booleans())
def test_any_round_reads_and_any_changed_byte_of_a_seal_is_refused(number, at, other):
    validators = addresses(4)
    RULE.seals.check(qbft_header(validators, KEYS[:3], round_=number), validators, "header")

    def change(extra):
        broken = bytearray(extra[4][0])
        broken[at] ^= 0x80 if other else 1
        extra[4][0] = bytes(broken)

    with pytest.raises(VerificationFailed):
        RULE.seals.check(rebuilt(HEADER, change), NAMED, "header")


def test_a_seal_is_of_its_block():
    header = qbft_header(addresses(4), KEYS[:3])
    assert seal(KEYS[0], header) == decode_rlp(decode_rlp(header, "x")[EXTRA], "x")[4][0]

    def move(extra):
        extra[4] = decode_rlp(decode_rlp(qbft_header(addresses(4), KEYS[:3], number=99), "x")[EXTRA], "x")[4]

    refused(rebuilt(header, move), addresses(4), "no validator in force")


def test_a_block_tells_its_engine():
    block = qbft_block(addresses(4), KEYS[:3])
    assert header_rule_of(block) is RULE
    assert header_rule_of({**block, "mixHash": "0x" + "00" * 32}).name == "ethereum/1"
    ibft2 = encode_rlp([bytes(32), [b"\1" * 20], b"", bytes(4), []])  # the same mark, four bytes of round
    assert header_rule_of({**block, "extraData": "0x" + ibft2.hex()}).name == "ethereum/1"
    assert block["mixHash"] == ISTANBUL


def test_format_2_names_the_rules_that_open_state():
    assert set(RULES) == {"ethereum/1", "qbft/1"}
    assert state_rule("qbft/1") is RULE
    assert HEADER_RULE.read("ethereum-header/1", "x").seals is None
    for name in ("ethereum-header/1", "cometbft/1"):
        assert HEADER_RULE_NAME.read(name, "x") == name
        with pytest.raises(CouldNotCheck):
            state_rule(name)
    for name in ("Ethereum/1", "ethereum", "ethereum/0", "ethereum/01", None):
        with pytest.raises(InvalidInput):
            HEADER_RULE_NAME.read(name, "x")
