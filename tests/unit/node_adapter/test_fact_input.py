"""The shape of a fact."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from primitives.errors import InvalidInput, Refused
from replay.installed import INSTALLED
from replay.wire.fact import read_fact

FACT = {
    "source_ref": "1",
    "subject": "ab" * 32,
    "type": "DUTY_NOTICE",
    "occurred_at": "2026-11-21T09:16:38.123+08:00",
    "channel": "app",
    "actor": {"did": "did:example:staff", "role": "staff"},
    "payload": {"documents": ["rights@1"], "scroll_end": True, "dwell_ms": 9000},
}
ACT = {
    "root_salt": "00" * 32,
    "key": "did:example:client#delegate-1",
    "signature": "A" * 86,
    "document": None,
    "ruleset": None,
    "known": {"count": 0, "fingerprint": "00" * 32, "nonce": "00" * 16},
}


def test_a_fact_is_read_and_its_digest_covers_everything():
    fact = read_fact(FACT)
    assert (fact.type, fact.occurred_ms, fact.act, fact.compute) == ("DUTY_NOTICE", 1795223798123, None, None)
    assert read_fact(dict(reversed(FACT.items()))).digest == fact.digest
    assert read_fact({**FACT, "channel": "web"}).digest != fact.digest


@pytest.mark.parametrize("name", ["source_ref", "subject", "type", "occurred_at", "channel", "actor"])
def test_each_required_member(name):
    with pytest.raises(InvalidInput) as caught:
        read_fact({key: value for key, value in FACT.items() if key != name})
    assert (caught.value.field, caught.value.rule) == (name, "required")


@pytest.mark.parametrize("type_", sorted(INSTALLED.node_types))
def test_a_caller_sends_nothing_that_the_node_alone_writes(type_):
    """An opening would be the broker's word on whose a history is; an erasure tells of what the node did."""
    assert {"OPENING", "ERASE"} <= INSTALLED.node_types
    with pytest.raises(InvalidInput) as caught:
        read_fact({**FACT, "type": type_})
    assert (caught.value.field, caught.value.rule) == ("type", "node-record")


def test_an_opening_is_taken_from_a_caller_as_the_clients_act_alone():
    own = {"kind": "client", "opens": "did:ethr:0x7a69:0x" + "ab" * 20, "continues": None}
    fact = {**FACT, "type": "OPENING", "payload": own, "act": ACT}
    assert read_fact(fact).payload == own
    for change in ({"act": None}, {"payload": {**own, "kind": "unsigned-client"}}, {"payload": []}, {"payload": None}):
        with pytest.raises(InvalidInput) as caught:
            read_fact({**fact, **change})
        assert (caught.value.field, caught.value.rule) == ("type", "node-record")
    with pytest.raises(InvalidInput) as caught:
        read_fact({**fact, "payload": {**own, "opens": "did:ethr:0x7a69:0x00"}})
    assert (caught.value.field, caught.value.rule) == ("payload.opens", "did-ethr")


@pytest.mark.parametrize("type_", ["LEVEL_CONFIRM", "CONSENT_GIVE", "AGREEMENT_SIGN"])
def test_a_clients_act_owes_its_signature(type_):
    with pytest.raises(Refused) as caught:
        read_fact({**FACT, "type": type_})
    assert caught.value.code == "act-unsigned"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"root_salt": "00"}, "act.root_salt"),
        ({"signature": "A"}, "act.signature"),
        ({"key": 1}, "act.key"),
        ({"document": 1}, "act.document"),
        ({"ruleset": "suitability@1:" + "ab" * 8}, "act.ruleset"),
        ({"known": None}, "act.known"),
        ({"known": {"count": 0, "fingerprint": "00" * 32}}, "act.known.nonce"),
        ({"known": {"count": 1, "fingerprint": "00" * 32, "nonce": "00" * 16}}, "act.known"),
        ({"known": {"count": 1, "fingerprint": "ab", "nonce": "00" * 16}}, "act.known.fingerprint"),
        ({"more": 1}, "act.more"),
    ],
)
def test_each_member_of_an_act(change, field):
    assert read_fact({**FACT, "act": ACT}).act is not None
    with pytest.raises(InvalidInput) as caught:
        read_fact({**FACT, "act": {**ACT, **change}})
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"compute": {}}, "compute"),
        ({"type": "LEVEL_RESULT", "compute": {"level": "C5"}}, "compute.level"),
        ({"type": "LEVEL_RESULT", "compute": []}, "compute"),
        ({"type": "MATCH_OPINION", "compute": {}}, "compute.product_id"),
        ({"type": "MATCH_OPINION", "compute": {"product_id": "f", "admitted": 1}}, "compute.admitted"),
    ],
)
def test_only_the_engines_results_are_computed_and_only_from_what_they_need(change, field):
    fact = {name: value for name, value in FACT.items() if name != "payload"}
    with pytest.raises(InvalidInput) as caught:
        read_fact({**fact, **change})
    assert caught.value.field == field


def test_no_secret_of_an_act_is_shown():
    salt = "5a" * 32
    assert salt not in repr(read_fact({**FACT, "act": {**ACT, "root_salt": salt}}))


@given(
    st.dictionaries(st.sampled_from(sorted(FACT)), st.none() | st.integers(0, 9) | st.text() | st.just({}), min_size=1)
)
def test_anything_else_is_refused_by_field_and_rule(change):
    with suppress(InvalidInput, Refused):  # nothing else may come out
        read_fact({**FACT, **change})


@pytest.mark.parametrize("taken", [f"task:{'0f' * 32}:{'a1' * 32}", "credential-revoke:x", "credential-issue:x"])
def test_a_reference_by_which_the_node_names_its_own_records_is_nobodys(taken):
    with pytest.raises(InvalidInput) as caught:
        read_fact({**FACT, "source_ref": taken})
    assert (caught.value.field, caught.value.rule) == ("source_ref", "node-reference")
    assert read_fact({**FACT, "source_ref": "task:17:a"}).source_ref == "task:17:a"
