"""Heads of histories, a client's keys from the changes, a member's keys and the tree of the active ones."""

from __future__ import annotations

import hashlib

import pytest
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from evidence.chain.events import FORMS
from evidence.version2.state import heads
from evidence.version2.state.active_members import CAPACITY, DEPTH, ActiveMembers, check_active, member_leaf
from evidence.version2.state.did_changes import (
    CHANGE,
    CHANGES,
    KEY_ATTRIBUTES,
    ClientKey,
    DidChange,
    KeyHistory,
    check_did_history,
    did_head,
    keys_at,
)
from evidence.version2.state.member_keys import KEYS, MemberKeySet
from primitives.errors import InvalidInput, VerificationFailed

ADDRESS = "0x" + "ab" * 20


def u256(number):
    return number.to_bytes(32)


def test_a_head_hashes_six_words():
    """The page's formula, by hand."""
    changes = [heads.Change(5, 1_700_000_000, b"\1" * 32), heads.Change(9, 1_700_000_020, b"\2" * 32)]
    name = keccak(b"bonafides/did-history/2")
    first = keccak(name + bytes(32) + u256(1) + u256(5) + u256(1_700_000_000) + b"\1" * 32)
    second = keccak(name + first + u256(2) + u256(9) + u256(1_700_000_020) + b"\2" * 32)
    assert heads.head_of(heads.DID_HISTORY, []) == bytes(32)
    assert heads.head_of(heads.DID_HISTORY, changes[:1]) == first
    assert heads.head_of(heads.DID_HISTORY, changes) == second
    assert len({heads.head_of(history, changes) for history in HISTORIES}) == len(HISTORIES)


HISTORIES = [getattr(heads, name) for name in vars(heads) if name.endswith("_HISTORY")]
WORDS = st.binary(min_size=32, max_size=32)
CHANGE_LISTS = st.lists(st.builds(heads.Change, st.integers(0, 2**53), st.integers(0, 2**53), WORDS), max_size=6)


@given(CHANGE_LISTS, CHANGE_LISTS)
def test_no_other_list_of_changes_has_the_head(one, other):
    heads_are_equal = heads.head_of(heads.DID_HISTORY, one) == heads.head_of(heads.DID_HISTORY, other)
    assert heads_are_equal == (one == other)


def topic(signature):
    return keccak(signature.encode())


def padded(address):
    return bytes.fromhex(address.removeprefix("0x")).rjust(32, b"\0")


def dynamic(data):
    return u256(len(data)) + data + bytes(-len(data) % 32)


