"""A populated node of release 1 goes on with format 2: its migration, and what a client then does there."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
from sqlalchemy import select, update

from did.credentials.proofs import add_proof
from did.credentials.verify import credential_digest
from domain.erasure import CLOCKS
from evidence.verify.breach import verify_breach
from evidence.version2.log.anchors import OpeningLeaf
from node_adapter import former_database
from node_adapter.backup import back_up
from node_adapter.chain.deploy import deploy
from node_adapter.chain.errors import WrongChain
from node_adapter.chain.former_network import read_former_network, require_registry_of
from node_adapter.keys.keystore import Keystore
from node_adapter.migration import migrate_node
from node_adapter.store import alarms, anchor_tree, anchors, credentials, records, schema, subjects
from node_adapter.store import former as former_store
from node_adapter.store.engine import open_store
from node_adapter.workflows.anchoring.promises import check_promises
from node_adapter.workflows.erasing import erasing, named, of_format_1
from node_adapter.workflows.erasing.asking import draft_erasure, order_erasure, shown_erasure
from node_adapter.workflows.former.opened import former_node
from node_adapter.workflows.former.outstanding import outstanding
from node_adapter.workflows.former.trust_file import former_trust_file
from node_adapter.workflows.identity.credentials import revoke_credential, status_list_of
from node_adapter.workflows.identity.issue_witness import published_witness
from node_adapter.workflows.identity.staff import enrol_person
from node_adapter.workflows.identity.verify_credentials import check_credentials
from node_adapter.workflows.intake.accepted import Accepted
from node_adapter.workflows.intake.enrol_subject import find_subject
from primitives.canonical import canonical_json
from primitives.errors import CouldNotCheck, InvalidInput, Refused, VerificationFailed
from primitives.timestamp import parse_utc
from replay import former_erasures
from replay.verification import verify_history
from tests.world.migrated import REGULATOR, Continuing, Release1, as_network, migrated
from tests.world.payloads import PAYLOADS
from tests.world.replays import word as own_word
from tests.world.staff import Person

pytestmark = pytest.mark.chain

NOW = time.time_ns() // 1_000_000


def former(release):
    return read_former_network(release.rpc, *release.old)


@pytest.fixture
def release(tmp_path):
    release = Release1(tmp_path).up()
    yield release
    release.down()


@pytest.fixture
def case(release, drive):
    network = release.continued()
    answer = migrated(release, network)
    case = Continuing(release, network, drive)
    case.answer = answer
    yield case
    case.consortium.close()


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


RULE = "retention-20-years"
OFFICERS = [Person(name, "compliance") for name in ("Sun Yu", "He Lin")]


def killed(*_arguments, **_named):
    raise KeyboardInterrupt


def enrol_officers(case):
    node = case.broker
    speaks = SimpleNamespace(did=node.did, clock=SimpleNamespace(now=node.clock.now_ms()))
    for officer in OFFICERS:
        enrol_person(node, officer.request(speaks))


def signed_by_both(case, fact):
    for officer in OFFICERS:
        fact = officer.sign(case.broker, fact)
    return fact


def beside(case, name="former.db"):
    """Every byte of one of the node's databases, and of what SQLite keeps beside it."""
    return b"".join(file.read_bytes() for file in case.broker.settings.home.glob(f"{name}*"))


