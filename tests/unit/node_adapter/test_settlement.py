"""What a final block means for our own writes: outbox rows, anchors, conflicts and promises."""

from dataclasses import replace

import pytest

from evidence.version2.log.anchors import OpeningLeaf
from node_adapter.chain.abi import directory_name
from node_adapter.ports import TransactionOutcome
from node_adapter.store import alarms, anchor_tree, anchors, former, outbox, own_transactions, records
from node_adapter.store.anchors import AnchorRow
from node_adapter.store.chain import event_log
from node_adapter.store.chain.event_log import ChainBlock, ChainEvent, address_topic
from node_adapter.store.chain.evidence_log import LeafEvent, leaves_in
from node_adapter.store.engine import open_store
from node_adapter.store.former import FormerLog
from node_adapter.store.records import RecordRow
from node_adapter.store.schema import metadata
from node_adapter.workflows.anchoring import settlement
from node_adapter.workflows.anchoring.settlement import reopen, watch_promises
from tests.world.broken import broken_promises

MEMBER, OTHER = "0x" + "11" * 20, "0x" + "22" * 20
pytestmark = pytest.mark.both_databases
TARGET = "0x" + "ab" * 20
NOW = 100_000
TIME = 90  # of every block


@pytest.fixture
def store(tmp_path):
    store = open_store(tmp_path / "node.db")
    name = "0x" + directory_name("EvidenceLog").hex()
    args = {"name": name, "target": TARGET, "fromBlock": 1, "previous": "0x" + "00" * 20}
    with store.write() as connection:
        metadata.create_all(connection)
        event_log.append(
            connection, [block(1)], [ChainEvent(1, 0, 0, 0, tx(99), "0xd", "Directory", "AddressSet", name, args)]
        )
    yield store
    store.dispose()


def block(number):
    return ChainBlock(number, tx(100 + number % 100), b"", TIME, b"", ())


def signed(connection, leaf, root):
    """In place of the checkpoint: what was to be signed."""
    return f"note {leaf.seq} {root.hex()}"


def settle(connection, outcomes, events, **more):
    """Store the blocks of transactions with their events, and settle them, as the index does."""
    event_log.append(connection, [block(number) for number in sorted({one.block for one in outcomes})], events)
    made = leaves_in(connection, events, MEMBER)
    return settlement.settle(connection, outcomes, made, sign=signed, fault=lambda *_: None, **more)


def tx(number):
    return bytes([number]) * 32


def put_sent(connection, key, number, kind="did"):
    row = outbox.enqueue(connection, kind, key, TARGET, b"", 0)
    outbox.mark_signed(connection, outbox.Attempt(tx(number), row, number, 0, b"raw", 1))
    outbox.mark_sent(connection, row, 2)


def outcome(number, *, succeeded=True):
    return TransactionOutcome(tx(number), 30 + number, tx(130 + number), TIME, succeeded, 21_000, nonce=number)


def anchored(number, seq, *, member=MEMBER, root=None, size=None, before=None, map_root=b"\x09" * 32):
    """The contract's events of an anchor, of the opening before the first one."""
    args = {
        "member": member,
        "seq": seq,
        "batchRoot": "0x" + (root or bytes([seq]) * 32).hex(),
        "sizeBefore": 2 * (seq - 2) if before is None else before,
        "sizeAfter": size or 2 * (seq - 1),
        "mapRoot": "0x" + map_root.hex(),
        "time": TIME,
        "keysDigest": "0x" + "0d" * 32,
        "keyVersion": 1,
    }
    opening = {"former": TARGET, "formerSeq": 0, "formerSize": 0, "time": TIME, "member": member}
    opening |= {"formerRoot": "0x" + "00" * 32, "formerMapRoot": "0x" + "00" * 32}
    told = [("LogOpened", opening), ("Anchored", args)] if seq == 2 else [("Anchored", args)]
    return [
        ChainEvent(30 + number, at, 0, 2 + at, tx(number), TARGET, "EvidenceLog", name, address_topic(member), values)
        for at, (name, values) in enumerate(told)
    ]


def put_anchor(connection, seq):
    row = AnchorRow(seq, 2 * (seq - 2), 2 * (seq - 1), bytes([seq]) * 32, b"\x09" * 32, 0)
    anchors.add(connection, row)
    return row


