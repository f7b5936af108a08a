"""What is old goes from the store, and everything that may still be asked is answered as by a store that keeps it."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from node_adapter.ports import TransactionOutcome
from node_adapter.store import alarms, migrate, outbox, own_transactions, tasks
from node_adapter.store.chain import event_log
from node_adapter.store.chain.event_log import ChainBlock
from node_adapter.store.engine import open_store
from node_adapter.store.retention import LetGo, Limits, block_before, is_over, let_go, let_go_so_far, require_kept
from node_adapter.store.schema import alarm, chain_block, outbox_attempt, own_transaction, task_message
from node_adapter.workflows.anchoring import settlement
from primitives.errors import Refused
from tests.properties import examples

pytestmark = pytest.mark.both_databases
TARGET = "0x" + "ab" * 20
ALL, NOTHING = 10_000, Limits(None, 0, 0)


@pytest.fixture
def stores(tmp_path):
    """Two of them: one lets go of what is old, the other keeps everything."""
    opened = []
    for name in ("pruned", "twin"):
        migrate.upgrade(tmp_path / f"{name}.db")
        opened.append(open_store(tmp_path / f"{name}.db"))
    yield opened
    for store in opened:
        store.dispose()


@pytest.fixture
def store(stores):
    return stores[0]


def block(number, time=None):
    return ChainBlock(number, b"h", b"p", number if time is None else time, b"header", (b"receipt",))


def outcome(tx_hash, number, nonce, *, succeeded=True):
    return TransactionOutcome(tx_hash, number, b"h", number, succeeded, 1_000 + number, nonce=nonce)


def write(connection, number, *, kind="did", tries=1, state="final"):
    """A chain write in the block of its number, by the last of its transactions; or one that is under way."""
    key = f"anchor:{number}" if kind == outbox.KIND_ANCHOR else f"{kind}:{number}"
    row = outbox.enqueue(connection, kind, key, TARGET, b"data", number)
    hashes = [bytes([number, attempt]) * 16 for attempt in range(tries)]
    for price, tx_hash in enumerate(hashes):
        outbox.mark_signed(connection, outbox.Attempt(tx_hash, row, number, price, b"raw" + tx_hash, number))
    if state == "new":
        outbox.unsign(connection, row, number)
        return key
    outbox.mark_sent(connection, row, number)
    if state == "sent":
        return key
    mined = outcome(hashes[-1], number, number, succeeded=state == "final")
    own_transactions.add(connection, mined)
    if state == "final":
        outbox.settle(connection, row, mined, number)
    else:
        outbox.settle_failed(connection, row, mined, "reverted", number)
    return key


def count(connection, table):
    return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_of_a_settled_write_its_transactions_go_and_of_an_anchor_all(store):
    with store.write() as connection:
        event_log.append(connection, [block(number) for number in range(1, 8)], [])
        for number, (kind, state) in enumerate(
            [("anchor", "final"), ("did", "final"), ("did", "failed"), ("did", "sent"), ("anchor", "final")], start=1
        ):
            write(connection, number, kind=kind, state=state, tries=2)
        limits = Limits(4, 0, 0)
        assert is_over(connection, limits)
        assert let_go(connection, limits, ALL, 77)
        assert not is_over(connection, limits)
        assert not let_go(connection, limits, ALL, 78)
        assert outbox.by_key(connection, "anchor:1") is None
        did = outbox.by_key(connection, "did:2")
        assert (did.state, did.raw, did.data, did.block) == ("final", None, b"data", 2)
        assert outbox.enqueue(connection, "did", "did:2", TARGET, b"data", 9) == did.id  # it is not written twice
        kept = {key: len(outbox.attempts(connection, outbox.by_key(connection, key).id)) for key in ("did:3", "did:4")}
        assert kept == {"did:3": 2, "did:4": 2}  # a write that failed may be tried again, and any of these settles it
        assert outbox.by_key(connection, "anchor:5").raw is not None
        assert let_go_so_far(connection) == LetGo(block=4, at=77, writes=2, nonces=2, receipts=4, gas={"anchor": 1_001})
        assert own_transactions.next_nonce(connection) == 6
        nonces = connection.execute(select(own_transaction.c.nonce).order_by(own_transaction.c.nonce)).scalars()
        assert list(nonces) == [
            3,
            5,
        ]  # the newest of the old ones says which nonce is free, if the chain loses the rest
        receipts = connection.execute(select(chain_block.c.receipts).order_by(chain_block.c.number)).scalars()
        assert [bool(text) for text in receipts] == [False] * 4 + [True] * 3


def test_no_turn_takes_more_than_it_may(store):
    with store.write() as connection:
        for number in range(1, 8):
            write(connection, number)
        turns = 0
        while let_go(connection, Limits(7, 0, 0), 3, turns):
            turns += 1
        assert (turns, let_go_so_far(connection).writes, count(connection, outbox_attempt)) == (3, 7, 0)


def test_what_was_let_go_of_is_told_of_before_it_is_asked_for(store):
    """A chain that is set back behind it is refused, and nothing of the store is changed."""
    with store.write() as connection:
        for number in range(1, 6):
            write(connection, number)
        let_go(connection, Limits(3, 0, 0), ALL, 0)
    with pytest.raises(Refused, match="blocks up to 3 is not kept") as caught, store.write() as connection:
        settlement.reopen(connection, 2, 9)
    assert caught.value.code == "reset-too-far"
    with store.write() as connection:
        assert outbox.counts(connection)["final"] == 5
        assert settlement.reopen(connection, 3, 9) == 2
        require_kept(connection, 3)


WRITES = st.lists(
    st.tuples(st.sampled_from(["did", "anchor"]), st.sampled_from(["final", "final", "failed"]), st.integers(1, 3)),
    min_size=1,
    max_size=12,
)


@examples(25)
@given(WRITES, st.sampled_from([None, "sent", "new"]), st.data())
def test_a_store_that_lets_go_answers_as_its_twin_does(stores, writes, last, data):
    """Whatever was written, however much of it went in however many turns, and wherever the chain is set back to."""
    limit = data.draw(st.integers(0, len(writes)), "limit")
    most = data.draw(st.integers(1, 5), "rows a turn")
    back = data.draw(st.integers(limit, len(writes)), "the chain ends at")
    told = []
    for store in stores:
        with store._engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            for number, (kind, state, tries) in enumerate(writes, start=1):
                write(connection, number, kind=kind, state=state, tries=tries)
            if last:
                write(connection, len(writes) + 1, state=last)
            if store is stores[0]:
                while let_go(connection, Limits(limit, 0, 0), most, 1):
                    pass
            told.append(
                [answers(connection, writes), settlement.reopen(connection, back, 99), answers(connection, writes)]
            )
            connection.rollback()
    assert told[0] == told[1]


def answers(connection, writes):
    """All that anybody asks of chain writes while the chain may still lose the blocks that it may lose."""
    open_ones = outbox.in_state(connection)
    done = [outbox.by_key(connection, f"did:{number}") for number in range(1, len(writes) + 1)]
    gone = let_go_so_far(connection)
    used = outbox.gas_used(connection)
    return {
        "open": [(row, outbox.attempts(connection, row.id)) for row in open_ones],
        "next": outbox.next_open(connection),
        "nonce": own_transactions.next_nonce(connection),
        "done": [row and dataclasses.replace(row, raw=None) for row in done if row is None or row.state == "final"],
        "gas": sum(used.values()) + sum(gone.gas.values()),
    }


@examples(60)
@given(st.lists(st.integers(0, 50), min_size=1, max_size=20), st.integers(0, 200), st.integers(0, 5))
def test_the_block_before_a_time_is_the_one_that_a_look_at_each_finds(store, steps, seconds, first):
    times = [sum(steps[: index + 1]) for index in range(len(steps))]
    with store._engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        assert block_before(connection, seconds) is None
        blocks = [block(first + index, time) for index, time in enumerate(times)]
        event_log.append(connection, blocks, [])
        found = block_before(connection, seconds)
        connection.rollback()
    old = [one.number for one in blocks if one.timestamp <= times[-1] - seconds]
    assert found == (old[-1] if old else None)


def test_of_an_ended_task_messages_and_secret_go_and_the_result_stays(store):
    with store.write() as connection:
        for task_id, state, moved in (("old", "completed", 5), ("new", "refused", 50), ("open", "masked", 5)):
            tasks.insert_task(connection, task_id, "{}", 1)
            tasks.add_message(connection, task_id, TARGET, "kind", "{}", 1)
            tasks.move(connection, task_id, "proposed", state, moved, engine_state=b"secret", result="{}")
        limits = Limits(None, 20, 0)
        assert is_over(connection, limits)
        assert let_go(connection, limits, ALL, 7)
        assert not is_over(connection, limits)
        old, *others = (tasks.find_task(connection, name) for name in ("old", "new", "open"))
        assert (old.engine_state, old.result, old.state) == (None, "{}", "completed")
        assert [row.engine_state for row in others] == [b"secret", b"secret"]
        kept = set(connection.execute(select(task_message.c.task_id)).scalars())
        assert (kept, let_go_so_far(connection).tasks) == ({"new", "open"}, 1)


def test_messages_of_a_task_without_a_secret_go_too(store):
    with store.write() as connection:
        tasks.insert_task(connection, "old", "{}", 1)
        tasks.add_message(connection, "old", TARGET, "kind", "{}", 1)
        tasks.move(connection, "old", "proposed", "refused", 5)
        assert is_over(connection, Limits(None, 20, 0))
        assert let_go(connection, Limits(None, 20, 0), ALL, 7)
        assert count(connection, task_message) == 0


def test_closed_alarms_go_and_open_ones_stay(store):
    with store.write() as connection:
        for kind in ("old", "new", "open"):
            alarms.raise_alarm(connection, kind, "a", "d", 1)
        alarms.close_alarm(connection, "old", 5)
        alarms.close_alarm(connection, "new", 50)
        assert is_over(connection, Limits(None, 0, 20))
        assert let_go(connection, Limits(None, 0, 20), ALL, 7)
        assert not is_over(connection, Limits(None, 0, 20))
        assert [one.kind for one in alarms.list_alarms(connection, with_closed=True)] == ["new", "open"]


def test_a_turn_that_is_cut_off_leaves_everything_as_it_was(store):
    with store.write() as connection:
        write(connection, 1)
        write(connection, 2)
    with pytest.raises(KeyboardInterrupt):
        _cut_off(store)
    with store.write() as connection:
        assert (let_go_so_far(connection), count(connection, outbox_attempt)) == (LetGo(), 2)
        assert let_go(connection, Limits(1, 0, 0), ALL, 7)


def _cut_off(store):
    with store.write() as connection:
        assert let_go(connection, Limits(1, 0, 0), ALL, 7)
        raise KeyboardInterrupt


def test_nothing_is_asked_of_an_empty_store(store):
    with store.write() as connection:
        assert block_before(connection, 0) is None
        assert not is_over(connection, NOTHING)
        assert not let_go(connection, NOTHING, ALL, 7)
        assert count(connection, alarm) == 0
