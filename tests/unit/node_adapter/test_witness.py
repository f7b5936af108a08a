"""This member as a witness: what it answers, that it is kept before it is answered, and what it never cosigns."""

from __future__ import annotations

import dataclasses

import pytest

from evidence.version2.log.checkpoint import log_origin
from evidence.version2.log.cosignature import cosigned_by, with_cosignatures, witness_name
from evidence.version2.log.witness_protocol import SIZE_TYPE, AddCheckpoint
from evidence.version2.map.label_map import LabelMap
from node_adapter.store import migrate, witnessed
from node_adapter.store.engine import open_store
from node_adapter.workflows.anchoring.witness import WitnessedLog, answer_add_checkpoint
from primitives.errors import CouldNotCheck
from scripts.vectors.evidence import BROKER
from scripts.vectors.growing_log import KEYS, GrowingLog
from scripts.vectors.version2.log import BROKER_KEY, WITNESS, WITNESS_KEY, WITNESS_SEED

NAME = witness_name(WITNESS)


@pytest.fixture
def store(tmp_path):
    migrate.upgrade(tmp_path / "node.db")
    store = open_store(tmp_path / "node.db")
    yield store
    store.dispose()


def known(log, **changes):
    head = {
        "head": lambda seq, _peaks: log.head(seq),
        "growth": lambda start: log.growth(start, most=3),
        "opening": log.opening,
    }
    return WitnessedLog(**{"broker": BROKER, "public_key": BROKER_KEY, "keys_digest": KEYS, **head, **changes})


def ask(store, log, old, *, note=None, logs=None, now=5):
    note = note or log.checkpoint()
    body = AddCheckpoint(old, tuple(log.tree.consistency(old, log.seq)), note).body()
    logs = {log_origin(BROKER): known(log)} if logs is None else logs
    return answer_add_checkpoint(store, body, find=finding(logs), name=NAME, seed=WITNESS_SEED, now=now)


def finding(logs):
    return lambda origin, _seq: logs.get(origin)


def kept(store):
    with store.read() as connection:
        return witnessed.kept_state(connection, BROKER), witnessed.cosigned_note(connection, BROKER)


def log_of(*counts):
    log = GrowingLog()
    for count in counts:
        log.anchor(count)
    return log


def test_what_grew_is_kept_and_cosigned(store):
    log = log_of(2, 0, 3, 1, 1, 0, 2, 1)  # more than one document of the broker's
    note = log.checkpoint()
    answer = ask(store, log, 0)
    assert answer.status == 200
    signed = with_cosignatures(note, answer.body, {NAME: WITNESS_KEY})
    assert [(entry.name, entry.time) for entry in cosigned_by(signed, {NAME: WITNESS_KEY}, BROKER_KEY)] == [(NAME, 5)]
    state, kept_note = kept(store)
    assert (state.seq, state.root, state.map_root, kept_note) == (9, log.tree.root(), log.map.root, note)
    log.anchor(2)
    assert ask(store, log, 9).status == 200
    assert ask(store, log, 10).status == 200, "the same one again"
    assert kept(store)[0].seq == 10


def test_a_checkpoint_of_the_tree_that_is_kept_is_answered_from_what_is_kept(store):
    """It is public: a stranger may send it again and again, and the broker is not asked for it."""
    log = log_of(2, 1)
    assert ask(store, log, 0).status == 200
    before, note = kept(store), log.checkpoint()

    def asked(*_):
        raise AssertionError("somebody was asked")

    alone = {log_origin(BROKER): known(log, growth=asked, head=asked)}
    again = ask(store, log, 3, logs=alone, now=6)
    assert again.status == 200
    signed = with_cosignatures(note, again.body, {NAME: WITNESS_KEY})
    assert [entry.time for entry in cosigned_by(signed, {NAME: WITNESS_KEY}, BROKER_KEY)] == [6]
    other = ask(store, log, 3, note=log.checkpoint(2), logs=alone)
    assert (other.status, other.body.partition(":")[0]) == (422, "growth-wrong")
    assert kept(store) == before


