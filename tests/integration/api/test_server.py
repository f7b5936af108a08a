"""The real server: two processes on a directory; a client that sends before it reads, and some that never send."""

import json
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import httpx
import pytest

from node_adapter.init import init_node
from node_adapter.keys.keystore import PASSWORD_VARIABLE, Keystore
from node_adapter.loopback_ports import reserve_port
from node_adapter.store.chain import event_log
from node_adapter.store.engine import open_store
from node_adapter.workflows.identity.staff_tokens import read_token
from tests.waiting import wait_for_end, wait_until
from tests.world.chain import CHAIN_ID, CONTRACTS, Chain
from tests.world.keys import seed
from tests.world.payloads import PAYLOADS

PASSWORD = "a password of the tests"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("server") / "node"
    home.mkdir()
    settings = {
        "chain": {
            "rpc_url": "http://127.0.0.1:1",
            "chain_id": CHAIN_ID,
            "directory": CONTRACTS["Directory"],
            "directory_block": 1,
            "finality_depth": 1,
        },
        "http": {"host": "127.0.0.1", "port": reserve_port(home)},
    }
    init_node(home, name="north", role="broker", password=PASSWORD, settings=settings)
    keys = Keystore.open(home / "keystore", PASSWORD)
    chain = Chain()
    chain.deploy()
    chain.admit("server", keys=keys)
    store = open_store(home / "node.db")
    with store.write() as connection:
        for block, events in chain.known:
            event_log.append(connection, [block], events)
    store.dispose()
    return home, settings["http"]["port"]


@contextmanager
def running(home, port):
    """Two processes that share one listening socket, as `node run` starts them."""
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        listening.listen(1024)
        number = listening.fileno()
        command = [sys.executable, "-m", "api.server", "--node", str(home), "--socket-fd", str(number)]
        environment = {PASSWORD_VARIABLE: PASSWORD, "PATH": ""}
        processes = [subprocess.Popen(command, env=environment, pass_fds=[number]) for _ in range(2)]
    try:
        yield processes
    finally:
        for process in processes:
            process.terminate()
        assert [wait_for_end(process) for process in processes] == [0, 0]


def lives(url):
    try:
        return httpx.get(f"{url}/healthz", timeout=1).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.fixture(scope="module")
def server(home):
    directory, port = home
    with running(directory, port) as processes:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: lives(url), "the server", processes=processes)
        operator = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {read_token(directory, 'operator')}"}, timeout=60
        )
        assert operator.post("/v1/rulesets", json={"packaged": "sac-bands@1"}).status_code == 201
        token = read_token(directory, "broker-system")
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60) as client:
            yield client
        operator.close()


def fact(subject, number):
    return {
        "source_ref": f"fact {number}",
        "subject": subject,
        "type": "DUTY_NOTICE",
        "occurred_at": "2026-11-21T09:16:38.123+08:00",
        "channel": "app",
        "actor": {"did": "did:example:staff", "role": "staff"},
        "payload": PAYLOADS["DUTY_NOTICE"],
    }


def lines_of(rows):
    for row in rows:
        yield json.dumps(row).encode() + b"\n"


def test_a_caller_that_sends_everything_before_it_reads_is_answered(server):
    subject = server.post("/v1/subjects", json={"client_ref": "bulk"}).json()["subject"]
    rows = [fact(subject, number) for number in range(3000)]
    answer = server.post(
        "/v1/facts", content=lines_of(rows), headers={"Content-Type": "application/x-ndjson"}
    )  # an iterator: chunked, without a length
    assert answer.status_code == 200
    answers = [json.loads(line) for line in answer.text.splitlines()]
    indexes = [line["log_index"] for line in answers]
    assert indexes == list(range(indexes[0], indexes[0] + 3000))  # other tests of the module write to the same log
    assert len(answer.content) > 1024 * 1024  # more than the sockets' buffers hold


def test_processes_and_threads_share_one_log(server):
    subjects = [server.post("/v1/subjects", json={"client_ref": f"c {n}"}).json()["subject"] for n in range(4)]
    for subject in subjects:  # opens its history, so that what follows is alone in the log
        server.post("/v1/facts", json=fact(subject, f"first of {subject}"))

    def send(worker):
        results = []
        for index in range(25):
            row = fact(subjects[(worker + index) % 4], f"{worker}.{index}")
            results.append(server.post("/v1/facts", json=row).json()["log_index"])
        return results

    with ThreadPoolExecutor(8) as pool:
        indexes = sorted(index for result in pool.map(send, range(8)) for index in result)
    assert indexes == list(range(indexes[0], indexes[0] + 200))
    counts = [server.get(f"/v1/subjects/c {n}").json()["count"] for n in range(4)]
    assert counts == [52, 52, 52, 52]  # with the opening and the first


def test_one_reference_sent_by_many_at_once_is_stored_once(server):
    subject = server.post("/v1/subjects", json={"client_ref": "race"}).json()["subject"]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: server.post("/v1/facts", json=fact(subject, "race")).json(), range(16)))
    assert len({answer["record_id"] for answer in answers}) == 1
    assert server.get("/v1/subjects/race").json()["count"] == 2  # with the opening, which is written once, too


