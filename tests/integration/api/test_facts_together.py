"""Facts of many requests in one transaction: each has its own outcome, and none is told before it is stored."""

import multiprocessing
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from threading import Event

import pytest
from sqlalchemy import LargeBinary, Text, bindparam, cast, event, func, select, text, update

from api.app import create_app
from node_adapter.store import idempotency
from node_adapter.store.engine import open_store
from node_adapter.store.schema import idempotency as kept
from node_adapter.store.schema import subject
from node_adapter.views import Views
from node_adapter.workflows.intake import submitting
from node_adapter.workflows.intake.facts import Intake
from tests.waiting import wait_until
from tests.world.broker import TOKENS, records_told
from tests.world.databases import SQLITE
from tests.world.payloads import PAYLOADS

pytestmark = pytest.mark.both_databases


@pytest.fixture
def pool():
    with ThreadPoolExecutor(16) as pool:
        yield pool


@pytest.fixture
def notice(broker, client):
    """What makes a fact about the client, whose history is open."""

    def make(**changes):
        return {**broker.fact(client.subject, "DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"]), **changes}

    assert post(broker.app, make()).status_code in (201, 202)
    return make


def post(app, fact, key=None):
    """Post one fact by a client of its own: a thread may."""
    headers = {"Authorization": f"Bearer {TOKENS['broker-system']}"} | ({"Idempotency-Key": key} if key else {})
    return app.test_client().post("/v1/facts", json=fact, headers=headers)


def together(broker, pool, requests):
    """Send requests one after the other while somebody else writes, so that all wait, and return the answers."""
    submissions = broker.node.submissions
    with broker.store.write():
        answers = []
        for request in requests:
            answers.append(pool.submit(post, broker.app, *request))
            wait_until(lambda: len(submissions._waiting) == len(answers), "one more that waits", every=0.002)
    return [answer.result() for answer in answers]


@contextmanager
def commits(broker):
    """Count the commits of a broker's store, in a list of one."""
    counted = [0]

    def count(_connection):
        counted[0] += 1

    event.listen(broker.store._engine, "commit", count)
    try:
        yield counted
    finally:
        event.remove(broker.store._engine, "commit", count)


def stored(broker):
    with broker.store.read() as connection:
        return records_told(connection), connection.execute(select(func.count()).select_from(kept)).scalar_one()


def codes(answers):
    return [(answer.status_code, answer.get_json().get("code")) for answer in answers]


def test_those_who_wait_share_one_transaction_and_one_time(broker, pool, notice):
    with commits(broker) as counted:
        answers = together(broker, pool, [(notice(), f"k{number}") for number in range(8)])
    assert counted == [2]  # with the writer that they waited for
    rows = [answer.get_json() for answer in answers]
    assert len({row["promise"]["recorded_at"] for row in rows}) == 1
    assert len({row["log_index"] for row in rows}) == 8
    assert stored(broker) == (9, 8)


def test_what_refuses_one_fact_refuses_nobody_else(broker, pool, notice):
    known = notice()
    post(broker.app, known)
    requests = [
        (notice(), "good"),
        (notice(subject="00" * 32), "unknown"),
        (notice(payload={}), "malformed"),
        (notice(source_ref=known["source_ref"], channel="branch"), "duplicate"),
        (notice(), "good-too"),
    ]
    with commits(broker) as counted:
        answers = together(broker, pool, requests)
    assert counted == [2]
    assert codes(answers) == [
        (201, None),
        (404, "subject-not-found"),
        (422, "invalid-input"),
        (409, "duplicate"),
        (201, None),
    ]
    assert stored(broker) == (4, 2)


def test_a_fault_at_one_fact_takes_no_other_one_down(broker, pool, notice, monkeypatch):
    accept = Intake.accept

    def faulty(intake, fact):
        if fact.source_ref == "the fault":
            intake._connection.execute(kept.delete())  # written before it fails: nothing of it may stay
            raise ZeroDivisionError
        return accept(intake, fact)

    post(broker.app, notice(), "before")
    monkeypatch.setattr(Intake, "accept", faulty)
    broker.app.testing, broker.app.config["PROPAGATE_EXCEPTIONS"] = False, False
    answers = together(
        broker, pool, [(notice(), "a"), (notice(source_ref="the fault"), "b"), (notice(), "c"), (notice(), "d")]
    )
    assert [answer.status_code for answer in answers] == [201, 500, 201, 201]
    assert stored(broker) == (5, 4)


def test_a_full_disk_is_told_to_each_and_nothing_is_stored(broker, pool, notice):
    before = stored(broker)

    def fill(connection, *_):
        pages = connection.execute("pragma page_count").fetchone()[0]
        connection.execute(f"pragma max_page_count = {pages}")

    def free(connection, *_):
        connection.execute("pragma max_page_count = 1073741823")

    event.listen(broker.store._engine, "checkout", fill)
    event.listen(broker.store._engine, "checkin", free)
    try:
        answers = together(broker, pool, [(notice(), f"k{number}" + "x" * 150) for number in range(16)])
    finally:
        event.remove(broker.store._engine, "checkout", fill)
    assert codes(answers) == [(507, "store-full")] * 16
    assert stored(broker) == before
    assert post(broker.app, notice(), "k0").status_code == 201
    event.remove(broker.store._engine, "checkin", free)


