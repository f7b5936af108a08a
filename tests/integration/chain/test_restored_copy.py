"""A node on an older copy of its database: whole records are anchored again from the chain, lost ones are named."""

import json
import shutil

import pytest

from bonafides.cli.doctor import _chain
from bonafides.cli.main import main
from node_adapter.bootstrap import open_node
from node_adapter.keys.keystore import PASSWORD_VARIABLE
from node_adapter.store import alarms, outbox, records, restored, tokens
from node_adapter.workflows.anchoring.receipts import receipts_of_client
from node_adapter.workflows.identity.credentials import issue_credentials
from node_adapter.workflows.identity.keys_in_force import rotate
from node_adapter.workflows.intake.submitting import submit_facts
from node_adapter.workflows.operation.recovery import recover
from primitives.errors import CouldNotCheck, Refused, VerificationFailed
from tests.integration.conftest import PASSWORD
from tests.world.anchors import every_anchor
from tests.world.chain_case import OLD, Case
from tests.world.payloads import PAYLOADS

pytestmark = pytest.mark.chain


@pytest.fixture
def case(make_consortium, drive):
    return Case(make_consortium(anchoring={"heartbeat_seconds": 1}), drive)


def seqs(node):
    return [(row.seq, row.block is not None) for row in every_anchor(node)]


def is_restored(node):
    with node.store.read() as connection:
        return restored.since(connection) is not None


def open_anchors(node):
    with node.store.read() as connection:
        return outbox.open_rows(connection, outbox.KIND_ANCHOR)


def copy_of(case, tmp_path):
    """A cold copy of the broker's directory, as an operator's file backup makes one."""
    home = case.consortium.homes[0]
    case.broker.store.dispose()
    shutil.copytree(home, tmp_path / "copy")
    return tmp_path / "copy"


def put_back(case, copy):
    """Put the copy in the place of the directory, and open it as after a start."""
    home = case.consortium.homes[0]
    case.broker.store.dispose()
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(copy, home)
    case.broker = open_node(home, PASSWORD)
    case.consortium._nodes.append(case.broker)
    case.workers[0] = case.consortium.worker(case.broker)
    case.workers[0]._anchoring.load()


def heartbeats(case, count):
    case.drive(case.workers[0], lambda: seqs(case.broker)[-1] == (count, True), seconds=30)


def test_heartbeats_that_the_copy_lacks_are_rebuilt_and_the_node_goes_on(case, tmp_path):
    case.assess(OLD)
    case.anchor()
    first = seqs(case.broker)[-1][0]
    copy = copy_of(case, tmp_path)
    heartbeats(case, first + 2)
    put_back(case, copy)
    assert seqs(case.broker)[-1] == (first, True)
    [line] = [line for line in _chain(case.broker.settings) if line.name == "database-age"]
    assert not line.ok
    case.workers[0].step()
    assert is_restored(case.broker) or seqs(case.broker)[-1][0] >= first + 2
    case.drive(case.workers[0], lambda: not is_restored(case.broker))
    assert seqs(case.broker)[-1][0] >= first + 2
    with case.broker.store.read() as connection:
        assert {row.unconfirmed for row in tokens.staff_tokens(connection)} == {True}
    case.submit("DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"])
    case.anchor()
    report = case.verify(case.replay()["bundle"].encode())
    assert report.ok, [check for check in report.checks if not check.ok]
    assert len(report.records) == 9
    assert all(line.ok for line in _chain(case.broker.settings))
    with case.broker.store.read() as connection:
        assert not alarms.is_open(connection, alarms.RESTORED)
    case.drive(case.workers[0], lambda: not open_anchors(case.broker))


def test_records_that_waited_for_their_anchor_in_the_copy_are_anchored_once(case, tmp_path):
    """The copy was made between the acceptance of a record and its anchor."""
    case.assess(OLD)
    case.anchor()
    case.submit("DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"])
    copy = copy_of(case, tmp_path)
    case.anchor()
    count = seqs(case.broker)[-1][0]
    put_back(case, copy)
    case.drive(case.workers[0], lambda: seqs(case.broker)[-1][0] >= count and not is_restored(case.broker))
    report = case.verify(case.replay()["bundle"].encode())
    assert report.ok, [check for check in report.checks if not check.ok]
    assert len(report.records) == 9


def test_nothing_is_signed_before_the_chain_was_read(case, tmp_path):
    case.assess(OLD)
    case.anchor()
    copy = copy_of(case, tmp_path)
    heartbeats(case, seqs(case.broker)[-1][0] + 1)
    put_back(case, copy)
    with case.broker.store.write() as connection:
        restored.mark(connection, 1)
    fact = {
        "source_ref": "while restored",
        "subject": case.subject,
        "type": "DUTY_NOTICE",
        "occurred_at": "2026-01-01T00:00:00.000+08:00",
        "channel": "app",
        "actor": {"did": case.broker.did, "role": "staff"},
        "payload": PAYLOADS["DUTY_NOTICE"],
    }
    for sign in (
        lambda: submit_facts(case.broker, [fact]),
        lambda: issue_credentials(case.broker, [{"subject": case.subject}]),
        case.replay,
    ):
        with pytest.raises(CouldNotCheck) as caught:
            sign()
        assert caught.value.code == "node-restored"
    before = seqs(case.broker)
    assert case.workers[0]._anchoring.step(case.broker.clock.now_ms() + 10**9) is False
    assert seqs(case.broker) == before
    case.drive(case.workers[0], lambda: not is_restored(case.broker))
    submit_facts(case.broker, [fact])


