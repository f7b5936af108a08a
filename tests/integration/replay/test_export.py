"""Everything of one client in one stream: what is in it, what is not, and how it is checked."""

import gc
import hashlib
import json
import tracemalloc

import pytest
from sqlalchemy import select, update

from evidence.version2.documents.receipt import PinnedKeys, verify_receipt
from evidence.version2.links import STUB, Link
from evidence.version2.record import open_redacted
from node_adapter.store.schema import metadata, record
from node_adapter.workflows.erasing.erasing import erase_next
from node_adapter.workflows.identity.staff import enrol_person
from node_adapter.workflows.intake.accepted import Accepted
from node_adapter.workflows.intake.submitting import submit_facts
from node_adapter.workflows.replay import bundle_lines as workflow
from node_adapter.workflows.replay.export import ERASED, export_subject
from primitives.errors import InvalidInput, Refused
from primitives.timestamp import format_time
from replay.verification import verify_history
from tests.integration.replay.test_erased_replay import OFFICERS, YEARS, order
from tests.world.headers import over_headers
from tests.world.payloads import PAYLOADS
from tests.world.replays import word

REQUEST = {"case": "2026-17", "reason": "copy for the client"}


@pytest.fixture
def broker(tmp_path):
    broker = over_headers(tmp_path)
    yield broker
    broker.store.dispose()


def export(broker, **who):
    with export_subject(broker.node, {**REQUEST, **who}) as file:
        data = list(file)
    digest = hashlib.sha256(b"".join(data[:-1])).hexdigest()
    lines = [json.loads(line) for line in data]
    assert lines[-1] == {"kind": "end", "lines": len(data) - 1, "sha256": digest}
    return lines


def of_kind(lines, kind):
    return [line for line in lines if line["kind"] == kind]


def sold(broker):
    product = broker.enrol_product("fund-1")
    client = broker.enrol("one")
    broker.rate(product)
    broker.assess(client)
    broker.sell_without_warning(client)
    broker.anchor()
    return client


def lose(broker, type_, **more):
    """The originals of a record are gone, as after a recovery."""
    with broker.store.write() as connection:
        changed = update(record).where(record.c.type == type_)
        connection.execute(changed.values(payload=None, root_salt=None, **more))


def test_an_export_holds_every_record_and_proves_it(broker):
    client = sold(broker)
    lines = export(broker, did=client.did)
    head, found = lines[0], of_kind(lines, "record")
    assert (head["format"], head["did"], head["case"]) == ("bonafides.export/2", client.did, "2026-17")
    assert [line["seq"] for line in found] == list(range(1, len(found) + 1))
    assert found[-1]["type"] == "ACCESS_LOG"  # of this very reading
    assert of_kind(lines, "subject")[0]["head"] == found[-1]["fingerprint"]
    for line in found:
        opened = open_redacted(line["record"], fingerprint=bytes.fromhex(line["fingerprint"]))
        assert opened.redacted == ()
    receipts = of_kind(lines, "receipt")
    assert len(receipts) == len(found) - 1
    keys = PinnedKeys(broker.keys.signing_public, broker.keys.signing_public)
    for line in receipts:
        assert verify_receipt(line["receipt"], keys).promise.record_id == line["record_id"]
    parts = of_kind(lines, "bundle")
    assert [line["part"] for line in parts] == list(range(1, parts[0]["of"] + 1))
    report = verified(broker, parts).report
    assert report.ok
    assert {item.fingerprint for item in report.records} >= {line["fingerprint"] for line in found[:-1]}
    assert of_kind(lines, "key_event")
    with broker.store.read() as connection:
        root_salts = [salt.hex() for salt in connection.execute(select(record.c.root_salt)).scalars()]
    assert root_salts
    assert not any(salt in json.dumps(lines) for salt in root_salts)


def test_a_record_whose_originals_are_lost_is_named_and_the_rest_goes_on(broker):
    client = sold(broker)
    lose(broker, "ID_VERIFY")
    lines = export(broker, did=client.did)
    gap = next(line for line in of_kind(lines, "record") if line["type"] == "ID_VERIFY")
    assert (gap["erased"], gap["record"]["fields"]) == (ERASED, {})
    assert open_redacted(gap["record"]).fingerprint.hex() == gap["fingerprint"]
    assert sum("erased" in line for line in of_kind(lines, "record")) == 1
    lose(broker, "ID_VERIFY", envelope_salt=None)
    lines = export(broker, did=client.did)
    gap = next(line for line in of_kind(lines, "record") if line["type"] == "ID_VERIFY")
    assert (gap["record"], gap["envelope"]["type"]) == (None, "ID_VERIFY")
    assert of_kind(lines, "bundle")[0]["problem"]["code"] == "record-erased"
    assert len(of_kind(lines, "record")) > 5


