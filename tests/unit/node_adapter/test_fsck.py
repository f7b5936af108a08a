"""A store that was lived in is gone over: each kind of difference is the first one named."""

import json
import shutil
from dataclasses import replace

import pytest
from sqlalchemy import select, text, update

from evidence.version2.log.checkpoint import read_anchor_checkpoint, sign_anchor_checkpoint
from node_adapter.fsck.check import PARTS, Fsck, FsckState, read_state
from node_adapter.store.engine import open_store
from node_adapter.store.schema import metadata
from primitives.errors import InvalidInput
from tests.world.broker import Broker
from tests.world.chain import Chain
from tests.world.payloads import PAYLOADS


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    directory = tmp_path_factory.mktemp("fsck")
    chain = Chain()
    chain.deploy()
    for name in ("north", "south"):
        chain.admit(name)
    broker = Broker(directory, chain)
    broker.install()
    clients = [broker.enrol(f"client {number}") for number in range(3)]
    for client in clients:
        rows = [broker.fact(client.subject, type_, payload) for type_, payload in PAYLOADS.items()]
        broker.lines("/v1/facts", rows)
        broker.anchor()
    return broker


@pytest.fixture
def store(world, tmp_path):
    assert world.store.empty_of_deleted()
    shutil.copy(world.path, tmp_path / "node.db")
    store = open_store(tmp_path / "node.db")
    yield store
    store.dispose()


def check(world, store, state=None, save=lambda _: None):
    return Fsck(store, world.keys.address, state or FsckState.begun(world.did), save).run()


def run(store, statement, **values):
    with store.write() as connection:
        assert connection.execute(text(statement), values).rowcount > 0, statement


def flipped(store, table, column, where):
    """Flip the last bit of a value of bytes."""
    rows = metadata.tables[table]
    with store.write() as connection:
        value = connection.execute(select(rows.c[column]).where(text(where))).scalar_one()
        changed = {column: value[:-1] + bytes([value[-1] ^ 1])}
        assert connection.execute(update(rows).where(text(where)).values(changed)).rowcount == 1


def test_a_store_as_a_node_wrote_it_is_whole(world, store):
    report = check(world, store)
    assert report["same"], report["difference"]
    with store.read() as connection:
        count = connection.execute(text("select count(*) from record")).scalar_one()
        leaves = connection.execute(text("select count(*) from log_leaf")).scalar_one()
    looked = report["looked_at"]
    assert looked["records"] == looked["map-segments"] == looked["map-presence"] == count > 10
    assert looked["leaves"] == leaves > 3
    assert report["not_checked"]


FIRST = "log_index = 5"
SUBJECT = "pid = (select min(pid) from subject where count > 0)"
BYTES = [
    ("record", "label", FIRST, "records", "label"),
    ("record", "entry", FIRST, "records", "entry"),
    ("record", "next", FIRST, "records", "entry"),
    ("record", "fingerprint", FIRST, "records", "entry"),
    ("record", "envelope_salt", FIRST, "records", "envelope-salt"),
    ("subject", "head", SUBJECT, "subjects", "subject-head"),
    ("subject", "label", SUBJECT, "subjects", "subject-label"),
    ("log_leaf", "leaf", "seq = 3", "leaves", "leaf"),
    ("log_node", "hash", "level = 1 and position = 0", "leaves", "tree-node"),
    ("log_growth", "hashes", "seq = 3", "leaves", "batch-and-map"),
    ("log_anchor", "batch_root", "seq = 3", "leaves", "anchor"),
    ("map_row", "hash", "key = (select max(key) from map_row)", "map-segments", "map-row-hash"),
    ("map_segment", "hash", "segment = (select max(segment) from map_segment)", "map-segments", "map-segment-hash"),
    ("map_anchor", "root", "seq = (select max(seq) from map_anchor)", "map-segments", "map-root"),
]


@pytest.mark.parametrize(("table", "column", "where", "part", "what"), BYTES)
def test_a_flipped_bit_is_the_first_difference(world, store, table, column, where, part, what):
    flipped(store, table, column, where)
    difference = check(world, store)["difference"]
    assert (difference["part"], difference["what"]) == (part, what)


