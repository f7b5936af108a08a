"""A populated node of release 1 goes on with format 2: its migration, and what a client then does there."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest
from sqlalchemy import update

from evidence.version2.log.anchors import OpeningLeaf
from node_adapter.chain.deploy import deploy
from node_adapter.chain.errors import WrongChain
from node_adapter.chain.former_network import read_former_network, require_registry_of
from node_adapter.keys.keystore import Keystore
from node_adapter.migration import migrate_node
from node_adapter.store import anchor_tree, anchors, records, schema, subjects
from node_adapter.store import former as former_store
from node_adapter.store.engine import open_store
from node_adapter.workflows.former.opened import former_node
from node_adapter.workflows.former.outstanding import outstanding
from node_adapter.workflows.former.trust_file import former_trust_file
from node_adapter.workflows.intake.accepted import Accepted
from node_adapter.workflows.intake.enrol_subject import find_subject
from primitives.errors import CouldNotCheck, InvalidInput, Refused
from replay.verification import verify_history
from tests.world.migrated import as_network
from tests.world.payloads import PAYLOADS
from tests.world.replays import word as own_word

pytestmark = pytest.mark.chain


def former(release):
    return read_former_network(release.rpc, *release.old)


def told(node):
    """What is outstanding, by kind."""
    found = {}
    for line in outstanding(node):
        found.setdefault(line["kind"], []).append(line)
    return found


def test_a_client_goes_on(case):
    answer, broker = case.answer, case.broker
    assert (answer["records"], answer["anchors"], len(answer["broken_promises"])) == (17, 5, 1)
    with broker.store.read() as connection:
        before = subjects.find_by_pid(connection, case.subject)
        assert records.log_size(connection) == 17
    assert (before.count, before.former_count, before.joined) == (0, 13, False)
    assert before.state != "{}"

    left = told(broker)
    assert [(one["client_ref"], one["lacks"]) for one in left["client"]] == [("client", ["key", "opening"])]
    assert [one["purpose"] for one in left["consent"]] == ["MARKET_RISK"]
    assert [one["name"] for one in left["staff"]] == ["Synthetic Officer"]
    assert [one["product_id"] for one in left["product"]] == ["fund-1"]

    case.publish_key()
    assert told(broker)["client"][0]["lacks"] == ["opening"]
    for wrong in (None, {**before.continues, "count": 12}):
        refused = case.hand_in(case.opening(wrong))
        assert isinstance(refused, Refused)
        assert refused.code == "opening-continues"
    opened = case.hand_in(case.opening(before.continues))
    assert isinstance(opened, Accepted), opened
    assert opened.log_index == 17
    assert told(broker).keys() == {"consent", "staff", "product"}
    case.rate_again("fund-1")
    assert told(broker).keys() == {"consent", "staff"}
    with former_node(broker) as of_1, of_1.store.read() as connection:
        used = records.of_subject(connection, case.subject)[0].source_ref
    with pytest.raises(AssertionError, match="was recorded in format 1"):
        case.submit("ID_VERIFY", PAYLOADS["ID_VERIFY"], source_ref=used)
    case.enrol_again()
    level = case.submit("LEVEL_RESULT", compute={})
    case.confirm_level(level)
    case.anchor()

    with broker.store.read() as connection:
        first = anchor_tree.find_leaf(connection, 1)
        last = anchors.last_final(connection)
        log = former_store.find_log(connection)
    assert isinstance(first, OpeningLeaf)
    assert (first.former, first.former_seq, first.former_size) == (log.contract, 5, 17)
    assert (first.former_root.hex(), first.former_map_root.hex()) == (log.root, log.map_root)
    assert (last.seq, last.size_before, last.size) == (2, 17, 26)

    whole = case.replayed()
    [before] = whole["related"]
    assert (before["relation"], before["subject"]) == ("format-1", case.subject)
    new, old = (part["bundle"].encode() for part in (whole, before))
    word, former_word = own_word(case.regulator, whole["as_of"]["block"]), former_trust_file(case.regulator)
    verdict = verify_history(new, [word.file, former_word], trust_keys=[word.key], related=[old], subject=case.did)
    assert verdict.ok, verdict.report.verdict
    assert any("13 records, the same head" in note for note in verdict.report.notes)
    assert not any("what came between" in note for note in verdict.report.notes)
    assert not verdict.rerun.not_asked
    assert {item["status"] for item in whole["report"]["re_execution"]} == {"equal"}
    lines = [json.loads(line) for line in case.exported()]
    shown = [line for line in lines if line["kind"] == "former_record"]
    assert [line["seq"] for line in shown] == list(range(1, 14))
    assert all(line["record"]["fields"] for line in shown)
    text = "".join(line["text"] for line in lines if line["kind"] == "former_bundle")
    assert verify_history(text.encode(), former_word).ok
    assert lines[-1]["lines"] == len(lines) - 1

    alone = verify_history(new, word.file, trust_keys=[word.key])
    assert alone.ok
    assert alone.report.reach.not_shown == (case.subject,)
    assert verify_history(old, former_word).ok


def test_a_history_that_nobody_has_gone_on_with_is_replayed_alone(case):
    """Of the client on paper there is format 1 and nothing else; the look at it begins the new history."""
    case.subject = find_subject(case.broker, "client on paper")["subject"]
    alone = case.replayed(subject=case.subject)
    assert (alone["subject"], alone["related"]) == (case.subject, [])
    assert verify_history(alone["bundle"].encode(), former_trust_file(case.regulator)).ok
    case.anchor()
    whole = case.replayed(subject=case.subject)
    assert [part["relation"] for part in whole["related"]] == ["format-1"]
    types = [one["record"]["envelope"]["type"] for one in json.loads(whole["bundle"])["history"]["records"]]
    assert types == ["OPENING", "ACCESS_LOG"]


def now_ms():
    return time.time_ns() // 1_000_000


def migrate(release, network):
    return migrate_node(release.settings(), release.rpc, network, now_ms())


def test_only_what_continues_is_taken_over(release):
    """The wrong network file, and a chain that holds another log than the database."""
    founders = read_former_network(release.rpc, *release.old).members
    fresh = deploy(release.rpc, Keystore.generate().signer(), founders, veto_blocks=0)
    before = release.settings().database_path.read_bytes()
    for network, words in (
        (as_network(fresh), "continue"),
        (as_network(fresh, chain_id=5), "another chain"),
        (as_network(fresh, directory="0x" + "1" * 40), "no Directory at"),
        (release.kept("network"), "names no EvidenceLog"),
    ):
        with pytest.raises(Refused, match=words):
            migrate(release, network)
    with pytest.raises(InvalidInput):
        migrate(release, {"directory": fresh.directory})
    network = release.continued()
    store = open_store(release.settings().database_path)
    with store.write() as connection:
        last = schema.former_anchor.c.seq == 5
        connection.execute(update(schema.former_anchor).where(last).values(map_root=bytes(32)))
    store.dispose()
    with pytest.raises(WrongChain, match="older copy, or another log"):
        migrate(release, network)
    release.settings().database_path.write_bytes(before)
    assert migrate(release, network)["records"] == 17


def test_a_network_in_which_this_member_has_another_key_is_not_joined(release):
    [broker, *others] = former(release).members
    changed = [replace(broker, keys=replace(broker.keys, signing=bytes(31) + b"\x01")), *others]
    made = deploy(release.rpc, Keystore.generate().signer(), changed, veto_blocks=0, former=former(release))
    with pytest.raises(WrongChain, match="which are not ours"):
        migrate(release, as_network(made))
    without = [replace(broker, address="0x" + "2" * 40), *others]
    made = deploy(release.rpc, Keystore.generate().signer(), without, veto_blocks=0, former=former(release))
    with pytest.raises(WrongChain, match="no active member"):
        migrate(release, as_network(made))


def test_contracts_of_this_release_are_continued_by_vote(release):
    made = deploy(release.rpc, Keystore.generate().signer(), former(release).members, veto_blocks=0)
    with pytest.raises(Refused) as error:
        read_former_network(release.rpc, made.directory, made.directory_block)
    assert error.value.code == "not-release-1"


def test_an_anchor_contract_of_another_registry_is_no_former_one(release):
    registry = former(release).directory  # any address that is not the registry's
    with pytest.raises(WrongChain, match="does not go by"):
        require_registry_of(release.rpc, former(release).anchors, registry)


AFTER = ("before the files are written anew", "before the settings")


def killed(*_arguments, **_named):
    raise KeyboardInterrupt


@pytest.mark.parametrize("place", ["in the copy", "before the turn", "in the turn", *AFTER])
def test_killed_anywhere_it_is_given_again(release, monkeypatch, place):
    target = {
        "in the copy": "node_adapter.migration.leave_wal",
        "before the turn": "node_adapter.migration.kinds",
        "before the files are written anew": "node_adapter.migration._compact_former",
        "in the turn": "node_adapter.store.former_turn._forget_chain",
        "before the settings": "node_adapter.migration.configure",
    }[place]
    network, old = release.continued(), release.settings().chain.directory

    with monkeypatch.context() as patched:
        patched.setattr(target, killed)
        with pytest.raises(KeyboardInterrupt):
            migrate(release, network)
    assert release.settings().chain.directory == old
    store = open_store(release.settings().database_path)
    with store.read() as connection:
        turned = former_store.find_log(connection) is not None
        assert turned == (place in AFTER)
        assert (records.log_size(connection), subjects.total(connection)) == (17, 4)
        assert (connection.execute(schema.record.select()).first() is None) == turned
    store.dispose()
    home = release.settings().home
    (home / ".former.db.new-wal").write_bytes(b"of an attempt that was killed")
    first = migrate(release, network)
    assert migrate(release, network) == first
    assert not list(home.glob(".former*")) or turned
    assert release.settings().chain.directory == network["directory"]
    with pytest.raises(Refused) as error:
        migrate(release, release.continued())
    assert error.value.code == "migrated-elsewhere"
    assert release.settings().chain.directory == network["directory"]


def test_a_chains_node_that_dropped_the_old_events_is_not_believed(release):
    """What the old registry said of keys is kept as the node migrates: nothing of it would be kept in silence."""

    class Pruned:
        def call(self, method, *arguments):
            return [] if method == "eth_getLogs" else release.rpc.call(method, *arguments)

    network = release.continued()
    with pytest.raises(CouldNotCheck) as error:
        migrate_node(release.settings(), Pruned(), network, now_ms())
    assert error.value.code == "chain-events"
    assert migrate(release, network)["records"] == 17


def test_a_file_that_cannot_be_written_changes_nothing(release):
    network, path = release.continued(), release.settings().former_path
    (path.parent / ".former.db.new").mkdir()
    with pytest.raises(CouldNotCheck) as error:
        migrate(release, network)
    assert error.value.code == "former-unwritable"
    (path.parent / ".former.db.new").rmdir()
    assert migrate(release, network)["records"] == 17


def test_nothing_of_format_1_is_left_in_the_nodes_own_file(release):
    name = b"Synthetic Officer"
    assert name in release.settings().database_path.read_bytes()
    store, word = open_store(release.settings().database_path), b"a word that release 1 had deleted"
    with store.write() as connection:
        connection.exec_driver_sql("PRAGMA secure_delete = OFF")
        connection.execute(schema.finding.insert().values(record_id="r", code="LATE", rule="r", detail=word.decode()))
    with store.write() as connection:
        connection.exec_driver_sql("PRAGMA secure_delete = OFF")
        connection.execute(schema.finding.delete().where(schema.finding.c.record_id == "r"))
    store.empty_of_deleted()
    store.dispose()
    assert word in release.settings().database_path.read_bytes()
    migrate(release, release.continued())
    settings = release.settings()
    files = [settings.database_path, *settings.home.glob("node.db-*")]
    assert not any(name in file.read_bytes() for file in files)
    assert name in settings.former_path.read_bytes()
    assert not any(word in file.read_bytes() for file in settings.home.glob("*.db*"))
    assert settings.former_path.stat().st_mode & 0o777 == 0o600