def test_what_is_erased_of_format_1_is_gone_and_its_history_verifies_and_says_so(case, monkeypatch, tmp_path):
    """The clock of release 1's records runs on; their history names what went, and goes on verifying."""
    broker = case.broker
    case.publish_key()
    with broker.store.read() as connection:
        row = subjects.find_by_pid(connection, case.subject)
    assert isinstance(case.hand_in(case.opening(row.continues)), Accepted)
    enrol_officers(case)
    case.anchor()
    with pytest.raises(Refused, match="may go by retention-20-years from 20") as early:
        draft_erasure(broker, {"subject": case.subject, "former_records": [1]})
    assert early.value.code == "erase-too-early"
    for module in (named, erasing, of_format_1, former_erasures):
        monkeypatch.setattr(module, "CLOCKS", {RULE: 1000})
    with former_node(broker) as former_one, former_one.store.read() as connection:
        gone = {one.seq: one for one in records.of_subject(connection, case.subject)}
        assert subjects.find_by_pid(connection, case.subject).state == row.state
    level = next(one.fingerprint.hex() for one in gone.values() if one.type == "LEVEL_RESULT")
    assert level in row.state
    drafted = draft_erasure(broker, {"subject": case.subject})
    assert drafted["payload"].keys() == {"erases_former"}
    kept = {one.seq for one in gone.values() if one.type in ("CONSENT_GIVE", "CREDENTIAL_ISSUE")}  # not ended
    assert {entry["seq"] for entry in drafted["payload"]["erases_former"]} == gone.keys() - kept
    made = order_erasure(broker, signed_by_both(case, drafted))
    assert {entry["erased"] for entry in made["erases_former"]} == {False}
    with pytest.raises(Refused, match="named it already"):
        draft_erasure(broker, {"subject": case.subject, "former_records": [1]})
    with monkeypatch.context() as patched:  # killed between the two databases
        patched.setattr(erasing, "wipe_of_format_1", killed)
        with pytest.raises(KeyboardInterrupt):
            case.anchor()
    assert {entry["erased"] for entry in shown_erasure(broker, made["id"])["erases_former"]} == {False}
    case.anchor()
    case.drive(case.workers[0], lambda: shown_erasure(broker, made["id"])["state"] == "done")
    done = shown_erasure(broker, made["id"])
    assert (done["state"], {entry["erased"] for entry in done["erases_former"]}) == ("done", {True})
    files = beside(case) + beside(case, "node.db")
    back_up(broker.settings.home, tmp_path / "later.tar", now_ms=NOW)
    files += (tmp_path / "later.tar").read_bytes()
    for one in (gone[seq] for seq in gone.keys() - kept):
        assert one.root_salt not in files
        assert one.request_digest not in files
        if one.type not in ("ID_VERIFY", "INFO_COLLECT"):  # the client on paper has the same
            assert one.payload.encode() not in files
    with former_node(broker) as former_one, former_one.store.read() as before, broker.store.read() as connection:
        states = [subjects.find_by_pid(where, case.subject).state for where in (before, connection)]
        findings = records.findings_of(before, [one.record_id for one in gone.values()])
    assert not any(level in state for state in states)
    assert all("MARKET_RISK" in state for state in states)  # the consent is known from what is left
    assert not findings
    with broker.store.read() as connection:
        assert former_store.known_references(connection, [gone[1].source_ref]) == {gone[1].source_ref}
        assert (
            gone[1].source_ref not in connection.execute(select(schema.former_reference.c.source_ref)).scalars().all()
        )

    whole = case.replayed()
    new, old = (part["bundle"].encode() for part in (whole, whole["related"][0]))
    word, former_word = own_word(case.regulator, whole["as_of"]["block"]), former_trust_file(case.regulator)
    alone = verify_history(old, former_word)
    assert alone.ok
    shown = {one.seq for one in alone.report.records if one.subject == case.subject and one.values}
    assert shown == kept

    def both():
        return verify_history(new, [word.file, former_word], trust_keys=[word.key], related=[old], subject=case.did)

    verdict = both()
    assert verdict.ok, verdict.report.verdict
    said = [note for note in verdict.report.notes if "of format 1 was erased by retention-20-years" in note]
    assert len(said) == len(gone.keys() - kept)
    assert "record 1 (ID_VERIFY)" in said[0]
    lines = [json.loads(line) for line in case.exported()]
    exported = {line["seq"]: line for line in lines if line["kind"] == "former_record"}
    assert exported.keys() == gone.keys()
    assert all("problem" not in line for line in exported.values())
    assert {seq for seq, line in exported.items() if line["record"]["fields"]} == kept
    monkeypatch.setattr(former_erasures, "CLOCKS", CLOCKS)
    with pytest.raises(VerificationFailed, match="before the clock of retention-20-years was over") as refuted:
        both()
    assert refuted.value.check == "erasure"


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