def test_nobody_is_answered_before_the_commit(broker, pool, notice):
    at_commit, go_on = Event(), Event()

    def wait(_connection):
        at_commit.set()
        go_on.wait()

    event.listen(broker.store._engine, "commit", wait)
    answer = pool.submit(post, broker.app, notice(), "k")
    try:
        at_commit.wait()
        assert stored(broker) == (1, 0)
        assert not answer.done()
    finally:
        go_on.set()
        assert answer.result().status_code == 201
        event.remove(broker.store._engine, "commit", wait)
    assert stored(broker) == (2, 1)


def test_a_commit_that_fails_is_told_and_keeps_no_key(broker, pool, notice):
    def fail(_connection):
        raise RuntimeError("no commit")

    broker.app.testing, broker.app.config["PROPAGATE_EXCEPTIONS"] = False, False
    event.listen(broker.store._engine, "commit", fail)
    answers = [pool.submit(post, broker.app, notice(), f"k{number}") for number in range(3)]
    assert [answer.result().status_code for answer in answers] == [500] * 3
    event.remove(broker.store._engine, "commit", fail)
    assert stored(broker) == (1, 0)
    assert post(broker.app, notice(), "k0").status_code == 201


def test_a_process_that_dies_in_the_middle_leaves_nothing_half(broker, notice):
    """It has written its facts, and is killed before their answers are kept."""
    fact = notice()
    fork = multiprocessing.get_context("fork")
    child = fork.Process(target=die_at_the_answers, args=(broker.node, broker.path, fact))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    assert stored(broker) == (1, 0)
    answer = post(broker.app, fact, "k")
    assert (answer.status_code, "Idempotency-Replayed" in answer.headers) == (201, False)
    assert stored(broker) == (2, 1)


def die_at_the_answers(node, path, fact):
    idempotency.keep = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    post(create_app(replace(node, store=open_store(path), views=Views())), fact, "k")


def test_one_key_in_one_group_acts_once(broker, pool, notice):
    fact, other = notice(), notice()
    answers = together(broker, pool, [(fact, "k"), (fact, "k"), (other, "k"), (fact, "k"), (other, "l")])
    assert [answer.status_code for answer in answers] == [201, 201, 409, 201, 201]
    assert answers[2].get_json()["code"] == "idempotency-key-reused"
    assert len({answers[number].get_data() for number in (0, 1, 3)}) == 1
    assert ["Idempotency-Replayed" in answer.headers for answer in answers] == [False, True, False, True, False]
    assert stored(broker) == (3, 2)


def test_what_a_transaction_that_was_rolled_back_would_have_answered_is_told_to_nobody(
    broker, pool, notice, monkeypatch
):
    """The group fails once the answers are made; before each is taken alone another process has used one's key."""
    keep, store_each = idempotency.keep, submitting._store_each

    def fail(*_):
        raise ZeroDivisionError

    def used_elsewhere(node, submissions):
        monkeypatch.setattr(idempotency, "keep", keep)
        other = replace(submissions[0].key.row, request_digest=bytes(32), status=201, response=b"{}")
        with node.store.write() as connection:
            idempotency.keep(connection, [other])
        store_each(node, submissions)

    monkeypatch.setattr(idempotency, "keep", fail)
    monkeypatch.setattr(submitting, "_store_each", used_elsewhere)
    answers = together(broker, pool, [(notice(), "a"), (notice(), "b")])
    assert codes(answers) == [(409, "idempotency-key-reused"), (201, None)]
    assert stored(broker) == (2, 2)


def test_a_row_that_does_not_read_refuses_those_alone_who_need_it(broker, pool, notice, database_kind):
    other = broker.enrol("a client whose history is spoilt")
    spoil = update(subject).where(subject.c.pid == other.subject)
    given = bindparam("bytes", b"\xff", LargeBinary)
    with broker.store.write() as connection:
        if database_kind != SQLITE:
            connection.execute(text("create cast (bytea as text) without function"))
        assert connection.execute(spoil.values(state=cast(given, Text))).rowcount == 1
    answers = together(broker, pool, [(notice(), "a"), (notice(subject=other.subject), "b"), (notice(), "c")])
    assert codes(answers) == [(201, None), (503, "store-unreadable"), (201, None)]
    assert stored(broker) == (3, 2)


def test_a_key_whose_fact_is_refused_is_free(broker, notice):
    fact = notice()
    assert post(broker.app, {**fact, "subject": "00" * 32}, "k").status_code == 404
    assert post(broker.app, {**fact, "payload": {}}, "k").status_code == 422
    assert post(broker.app, fact, "k").status_code == 201
    assert post(broker.app, {**fact, "payload": {}}, "k").get_json()["code"] == "idempotency-key-reused"


def test_a_promise_that_is_owed_is_told_again_as_it_was(broker, notice):
    object.__setattr__(broker.node, "sign_of_life", lambda: None)  # no chain process runs
    fact = notice()
    first, again = post(broker.app, fact, "k"), post(broker.app, fact, "k")
    assert first.status_code == again.status_code == 202
    assert first.get_data() == again.get_data()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Location" not in again.headers


def test_a_key_that_an_earlier_release_took_is_free(broker, notice):
    """It took the key before it stored the fact, and was ended between the two."""
    fact = notice()
    assert post(broker.app, fact, "k").status_code == 201
    with broker.store.write() as connection:
        connection.execute(kept.update().values(status=idempotency.IN_PROGRESS, response=b""))
    assert post(broker.app, fact, "k").get_json()["log_index"] == 2
    assert stored(broker) == (2, 1)
