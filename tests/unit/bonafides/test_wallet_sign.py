import copy

import pytest

from bonafides.client import fact_of_act
from bonafides.wallet.consent import consents, grant, withdraw
from bonafides.wallet.keys import new_identity
from bonafides.wallet.promises import add_promise
from bonafides.wallet.receipts import add_receipt
from bonafides.wallet.rotation import learn, rotate
from bonafides.wallet.session import answer_challenge
from bonafides.wallet.sign import kept_act, open_history, parse_draft, sign_act, sign_draft
from did.credentials.proofs import verify_proof
from did.credentials.types.consent import consent_id
from evidence.version2.act import act_payload
from evidence.version2.salts import field_digests
from primitives import ed25519, eip712
from primitives.canonical import canonical_json
from primitives.encoding import decode_base64url
from primitives.errors import InvalidInput, Refused
from primitives.suites import DEFAULT
from tests.unit.bonafides.conftest import BROKER, CHAIN, NETWORK, NOW, PID, draft

TERMS = {
    "purpose": "MARKET_RISK",
    "receivers": [BROKER],
    "contact": "compliance desk",
    "method": "totals only",
    "data_kinds": ["HOLDINGS"],
    "expires_at": "2099-01-01T00:00:00.000+08:00",
    "separate": True,
}


def agree(_identity, _draft):
    return True


def sign(identities, value, make=sign_draft, show=agree):
    with identities.changing():
        return make(identities, value, now_ms=NOW, show=show)


def verify(identity, signed):
    made = signed["draft"]
    digests = field_digests(DEFAULT, made["fields"], bytes.fromhex(signed["root_salt"]))
    stated = {**made, "occurred_at": signed["occurred_at"], "fields": digests, "known": signed["known"]}
    ed25519.verify(identity.key.public, act_payload(stated), decode_base64url(signed["signature"], "signature"))


def signed_drafts(identities):
    return [kept for kept in identities.store.all("act") if kept["draft"]["type"] != "OPENING"]


def test_a_signed_act_verifies_and_is_kept(identities, identity):
    shown, value = [], draft()
    signed = sign(identities, value, show=lambda who, what: shown.append((who.did, what.body)) is None)
    assert shown == [(identity.did, value["text"]["body"])]
    assert signed["key"] == f"{identity.did}#delegate-1"
    verify(identity, signed)
    assert kept_act(identities, signed["signature"])["root_salt"] == signed["root_salt"]


def test_each_act_has_a_salt_and_a_nonce_of_its_own(identities, identity):
    one, other = sign(identities, draft()), sign(identities, draft())
    assert one["root_salt"] != other["root_salt"]
    assert one["known"]["nonce"] != other["known"]["nonce"]


def test_an_act_states_the_last_record_that_the_wallet_was_promised(identities, house):
    assert sign(identities, draft())["known"]["count"] == 0
    for seq in (1, 2):
        with identities.changing():
            add_promise(identities, house.promise(seq))
        known = sign(identities, draft())["known"]
        assert (known["count"], known["fingerprint"]) == (seq, house.client.records[seq - 1].fingerprint.hex())
        house.record()
    house.anchor()
    with identities.changing():
        add_receipt(identities, house.receipt(3))
    assert sign(identities, draft())["known"]["count"] == 3
    with identities.changing():
        add_promise(identities, house.promise(1))  # an older one takes nothing back
    assert sign(identities, draft())["known"]["count"] == 3


def test_what_contradicts_is_no_history_to_act_upon(identities, house):
    with identities.changing():
        add_promise(identities, house.promise(1))
        house.record()
        answer = add_promise(identities, house.promised(2, log_index=house.client.places[0]))
    assert answer["status"] == "contradiction"
    assert sign(identities, draft())["known"]["count"] == 1


def test_an_act_of_another_suite_than_the_clients_key_is_refused(identities, identity):
    with pytest.raises(Refused) as caught:
        sign(identities, {**draft(), "suite": "sm3-sm2/1"})
    assert caught.value.code == "wallet-suite"


def test_before_the_history_is_opened_nothing_is_signed_in_it(identities, bound):
    with pytest.raises(Refused) as caught:
        sign(identities, draft())
    assert caught.value.code == "wallet-not-opened"
    assert identities.store.all("act") == []


def test_an_opening_is_signed_once(identities, bound):
    shown = []

    def opened(show=lambda who, what: shown.append((who.did, what.type, what.fields, what.body)) is None):
        with identities.changing():
            return open_history(identities, bound.did, now_ms=NOW + len(shown), show=show)

    with pytest.raises(Refused) as caught:
        opened(show=lambda *_: False)
    assert caught.value.code == "wallet-declined"
    signed = opened()
    fields = {"kind": "client", "opens": bound.did, "continues": None}
    assert [entry[:3] for entry in shown] == [(bound.did, "OPENING", fields)]
    assert BROKER in shown[0][3]
    assert signed["draft"] == {
        "version": "bonafides.act/2",
        "suite": DEFAULT.name,
        "type": "OPENING",
        "broker": BROKER,
        "subject": PID,
        "document": None,
        "ruleset": None,
        "fields": fields,
    }
    assert (signed["known"]["count"], signed["known"]["fingerprint"]) == (0, "00" * 32)
    verify(bound, signed)
    assert opened() == signed
    assert len(shown) == 1