def test_what_others_kept_is_verified_as_before(case):
    """Old bundles, under old trust files and under those that a migrated regulator gives."""
    kept = (case.release.root / "bundle-1.json").read_bytes()
    for trust in ((case.release.root / "trust-1.json").read_bytes(), former_trust_file(case.regulator)):
        report = verify_history(kept, trust, promises=case.release.kept("promises")[:10])
        assert report.ok, report.report.verdict


def asking(case):
    """The regulator's node, which reaches the broker's, on a day on which the credentials have not ended."""
    [_, held] = case.release.kept("credentials")
    routes = {"/v1/status-lists/": status_list_of, "/v1/credentials/witnesses/": published_witness}
    now = parse_utc(held["proof"]["created"], "created") + 60_000
    clock = SimpleNamespace(now_ms=lambda: now, monotonic_ms=case.regulator.clock.monotonic_ms)
    broker = replace(case.broker, clock=clock)

    def fetch(url):
        [(answer, asked)] = [(answer, url.partition(path)[2]) for path, answer in routes.items() if path in url]
        return answer(broker, asked)

    case.regulator.settings.peers[broker.address] = "http://broker"
    return replace(case.regulator, clock=clock, fetch=fetch)


def test_credentials_of_release_1_are_good_until_they_end(case):
    """By the key in force, and by one that had ended before the migration; its thief gains nothing by it."""
    case.regulator_follows()
    broker, regulator = case.broker, asking(case)
    ended, held = case.release.kept("credentials")
    assert "credential" not in told(broker)
    by_ended, by_held = check_credentials(regulator, [ended, held])
    assert isinstance(by_held, dict), by_held
    assert isinstance(by_ended, dict), by_ended
    rights = [one["issuer_right"] for one in (by_ended, by_held)]
    assert [(right["key_in_force"], right["role_at_issue"]) for right in rights] == [
        (False, "broker"),
        (True, "broker"),
    ]
    witness = published_witness(broker, credential_digest(ended).hex())["witness"]
    assert by_ended["issuer_right"]["witnessed_block"] == witness["anchor"]["block"]
    assert "issue-witness" in by_ended["checked"]

    stolen = broker.keys.generations[0].signing_seed
    forged = {name: value for name, value in ended.items() if name != "proof"} | {"id": "urn:uuid:forged"}
    made = add_proof(
        forged, seed=stolen, verification_method=f"{broker.did}#signing", created=ended["proof"]["created"]
    )
    outcomes = check_credentials(regulator, [made, {"credential": made, "witness": witness}])
    assert [outcome.check for outcome in outcomes] == ["issue-unwitnessed", "issue-witness"]
    with broker.store.read() as connection:
        row = credentials.find_credential(connection, held["id"])
    assert json.loads(row.body) == held
    revoke_credential(broker, held["id"], {})
    [refused] = check_credentials(asking(case), [held])
    assert refused.check == "status"


def test_a_member_that_joined_later_cannot_check_credentials_of_before_and_refutes_none(case):
    """It has never read the old registry, as if it knew nothing of a migration."""
    case.submit("DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"])
    case.anchor()
    case.regulator_follows()
    with case.regulator.store.write() as connection:
        of_before = schema.setting.c.key.in_(["former_log", "former_members"])
        connection.execute(schema.setting.delete().where(of_before))
    ended, held = case.release.kept("credentials")
    for outcome in check_credentials(asking(case), [ended, held]):
        assert isinstance(outcome, CouldNotCheck)
        assert outcome.code == "issuer-right-unknown"
    [later] = check_credentials(asking(case), [{**held, "proof": {**held["proof"], "created": "2099-01-01T00:00:00Z"}}])
    assert isinstance(later, VerificationFailed)


