"""The connection to the database breaks at a commit: whether it happened or not, the act repeated under its key is one.

Each test loses one commit twice: where the server was never asked, and where it did it and nobody heard.
"""

import pytest

from node_adapter.store import anchors, outbox
from node_adapter.store.schema import log_anchor
from node_adapter.store.schema import outbox as outbox_table
from node_adapter.workflows.anchoring.anchor import Anchoring
from primitives.errors import CouldNotCheck
from tests.integration.api.test_revocation import revocations
from tests.unit.node_adapter.chain.test_sender import Bench, bench
from tests.world.broker import records_told
from tests.world.databases import FilesOnPostgresql
from tests.world.lost_commits import LostCommits
from tests.world.payloads import PAYLOADS

__all__ = ["bench"]
KEY = {"Idempotency-Key": "k-1"}
AWAY = (503, "store-unavailable")
pytestmark = pytest.mark.parametrize("happens", [False, True], ids=["never-asked", "answer-lost"])


@pytest.fixture(autouse=True)
def commits(postgresql, postgresql_template, monkeypatch):
    """Let every database of the test be one of the server, behind what loses a commit."""
    between = LostCommits(postgresql.port)
    files = FilesOnPostgresql(postgresql.behind(between.port), monkeypatch, postgresql_template)
    yield between
    files.drop()
    between.close()


def code(answer):
    return answer.status_code, (answer.get_json() or {}).get("code")


def is_replayed(answer):
    return answer.headers.get("Idempotency-Replayed") == "true"


@pytest.mark.parametrize("headers", [{}, KEY], ids=["by-its-reference", "under-a-key"])
def test_a_fact_is_recorded_once(broker, client, commits, headers, happens):
    fact = broker.fact(client.subject, "DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"])
    before = told(broker)
    commits.lose(happens=happens)
    assert code(broker.post("/v1/facts", fact, headers=headers)) == AWAY
    assert (told(broker) - before, commits.lost) == (happens, 1)
    answer = broker.post("/v1/facts", fact, headers=headers)
    assert answer.status_code in (200, 201)
    assert is_replayed(answer) == (happens and bool(headers))
    assert told(broker) - before == 1
    assert broker.post("/v1/facts", fact, headers=headers).get_json()["record_id"] == answer.get_json()["record_id"]


def told(broker):
    with broker.store.read() as connection:
        return records_told(connection)


@pytest.mark.parametrize("number", [1, 2, 3], ids=["of-its-key", "of-the-act", "of-the-kept-answer"])
def test_a_revocation_is_recorded_once(broker, client, commits, number, happens):
    for type_, payload in PAYLOADS.items():
        broker.submit(client, type_, payload)
    broker.submit(client, "LEVEL_RESULT", compute={})
    issued = broker.post("/v1/credentials/issue", {"subject": client.subject})
    path = f"/v1/credentials/{issued.get_json()['id']}/revoke"
    commits.lose(number, happens=happens)
    first = broker.post(path, {"reason": "wrong"}, headers=KEY)
    assert code(first) == ((200, None) if number == 3 else AWAY)
    assert commits.lost == 1
    again = broker.post(path, {"reason": "wrong"}, headers=KEY)
    assert again.get_json()["status"] == "revoked"
    assert is_replayed(again) == (number == 3 and happens)
    assert [one["reason"] for one in revocations(broker, client)] == ["wrong"]


def test_an_anchor_is_built_once(broker, client, commits, happens):
    broker.submit(client, "DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"])
    anchoring = Anchoring(broker.node)
    broker.clock.sleep(2)
    commits.lose(happens=happens)
    with pytest.raises(CouldNotCheck) as error:
        anchoring.step(broker.clock.now)
    assert (error.value.code, commits.lost) == ("store-unavailable", 1)
    assert anchoring.step(broker.clock.now) is not happens  # one that stands is waited for
    with broker.store.read() as connection:
        [built] = connection.execute(log_anchor.select()).all()
        waiting = connection.execute(outbox_table.select().where(outbox_table.c.kind == outbox.KIND_ANCHOR)).all()
    assert [row.key for row in waiting] == [anchors.outbox_key(built.seq)]


def test_an_anchor_that_is_signed_leaves_as_it_was_kept(bench: Bench, commits, happens):
    bench.put_anchor()
    commits.lose(happens=happens)
    with pytest.raises(CouldNotCheck):
        bench.step(1)
    assert (bench.rpc.sent, commits.lost) == ([], 1)
    key = anchors.outbox_key(2)
    while bench.row(key).state != outbox.SENT:
        bench.step(1)
    [attempt] = bench.attempts(key)
    assert bench.rpc.sent == ["0x" + attempt.raw.hex()]


def test_an_anchor_that_was_sent_is_no_other_one(bench: Bench, commits, happens):
    bench.put_anchor()
    bench.step(1)
    commits.lose(happens=happens)
    with pytest.raises(CouldNotCheck):
        bench.step(1)  # it has left; that it has is not kept, or nobody heard
    key = anchors.outbox_key(2)
    bench.step(5000)
    [attempt] = bench.attempts(key)
    assert set(bench.rpc.sent) == {"0x" + attempt.raw.hex()}
    assert (bench.row(key).state, commits.lost) == (outbox.SENT, 1)
