"""A broker's node that has lived a little: a client with a history, an anchor, a credential, a promise, a dataset.

`places` says what stands there by the names that requests use for it, so that requests made at random can ask for it.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from api.app import create_app
from api.limits import EXTENSION, Rates
from primitives import ed25519
from primitives.canonical import canonical_json
from primitives.encoding import encode_base64url
from primitives.timestamp import format_time
from tests.world.broker import TOKENS, Broker
from tests.world.chain import Chain
from tests.world.payloads import PAYLOADS, rating


@dataclass
class Lived:
    """The node, its application without the tests' own checks, a token for each role, and what stands where."""

    broker: Broker
    app: object
    tokens: dict
    places: dict


def lived(directory):
    """Make one: in a directory of its own, the same each time."""
    chain = Chain()
    chain.deploy()
    for name in ("north", "south"):
        chain.admit(name)
    chain.admit("regulator", role=2)
    broker = Broker(directory, chain)
    broker.install()
    client, other = broker.enrol("client one"), broker.enrol("client two")
    product = broker.post("/v1/subjects", {"client_ref": "product", "product_id": "fund-1"}).get_json()["subject"]
    rows = [broker.fact(client.subject, type_, payload) for type_, payload in PAYLOADS.items()]
    rows.append(broker.fact(client.subject, "LEVEL_RESULT", compute={}))
    rows.append(broker.fact(product, "PRODUCT_RATE", rating()))
    told = broker.lines("/v1/facts", rows)
    assert {line["status"] for line in told} <= {"accepted", "provisional"}, told
    broker.anchor()
    credential = broker.post("/v1/credentials/issue", {"subject": client.subject}).get_json()
    dataset = broker.post("/v1/datasets", {"name": "holdings", "schema": {}}, role="operator").get_json()
    promise = broker.post("/v1/promises", {"record_id": told[0]["record_id"]}).get_json()
    with broker.store.read() as connection:
        head = connection.exec_driver_sql("select key from outbox order by id").scalars().first()
    places = {
        "subject": [client.subject, other.subject, product],
        "did": [client.did, broker.did],
        "client_ref": ["ref client one", "product"],
        "record_id": [line["record_id"] for line in told],
        "key": [head],
        "product_id": ["fund-1"],
        "credential_id": [credential["id"]],
        "list_id": [credential["credentialStatus"]["statusListCredential"].rpartition("%2F")[2]],
        "credential": [credential],
        "promise": [promise["promise"]],
        "occurred_at": [format_time(broker.clock.now)],
        "at": [format_time(broker.clock.now)],
        "actor": [{"did": broker.did, "role": "staff"}, {"did": client.did, "role": "client"}],
        "holder": [client.did],
        "dataset": [dataset.get("dataset")],
    }
    app = create_app(broker.node)
    app.after_request(_whole)
    app.extensions[EXTENSION] = Rates(clock=itertools.count(step=60).__next__)  # nobody is sent away for haste
    return Lived(broker, app, {**TOKENS, "client": session(broker, client)}, places)


def is_unknown_yet(status, problem, headers):
    """Say whether it is the one answer of 5xx that may be: what is asked for is not known now, and will be."""
    names = {name.lower() for name in dict(headers)}
    return status == 503 and problem.get("title") == "The answer is not known now" and "retry-after" in names


def _whole(response):
    """Read a streamed answer to its end and close it, as a server does and a client of WSGI does not."""
    if response.is_streamed:
        response.make_sequence()
        response.close()
    return response


def session(broker, client):
    """Open a client's session as its wallet does, and return the token."""
    opened = broker.http.post("/v1/client/sessions/challenge", json={"did": client.did}).get_json()
    statement = {name: opened[name] for name in ("version", "broker", "did", "nonce")}
    signature = encode_base64url(ed25519.sign(client.key_seed, canonical_json(statement)))
    body = {"did": client.did, "nonce": opened["nonce"], "key": client.key, "signature": signature}
    answer = broker.http.post("/v1/client/sessions", json=body)
    assert answer.status_code == 201, answer.get_json()
    return answer.get_json()["token"]