def test_an_opening_is_signed_anew_by_a_new_key(identities, bound, opening):
    with identities.changing():
        rotated, calls = rotate(identities, bound.did, NOW)
        keys = {f"{bound.did}#delegate-2": calls[0]["value"].removeprefix("0x")}
        learned = learn(identities, bound.did, {"block": 9, "keys": keys, "nonce": 3})
        again = open_history(identities, bound.did, now_ms=NOW, show=agree)
    assert rotated.lines[0].pending == learned.key
    assert again["key"] == f"{bound.did}#delegate-2"
    assert again["draft"] == opening["draft"]
    verify(learned, again)


def test_without_a_pseudonym_there_is_no_history_to_open(identities):
    with identities.changing():
        made = new_identity(identities, client_ref="c-9", broker=BROKER, network=NETWORK)
    with identities.changing(), pytest.raises(Refused) as caught:
        open_history(identities, made.did, now_ms=NOW, show=agree)
    assert caught.value.code == "wallet-unbound"


def test_the_fact_of_an_act_says_what_the_client_knew(identities, opening):
    fact = fact_of_act(opening)
    assert fact["act"] == {
        **{name: opening[name] for name in ("root_salt", "key", "known", "signature")},
        "document": None,
        "ruleset": None,
    }
    assert (fact["type"], fact["payload"], fact["subject"]) == ("OPENING", opening["draft"]["fields"], PID)
    assert fact["source_ref"] == f"act:{opening['signature']}"


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["text"].update(body="I confirm level C5."),
        lambda d: d["text"].update(body=d["text"]["body"] + " "),
        lambda d: d["fields"].update(text_sha256="00" * 32),
        lambda d: d["fields"].pop("text_sha256"),
        lambda d: d["text"].update(lang="zh"),
    ],
)
def test_a_text_that_is_not_the_digested_one_is_refused(identities, identity, change):
    broken = copy.deepcopy(draft())
    change(broken)
    with pytest.raises(Refused) as caught:
        sign(identities, broken)
    assert caught.value.code == "wallet-text-digest"
    assert signed_drafts(identities) == []


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (draft(body="I confirm whatever the broker says."), "wallet-text-fields"),
        (draft(body=draft()["text"]["body"].replace("C3", "C5")), "wallet-text-fields"),
        (draft(body=draft()["text"]["body"] + "And I waive every claim.\n"), "wallet-text-fields"),
        ({**draft(), "document": "level-confirm@99"}, "wallet-document"),
        ({**draft(), "document": "risk-confirm@1"}, "wallet-document"),
        ({**draft(), "document": None}, "wallet-document"),
    ],
)
def test_a_text_that_does_not_show_the_fields_is_refused(identities, identity, value, code):
    with pytest.raises(Refused) as caught:
        sign(identities, value)
    assert caught.value.code == code
    assert signed_drafts(identities) == []


def test_a_consent_is_not_signed_as_a_plain_act(identities, identity):
    with pytest.raises(Refused) as caught:
        sign(identities, draft("CONSENT_GIVE", **TERMS), make=sign_act)
    assert caught.value.code == "wallet-consent"
    verify(identity, sign(identities, draft(lang="zh"), make=sign_act))


@pytest.mark.parametrize("change", [{"subject": "00" * 32}, {"broker": BROKER[:-2] + "00"}])
def test_an_act_of_somebody_else_is_refused(identities, identity, change):
    with pytest.raises(Refused) as caught:
        sign(identities, draft(**change))
    assert caught.value.code == "wallet-foreign"


def test_nothing_is_signed_when_the_client_declines(identities, identity):
    with pytest.raises(Refused) as caught:
        sign(identities, draft(), show=lambda *_: False)
    assert caught.value.code == "wallet-declined"
    assert signed_drafts(identities) == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"version": "bonafides.act/1"}, "draft.version"),
        ({"suite": "md5-rsa/1"}, "draft.suite"),
        ({"ruleset": "demo@1:00112233445566aa"}, "draft.ruleset"),
        ({"type": "LEVEL_RESULT"}, "draft.type"),
        ({"type": []}, "draft.type"),
        ({"subject": 5}, "draft.subject"),
        ({"document": 5}, "draft.document"),
        ({"fields": []}, "draft.fields"),
        ({"text": {"body": "x"}}, "draft.text.lang"),
        ({"text": {"lang": "en", "body": " "}}, "draft.text.body"),
        ({"text": {"lang": "en", "body": "\ud800"}}, "draft.text.body"),
        ({"text": {"lang": "en", "body": "x" * 200_000}}, "draft.text.body"),
        ({"extra": 1}, "draft.extra"),
    ],
)
def test_a_malformed_draft_names_its_field(change, field):
    with pytest.raises(InvalidInput) as caught:
        parse_draft({**draft(), **change})
    assert caught.value.field == field