def test_what_did_not_grow_is_neither_kept_nor_cosigned(store):
    log = log_of(2)
    assert ask(store, log, 0).status == 200
    before = kept(store)
    log.anchor(1, good=LabelMap())
    answer = ask(store, log, 2)
    assert (answer.status, answer.body.partition(":")[0]) == (422, "growth-map")
    assert kept(store) == before


def test_a_wrong_anchor_that_is_named_is_passed_over(store):
    log = log_of(2)
    whole = log.map
    log.anchor(1, good=LabelMap())
    log.anchor(1, good=whole)
    assert ask(store, log, 0).status == 422
    assert ask(store, log, 0, note=log.checkpoint(3)).status == 200
    assert kept(store)[0].wrong == (3,)


def test_who_asks_from_elsewhere_is_told_from_where(store):
    log = log_of(2, 1)
    assert ask(store, log, 2).body == "0\n"
    assert ask(store, log, 0).status == 200
    answer = ask(store, log, 2)
    assert (answer.status, answer.content_type, answer.body) == (409, SIZE_TYPE, "3\n")


def test_who_is_overtaken_is_told_from_where(store):
    """Another process of this member cosigned while this one looked at the growth."""
    log = log_of(2, 1)

    def overtaken(start):
        assert ask(store, log, 0, now=4).status == 200
        return log.growth(start)

    answer = ask(store, log, 0, logs={log_origin(BROKER): known(log, growth=overtaken)})
    assert (answer.status, answer.content_type, answer.body) == (409, SIZE_TYPE, "3\n")


def test_an_unknown_log_another_key_and_no_request(store):
    log = log_of(2)
    assert ask(store, log, 0, logs={}).status == 404
    other = {log_origin(BROKER): known(log, public_key=WITNESS_KEY)}
    assert ask(store, log, 0, logs=other).status == 403
    for body in (b"", b"old 0\n\nx\n\n", b"old 0\n\n" + log.checkpoint().replace("map ", "mop ").encode()):
        answer = answer_add_checkpoint(
            store, body, find=finding({log_origin(BROKER): known(log)}), name=NAME, seed=WITNESS_SEED, now=5
        )
        assert answer.status in (400, 403)
    assert kept(store) == (None, None)


def test_keys_of_another_set_do_not_count(store):
    log = log_of(2)
    answer = ask(store, log, 0, logs={log_origin(BROKER): known(log, keys_digest=bytes(32))})
    assert (answer.status, answer.body.partition(":")[0]) == (422, "checkpoint-signature")


def test_a_chain_that_says_otherwise(store):
    log, other = log_of(2), log_of(3)
    answer = ask(store, log, 0, logs={log_origin(BROKER): known(log, head=lambda seq, _peaks: other.head(seq))})
    assert (answer.status, answer.body.partition(":")[0]) == (422, "chain-head")


@pytest.mark.parametrize(
    "shown",
    [
        lambda log, start: dataclasses.replace(log.growth(start), steps=()),
        lambda log, start: log.growth(1, most=1),
        lambda log, start: dataclasses.replace(log.growth(start), start=start + 1),
    ],
)
def test_a_broker_that_does_not_show_all_is_not_cosigned(store, shown):
    log = log_of(2, 1, 1)
    answer = ask(store, log, 0, logs={log_origin(BROKER): known(log, growth=lambda start: shown(log, start))})
    assert (answer.status, answer.body.partition(":")[0]) == (422, "growth-order")


def test_more_than_the_checkpoint_is_left_for_the_next(store):
    log = log_of(2, 1)
    note, proof = log.checkpoint(), tuple(log.tree.consistency(0, 3))
    log.anchor(1)
    body = AddCheckpoint(0, proof, note).body()
    answer = answer_add_checkpoint(
        store, body, find=finding({log_origin(BROKER): known(log)}), name=NAME, seed=WITNESS_SEED, now=5
    )
    assert (answer.status, kept(store)[0].seq) == (200, 3)


def test_a_broker_out_of_reach_is_neither_refused_nor_cosigned(store):
    def gone(_):
        raise CouldNotCheck("broker-unreachable", "no answer")

    log = log_of(2)
    with pytest.raises(CouldNotCheck):
        ask(store, log, 0, logs={log_origin(BROKER): known(log, growth=gone)})
    assert kept(store) == (None, None)