def add_records(connection, count, anchor_by):
    rows = [
        RecordRow(
            log_index=index,
            record_id=f"r{index}",
            source_ref=f"s{index}",
            request_digest=b"",
            pid="aa" * 32,
            seq=index + 1,
            type="T",
            envelope=b"",
            payload=None,
            root_salt=None,
            fingerprint=tx(index),
            label=tx(index),
            next=tx(index + 1),
            entry=tx(index),
            act_signature=None,
            accepted_at=0,
            anchor_by=anchor_by(index),
            promise="{}",
        )
        for index in range(count)
    ]
    records.insert_records(connection, rows, [])


def kinds(connection):
    return [(alarm.kind, alarm.about) for alarm in alarms.list_alarms(connection)]


def test_a_write_is_final_or_failed_by_its_receipt(store):
    with store.write() as connection:
        put_sent(connection, "good", 1)
        put_sent(connection, "bad", 2)
        put_sent(connection, "open", 3)
        outcomes = [outcome(1), outcome(2, succeeded=False), outcome(9)]
        assert settle(connection, outcomes, [], now_ms=NOW) == []
        states = {key: outbox.by_key(connection, key).state for key in ("good", "bad", "open")}
        assert states == {"good": "final", "bad": "failed", "open": "sent"}
        assert outbox.by_key(connection, "good").block == 31
        assert kinds(connection) == [(alarms.TRANSACTION_FAILED, "did")]


def sign_again(connection, key, number, nonce):
    row = outbox.by_key(connection, key)
    outbox.mark_signed(connection, outbox.Attempt(tx(number), row.id, nonce, 0, b"again", number))


@pytest.mark.parametrize("state", ["new", "signed", "failed"])
def test_any_transaction_that_was_ever_signed_for_a_write_settles_it(store, state):
    with store.write() as connection:
        put_sent(connection, "a", 1)
        row = outbox.by_key(connection, "a")
        if state == "new":
            outbox.unsign(connection, row.id, 3)
        elif state == "signed":
            sign_again(connection, "a", 5, 5)
        else:
            outbox.mark_failed(connection, row.id, "given up", 3)
        settle(connection, [outcome(1)], [], now_ms=NOW)
        found = outbox.by_key(connection, "a")
        assert (found.state, found.nonce, found.tx_hash, found.error) == ("final", 1, tx(1), None)


def test_a_revert_does_not_count_when_an_earlier_transaction_of_the_write_succeeded(store):
    with store.write() as connection:
        put_sent(connection, "a", 1)
        settle(connection, [outcome(1)], [], now_ms=NOW)
        row = outbox.by_key(connection, "a")
        outbox.unsign(connection, row.id, 3)  # as one did that took two answers of a node for one
        sign_again(connection, "a", 2, 2)
        settle(connection, [outcome(2, succeeded=False)], [], now_ms=NOW)
        found = outbox.by_key(connection, "a")
        assert (found.state, found.tx_hash, kinds(connection)) == ("final", tx(1), [])


def test_the_revert_of_an_earlier_transaction_decides_nothing(store):
    with store.write() as connection:
        put_sent(connection, "a", 1)
        sign_again(connection, "a", 2, 2)
        settle(connection, [outcome(1, succeeded=False)], [], now_ms=NOW)
        assert outbox.by_key(connection, "a").state == "signed"
        settle(connection, [outcome(2)], [], now_ms=NOW)
        assert outbox.by_key(connection, "a").state == "final"


def test_another_members_transaction_uses_no_nonce_of_ours(store):
    with store.write() as connection:
        settle(connection, [replace(outcome(4), nonce=None), outcome(2)], [], now_ms=NOW)
        assert own_transactions.next_nonce(connection) == 3


def test_an_anchors_event_makes_it_final_whichever_transaction_carried_it(store):
    with store.write() as connection:
        row = put_anchor(connection, 2)
        put_sent(connection, row.key, 1, outbox.KIND_ANCHOR)
        settle(connection, [outcome(7)], anchored(7, 2), now_ms=NOW)
        final = anchors.by_seq(connection, 2)
        assert (final.block, final.block_hash, final.tx_hash) == (37, block(37).hash, tx(7))
        assert (final.log_position, final.block_time) == (3, TIME)
        assert outbox.by_key(connection, row.key).state == "final"