def test_a_missing_member_and_a_foreign_shape_are_refused():
    value = draft()
    del value["ruleset"]
    with pytest.raises(InvalidInput) as caught:
        parse_draft(value)
    assert (caught.value.field, caught.value.rule) == ("draft.ruleset", "required")
    with pytest.raises(InvalidInput):
        parse_draft([])


def test_a_consent_is_three_statements_about_one_id(identities, identity):
    signed = sign(identities, draft("CONSENT_GIVE", **TERMS), make=grant)
    made = signed["consent"]
    verify(identity, signed)
    assert signed["draft"]["fields"]["consent_id"] == made["consent_id"]
    verify_proof(made["credential"], identity.key.public)
    identifier = consent_id(bytes.fromhex(made["salt"]), canonical_json(made["credential"]))
    assert identifier.hex() == made["consent_id"]
    typed = eip712.grant_typed_data(CHAIN, NETWORK.consent_registry, identity.address, identifier, made["deadline"])
    assert eip712.recover_typed(typed, bytes.fromhex(made["signature"][2:])) == identity.address
    (kept,) = consents(identities)
    assert kept["withdrawn_at"] is None

    value = draft("CONSENT_WITHDRAW", consent_id=made["consent_id"], scope="ALL", effective_at=signed["occurred_at"])
    withdrawn = sign(identities, value, make=withdraw)
    verify(identity, withdrawn)
    typed = eip712.withdraw_typed_data(
        CHAIN, NETWORK.consent_registry, identity.address, identifier, withdrawn["consent"]["deadline"]
    )
    assert eip712.recover_typed(typed, bytes.fromhex(withdrawn["consent"]["signature"][2:])) == identity.address
    assert consents(identities)[0]["withdrawn_at"] == withdrawn["occurred_at"]


def test_a_consent_that_was_never_given_is_not_withdrawn(identities, identity):
    value = draft("CONSENT_WITHDRAW", consent_id="00" * 32, scope="ALL", effective_at=TERMS["expires_at"])
    with pytest.raises(Refused) as caught:
        sign(identities, value, make=withdraw)
    assert caught.value.code == "wallet-consent-unknown"


def test_a_broker_does_not_choose_the_consents_id_nor_leave_out_a_term(identities, identity):
    with pytest.raises(InvalidInput) as caught:
        sign(identities, draft("CONSENT_GIVE", **TERMS, consent_id="00" * 32), make=grant)
    assert caught.value.field == "draft.fields.consent_id"
    without = draft("CONSENT_GIVE", **TERMS)
    del without["fields"]["purpose"]
    with pytest.raises(InvalidInput) as missing:
        sign(identities, without, make=grant)
    assert missing.value.field == "draft.fields.purpose"


@pytest.mark.parametrize(
    ("name", "value"), [("purpose", "AML_JOINT"), ("receivers", [BROKER, BROKER[:-2] + "00"]), ("contact", "somebody")]
)
def test_a_consent_whose_text_shows_other_terms_is_refused(identities, identity, name, value):
    broken = draft("CONSENT_GIVE", **TERMS)
    broken["fields"][name] = value
    with pytest.raises(Refused) as caught:
        sign(identities, broken, make=grant)
    assert caught.value.code == "wallet-text-fields"


def test_an_act_is_not_granted_as_a_consent(identities, identity):
    with pytest.raises(InvalidInput):
        sign(identities, draft(), make=grant)


def test_a_session_is_opened_for_the_identitys_broker_only(identities, identity):
    challenge = {"version": "bonafides.session/1", "broker": BROKER, "did": identity.did, "nonce": "abc"}
    answer = answer_challenge(identities, challenge)
    statement = {name: challenge[name] for name in ("version", "broker", "did", "nonce")}
    ed25519.verify(identity.key.public, canonical_json(statement), decode_base64url(answer["signature"], "signature"))
    with pytest.raises(Refused) as caught:
        answer_challenge(identities, {**challenge, "broker": BROKER[:-2] + "00"})
    assert caught.value.code == "wallet-wrong-broker"
    with pytest.raises(InvalidInput):
        answer_challenge(identities, {**challenge, "nonce": None})


def test_pid_of_the_fixture_is_the_bound_one(identity):
    assert identity.subject == PID