KEYS_OF_SM2 = {
    "algorithm": 2,
    "signing": b"\4" * 65,
    "checkpoint": b"\5" * 32,
    "agreement": b"\6" * 32,
    "compliance": ADDRESS,
}
EVENTS = {
    "DIDOwnerChanged": (
        {"owner": ADDRESS},
        "DIDOwnerChanged(address,address,uint256)",
        padded(ADDRESS),
    ),
    "DIDDelegateChanged": (
        {"delegate_type": b"\3" * 32, "delegate": ADDRESS, "valid_to": 2**255},
        "DIDDelegateChanged(address,bytes32,address,uint256,uint256)",
        b"\3" * 32 + padded(ADDRESS) + u256(2**255),
    ),
    "DIDAttributeChanged": (
        {"name": b"\3" * 32, "value": b"seven b", "valid_to": 7},
        "DIDAttributeChanged(address,bytes32,bytes,uint256,uint256)",
        b"\3" * 32 + u256(96) + u256(7) + dynamic(b"seven b"),
    ),
    "MemberAdmitted": (
        {"role": 1, "name": "券商".encode(), **KEYS_OF_SM2},
        "MemberAdmitted(address,uint8,string,uint16,bytes,bytes32,bytes32,address,uint256)",
        u256(1)
        + u256(224)
        + u256(2)
        + u256(288)
        + b"\5" * 32
        + b"\6" * 32
        + padded(ADDRESS)
        + dynamic("券商".encode())
        + dynamic(b"\4" * 65),
    ),
    "MemberSuspended": ({}, "MemberSuspended(address,uint256)", b""),
    "MemberKeysChanged": (
        KEYS_OF_SM2,
        "MemberKeysChanged(address,uint16,bytes,bytes32,bytes32,address,uint256)",
        u256(2) + u256(160) + b"\5" * 32 + b"\6" * 32 + padded(ADDRESS) + dynamic(b"\4" * 65),
    ),
    "ConvictionRecorded": (
        {"member": ADDRESS, "kind": 3, "digest": b"\x09" * 32},
        "ConvictionRecorded(address,address,uint8,bytes32)",
        padded(ADDRESS) + u256(3) + b"\x09" * 32,
    ),
    "TaskProposed": (
        {"proposer": ADDRESS, "spec_hash": b"\6" * 32, "purpose": 2, "dataset_ids": [b"\7" * 32, b"\x08" * 32]},
        "TaskProposed(bytes32,address,bytes32,uint8,bytes32[])",
        padded(ADDRESS) + b"\6" * 32 + u256(2) + u256(128) + u256(2) + b"\7" * 32 + b"\x08" * 32,
    ),
    "TaskApproved": ({"owner": ADDRESS}, "TaskApproved(bytes32,address)", padded(ADDRESS)),
    "InputCommitted": (
        {"owner": ADDRESS, "commitment": b"c" * 48},
        "InputCommitted(bytes32,address,bytes)",
        padded(ADDRESS) + u256(64) + dynamic(b"c" * 48),
    ),
    "ResultPosted": (
        {"owner": ADDRESS, "result_hash": b"\x09" * 32},
        "ResultPosted(bytes32,address,bytes32)",
        padded(ADDRESS) + b"\x09" * 32,
    ),
    "TaskRefused": (
        {"owner": ADDRESS, "reason_hash": b"\x09" * 32},
        "TaskRefused(bytes32,address,bytes32)",
        padded(ADDRESS) + b"\x09" * 32,
    ),
}


@pytest.mark.parametrize("name", EVENTS)
def test_a_change_is_topic_and_members(name):
    values, signature, members = EVENTS[name]
    assert heads.event_digest(name, values) == keccak(topic(signature) + members)


def test_every_event_of_a_history_has_a_digest():
    assert EVENTS.keys() == heads.CHANGES.keys()
    assert {name for name in EVENTS if name in FORMS} == {name for name in EVENTS if name[:3] in ("DID", "Mem")}


def test_the_directory_s_change_holds_the_code():
    digest = heads.directory_digest(b"EvidenceLog".ljust(32, b"\0"), ADDRESS, b"\1" * 32)
    assert digest == keccak(b"EvidenceLog".ljust(32, b"\0") + padded(ADDRESS) + b"\1" * 32)


def attribute(block, value, valid_to, algorithm=1):
    values = {"name": KEY_ATTRIBUTES[algorithm], "value": value, "valid_to": valid_to}
    return DidChange("DIDAttributeChanged", block, 1000 + block, values)


ED, OTHER, SM2 = b"\1" * 32, b"\2" * 32, b"\4" + b"\3" * 64
NOBODY = "0x" + "00" * 20
HISTORY = [
    attribute(5, ED, 2000),
    attribute(6, SM2, 10**9, algorithm=2),
    DidChange("DIDDelegateChanged", 7, 1007, {"delegate_type": b"\3" * 32, "delegate": ADDRESS, "valid_to": 9}),
    attribute(8, OTHER, 10**9),
    attribute(9, OTHER, 0),
    DidChange("DIDOwnerChanged", 12, 1012, {"owner": NOBODY}),
]