def test_its_leaf_becomes_part_of_our_tree_and_the_checkpoint_of_that_tree_is_signed(store):
    with store.write() as connection:
        for seq in (2, 3):
            put_anchor(connection, seq)
            settle(connection, [outcome(seq)], anchored(seq, seq), now_ms=NOW)
        opening, second, third = (anchor_tree.find_leaf(connection, seq) for seq in (1, 2, 3))
        assert isinstance(opening, OpeningLeaf)
        assert (second.size_after, third.size_after, third.block, third.time) == (2, 4, 33, TIME)
        assert anchor_tree.tree_size(connection) == 3
        for seq in (2, 3):
            root = anchor_tree.peaks_at(connection, seq).root()
            assert anchors.find_final(connection, seq).checkpoint == f"note {seq} {root.hex()}"


def test_a_reverted_anchor_is_tried_again(store):
    with store.write() as connection:
        row = put_anchor(connection, 2)
        put_sent(connection, row.key, 1, outbox.KIND_ANCHOR)
        settle(connection, [outcome(1, succeeded=False)], [], now_ms=NOW)
        assert outbox.by_key(connection, row.key).state == "new"
        assert kinds(connection) == [(alarms.ANCHOR_REFUSED, "anchor:2")]


@pytest.mark.parametrize(
    "events",
    [
        anchored(7, 3),
        anchored(7, 2, root=b"\x55" * 32),
        anchored(7, 2, size=9),
        anchored(7, 2, before=1),
        anchored(7, 2, map_root=b"\x55" * 32),
    ],
    ids=["seq", "batch root", "size", "size before", "map root"],
)
def test_an_anchor_that_is_not_ours_is_a_conflict(store, events):
    with store.write() as connection:
        put_anchor(connection, 2)
        conflicts = settle(connection, [outcome(7)], events, now_ms=NOW)
        assert len(conflicts) == 1
        assert kinds(connection) == [(alarms.ANCHOR_CONFLICT, str(events[-1].args["seq"]))]
        assert anchors.by_seq(connection, 2).block is None
        assert anchor_tree.tree_size(connection) == len(events) - 1  # nothing but the opening


def test_what_follows_an_anchor_that_is_not_ours_is_a_conflict_too(store):
    with store.write() as connection:
        put_anchor(connection, 2)
        put_anchor(connection, 3)
        events = [*anchored(7, 2, root=b"\x55" * 32), *anchored(8, 3)]
        assert len(settle(connection, [outcome(7), outcome(8)], events, now_ms=NOW)) == 2
        assert anchors.by_seq(connection, 3).block is None


def test_another_members_anchor_is_no_matter(store):
    with store.write() as connection:
        assert settle(connection, [outcome(7)], anchored(7, 4, member=OTHER), now_ms=NOW) == []
        assert kinds(connection) == []


def test_an_anchor_that_came_too_late_breaks_the_promises_that_it_covers(store):
    with store.write() as connection:
        add_records(connection, 4, lambda index: 89_999 if index == 2 else 90_000)
        put_anchor(connection, 2)
        put_anchor(connection, 3)
        events = [*anchored(6, 2), *anchored(7, 3)]
        settle(connection, [outcome(6), outcome(7)], events, now_ms=NOW)
        assert broken_promises(connection) == ["r2"]
        assert kinds(connection) == [(alarms.PROMISE_BROKEN, "anchoring")]


def test_a_promise_whose_time_passed_is_broken_once(store):
    with store.write() as connection:
        add_records(connection, 4, lambda index: NOW + index)
        put_anchor(connection, 2)
        settle(connection, [outcome(6)], anchored(6, 2), now_ms=NOW)
    assert watch_promises(store, NOW, NOW + 2) == 0  # r0 and r1 are anchored
    assert watch_promises(store, NOW, NOW + 3) == 1
    assert watch_promises(store, NOW, NOW + 9) == 1
    assert watch_promises(store, NOW, NOW + 9) == 0
    with store.read() as connection:
        assert broken_promises(connection) == ["r2", "r3"]


