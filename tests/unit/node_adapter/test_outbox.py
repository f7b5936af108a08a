"""The outbox as a table: once per key, one in flight, anchors first, and back again when the chain lost something."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event

from node_adapter.ports import TransactionOutcome
from node_adapter.store import outbox, own_transactions
from node_adapter.store.engine import open_store
from node_adapter.store.schema import metadata
from primitives.errors import InvalidInput, Refused

TARGET = "0x" + "ab" * 20
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def connection(tmp_path):
    store = open_store(tmp_path / "node.db")
    with store.write() as connection:
        metadata.create_all(connection)
    with store.write() as connection:
        yield connection
    store.dispose()


def put(connection, key, kind="did", data=b"\x01"):
    return outbox.enqueue(connection, kind, key, TARGET, data, 10)


def sign(connection, row, nonce, raw, tx_hash, now=11, price=0):
    outbox.mark_signed(connection, outbox.Attempt(tx_hash, row, nonce, price, raw, now))


def outcome(block, succeeded=True):
    return TransactionOutcome(b"\x01" * 32, block, bytes([block]) * 32, 1000 + block, succeeded, 21_000)


def test_the_same_key_is_written_once(connection):
    assert put(connection, "a") == put(connection, "a")
    assert outbox.counts(connection) == {"new": 1, "signed": 0, "sent": 0, "final": 0, "failed": 0}


@pytest.mark.parametrize("change", [{"kind": "other"}, {"data": b"\x02"}])
def test_a_key_stands_for_one_write(connection, change):
    put(connection, "a")
    with pytest.raises(Refused, match="outbox-key-reused"):
        put(connection, "a", **change)


@pytest.mark.parametrize("target", ["", "0x12", TARGET.upper(), "0x" + "AB" * 20])
def test_a_target_has_one_spelling(connection, target):
    with pytest.raises(InvalidInput):
        outbox.enqueue(connection, "did", "a", target, b"", 10)


def test_what_is_in_flight_comes_first_by_nonce_then_anchors_then_age(connection):
    ids = {key: put(connection, key) for key in ("old", "second", "first")}
    anchor = put(connection, "anchor:1", kind=outbox.KIND_ANCHOR)
    assert outbox.next_open(connection).id == anchor
    sign(connection, ids["second"], 8, b"raw", b"\x08" * 32)
    sign(connection, ids["first"], 7, b"raw", b"\x07" * 32)
    outbox.mark_sent(connection, ids["first"], 12)
    assert outbox.next_open(connection).key == "first"
    outbox.settle(connection, ids["first"], outcome(5), 13)
    assert outbox.next_open(connection).key == "second"
    assert outbox.row_of_attempt(connection, b"\x08" * 32).key == "second"
    assert outbox.row_of_attempt(connection, b"\x09" * 32) is None
    outbox.mark_failed(connection, ids["second"], "no", 14)
    outbox.mark_failed(connection, anchor, "no", 14)
    assert outbox.next_open(connection).key == "old"
    assert outbox.next_open(connection, [ids["old"]]) is None  # it waits, and nothing else is new


def test_a_lost_block_sends_its_writes_again_with_the_same_bytes(connection):
    for block, key in enumerate(("kept", "lost", "failed"), start=4):
        row = put(connection, key)
        sign(connection, row, block, b"raw-" + key.encode(), bytes([block]) * 32)
        if key == "failed":
            outbox.settle_failed(connection, row, outcome(block, False), "reverted", 12)
        else:
            outbox.settle(connection, row, outcome(block), 12)
    assert outbox.reopen(connection, 4, 20) == 2
    for key, block in (("lost", 5), ("failed", 6)):  # a reverted one holds the place of its nonce
        row = outbox.next_open(connection)
        assert (row.key, row.state, row.raw, row.nonce) == (key, "signed", b"raw-" + key.encode(), block)
        outbox.settle(connection, row.id, outcome(block), 21)


def test_what_was_signed_is_kept_when_a_write_is_signed_anew(connection):
    row = put(connection, "a")
    sign(connection, row, 3, b"raw", b"\x03" * 32)
    outbox.unsign(connection, row, 12)
    found = outbox.by_id(connection, row)
    assert (found.state, found.nonce, found.raw, found.tx_hash) == ("new", None, None, None)
    sign(connection, row, 4, b"raw-2", b"\x04" * 32, 13, price=9)
    kept = [(attempt.nonce, attempt.raw, attempt.max_fee) for attempt in outbox.attempts(connection, row)]
    assert kept == [(3, b"raw", 0), (4, b"raw-2", 9)]
    assert outbox.row_of_attempt(connection, b"\x03" * 32).id == row


def test_the_next_nonce_is_read_from_the_blocks(connection):
    assert own_transactions.next_nonce(connection) is None
    own_transactions.add(connection, replace(outcome(5), nonce=3))
    own_transactions.add(connection, replace(outcome(6), hash=b"\x02" * 32, nonce=4))
    assert own_transactions.next_nonce(connection) == 5
    own_transactions.truncate(connection, 5)
    assert own_transactions.next_nonce(connection) == 4
    own_transactions.truncate(connection, 4)
    assert own_transactions.next_nonce(connection) is None


def test_only_a_failed_write_is_tried_again_by_command(connection):
    row = put(connection, "a")
    with pytest.raises(Refused, match="outbox-not-failed"):
        outbox.retry(connection, "a", 11)
    with pytest.raises(Refused, match="outbox-not-found"):
        outbox.retry(connection, "b", 11)
    outbox.mark_failed(connection, row, "refused", 12)
    assert [found.key for found in outbox.in_state(connection, "failed")] == ["a"]
    outbox.retry(connection, "a", 13)
    assert (outbox.by_id(connection, row).state, outbox.by_id(connection, row).error) == ("new", None)


def test_only_a_failed_write_is_put_again(connection):
    row = put(connection, "a")
    outbox.enqueue_again(connection, "did", "a", TARGET, b"\x02", 11)
    assert outbox.by_id(connection, row).data == b"\x01"
    sign(connection, row, 3, b"raw", b"\x03" * 32)
    outbox.settle_failed(connection, row, outcome(5, False), "deadline", 13)
    outbox.enqueue_again(connection, "did", "a", TARGET, b"\x02", 14)
    found = outbox.by_id(connection, row)
    assert (found.state, found.data, found.nonce, found.raw, found.block, found.error) == (
        "new",
        b"\x02",
        None,
        None,
        None,
        None,
    )
    outbox.enqueue_again(connection, "did", "b", TARGET, b"\x02", 15)
    assert outbox.counts(connection)["new"] == 2
    with pytest.raises(Refused, match="outbox-key-reused"):
        outbox.enqueue_again(connection, "consent", "a", TARGET, b"\x02", 16)


def test_the_id_of_a_call_is_the_one_of_the_specification():
    key = "governance:proposeSuspension:0011223344556677"
    worked = "27e3fa2c1e42832dc3ec258dbd69191e33c27049431608a19bff7769448c0baa"
    assert outbox.call_id(key).hex() == worked
    assert f"`{key}` gives `{worked}`" in (ROOT / "docs" / "spec" / "contracts.md").read_text(encoding="utf-8")


def test_the_rows_of_one_identity_are_found_by_its_keys_whatever_else_waits(connection):
    """The index of states would lead over every open row, and a bulk of ten thousand over itself."""
    asked = []
    event.listen(connection.engine, "before_cursor_execute", lambda *args: asked.append(args[2:4]))
    for number in range(3):
        put(connection, f"did:0x{number}:a")
    asked.clear()
    assert [row.key for row in outbox.under(connection, "did:0x1:", (outbox.NEW,))] == ["did:0x1:a"]
    assert outbox.under(connection, "did:0x1:", (outbox.FINAL,)) == []
    statement, values = asked[0]
    plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
    assert len(plan) == 1
    assert "(key>? AND key<?)" in plan[0][3]