def test_keys_are_in_force_by_suite_and_block_until_their_end():
    assert keys_at(HISTORY, 1, 4) == ()
    first, second = ClientKey("delegate-1", ED, 1012, 12), ClientKey("delegate-4", OTHER, 1009, 9)
    assert keys_at(HISTORY, 1, 5) == keys_at(HISTORY, 1, 7) == (first,)
    assert keys_at(HISTORY, 1, 8) == (first, second)  # the second was revoked in block 9
    assert keys_at(HISTORY, 1, 9) == keys_at(HISTORY, 1, 11) == (first,)
    assert keys_at(HISTORY, 2, 9) == (ClientKey("delegate-2", SM2, 1012, 12),)
    assert keys_at(HISTORY, 2, 12) == ()  # nobody owns the DID
    assert keys_at([attribute(5, ED, 2000, algorithm=2)], 2, 5) == ()  # no key of that algorithm
    assert (
        keys_at([DidChange("DIDAttributeChanged", 5, 1005, {"name": bytes(32), "value": ED, "valid_to": 9})], 1, 5)
        == ()
    )


@pytest.mark.parametrize(
    ("later", "end"),
    [
        ([], (1010, 0)),
        ([attribute(7, ED, 5000)], (5000, 0)),  # put off
        ([attribute(7, ED, 1008)], (1008, 0)),  # cut short
        ([attribute(7, ED, 3)], (1007, 7)),  # to the change's own time at the earliest
        # it had stopped: what begins again is another stretch
        ([attribute(7, ED, 0), attribute(8, ED, 5000)], (1007, 7)),
        ([attribute(10, ED, 5000)], (1010, 0)),  # too late
        ([attribute(7, OTHER, 0), attribute(7, SM2, 0, algorithm=2)], (1010, 0)),
        ([DidChange("DIDOwnerChanged", 7, 1007, {"owner": ADDRESS})], (1010, 0)),
        ([DidChange("DIDOwnerChanged", 7, 1007, {"owner": NOBODY})], (1007, 7)),
        ([attribute(7, ED, 5000), DidChange("DIDOwnerChanged", 20, 1020, {"owner": NOBODY})], (1020, 20)),
    ],
)
def test_later_changes_move_the_end(later, end):
    assert keys_at([attribute(5, ED, 1010), *later], 1, 6) == (ClientKey("delegate-1", ED, *end),)


def test_of_two_blocks_of_one_second_their_order_says_whether_a_key_had_ended():
    [revoked] = keys_at([attribute(5, ED, 9000), attribute(7, ED, 0)], 1, 6)
    assert [revoked.is_in_force(1007, block) for block in (6, 7, 8)] == [True, False, False]
    assert (revoked.is_in_force(1006, 99), revoked.is_in_force(1008, 1)) == (True, False)
    [stated] = keys_at([attribute(5, ED, 1010)], 1, 6)
    assert (stated.is_in_force(1010, 1), stated.is_in_force(1009, 99)) == (False, True)


def by_definition(changes, algorithm, block):
    """Section 13 word by word: each question reads all changes, and each end all that come after."""
    kept, number = {}, 0
    for place, change in enumerate(changes):
        if change.block > block:
            break
        if ends_all(change):
            return ()
        number += change.event != "DIDOwnerChanged" and change.values.get("name", b"did/pub/").startswith(b"did/pub/")
        if sets(change, algorithm):
            kept.pop(change.values["value"], None)
            if change.values["valid_to"] > change.time:
                kept[change.values["value"]] = (number, place)
    return tuple(
        ClientKey(f"delegate-{number}", key, *end_by_definition(changes, place))
        for key, (number, place) in list(kept.items())[-32:]
    )


def end_by_definition(changes, place):
    change = changes[place]
    end = change.values["valid_to"], 0
    for later in changes[place + 1 :]:
        if later.time >= end[0]:
            break
        if ends_all(later):
            return later.time, later.block
        if later.event == change.event and all(later.values[name] == change.values[name] for name in ("name", "value")):
            end = max((later.values["valid_to"], 0), (later.time, later.block))
    return end


def ends_all(change):
    return change.event == "DIDOwnerChanged" and change.values["owner"] == NOBODY


def sets(change, algorithm):
    return change.event == "DIDAttributeChanged" and change.values["name"] == KEY_ATTRIBUTES[algorithm]


