"""Which dumps of the embedded chain are whole."""

import json

import pytest

from node_adapter.chain.embedded_state import COPIES, keep_state, parse_state, prepare_state
from primitives.errors import CouldNotCheck

SENDER = "0x" + "11" * 20


def dump(blocks=3, sent=2, nonce="2", best=None):
    headers = [{"header": {"number": hex(number)}} for number in range(blocks)]
    return {
        "best_block_number": blocks - 1 if best is None else best,
        "blocks": headers[::-1],
        "transactions": [{"info": {"from": SENDER}}] * sent,
        "accounts": {SENDER: {"nonce": nonce}},
    }


@pytest.mark.parametrize(
    ("of", "whole"),
    [
        ({}, True),
        ({"nonce": "0x2"}, True),
        ({"nonce": "3"}, False),  # the account is ahead of the blocks
        ({"sent": 3}, False),  # and the other way round
        ({"best": 3}, False),
        ({"best": 1}, False),
    ],
)
def test_accounts_and_blocks_must_be_of_one_moment(of, whole):
    assert (parse_state(json.dumps(dump(**of)).encode()) is not None) == whole


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"7", b"{}", json.dumps(dump()).encode()[:-5]])
def test_what_is_torn_is_not_whole(data, tmp_path):
    assert parse_state(data) is None
    assert not keep_state(tmp_path, data)
    assert not list(tmp_path.iterdir())


def test_copies_are_kept_newest_first_and_no_more_than_some(tmp_path):
    for number in range(COPIES + 3):
        assert keep_state(tmp_path, json.dumps(dump() | {"mark": number}).encode())
    names = ["state.json", "state.1.json", "state.2.json", "state.3.json"]
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(names)
    assert [json.loads((tmp_path / name).read_bytes())["mark"] for name in names] == [5, 4, 3, 2]


def test_a_torn_newest_does_not_push_out_a_whole_copy(tmp_path):
    for number in range(2):
        keep_state(tmp_path, json.dumps(dump() | {"mark": number}).encode())
    for _ in range(COPIES + 2):  # again and again: the only whole one stays within reach
        (tmp_path / "state.json").write_bytes(b"{")
        assert json.loads(prepare_state(tmp_path).read_bytes())["mark"] == 0


def test_without_any_whole_state_nothing_is_chosen(tmp_path):
    (tmp_path / "state.json").write_bytes(b"{")
    (tmp_path / "state.2.json").write_bytes(b"{")
    with pytest.raises(CouldNotCheck, match=r"none of state\.json, state\.2\.json"):
        prepare_state(tmp_path)


def test_a_new_network_has_no_state(tmp_path):
    assert prepare_state(tmp_path) is None
