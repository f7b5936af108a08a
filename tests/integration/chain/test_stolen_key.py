"""A stolen signing key, over HTTP between two nodes on a real chain: it issues until it ends, and never again."""

import threading

import httpx
import pytest
from werkzeug.serving import make_server

from api.app import create_app
from did.credentials.proofs import add_proof
from did.credentials.types.suitability import suitability_credential
from node_adapter.bootstrap import open_node
from node_adapter.store import outbox, tokens
from node_adapter.store.chain import member_registry
from node_adapter.workflows.identity.identities import chain_snapshot
from node_adapter.workflows.identity.keys_in_force import KIND_ROTATION, keys_in_force, rotate
from node_adapter.workflows.operation.endpoints import node_endpoints, publish_endpoint
from primitives.timestamp import format_utc
from tests.integration.conftest import PASSWORD
from tests.world.chain_case import OLD, Case

pytestmark = pytest.mark.chain
TOKEN = "token of broker-system"
DAY = 86_400_000


class Served:
    """A node behind a socket of its own."""

    def __init__(self, home):
        self.node = open_node(home, PASSWORD)
        with self.node.store.write() as connection:
            tokens.insert_token(connection, TOKEN, "broker-system", name="test")
        self._server = make_server("127.0.0.1", 0, create_app(self.node), threaded=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def post(self, path, body):
        headers = {"Authorization": f"Bearer {TOKEN}"}
        return httpx.post(self.url + path, json=body, headers=headers, trust_env=False, timeout=30).json()

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self.node.store.dispose()


@pytest.fixture
def case(make_consortium, drive):
    """North with a client, and south, which follows the same chain."""
    return Case(make_consortium(brokers=2), drive)


@pytest.fixture
def nodes(case):
    north, south = Served(case.consortium.homes[0]), Served(case.consortium.homes[1])
    south.node.settings.peers[north.node.address] = north.url
    yield north, south
    for served in (north, south):
        served.close()


def forged_level(case, seed, created):
    document = suitability_credential(
        credential_id="urn:uuid:0191b3b0-0000-7000-8000-000000000001",
        issuer=case.broker.did,
        subject=case.did,
        level="C5",
        ruleset="sac-bands@1",
        assessed_at=created,
        valid_from=created,
        valid_until=created + DAY,
    )
    return add_proof(document, seed=seed, verification_method=f"{case.broker.did}#signing", created=format_utc(created))


def ended_in(case):
    """Let the rotation become final at both nodes; return its block."""

    def rotated(node):
        with node.store.read() as connection:
            return len(member_registry.registered_keys(connection, case.broker.address)) == 2

    def sent():
        with case.broker.store.read() as connection:
            return not outbox.open_rows(connection, KIND_ROTATION)

    case.drive(case.workers[0], lambda: sent() and rotated(case.broker))
    case.drive(case.workers[1], lambda: rotated(case.regulator))
    with case.broker.store.read() as connection:
        return member_registry.registered_keys(connection, case.broker.address)[-1].block


def test_the_thief_dates_back_and_is_refused_while_what_was_issued_in_time_stays_good(case, nodes):
    north, south = nodes
    case.assess(OLD)
    honest = north.post("/v1/credentials/issue", {"subject": case.subject})
    case.anchor()
    with case.broker.store.read() as connection:
        stolen = keys_in_force(case.broker, connection).signing_seed
    created = case.broker.clock.now_ms()
    assert south.post("/v1/credentials/verify", forged_level(case, stolen, created))["status"] == "verified"

    rotate(case.broker)
    end = ended_in(case)

    for moment in (created, created - 3000, created + 3000):
        problem = south.post("/v1/credentials/verify", forged_level(case, stolen, moment))
        assert (problem["status"], problem["code"]) == (422, "issue-unwitnessed"), problem
    verdict = south.post("/v1/credentials/verify", honest)
    assert verdict["status"] == "verified", verdict
    assert verdict["issuer_right"]["key_in_force"] is False
    assert verdict["issuer_right"]["witnessed_block"] < end <= verdict["issuer_right"]["block"]
    again = north.post("/v1/credentials/issue", {"subject": case.subject})
    assert again["id"] != honest["id"]
    assert south.post("/v1/credentials/verify", again)["issuer_right"]["key_in_force"] is True

    north.close()
    problem = south.post("/v1/credentials/verify", honest)
    assert (problem["status"], problem["code"]) == (503, "peer-unreachable")


def test_a_node_that_moved_is_found_by_what_its_member_says_on_the_chain(case, nodes):
    north, south = nodes
    case.assess(OLD)
    credential = north.post("/v1/credentials/issue", {"subject": case.subject})
    case.anchor()
    south.node.settings.peers[north.node.address] = "http://127.0.0.1:1"  # where it was
    assert south.post("/v1/credentials/verify", credential)["status"] == 503
    for url in ("http://127.0.0.1:2", north.url):
        with case.broker.store.write() as connection:
            key = publish_endpoint(case.broker.settings, connection, url, case.broker.clock.now_ms())
        case.drive(case.workers[0], lambda key=key: state(case.broker, key) == outbox.FINAL)
    case.drive(case.workers[1], lambda: endpoint(south.node, north.node.address) == north.url)
    assert south.post("/v1/credentials/verify", credential)["status"] == "verified"
    answer = httpx.get(f"{south.url}/v1/members/{north.node.did}", trust_env=False).json()
    assert [service["serviceEndpoint"] for service in answer["didDocument"]["service"]] == [north.url]


def state(node, key):
    with node.store.read() as connection:
        return outbox.by_key(connection, key).state


def endpoint(node, address):
    with node.store.read() as connection:
        return node_endpoints(node, connection, chain_snapshot(node, connection, [])).get(address)
