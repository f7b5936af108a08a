"""A store that was lived in is gone over: each kind of difference is the first one named."""

import json
import shutil
from dataclasses import replace

import pytest
from sqlalchemy import select, text, update

from did.identifiers import member_did
from evidence.version2.log.anchors import head_digest
from evidence.version2.log.checkpoint import read_anchor_checkpoint, sign_anchor_checkpoint
from evidence.version2.log.cosignature import cosign, witness_name
from node_adapter.fsck.check import PARTS, Fsck, FsckState, read_state
from node_adapter.ports import MemberHead
from node_adapter.store import anchor_tree, anchors, cosignatures, migrate
from node_adapter.store.engine import open_store
from node_adapter.store.schema import metadata
from primitives.errors import InvalidInput
from tests.world.broker import Broker
from tests.world.chain import CHAIN_ID, Chain
from tests.world.keys import keystore_of
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


def check(world, store, state=None, save=lambda _: None, ask=None):
    return Fsck(store, world.keys.address, state or FsckState.begun(world.did), save, ask).run()


def told_by_the_contract(world, **changes):
    """What the contract keeps of the log, as the tree of the store that nobody changed has it."""
    with world.store.read() as connection:
        size = anchor_tree.tree_size(connection)
        root, last = anchor_tree.peaks_at(connection, size).root(), anchor_tree.find_leaf(connection, size)
    return replace(MemberHead(head_digest(size, root), last.map_root, last.size_after, size), **changes)


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
    assert "not asked" in report["not_checked"]["chain"]


def test_the_chain_is_asked_for_the_head_at_the_block_that_the_index_has(world, store):
    asked = []

    def ask(block):
        asked.append(block)
        return told_by_the_contract(world)

    report = check(world, store, ask=ask)
    assert report["same"], report["difference"]
    assert (report["looked_at"]["chain"], "chain" in report["not_checked"]) == (1, False)
    assert asked == [world.chain.height]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"head": bytes(32)}, "chain-head"),
        ({"map_root": bytes(32)}, "chain-head-map-root"),
        ({"size": 1}, "chain-head-size"),
        ({"seq": 9}, "chain-head-seq"),
        ({"seq": 0}, "chain-head-seq"),
    ],
)
def test_a_chain_that_says_something_else_is_a_difference(world, store, change, what):
    difference = check(world, store, ask=lambda _: told_by_the_contract(world, **change))["difference"]
    assert (difference["part"], difference["what"]) == ("chain", what)


def test_a_log_that_has_not_begun_is_the_same_on_a_chain_without_one(world, tmp_path):
    migrate.upgrade(tmp_path / "new.db")
    new = open_store(tmp_path / "new.db")
    report = check(world, new, ask=lambda _: MemberHead(bytes(32), bytes(32), 0, 0))
    new.dispose()
    assert report["same"], report["difference"]


def test_a_log_that_the_chain_alone_has_is_a_difference(world, tmp_path):
    migrate.upgrade(tmp_path / "new.db")
    new = open_store(tmp_path / "new.db")
    report = check(world, new, ask=lambda _: told_by_the_contract(world))
    new.dispose()
    assert report["difference"]["what"] == "chain-head-seq"


def changed_promise(store, change):
    with store.write() as connection:
        promise = connection.execute(text("select promise from record where log_index = 5")).scalar_one()
        new = json.dumps(change(json.loads(promise)))
        connection.execute(text("update record set promise = :new where log_index = 5"), {"new": new})


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda value: value | {"log_index": 6}, "promise.log_index"),
        (lambda value: value | {"entry": "00" * 32}, "promise.entry"),
        (lambda value: value | {"block": value["block"] + 1}, "promise-signature"),
        (lambda value: {"format": value["format"]}, "promise"),
    ],
)
def test_a_promise_of_another_record_or_by_nobody_is_a_difference(world, store, change, what):
    changed_promise(store, change)
    difference = check(world, store)["difference"]
    assert (difference["part"], difference["what"]) == ("records", what)


def test_a_promise_that_is_owed_is_none(world, store):
    run(store, "update record set promise = null, anchor_by = null where log_index = 5")
    assert check(world, store)["same"]


def cosigned(store, by, named="south", seq=3):
    witness = keystore_of(named)
    with store.write() as connection:
        note = anchors.by_seq(connection, seq).checkpoint
        name = witness_name(member_did(CHAIN_ID, witness.address))
        line = cosign(note, name, 1_700_000_000, keystore_of(by).newest.checkpoint_seed)
        cosignatures.add(connection, seq, witness.address, line, 1)


def test_a_cosignature_is_by_a_checkpoint_key_of_its_member(world, store):
    cosigned(store, "south")
    report = check(world, store)
    assert report["same"], report["difference"]
    assert report["looked_at"]["cosignatures"] == 1
    cosigned(store, "north")
    difference = check(world, store)["difference"]
    assert (difference["part"], difference["what"]) == ("cosignatures", "cosignature")


@pytest.mark.parametrize(
    "statement",
    [
        "update cosignature set line = 'none'",
        "update cosignature set seq = 99",
        "update cosignature set seq = 4",
        "update cosignature set witness = '0x00000000000000000000000000000000000000aa'",
    ],
)
def test_a_line_under_another_checkpoint_or_of_a_stranger_is_a_difference(world, store, statement):
    cosigned(store, "south")
    run(store, statement)
    difference = check(world, store)["difference"]
    assert (difference["part"], difference["what"]) == ("cosignatures", "cosignature")


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
    ("update record set anchor_by = anchor_by + 1 where log_index = 5", "records", "promise.anchor_by"),
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