def test_a_nonce_serves_once_across_processes(server):
    body = {"holder": f"did:ethr:0x{CHAIN_ID:x}:0x" + "11" * 20, "purpose": "p"}
    key = {"Idempotency-Key": seed("key").hex()}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: server.post("/v1/proofs/challenges", json=body, headers=key), range(16)))
    done = {answer.json()["nonce"] for answer in answers if answer.status_code == 201}
    assert len(done) == 1
    assert {answer.status_code for answer in answers} <= {201, 503}  # 503: the first one has no answer yet


def test_one_fact_under_one_key_is_stored_once_by_two_processes(server):
    subject = server.post("/v1/subjects", json={"client_ref": "one key"}).json()["subject"]
    one, key = fact(subject, "under one key"), {"Idempotency-Key": "one-fact"}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: server.post("/v1/facts", json=one, headers=key), range(24)))
    assert {answer.status_code for answer in answers} <= {201, 202}
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1
    assert server.get("/v1/subjects/one key").json()["count"] == 2


def test_facts_in_bulk_do_not_keep_single_ones_waiting(server):
    subject = server.post("/v1/subjects", json={"client_ref": "beside bulk"}).json()["subject"]
    rows = [fact(subject, f"of bulk {number}") for number in range(4000)]
    with ThreadPoolExecutor(2) as pool:
        bulk = [
            pool.submit(
                server.post, "/v1/facts", content=lines_of(half), headers={"Content-Type": "application/x-ndjson"}
            )
            for half in (rows[:2000], rows[2000:])
        ]
        wait_until(lambda: server.get("/v1/subjects/beside bulk").json()["count"] > 0, "the first of bulk")
        single = [server.post("/v1/facts", json=fact(subject, f"single {number}")).json() for number in range(5)]
        answers = [json.loads(line) for one in bulk for line in one.result().text.splitlines()]
    assert {answer["status"] for answer in answers} == {"accepted"}
    assert single[-1]["log_index"] < max(answer["log_index"] for answer in answers) - 1000


def test_the_node_listens_where_its_settings_say_and_nothing_leaks_without_a_token(server):
    assert server.base_url.host == "127.0.0.1"
    assert httpx.get(f"{server.base_url}/v1/status").status_code == 401


SILENT, HALF_HEADS, SLOW_BODIES = 200, 64, 32
PATIENCE_SECONDS = 2.0


def connect(server, said=b""):
    one = socket.create_connection((server.base_url.host, server.base_url.port), timeout=10)
    one.sendall(said)
    return one


def test_silent_and_slow_clients_do_not_keep_a_good_one_waiting(server):
    subject = server.post("/v1/subjects", json={"client_ref": "among silent ones"}).json()["subject"]
    head = b"POST /v1/facts HTTP/1.1\r\nHost: n\r\nContent-Type: application/json\r\n"
    alone = slowest_of(server, subject, "alone", 5)
    with ExitStack() as stack:
        for _ in range(SILENT):
            stack.enter_context(connect(server))
        for _ in range(HALF_HEADS):
            stack.enter_context(connect(server, head))
        for _ in range(SLOW_BODIES):
            stack.enter_context(connect(server, head + b"Content-Length: 5000\r\n\r\n{"))
        among_them = slowest_of(server, subject, "among silent ones", 20)
    assert among_them < PATIENCE_SECONDS + 10 * alone  # one that waits for them waits for as long as they may be silent


def slowest_of(server, subject, name, count):
    """Return the seconds of the slowest of so many facts, each by somebody who connects for it."""
    slowest = 0.0
    for number in range(count):
        begun = time.monotonic()
        with httpx.Client(base_url=server.base_url, headers=server.headers, timeout=30) as newcomer:
            answer = newcomer.post("/v1/facts", json=fact(subject, f"{name} {number}"))
        assert answer.json()["status"] == "accepted"
        slowest = max(slowest, time.monotonic() - begun)
    return slowest


def test_an_answer_that_is_read_slowly_holds_no_thread(server):
    subject = server.post("/v1/subjects", json={"client_ref": "slow reader"}).json()["subject"]
    body = b"".join(lines_of(fact(subject, f"slow {number}") for number in range(2000)))
    head = (
        f"POST /v1/facts HTTP/1.1\r\nHost: n\r\nAuthorization: {server.headers['Authorization']}\r\n"
        f"Content-Type: application/x-ndjson\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with ExitStack() as stack:
        for _ in range(10):  # more than all threads; each asks for much and reads nothing
            stack.enter_context(connect(server, head.encode() + body))
        wait_until(lambda: server.get("/v1/subjects/slow reader").json()["count"] == 2001, "the facts")
        # While the requests are worked on, others wait for a thread; what nobody reads must not hold one after that.
        wait_until(lambda: seconds_of(server) < PATIENCE_SECONDS, "a quick answer beside answers that nobody reads")


def seconds_of(server):
    begun = time.monotonic()
    assert server.get("/healthz").status_code == 200
    return time.monotonic() - begun