@st.composite
def key_histories(draw):
    """Changes as a registry tells them: blocks never fall, some share one, and nothing follows the last owner."""
    blocks = sorted(draw(st.lists(st.integers(1, 30), max_size=60)))
    keys = st.integers(1, draw(st.sampled_from([3, 60]))).map(lambda number: bytes([number]) * 32)
    ends = st.integers(990, 1040) | st.just(0) | st.just(10**9)
    changes = [attribute(block, draw(keys), draw(ends)) for block in blocks]
    if draw(st.booleans()):
        changes.append(DidChange("DIDOwnerChanged", 31, 1031, {"owner": NOBODY}))
    return changes


@given(key_histories(), st.integers(0, 33))
def test_keys_read_once_are_those_of_the_definition(changes, block):
    assert KeyHistory(changes, 1).at(block) == by_definition(changes, 1, block)


def test_keys_of_many_changes_are_read_in_one_pass():
    changes = [attribute(block, block.to_bytes(32), 10**9) for block in range(1, 20_001)]
    history = KeyHistory(changes, 1)
    assert [history.at(block)[-1].key for block in range(1, 20_001, 999)] == [
        block.to_bytes(32) for block in range(1, 20_001, 999)
    ]


def test_a_key_that_is_set_again_is_the_newest_and_has_a_new_name():
    changes = [attribute(5, ED, 9000), attribute(6, OTHER, 9000), attribute(7, ED, 9000)]
    assert [(key.name, key.key) for key in keys_at(changes, 1, 7)] == [("delegate-2", OTHER), ("delegate-3", ED)]


def test_no_more_than_the_newest_32_count():
    changes = [attribute(5 + number, number.to_bytes(32), 10**9) for number in range(40)]
    ended = [attribute(50 + number, number.to_bytes(32), 0) for number in range(30, 40)]
    assert [int.from_bytes(key.key) for key in keys_at(changes, 1, 45)] == list(range(8, 40))
    assert [int.from_bytes(key.key) for key in keys_at([*changes, *ended], 1, 99)] == list(range(30))


def test_a_history_is_whole_or_refused():
    head = did_head(HISTORY)
    check_did_history(HISTORY, head)
    check_did_history([], bytes(32))
    moved = [DidChange(HISTORY[0].event, 4, HISTORY[0].time, HISTORY[0].values), *HISTORY[1:]]
    for changes in (HISTORY[:-1], HISTORY[1:], HISTORY[::-1], [], [*HISTORY, HISTORY[0]], moved):
        with pytest.raises(VerificationFailed) as caught:
            check_did_history(changes, head)
        assert caught.value.check == "client-keys"


def test_changes_travel_as_json():
    written = [change.to_json() for change in HISTORY]
    assert CHANGES.read(written, "did") == tuple(HISTORY)
    members = {"delegateType": "0x" + "03" * 32, "delegate": ADDRESS, "validTo": "0x" + "00" * 31 + "09"}
    assert written[2] == {"event": "DIDDelegateChanged", "block": 7, "time": 1007, **members}


@pytest.mark.parametrize(
    ("change", "field", "rule"),
    [
        ({"validTo": "9"}, "c.validTo", "hex"),
        ({"validTo": "0x09"}, "c.validTo", "length"),
        ({"validTo": 9}, "c.validTo", "hex"),
        ({"name": "03" * 32}, "c.name", "hex"),
        ({"name": "0x" + "03" * 31}, "c.name", "length"),
        ({"value": "0x0"}, "c.value", "hex"),
        ({"previousChange": "0x"}, "c.previousChange", "unknown-member"),
        ({"owner": ADDRESS}, "c.owner", "unknown-member"),
        ({"block": "5"}, "c.block", "integer"),
        ({"event": "MemberSuspended"}, "c.event", "one-of"),
        ({"event": "AddressSet"}, "c.event", "one-of"),
        ({"event": None}, "c.event", "one-of"),
        ({"event": []}, "c.event", "one-of"),
        ({"event": "DIDOwnerChanged"}, "c.name", "unknown-member"),
    ],
)
def test_a_change_of_another_shape_is_refused(change, field, rule):
    with pytest.raises(InvalidInput) as caught:
        CHANGE.read({**attribute(5, ED, 2000).to_json(), **change}, "c")
    assert (caught.value.field, caught.value.rule) == (field, rule)


