"""Headers, the receipts trie (against a second implementation), blooms, events, key histories."""

from __future__ import annotations

import hashlib

import pytest
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st
from trie import HexaryTrie

from evidence.chain.engine import Header, HeaderChain, Log, address_topic, blocks_that_may_hold
from evidence.chain.engines import HEADER_RULE, PROOF_KIND
from evidence.chain.events import decode_event
from evidence.chain.header_rules.ethereum_header import RULE
from evidence.chain.patricia import EMPTY_ROOT
from evidence.chain.proof_kinds.ethereum_receipt_trie import KIND, decode_receipt, receipts_root
from evidence.chain.registry_events import DID_EVENTS, MEMBER_EVENTS, client_keys, member_keys, read_history
from evidence.chain.rlp_codec import encode_rlp
from evidence.chain.rlp_header import bloom_bits
from primitives import ed25519
from primitives.errors import CouldNotCheck, InvalidInput, VerificationFailed
from scripts.vectors.synthetic_chain import CONTRACTS, World, address, encode_receipt, event_log, seeded


def test_the_genesis_header_of_mainnet_has_its_known_hash():
    """Public constants of Ethereum's first block: 15 fields, no fork field."""
    fields = [
        bytes(32),
        keccak(encode_rlp([])),
        bytes(20),
        bytes.fromhex("d7f8974fb5ac78d9ac099b9ad5018bedc2ce0a72dad1827a1709da30580f0544"),
        EMPTY_ROOT,
        EMPTY_ROOT,
        bytes(256),
        0x400000000,
        0,
        5000,
        0,
        0,
        bytes.fromhex("11bbe8db4e347b4e8c937c1c8370e4b5ed33adb3db69cbdb7a38e1e50b1b82fa"),
        bytes(32),
        bytes.fromhex("0000000000000042"),
    ]
    header = RULE.parse(encode_rlp(fields), "header")
    assert header.hash.hex() == "d4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3"
    assert (header.number, header.timestamp, header.commitment) == (0, 0, EMPTY_ROOT)


@pytest.mark.parametrize("extra", [0, 1, 6, 20])
def test_any_number_of_later_fork_fields_is_read(extra):
    fields = [
        bytes(32),
        bytes(32),
        bytes(20),
        bytes(32),
        bytes(32),
        seeded("root"),
        bytes(256),
        0,
        7,
        1,
        1,
        99,
        b"",
        bytes(32),
        bytes(8),
    ]
    header = RULE.parse(encode_rlp(fields + [seeded("later")] * extra), "header")
    assert (header.number, header.timestamp, header.commitment) == (7, 99, seeded("root"))


HEADER = World().chain.headers[0]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80",
        HEADER[:-1],
        HEADER + b"\0",
        encode_rlp([b""] * 14),
        encode_rlp([b""] * 15),
        encode_rlp([b""] * 65),
        b"\xc1" * 5000 + b"\xc0",
        bytes(20_000),
        b"\xf9\x00\x01\x80",
    ],
)
def test_what_is_no_header_is_refused(data):
    with pytest.raises(InvalidInput):
        RULE.parse(data, "header")


def test_unknown_engines_are_refused():
    assert HEADER_RULE.read("ethereum-header/1", "x").name == "ethereum-header/1"
    assert PROOF_KIND.read("ethereum-receipt-trie/1", "x").name == "ethereum-receipt-trie/1"
    for value in ("cometbft-commit/1", None, 7):
        with pytest.raises(InvalidInput):
            HEADER_RULE.read(value, "x")
        with pytest.raises(InvalidInput):
            PROOF_KIND.read(value, "x")


def header_over(receipts, bloom=0):
    return Header(1, bytes(32), bytes(32), 1, receipts_root(receipts), bloom)


RECEIPTS = st.lists(st.binary(min_size=1, max_size=90), max_size=40)


@given(RECEIPTS)
def test_the_root_equals_that_of_a_second_implementation(receipts):
    trie = HexaryTrie({})
    for index, receipt in enumerate(receipts):
        trie[encode_rlp(index)] = receipt
    assert receipts_root(receipts) == trie.root_hash