def test_lost_records_are_named_and_nothing_is_signed_over_the_gap(case, tmp_path):
    case.assess(OLD)
    case.anchor()
    copy = copy_of(case, tmp_path)
    for _ in range(3):
        case.submit("DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"])
        case.anchor()
    with case.broker.store.read() as connection:
        assert records.log_size(connection) == 11
    put_back(case, copy)
    with pytest.raises(VerificationFailed) as caught:
        case.drive(case.workers[0], lambda: False)
    assert caught.value.code == "records-lost"
    assert "the log entries 8 to 10 were anchored" in caught.value.detail
    with pytest.raises(VerificationFailed) as again:  # the next start says the same at once
        case.consortium.worker(case.broker)._anchoring.load()
    assert again.value.detail == caught.value.detail
    assert is_restored(case.broker)


def lose(case, tmp_path):
    """Accept and anchor three records that the copy does not hold; return the client's receipts."""
    case.assess(OLD)
    case.anchor()
    copy = copy_of(case, tmp_path)
    for _ in range(3):
        case.submit("DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"])
    case.anchor()
    receipts = receipts_of_client(case.broker, case.did, 0, 100)["receipts"]
    put_back(case, copy)
    with pytest.raises(VerificationFailed):
        case.drive(case.workers[0], lambda: False)
    return receipts


def test_lost_records_come_back_from_receipts_and_the_node_goes_on(case, tmp_path):
    receipts = lose(case, tmp_path)
    lost = [receipt for receipt in receipts if receipt["promise"]["log_index"] >= 8]
    with pytest.raises(Refused) as caught:
        recover(case.broker, lost[:1])
    assert caught.value.code == "records-missing"
    assert caught.value.detail.endswith("2 of 3 entries were not brought: 9, 10")
    answer = recover(case.broker, receipts)
    assert answer == {
        "recovered": 3,
        "first": 8,
        "last": 10,
        "incomplete": [],
        "without_effect": [],
        "without_did": [],
    }
    with pytest.raises(Refused) as caught:
        recover(case.broker, receipts)
    assert caught.value.code == "nothing-lost"
    case.workers[0] = case.consortium.worker(case.broker)
    case.workers[0]._anchoring.load()
    case.drive(case.workers[0], lambda: not is_restored(case.broker))
    case.submit("DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"])
    case.anchor()
    shown = case.replay()
    report = case.verify(shown["bundle"].encode())
    assert report.ok, [check for check in report.checks if not check.ok]
    assert len(report.records) == 12
    erased = [record.seq for record in report.records if not record.values]
    assert erased == [9, 10, 11], "the gap is not named"
    with case.broker.store.read() as connection:
        [alarm] = [entry for entry in alarms.list_alarms(connection) if entry.kind == alarms.RECOVERED]
    assert alarm.detail.startswith("the log entries 8 to 10 came back")


def test_lost_records_come_back_from_an_earlier_replay_and_a_receipt_by_the_command(
    case, tmp_path, monkeypatch, capsys
):
    case.assess(OLD)
    case.anchor()
    copy = copy_of(case, tmp_path)
    for _ in range(3):
        case.submit("DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"])
    case.anchor()
    (tmp_path / "bundle.json").write_text(case.replay()["bundle"], "utf-8")
    case.anchor()
    [look] = receipts_of_client(case.broker, case.did, 11, 100)["receipts"]  # the replay's own, in no bundle yet
    (tmp_path / "receipts.ndjson").write_text(json.dumps(look) + "\n", "utf-8")
    put_back(case, copy)
    with pytest.raises(VerificationFailed):
        case.drive(case.workers[0], lambda: False)
    monkeypatch.setenv(PASSWORD_VARIABLE, PASSWORD)
    held = ["--bundle", str(tmp_path / "bundle.json"), "--receipts", str(tmp_path / "receipts.ndjson")]
    command = ["node", "recover", "--node", str(case.consortium.homes[0]), *held]
    with pytest.raises(SystemExit) as ended:
        main(command)
    out, err = capsys.readouterr()
    assert (ended.value.code, err) == (0, "")
    unnamed = {"incomplete": [], "without_effect": [], "without_did": []}
    assert json.loads(out) == {"recovered": 4, "first": 8, "last": 11, **unnamed}
    put_back(case, case.consortium.homes[0].rename(tmp_path / "recovered"))
    case.drive(case.workers[0], lambda: not is_restored(case.broker))
    case.submit("DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"])
    case.anchor()
    report = case.verify(case.replay()["bundle"].encode())
    assert report.ok, [check for check in report.checks if not check.ok]
    assert [record.seq for record in report.records if not record.values] == [9, 10, 11, 12]


def test_what_comes_back_must_be_what_was_anchored(case, tmp_path):
    receipts = lose(case, tmp_path)
    lost = [receipt for receipt in receipts if receipt["promise"]["log_index"] >= 8]
    moved = {**lost[0], "promise": {**lost[0]["promise"], "log_index": 10}}
    swapped = {**lost[0], "record": lost[1]["record"]}
    for forged in (moved, swapped):
        with pytest.raises(VerificationFailed):
            recover(case.broker, [forged, *lost[1:]])
    with case.broker.store.read() as connection:
        assert records.log_size(connection) == 8
    assert recover(case.broker, lost)["recovered"] == 3


def test_a_keystore_from_before_a_rotation_is_named(case, tmp_path):
    case.assess(OLD)
    case.anchor()
    copy = copy_of(case, tmp_path)
    rotate(case.broker)
    heartbeats(case, seqs(case.broker)[-1][0] + 2)
    put_back(case, copy)
    with pytest.raises(Refused) as caught:
        case.drive(case.workers[0], lambda: False)
    assert caught.value.code == "signing-key-not-held"
