"""What a migrated node does with what it holds of format 1: it erases it, shows it, and is believed by it."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from sqlalchemy import select

from did.credentials.proofs import add_proof
from did.credentials.verify import credential_digest
from domain.erasure import CLOCKS
from evidence.verify.breach import verify_breach
from node_adapter import former_database
from node_adapter.backup import back_up
from node_adapter.store import alarms, credentials, records, schema, subjects
from node_adapter.store import former as former_store
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
from primitives.canonical import canonical_json
from primitives.errors import CouldNotCheck, Refused, VerificationFailed
from primitives.timestamp import parse_utc
from replay import former_erasures
from replay.verification import verify_history
from tests.world.migrated import BROKER, REGULATOR, migrated
from tests.world.payloads import PAYLOADS
from tests.world.replays import word as own_word
from tests.world.staff import Person

pytestmark = pytest.mark.chain


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
    back_up(broker.settings.home, tmp_path / "later.tar", now_ms=broker.clock.now_ms())
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
    assert "credential" not in {line["kind"] for line in outstanding(broker)}
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


def test_a_node_whose_former_database_is_gone_or_anothers_says_so_and_makes_no_empty_one(case, tmp_path):
    node, path = case.broker, case.broker.settings.former_path
    now = node.clock.now_ms()
    network = {"chain_id": case.chain_id, **vars(node.settings.chain)}
    kept = tmp_path / "kept.db"
    path.rename(kept)
    for asked in (
        lambda: migrated(case.release, network, [BROKER]),
        lambda: former_trust_file(node),
        lambda: back_up(node.settings.home, tmp_path / "without.tar", now_ms=now),
    ):
        with pytest.raises(Refused) as error:
            asked()
        assert error.value.code == "former-not-found"
    former_database.watch(node.settings, node.store, now)
    with node.store.read() as connection:
        [alarm] = alarms.list_alarms(connection, alarms.FORMER_MISSING)
    assert "put it back" in alarm.detail
    assert not path.exists()
    made = back_up(node.settings.home, tmp_path / "without.tar", now_ms=now, without_former=True)
    assert "former.db" not in {entry["name"] for entry in made.manifest["files"]}

    path.write_bytes((case.release.root / REGULATOR / "former.db").read_bytes())
    for asked in (lambda: migrated(case.release, network, [BROKER]), lambda: former_trust_file(node)):
        with pytest.raises(VerificationFailed) as failed:
            asked()
        assert failed.value.check == "local-log"
    path.unlink()
    kept.rename(path)
    former_database.watch(node.settings, node.store, now + 1)
    with node.store.read() as connection:
        assert not alarms.is_open(connection, alarms.FORMER_MISSING)
    assert former_trust_file(node)