@pytest.mark.parametrize("count", [1, 2, 16, 17, 127, 128, 129, 256, 300])
def test_the_root_at_the_edges_of_rlp_indexes(count):
    receipts = [encode_receipt([], gas=index) for index in range(count)]
    trie = HexaryTrie({})
    for index, receipt in enumerate(receipts):
        trie[encode_rlp(index)] = receipt
    assert receipts_root(receipts) == trie.root_hash
    header = header_over(receipts)
    for index in {0, 1, count // 2, count - 1} & set(range(count)):
        assert KIND.open_one(header, index, KIND.prove_one(receipts, index)) == ()


def some_receipts(count):
    log = event_log(CONTRACTS["EvidenceAnchor"], "Anchored", address("x"), 1, bytes(32), 1, bytes(32), bytes(32))
    return [encode_receipt([log] * (index % 3), kind=index % 3, gas=index) for index in range(count)]


@given(count=st.integers(1, 150), data=st.data())
def test_one_receipt_is_proved_and_a_bent_proof_is_not(count, data):
    receipts = some_receipts(count)
    index = data.draw(st.integers(0, count - 1))
    header, proof = header_over(receipts), KIND.prove_one(receipts, index)
    assert len(KIND.open_one(header, index, proof)) == index % 3
    cheats = [proof[1:], proof[:-1], [*proof, proof[0]], [], [b"\x80", *proof], proof * 100]
    node, at = data.draw(st.integers(0, len(proof) - 1)), data.draw(st.integers(0, 31))
    bent = bytearray(proof[node])
    bent[at % len(bent)] ^= 1 << data.draw(st.integers(0, 7))
    cheats.append([*proof[:node], bytes(bent), *proof[node + 1 :]])
    for cheat in cheats:
        with pytest.raises(VerificationFailed, match="receipt-proof"):
            KIND.open_one(header, index, cheat)
    with pytest.raises(VerificationFailed, match="receipt-proof"):
        KIND.open_one(header, count + 1, proof)


def test_absent_receipts_cannot_be_proved():
    with pytest.raises(InvalidInput):
        KIND.prove_one(some_receipts(3), 3)
    with pytest.raises(VerificationFailed, match="receipt-proof"):
        KIND.open_one(header_over([]), 0, [b"\x80"])


def test_all_receipts_must_be_all_and_in_order():
    receipts = some_receipts(5)
    logs = KIND.open_all(header_over(receipts), receipts)
    assert [(log.tx_index, log.log_position) for log in logs] == [(1, 0), (2, 0), (2, 1), (4, 0)]
    for cheat in (receipts[:-1], receipts[1:], receipts[::-1], [*receipts, receipts[0]], []):
        with pytest.raises(VerificationFailed, match="block-receipts"):
            KIND.open_all(header_over(receipts), cheat)


@pytest.mark.parametrize(
    "fields",
    [
        [b"\1", 1, bytes(256)],
        [b"\1", 1, bytes(256), b""],
        [b"\1", 1, bytes(256), [b""]],
        [b"\1", 1, bytes(256), [[bytes(19), [], b""]]],
        [b"\1", 1, bytes(256), [[bytes(20), [b"short"], b""]]],
        [b"\1", 1, bytes(256), [[bytes(20), b"", b""]]],
        [b"\1", 1, bytes(256), [[bytes(20), [], []]]],
    ],
)
def test_malformed_receipts_are_refused_even_under_a_trusted_root(fields):
    receipt = encode_rlp(fields)
    with pytest.raises(InvalidInput):
        decode_receipt(receipt)
    with pytest.raises(VerificationFailed, match="block-receipts"):
        KIND.open_all(header_over([receipt]), [receipt])
    with pytest.raises(VerificationFailed, match="receipt-proof"):
        KIND.open_one(header_over([receipt]), 0, KIND.prove_one([receipt], 0))


@given(st.lists(st.binary(min_size=20, max_size=32), min_size=1, max_size=60))
def test_a_bloom_never_hides_what_it_was_made_of(values):
    bloom = 0
    for value in values:
        bloom |= bloom_bits(value)
    header = Header(1, bytes(32), bytes(32), 1, bytes(32), bloom)
    for value in values:
        assert RULE.may_hold("0x" + values[0][:20].hex(), value) is not None
        assert bloom_bits(value) & header.filter == bloom_bits(value)
    assert bloom_bits(values[0]).bit_count() <= 3


def test_a_known_bloom():
    """geth's bloom9 test: the three bits of keccak-256("testtest")."""
    digest = keccak(b"testtest")
    expected = {int.from_bytes(digest[at : at + 2]) & 2047 for at in (0, 2, 4)}
    assert {bit for bit in range(2048) if bloom_bits(b"testtest") >> bit & 1} == expected


def test_headers_must_link():
    world = World()
    for _ in range(3):
        world.chain.add_block()
    headers = [RULE.parse(raw, "header") for raw in world.chain.headers]
    chain = HeaderChain(headers)
    assert (chain.first, chain.last, chain.at(2).number) == (0, 3, 2)
    assert [header.number for header in chain.after(1)] == [2, 3]
    assert [header.number for header in chain.up_to(1)] == [0, 1]
    for cheat in ([], headers[::2], headers[::-1], [headers[0], headers[0]]):
        with pytest.raises(VerificationFailed, match="header-chain"):
            HeaderChain(cheat)
    for number in (-1, 4):
        with pytest.raises(CouldNotCheck):
            chain.at(number)


def test_events_decode_and_foreign_ones_are_left():
    log = event_log(address("c"), "MemberAdmitted", address("m"), 1, "券商", seeded("s"), seeded("a"), address("k"), 0)
    event = decode_event(log)
    assert (event.name, event.args["member"], event.args["signing"]) == ("MemberAdmitted", address("m"), seeded("s"))
    assert decode_event(Log(address("c"), (seeded("topic"),), b"")) is None
    assert decode_event(Log(address("c"), (), b"")) is None
    for broken in (Log(log.address, log.topics[:1], log.data), Log(log.address, log.topics, log.data[:64])):
        with pytest.raises(VerificationFailed, match="event"):
            decode_event(broken)


BY_SUITE = (1, seeded("s"), seeded("c"), seeded("a"), address("k"))


def test_both_forms_of_a_members_events_decode():
    admitted = decode_event(event_log(address("c"), "MemberAdmitted", address("m"), 1, "券商", *BY_SUITE, 0))
    assert (admitted.args["role"], admitted.args["algorithm"], admitted.args["signing"]) == (1, 1, seeded("s"))
    before = (seeded("s"), seeded("a"), address("k"), 7)
    for keys in (before, (*BY_SUITE, 7)):
        event = decode_event(event_log(address("c"), "MemberKeysChanged", address("m"), *keys))
        assert (event.args["signing"], event.args["previous_change"]) == (seeded("s"), 7)


def test_a_members_history_runs_through_both_forms():
    world = World()
    world.chain.add_block([world.admit(world.member, seeded("first"))])
    changed = world.change("MemberRegistry", "MemberKeysChanged", world.member, *BY_SUITE)
    world.chain.add_block([changed])
    events = read(world, registry="MemberRegistry")
    assert [event.name for event in events] == ["MemberAdmitted", "MemberKeysChanged"]
    assert member_keys(events, 2).signing == seeded("s")
    with pytest.raises(VerificationFailed, match="client-key-history"):
        read(world, registry="MemberRegistry", hide=(2,))


def test_a_key_of_another_algorithm_signs_nothing_of_version_1():
    point = b"\x04" + bytes(64)
    log = event_log(address("c"), "MemberKeysChanged", address("m"), 2, point, *BY_SUITE[2:], 0)
    with pytest.raises(VerificationFailed, match="signature"):
        ed25519.verify(decode_event(log).args["signing"], b"message", bytes(64))


def test_a_name_that_is_not_text_does_not_stop_the_decoder():
    log = event_log(address("c"), "MemberAdmitted", address("m"), 1, "xx", seeded("s"), seeded("a"), address("k"), 0)
    broken = log.data.replace(b"xx", b"\xff\xfe")
    assert decode_event(Log(log.address, log.topics, broken)).args["signing"] == seeded("s")


# -- key histories


def read(world, *, hide=(), up_to=None, registry="DidRegistry", first=0):
    headers = [RULE.parse(raw, "header") for raw in world.chain.headers][first:]
    chain = HeaderChain(headers)
    blocks = {
        header.number: KIND.open_all(header, world.chain.receipts[header.number])
        for header in headers
        if header.number not in hide
    }
    return read_history(
        chain,
        RULE,
        blocks,
        registry=CONTRACTS[registry],
        identity=world.identity if registry == "DidRegistry" else world.member,
        names=DID_EVENTS if registry == "DidRegistry" else MEMBER_EVENTS,
        up_to=world.chain.head if up_to is None else up_to,
        check="client-key-history",
    )


KEYS = [hashlib.sha256(name.encode()).digest() for name in ("one", "two", "three")]


def rotated():
    """Key one in block 1; two set and one revoked in block 3; three set in block 3 as well."""
    world = World()
    world.chain.add_block([world.set_key(KEYS[0])])
    world.chain.add_block()
    world.chain.add_block([world.set_key(KEYS[1])], [world.set_key(KEYS[0], 0)], [world.set_key(KEYS[2])])
    world.chain.add_block()
    return world


def test_keys_at_every_block():
    events = read(rotated())
    two_and_three = {"delegate-2": KEYS[1], "delegate-4": KEYS[2]}
    assert [client_keys(events, block, 0) for block in range(5)] == [
        {},
        {"delegate-1": KEYS[0]},
        {"delegate-1": KEYS[0]},
        two_and_three,
        two_and_three,
    ]


@pytest.mark.parametrize("hidden", [1, 3])
def test_a_block_with_a_change_cannot_be_hidden(hidden):
    with pytest.raises(VerificationFailed, match="client-key-history"):
        read(rotated(), hide=(hidden,))


def test_a_history_before_the_trusted_headers_cannot_be_checked():
    with pytest.raises(CouldNotCheck):
        read(rotated(), first=2)


def test_changes_that_do_not_link_fail():
    world = World()
    world.chain.add_block([world.set_key(KEYS[0])])
    world.changed[world.identity] = 2  # the registry never emits this: a forged contract could
    world.chain.add_block([world.set_key(KEYS[1])])
    with pytest.raises(VerificationFailed, match="client-key-history"):
        read(world)


def test_other_contracts_and_other_identities_do_not_count():
    world = rotated()
    look_alike = event_log(address("look-alike"), "DIDOwnerChanged", world.identity, address("thief"), 0)
    stranger = event_log(CONTRACTS["DidRegistry"], "DIDOwnerChanged", address("stranger"), address("thief"), 0)
    world.chain.add_block([look_alike, stranger])
    assert len(read(world)) == 4


def test_a_deactivated_identity_has_no_keys():
    world = rotated()
    world.chain.add_block([world.change("DidRegistry", "DIDOwnerChanged", world.identity, "0x" + "0" * 40)])
    events = read(world)
    assert client_keys(events, world.chain.head, 0) == {}
    assert client_keys(events, world.chain.head - 1, 0) != {}


def test_an_expired_key_and_other_attributes_do_not_count():
    world = World()
    world.chain.add_block([world.set_key(KEYS[0], 100)], [world.set_key(b"short")])
    delegate = world.change("DidRegistry", "DIDDelegateChanged", world.identity, bytes(32), address("d"), 2**40)
    service = world.change(
        "DidRegistry", "DIDAttributeChanged", world.identity, b"did/svc/x".ljust(32, b"\0"), KEYS[1], 2**40
    )
    world.chain.add_block([delegate, service])
    events = read(world)
    assert client_keys(events, 2, 99) == {"delegate-1": KEYS[0]}
    assert client_keys(events, 2, 100) == {}


def test_a_members_keys_follow_admission_rotation_and_suspension():
    world = World()
    seeds = [seeded("first"), seeded("second"), seeded("third")]
    world.chain.add_block([world.admit(world.member, seeds[0])])
    world.chain.add_block([world.rotate_member(seeds[1])])
    world.chain.add_block([world.change("MemberRegistry", "MemberSuspended", world.member)])
    world.chain.add_block([world.admit(world.member, seeds[2], role=3)])
    events = read(world, registry="MemberRegistry")
    keys = [member_keys(events, block) for block in range(5)]
    assert keys[0] is None
    assert keys[3] is None
    assert [keys[block].signing for block in (1, 2, 4)] == [ed25519.public_key(seed) for seed in seeds]
    assert [keys[block].role for block in (1, 2, 4)] == [1, 1, 3]


def test_the_bloom_scan_finds_every_block_of_an_identity():
    world = rotated()
    headers = [RULE.parse(raw, "header") for raw in world.chain.headers]
    assert blocks_that_may_hold(headers, RULE, CONTRACTS["DidRegistry"], address_topic(world.identity)) == [1, 3]