def test_an_erased_record_is_named_by_its_link_and_the_bundle_proves_that_nothing_else_is_missing(broker):
    client = sold(broker)
    broker.clock.sleep(YEARS)
    broker.chain.block()
    for officer in OFFICERS:
        enrol_person(broker.node, officer.request(broker))
    whole = [line["fingerprint"] for line in of_kind(export(broker, did=client.did), "record")]
    order(broker, client, records=[3, 4])
    broker.anchor()
    assert erase_next(broker.node)
    lines = export(broker, did=client.did)
    found = of_kind(lines, "record")
    for line in found[2:4]:
        link = STUB.read(line["record"]["erased"], "record")
        before = bytes.fromhex(found[line["seq"] - 2]["fingerprint"])
        assert link == Link(line["seq"], before, link.next, bytes.fromhex(line["fingerprint"]))
        assert (line["erased"], line["type"], line["occurred_at"], line["findings"]) == (ERASED, None, None, [])
    assert [line["seq"] for line in found if "erased" in line] == [3, 4]
    assert [line["fingerprint"] for line in found][: len(whole)] == whole
    problems = [line["problem"]["code"] for line in of_kind(lines, "receipt") if line["receipt"] is None]
    assert problems == ["record-erased"] * 2
    assert verified(broker, of_kind(lines, "bundle")).report.reach.erased == (3, 4)


def verified(broker, parts):
    trusted = word(broker.node)
    data = "".join(line["text"] for line in parts).encode()
    return verify_history(data, trusted.file, trust_keys=[trusted.key])


def notices(broker, client, count):
    facts = [
        {
            "source_ref": f"duty {next(broker.references)}",
            "subject": client.subject,
            "type": "DUTY_NOTICE",
            "occurred_at": format_time(broker.clock.now_ms()),
            "channel": "app",
            "actor": {"did": broker.node.did, "role": "staff"},
            "payload": PAYLOADS["DUTY_NOTICE"],
        }
        for _ in range(count)
    ]
    assert all(isinstance(outcome, Accepted) for outcome in submit_facts(broker.node, facts))


def test_a_long_history_takes_no_more_memory_than_a_short_one(broker):
    """Nothing is anchored, so that there is no bundle: it is one document, and bounded."""
    client, peaks, lengths = broker.enrol("one"), [], []
    for count in (250, 1000):
        notices(broker, client, count)
        gc.collect()
        tracemalloc.start()
        with export_subject(broker.node, {**REQUEST, "did": client.did}) as file:
            lengths.append(sum(1 for _ in file))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert lengths[1] > 4 * lengths[0]
    assert peaks[1] < 1.5 * peaks[0], peaks


def test_a_history_that_is_too_long_for_a_bundle_is_exported_without(broker, monkeypatch):
    client = sold(broker)
    monkeypatch.setattr(workflow, "MAX_BUNDLE_BYTES", 1000)
    lines = export(broker, did=client.did)
    assert of_kind(lines, "bundle")[0]["problem"]["code"] == "bundle-too-large"
    assert of_kind(lines, "receipt")


def test_a_subject_without_records_is_exported_too(broker):
    client = broker.enrol("fresh")
    lines = export(broker, did=client.did)
    assert [line["type"] for line in of_kind(lines, "record")] == ["OPENING", "ACCESS_LOG"]
    assert of_kind(lines, "bundle")[0]["problem"]["code"] == "not-anchored"


@pytest.mark.parametrize(
    "who", [{}, {"subject": "aa" * 32, "did": "x"}, {"client_ref": "a\0"}, {"subject": 7}, {"subject": "x", "more": 1}]
)
def test_a_malformed_request_reads_nothing(broker, who):
    with pytest.raises(InvalidInput):
        export_subject(broker.node, {**REQUEST, **who})
    with pytest.raises(Refused, match="subject-not-found"):
        export_subject(broker.node, {**REQUEST, "client_ref": "nobody"})


def test_every_table_that_names_a_client_is_in_an_export_or_said_not_to_be():
    """A table that is added later must be put into the export, or into this list with its reason."""
    exported = {"subject", "record", "credential", "consent", "replay_order", "task_client"}
    not_exported = {
        "token": "a client's sessions: keys to the node",
        "subject_entry": "what rules remember of records that are exported",
        "replay_document": "made of what is exported, and kept for days",
        "erasure": "whether an ERASE is done: the records that it names say so",
    }
    names = {"pid", "did", "subject", "client_ref"}
    found = {table.name for table in metadata.tables.values() if names & {column.name for column in table.columns}}
    assert found == exported | set(not_exported)