def test_many_broken_promises_are_one_alarm_that_closes_when_all_late_records_are_anchored(store):
    with store.write() as connection:
        add_records(connection, 200, lambda index: NOW + index)
        put_anchor(connection, 2)
        anchors.add(connection, AnchorRow(3, 2, 200, b"\x03" * 32, b"\x09" * 32, 0))
        settle(connection, [outcome(6)], anchored(6, 2), now_ms=NOW)
    watch_promises(store, NOW + 150, NOW + 150)
    watch_promises(store, NOW + 500, NOW + 500)
    with store.read() as connection:
        (alarm,) = alarms.list_alarms(connection)
        assert (alarm.kind, alarm.count, alarm.first_at, alarm.last_at) == (
            alarms.PROMISE_BROKEN,
            198,
            NOW + 150,
            NOW + 500,
        )
        assert records.broken_count(connection) == 198
    with store.write() as connection:
        settle(connection, [outcome(7)], anchored(7, 3, before=2, size=200), now_ms=NOW + 501)
    watch_promises(store, NOW + 502, NOW + 502)
    with store.read() as connection:
        assert alarms.list_alarms(connection) == []
        (alarm,) = alarms.list_alarms(connection, with_closed=True)
        assert alarm.closed_at == NOW + 502


def test_what_kept_a_write_back_is_over_when_the_write_is_final(store):
    with store.write() as connection:
        row = put_anchor(connection, 2)
        put_sent(connection, row.key, 1, outbox.KIND_ANCHOR)
        put_sent(connection, "good", 2)
        for key in (row.key, "good", "other"):
            alarms.raise_alarm(connection, alarms.SEND_REFUSED, key, "no", 1)
        settle(connection, [outcome(1), outcome(2)], anchored(1, 2), now_ms=NOW)
        assert kinds(connection) == [(alarms.SEND_REFUSED, "other")]


@pytest.mark.parametrize(("last_block", "kept", "leaves"), [(32, 2, 2), (31, 1, 0)])
def test_a_reset_opens_what_the_lost_blocks_held_and_takes_their_leaves_back(store, last_block, kept, leaves):
    with store.write() as connection:
        for seq in (2, 3):
            row = put_anchor(connection, seq)
            put_sent(connection, row.key, seq, outbox.KIND_ANCHOR)
        events = [*anchored(2, 2), *anchored(3, 3)]
        settle(connection, [outcome(2), outcome(3)], events, now_ms=NOW)
        assert reopen(connection, last_block, NOW) == 3 - kept
        first, second = (anchors.by_seq(connection, seq) for seq in (2, 3))
        assert (first.block, second.block, second.checkpoint) == (32 if kept == 2 else None, None, None)
        assert anchor_tree.tree_size(connection) == leaves
        assert outbox.next_open(connection).key == f"anchor:{kept + 1}"
        assert kinds(connection)[0][0] == alarms.CHAIN_RESET
        event_log.truncate(connection, last_block)
        again = events if kept == 1 else anchored(3, 3)  # made again, in blocks of another content
        settle(connection, [outcome(2), outcome(3)][kept - 1 :], again, now_ms=NOW)
        assert anchor_tree.tree_size(connection) == 3


@pytest.mark.parametrize(
    ("kept", "told", "agrees"),
    [
        (None, (0, b"\xe3" * 32, 0, bytes(32)), True),  # of a broker that never anchored the root is that of nothing
        (None, (1, b"\xe3" * 32, 4, bytes(32)), False),
        ((3, b"\x07" * 32, 15, b"\x08" * 32), (3, b"\x07" * 32, 15, b"\x08" * 32), True),
        ((3, b"\x07" * 32, 15, b"\x08" * 32), (4, b"\x07" * 32, 15, b"\x08" * 32), False),
        ((3, b"\x07" * 32, 15, b"\x08" * 32), (3, b"\x09" * 32, 15, b"\x08" * 32), False),
        ((3, b"\x07" * 32, 15, b"\x08" * 32), (3, b"\x07" * 32, 16, b"\x08" * 32), False),
        ((3, b"\x07" * 32, 15, b"\x08" * 32), (3, b"\x07" * 32, 15, b"\x09" * 32), False),
    ],
)
def test_leaf_1_names_the_log_of_format_1_that_this_node_goes_on_with(store, kept, told, agrees):
    leaf = LeafEvent(OpeningLeaf(OTHER, *told, 1, TIME), TARGET, tx(1), 0)
    with store.write() as connection:
        if kept is not None:
            seq, root, size, map_root = kept
            log = FormerLog(OTHER, 1, OTHER, seq, root.hex(), size, map_root.hex())
            former.put_log(connection, log)
        conflicts = settlement.take_leaves(connection, [leaf], {}, now_ms=NOW, sign=signed)
        assert (conflicts == []) == agrees
        assert anchor_tree.tree_size(connection) == int(agrees)
        assert alarms.is_open(connection, alarms.ANCHOR_CONFLICT, "1") == (not agrees)
