"""Whatever JSON comes to whatever route: a typed answer, never a crash."""

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from tests.properties import examples
from tests.world.broker import TOKENS, Broker
from tests.world.chain import Chain
from tests.world.payloads import PAYLOADS

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(max_size=20)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = [
    "source_ref",
    "subject",
    "type",
    "occurred_at",
    "channel",
    "actor",
    "payload",
    "compute",
    "attachments",
    "act",
    "client_ref",
    "did",
    "registration",
    "call",
    "name",
    "value",
    "validity",
    "deadline",
    "signature",
    "new_owner",
    "consent",
    "consent_id",
    "salt",
    "credential",
    "holder",
    "purpose",
    "proof",
    "record_id",
    "lang",
    "fields",
    "values",
    "details",
    "at",
    "document",
    "packaged",
    "effective_from",
    "nonce",
    "key",
    "issuer",
    "@context",
    "credentialSubject",
    "credentialStatus",
    "id",
    "sender",
    "receiver",
    "kind",
    "sent_at",
    "body",
    "format",
    "broker",
    "case",
    "reason",
    "clients",
    "schema",
    "task_id",
]
BODIES = VALUES | st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    chain = Chain()
    chain.deploy()
    chain.admit("north")
    broker = Broker(tmp_path_factory.mktemp("hostile"), chain)
    broker.install()
    broker.client = broker.enrol("client one")
    yield broker
    broker.store.dispose()


def roles_of(broker, rule):
    return [role for role in TOKENS if broker.call("POST", rule, {}, role=role).status_code != 403]


ROUTES = [
    "/v1/subjects",
    "/v1/acts/drafts",
    "/v1/gates",
    "/v1/facts",
    "/v1/receipts",
    "/v1/dids/sponsored",
    "/v1/consents/grant",
    "/v1/consents/withdraw",
    "/v1/credentials/issue",
    "/v1/credentials/verify",
    "/v1/proofs/challenges",
    "/v1/proofs/verify",
    "/v1/rulesets",
    "/v1/staff",
    "/v1/staff/end",
    "/v1/client/sessions/challenge",
    "/v1/client/sessions",
    "/v1/peer/messages",
    "/v1/replay-orders",
    "/v1/datasets",
    "/v1/tasks",
    "/v1/replays",
    "/v1/replays/access",
]


@pytest.mark.parametrize("rule", ROUTES)
def test_any_json_gets_a_typed_answer(hostile, rule):
    (role,) = roles_of(hostile, rule)[:1] or ["operator"]

    @examples(40, suppress_health_check=list(HealthCheck))
    @given(body=BODIES)
    def check(body):
        answer = hostile.call("POST", rule, body, role=role)
        assert answer.status_code < 500 or answer.status_code == 503
        assert answer.status_code < 400 or answer.get_json()["code"]

    check()


@given(change=st.dictionaries(st.sampled_from(NAMES), VALUES, min_size=1, max_size=2))
@examples(150, suppress_health_check=list(HealthCheck))
def test_a_fact_with_anything_in_any_member_is_accepted_or_refused_with_a_reason(hostile, change):
    fact = hostile.fact(hostile.client.subject, "ID_VERIFY", PAYLOADS["ID_VERIFY"])
    answer = hostile.post("/v1/facts", {**fact, **change})
    assert answer.status_code in (201, 404, 409, 422)


@given(field=st.sampled_from(sorted(PAYLOADS["Q_SUBMIT"])), value=VALUES)
@examples(100, suppress_health_check=list(HealthCheck))
def test_a_payload_with_anything_in_any_field_too(hostile, field, value):
    fact = hostile.fact(hostile.client.subject, "Q_SUBMIT", {**PAYLOADS["Q_SUBMIT"], field: value})
    answer = hostile.post("/v1/facts", fact)
    assert answer.status_code in (201, 422)
    assert answer.status_code == 201 or answer.get_json()["field"].startswith("payload.")


@given(name=st.text(min_size=1, max_size=30))
@examples(60, suppress_health_check=list(HealthCheck))
def test_any_name_in_a_path(hostile, name):
    for prefix in ("/v1/subjects/", "/v1/dids/", "/v1/tasks/", "/v1/status-lists/"):
        answer = hostile.http.get(prefix + name, headers={"Authorization": f"Bearer {TOKENS['broker-system']}"})
        assert answer.status_code < 500
