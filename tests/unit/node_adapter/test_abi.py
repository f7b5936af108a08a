"""Call data, events and errors of our contracts, against the definition of the ABI."""

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from evidence.version2.state.member_keys import MemberKeySet
from node_adapter.chain.abi import (
    CONTRACTS,
    contract_abi,
    decode_revert,
    directory_name,
    encode_call,
    member_keys,
)
from primitives.errors import InvalidInput

MEMBER = "0x" + "12" * 20
LAST = {"compliance": MEMBER, "previousChange": 5}


def test_every_artifact_is_packaged_and_has_bytecode():
    for name in CONTRACTS:
        assert contract_abi(name).name == name
        assert contract_abi(name).bytecode


def test_call_data_is_the_selector_and_the_arguments():
    expected = keccak(b"vote(uint256)")[:4] + (7).to_bytes(32)
    assert encode_call("MemberRegistry", "vote", 7) == expected


def test_structs_are_tuples_in_the_signature():
    keys = member_keys(MemberKeySet.of_one_key(b"\x01" * 32, b"\x02" * 32, MEMBER))
    assert keys == (1, b"\x01" * 32, b"\x01" * 32, b"\x02" * 32, MEMBER)
    data = encode_call("MemberRegistry", "rotateKeys", b"\x03" * 32, keys)
    assert data[:4] == keccak(b"rotateKeys(bytes32,(uint16,bytes,bytes32,bytes32,address))")[:4]


@pytest.mark.parametrize(
    ("contract", "function", "arguments"),
    [
        ("Nothing", "vote", (1,)),
        ("MemberRegistry", "nothing", ()),
        ("MemberRegistry", "vote", ()),
        ("MemberRegistry", "vote", (-1,)),
        ("MemberRegistry", "vote", (2**256,)),
        ("MemberRegistry", "vote", ("seven",)),
        ("DidRegistry", "identityOwner", ("0x12",)),
        ("ConsentRegistry", "statusOf", (b"\x01" * 33,)),
    ],
)
def test_what_does_not_fit_is_refused(contract, function, arguments):
    with pytest.raises(InvalidInput):
        encode_call(contract, function, *arguments)


def anchored(member, seq, root, size):
    event = next(event for event in contract_abi("EvidenceAnchor").events.values() if event.name == "Anchored")
    topics = [event.hash, bytes(12) + bytes.fromhex(member[2:]), seq.to_bytes(32)]
    return topics, encode(["bytes32", "uint64", "bytes32", "bytes32"], [root, size, b"\x03" * 32, b"\x04" * 32])


def test_an_event_of_an_earlier_release_decodes():
    topics = [keccak(b"MemberKeysChanged(address,bytes32,bytes32,address,uint256)"), bytes(12) + b"\x12" * 20]
    data = encode(["bytes32", "bytes32", "address", "uint256"], [b"\x01" * 32, b"\x02" * 32, MEMBER, 5])
    event = contract_abi("MemberRegistry").decode_event(topics, data)
    expected = {"member": MEMBER, "signing": b"\x01" * 32, "agreement": b"\x02" * 32}
    assert (event.name, event.args) == ("MemberKeysChanged", expected | LAST)
    topics[0] = keccak(b"MemberAdmitted(address,uint8,string,bytes32,bytes32,address,uint256)")
    types = ["uint8", "string", "bytes32", "bytes32", "address", "uint256"]
    event = contract_abi("MemberRegistry").decode_event(
        topics, encode(types, [1, "north", b"\x01" * 32, b"\x02" * 32, MEMBER, 5])
    )
    assert (event.name, event.args) == ("MemberAdmitted", {**expected, "role": 1, "name": "north"} | LAST)


@given(st.binary(min_size=20, max_size=20), st.integers(0, 2**64 - 1), st.binary(min_size=32, max_size=32))
def test_an_event_decodes_to_what_was_emitted(member, seq, root):
    event = contract_abi("EvidenceAnchor").decode_event(*anchored("0x" + member.hex(), seq, root, 5))
    assert event.name == "Anchored"
    assert event.args["member"] == "0x" + member.hex()
    assert (event.args["seq"], event.args["root"], event.args["size"]) == (seq, root, 5)


def test_what_is_no_event_of_the_contract_is_none():
    topics, data = anchored(MEMBER, 1, b"\x01" * 32, 1)
    abi = contract_abi("EvidenceAnchor")
    assert abi.decode_event([], data) is None
    assert abi.decode_event([b"\x00" * 32], data) is None
    assert abi.decode_event(topics[:2], data) is None
    assert abi.decode_event(topics, data[:-40]) is None


def test_reverts_are_named():
    error = next(
        item for item in contract_abi("MemberRegistry").errors.values() if item.name == "MemberRegistryNotOpen"
    )
    assert decode_revert(error.selector + (9).to_bytes(32)) == ("MemberRegistryNotOpen", (9,))
    assert decode_revert(keccak(b"Error(string)")[:4] + encode(["string"], ["why"])) == ("Error", ("why",))
    assert decode_revert(keccak(b"Panic(uint256)")[:4] + (17).to_bytes(32)) == ("Panic", (17,))
    assert decode_revert(b"")[0] == "unknown"
    assert decode_revert(error.selector + b"\x01")[0] == "unknown"


def test_a_directory_name_fills_32_bytes():
    assert directory_name("DidRegistry") == b"DidRegistry" + bytes(21)