STATEMENTS = [
    ("delete from record where log_index = 5", "records", "log-index"),
    ("update record set type = 'TRADE' where log_index = 5", "records", "envelope.type"),
    ("update record set record_id = 'other' where log_index = 5", "records", "envelope.record_id"),
    ("update record set seq = seq + 100 where log_index = 5", "records", "subject-chain"),
    ("update record set payload = '{}' where log_index = 5", "records", "payload"),
    ("update record set act_signature = 'other' where log_index = 0", "records", "act-signature"),
    ("update record set payload = null where log_index = 5", "records", "payload"),
    (
        "update record set type = '', envelope = x'', payload = null, root_salt = null, envelope_salt = null "
        "where log_index = 5",
        "records",
        "erasure",
    ),
    ("delete from subject where pid = (select pid from record where log_index = 5)", "records", "subject"),
    ("update record set payload = cast(x'ff' as text) where log_index = 5", "records", "column"),
    ("update record set seq = 'other' where log_index = 5", "records", "column"),
    (
        "update subject set client_ref = cast(x'ff' as text) where pid = (select pid from record where log_index = 5)",
        "records",
        "column",
    ),
    ("update record set envelope = cast('{}' as blob) where log_index = 5", "records", "envelope"),
    ("update subject set count = count + 1 where count > 0", "subjects", "subject-count"),
    ("update log_leaf set leaf = (select leaf from log_leaf where seq = 2) where seq = 3", "leaves", "leaf-number"),
    ("delete from chain_event where name = 'Anchored'", "leaves", "chain-leaf"),
    ("delete from log_leaf where seq = 4", "leaves", "leaf"),
    ("delete from log_leaf where seq = 3", "leaves", "leaf-number"),
    ("delete from log_node where level = 0 and position = 2", "leaves", "tree-node"),
    ("insert into log_node values (9, 9, x'00')", "leaves", "tree-nodes"),
    ("delete from log_anchor where seq = 3", "leaves", "anchor"),
    ("delete from log_growth where seq = 3", "leaves", "batch-and-map"),
    ("update log_anchor set checkpoint = replace(checkpoint, 'map ', 'mop ') where seq = 3", "leaves", "checkpoint"),
    (
        "update log_anchor set checkpoint = (select checkpoint from log_anchor where seq = 2) where seq = 3",
        "leaves",
        "checkpoint-seq",
    ),
    (
        "update map_row set data = cast(data || data as blob) where key = (select max(key) from map_row)",
        "map-segments",
        "map-row",
    ),
    ("delete from map_row where key = (select max(key) from map_row)", "map-segments", "map-segment-leaves"),
    ("delete from map_segment where segment = (select max(segment) from map_segment)", "map-segments", "map-root"),
    ("update map_anchor set leaves = leaves + 1", "map-segments", "map-leaves"),
]


@pytest.mark.parametrize(("statement", "part", "what"), STATEMENTS)
def test_a_changed_row_is_the_first_difference(world, store, statement, part, what):
    run(store, statement)
    difference = check(world, store)["difference"]
    assert (difference["part"], difference["what"]) == (part, what)


def test_what_is_told_holds_no_value_and_no_salt(world, store):
    with store.read() as connection:
        payload, salt = connection.execute(text("select payload, root_salt from record where log_index = 5")).one()
    run(store, "update record set payload = :new where log_index = 5", new=json.dumps({"secret": "of a client"}))
    told = json.dumps(check(world, store))
    assert not [secret for secret in ("of a client", salt.hex(), payload) if secret in told]


GAPS = [
    ("update record set payload = null, root_salt = null where log_index = 5", "originals without salts"),
    ("update log_anchor set checkpoint = '' where seq = 3", "checkpoints never signed"),
    ("insert into wrong_anchor values (4, 'forged', 1, 0)", "anchors that are named wrong"),
]


@pytest.mark.parametrize(("statement", "named"), GAPS)
def test_what_nothing_can_be_held_against_is_told(world, store, statement, named):
    assert named not in check(world, store)["not_checked"]
    run(store, statement)
    report = check(world, store)
    assert report["same"], report["difference"]
    assert named in report["not_checked"]


def test_a_name_that_a_checkpoint_has_and_the_store_lacks_is_a_difference(world, store):
    """The next checkpoint would take it back, and convict."""
    with store.read() as connection:
        note = connection.execute(text("select checkpoint from log_anchor where seq = 3")).scalar_one()
    stated = read_anchor_checkpoint(note.split("\n\n")[0] + "\n")
    forgotten = sign_anchor_checkpoint(replace(stated, wrong=(2,)), world.keys.newest.checkpoint_seed)
    run(store, "update log_anchor set checkpoint = :new where seq = 3", new=forgotten)
    assert check(world, store)["difference"]["what"] == "checkpoint-wrong"


class Killed(Exception):
    pass


@pytest.mark.parametrize("at", range(1, 9))
def test_a_check_that_was_killed_goes_on_and_answers_the_same(world, store, at):
    whole, kept = check(world, store), []

    def save(state):
        kept.append(json.dumps(state.to_json()).encode())
        if len(kept) == at:
            raise Killed

    with pytest.raises(Killed):
        check(world, store, save=save)
    resumed = read_state(kept[-1], world.did)
    assert resumed.part > 0 or resumed.number is not None
    report = check(world, store, resumed)
    rests_on = report["not_checked"].pop("what was gone over before")
    assert rests_on.startswith("all to ")
    assert report == whole


def test_a_state_that_says_all_was_looked_at_is_told_to_be_all_that_the_report_rests_on(world, store):
    run(store, "delete from record where log_index = 5")
    forged = {**FsckState.begun(world.did).to_json(), "part": len(PARTS)}
    report = check(world, store, read_state(json.dumps(forged).encode(), world.did))
    assert report["not_checked"]["what was gone over before"].startswith("all to the end:")
    with pytest.raises(InvalidInput, match=r"state\.part"):
        read_state(json.dumps({**forged, "part": len(PARTS) + 1}).encode(), world.did)


def test_a_state_of_another_store_is_refused(world):
    data = json.dumps(FsckState.begun(world.did).to_json()).encode()
    with pytest.raises(InvalidInput, match="is of"):
        read_state(data, world.did[:-1] + ("0" if world.did[-1] != "0" else "1"))