def test_promises_of_format_1_are_kept_or_convict(case):
    [broken] = case.answer["broken_promises"]
    with former_node(case.broker) as former_one, former_one.store.read() as connection:
        given = json.loads(records.by_record_ids(connection, [broken])[broken].promise)
    kept = case.release.kept("promises")[0]
    for node, entry in ((case.broker, "as-promised"), (case.regulator, "not-checked")):
        first, second = check_promises(node, [{"promise": kept}, {"promise": given}])
        assert (first["status"], first["entry"], first["anchor"]["seq"]) == ("kept", entry, 1)
        assert (second["status"], second["record_id"]) == ("broken", broken)
        report = verify_breach(canonical_json(second["claim"]), former_trust_file(case.regulator))
        assert report.ok, report.verdict
    [refused] = check_promises(case.broker, [{"promise": {**kept, "anchor_by": given["anchor_by"]}}])
    assert isinstance(refused, VerificationFailed)


def migrate(release, network):
    return migrate_node(release.settings(), release.rpc, network, NOW)


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
    changed = [replace(broker, signing=bytes(31) + b"\x01"), *others]
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


def test_a_file_that_cannot_be_written_changes_nothing(release):
    network, path = release.continued(), release.settings().former_path
    (path.parent / ".former.db.new").mkdir()
    with pytest.raises(CouldNotCheck) as error:
        migrate(release, network)
    assert error.value.code == "former-unwritable"
    (path.parent / ".former.db.new").rmdir()
    assert migrate(release, network)["records"] == 17


def test_a_node_whose_former_database_is_gone_or_anothers_says_so_and_makes_no_empty_one(case, tmp_path):
    node, path = case.broker, case.broker.settings.former_path
    network = {"chain_id": case.chain_id, **vars(node.settings.chain)}
    kept = tmp_path / "kept.db"
    path.rename(kept)
    for asked in (
        lambda: migrate(case.release, network),
        lambda: former_trust_file(node),
        lambda: back_up(node.settings.home, tmp_path / "without.tar", now_ms=NOW),
    ):
        with pytest.raises(Refused) as error:
            asked()
        assert error.value.code == "former-not-found"
    former_database.watch(node.settings, node.store, NOW)
    with node.store.read() as connection:
        [alarm] = alarms.list_alarms(connection, alarms.FORMER_MISSING)
    assert "put it back" in alarm.detail
    assert not path.exists()
    made = back_up(node.settings.home, tmp_path / "without.tar", now_ms=NOW, without_former=True)
    assert "former.db" not in {entry["name"] for entry in made.manifest["files"]}

    path.write_bytes((case.release.root / REGULATOR / "former.db").read_bytes())
    for asked in (lambda: migrate(case.release, network), lambda: former_trust_file(node)):
        with pytest.raises(VerificationFailed) as failed:
            asked()
        assert failed.value.check == "local-log"
    path.unlink()
    kept.rename(path)
    former_database.watch(node.settings, node.store, NOW + 1)
    with node.store.read() as connection:
        assert not alarms.is_open(connection, alarms.FORMER_MISSING)
    assert former_trust_file(node)


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
    store.empty_write_ahead_log()
    store.dispose()
    assert word in release.settings().database_path.read_bytes()
    migrate(release, release.continued())
    settings = release.settings()
    files = [settings.database_path, *settings.home.glob("node.db-*")]
    assert not any(name in file.read_bytes() for file in files)
    assert name in settings.former_path.read_bytes()
    assert not any(word in file.read_bytes() for file in settings.home.glob("*.db*"))
    assert settings.former_path.stat().st_mode & 0o777 == 0o600