ED_KEYS = MemberKeySet(1, b"\1" * 32, b"\2" * 32, b"\3" * 32, "0x" + "04" * 20)


def test_a_keys_digest_is_over_the_whole_of_the_keys():
    data = b"\x17bonafides/member-keys/2" + b"\0\1" + b"\0\x20" + b"\1" * 32 + b"\2" * 32 + b"\3" * 32 + b"\4" * 20
    assert ED_KEYS.digest() == hashlib.sha256(data).digest()
    sm2 = MemberKeySet(2, SM2, b"\2" * 32, b"\3" * 32, "0x" + "04" * 20)
    data = b"\x17bonafides/member-keys/2" + b"\0\2" + b"\0\x41" + SM2 + b"\2" * 32 + b"\3" * 32 + b"\4" * 20
    assert sm2.digest() == hashlib.sha256(data).digest()
    for keys in (ED_KEYS, sm2):
        assert KEYS.read(keys.to_json(), "k") == keys


@pytest.mark.parametrize(
    ("change", "field", "rule"),
    [
        ({"algorithm": 3}, "k.algorithm", "one-of"),
        ({"algorithm": 0}, "k.algorithm", "range"),
        ({"algorithm": 2}, "k.signing", "length"),
        ({"signing": "01" * 31}, "k.signing", "length"),
        ({"checkpoint": "01" * 33}, "k.checkpoint", "length"),
        ({"compliance": "0X" + "04" * 20}, "k.compliance", "address"),
        ({"more": 1}, "k.more", "unknown-member"),
    ],
)
def test_keys_of_another_shape_are_refused(change, field, rule):
    with pytest.raises(InvalidInput) as caught:
        KEYS.read({**ED_KEYS.to_json(), **change}, "k")
    assert (caught.value.field, caught.value.rule) == (field, rule)


def leaf_of(number):
    return member_leaf("0x" + number.to_bytes(20).hex(), 1, u256(number))


def whole_tree(leaves):
    """Return the root by the page's words: all 1,024 leaves, level by level."""
    level = [leaves.get(number, bytes(32)) for number in range(CAPACITY)]
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=True)
        level = [bytes(32) if left == right == bytes(32) else keccak(b"\1" + left + right) for left, right in pairs]
    return level[0]


NUMBERS = st.sets(st.integers(0, CAPACITY - 1), max_size=12)


@given(NUMBERS)
def test_every_active_member_has_a_path_of_ten_hashes(numbers):
    leaves = {number: leaf_of(number) for number in numbers}
    tree = ActiveMembers({**leaves, (max(numbers, default=0) + 1) % CAPACITY: bytes(32)} | leaves)
    assert tree.root == whole_tree(leaves)
    for number in numbers:
        path = tree.path(number)
        assert len(path) == DEPTH
        check_active(tree.root, number, leaf_of(number), path)


def test_nobody_else_is_active():
    tree = ActiveMembers({number: leaf_of(number) for number in (0, 1, 5, 900)})
    path = tree.path(5)
    assert ActiveMembers({}).root == bytes(32)
    wrong = [
        (4, leaf_of(5), path),  # another place
        (5 + CAPACITY, leaf_of(5), path),  # a number has ten bits
        (-1, leaf_of(5), path),
        (5, leaf_of(6), path),
        (5, member_leaf("0x" + (5).to_bytes(20).hex(), 2, u256(5)), path),  # another role
        (5, leaf_of(5), path[:-1]),
        (5, leaf_of(5), [*path, bytes(32)]),
        (5, leaf_of(5), path[::-1]),
        (6, bytes(32), tree.path(6)[:3]),
    ]
    for number, leaf, shown in wrong:
        with pytest.raises(VerificationFailed) as caught:
            check_active(tree.root, number, leaf, shown)
        assert caught.value.check == "member-keys"
