"""What people read and sign in format 2 behaves the same under every suite."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.version2.act import act_payload, verify_act
from evidence.version2.envelope import RECORD_FORMAT
from evidence.version2.history import check_history
from evidence.version2.links import Link
from evidence.version2.record import (
    altered_fields,
    envelope_copy,
    open_redacted,
    open_shown,
    redact,
    restore,
    seal,
)
from evidence.version2.salts import envelope_salt, field_digests
from primitives.canonical import canonical_json
from primitives.errors import InvalidInput, VerificationFailed
from primitives.suites import SUITES
from tests.properties import examples
from tests.unit.evidence.version2.kit import AT, BROKER, CLIENT, SUBJECT, Writer, salt

SALT = salt("a record")
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
    max_leaves=8,
)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,10}", fullmatch=True)


@pytest.fixture(params=SUITES.values(), ids=SUITES)
def suite(request):
    return request.param


def other(suite):
    return next(one for one in SUITES.values() if one is not suite)


def sealed_record(suite, values=None, /, **changes):
    return seal(Writer(suite).envelope("LEVEL_RESULT", **changes), {"total": 54} if values is None else values, SALT)


@examples(40)
@given(name=st.sampled_from(sorted(SUITES)), values=st.dictionaries(NAMES, JSON_VALUES, max_size=5), shown=st.data())
def test_what_is_sealed_opens_again_in_every_redaction(name, values, shown):
    sealed = sealed_record(SUITES[name], values)
    names = shown.draw(st.lists(st.sampled_from(sorted(values)), unique=True)) if values else []
    opened = open_redacted(redact(sealed, names), fingerprint=sealed.fingerprint)
    assert opened.values == {name: values[name] for name in names}
    assert set(opened.redacted) == set(values) - set(names)
    assert opened.link == sealed.link
    assert opened.entry == sealed.entry == sealed.link.entry
    assert restore(sealed.canonical, values, SALT) == sealed


def test_a_copy_never_holds_the_root_salt_nor_a_hidden_value(suite):
    sealed = sealed_record(suite, {"note": "a secret sentence", "band": "C4"})
    text = canonical_json(redact(sealed, ["band"])).decode()
    assert SALT.hex() not in text
    assert "secret" not in text
    assert SALT.hex() not in repr(sealed)
    assert "secret" not in repr(sealed)
    with pytest.raises(InvalidInput, match="no field other"):
        redact(sealed, ["other"])


def test_a_changed_value_or_salt_fails_by_name(suite):
    forged = copy.deepcopy(redact(sealed_record(suite)))
    for name, value in (("value", 55), ("salt", "00" * 32)):
        broken = copy.deepcopy(forged)
        broken["fields"]["total"][name] = value
        with pytest.raises(VerificationFailed, match="field-digest"):
            open_redacted(broken)
    forged["fields"]["surplus"] = forged["fields"]["total"]
    with pytest.raises(InvalidInput, match="no field of the envelope"):
        open_redacted(forged)


def test_a_changed_envelope_or_salt_gives_another_fingerprint(suite):
    sealed = sealed_record(suite)
    changes = [{"seq": 9}, {"type": "X_Y"}, {"subject": "6" * 64}, {"channel": "web"}, {"ruleset": None}]
    changes += [{"next": "6" * 64}, {"prev": "6" * 64}, {"accepted": {"block": 7, "hash": "0b" * 32}}]
    for change in changes:
        forged = redact(sealed) | {"envelope": dict(sealed.envelope) | change}
        with pytest.raises(VerificationFailed, match="fingerprint"):
            open_redacted(forged, fingerprint=sealed.fingerprint)
    with pytest.raises(VerificationFailed, match="fingerprint"):
        open_redacted(redact(sealed) | {"envelope_salt": "00" * 32}, fingerprint=sealed.fingerprint)


def test_a_record_of_one_suite_does_not_open_under_another(suite):
    sealed = sealed_record(suite)
    renamed = dict(sealed.envelope) | {"suite": other(suite).name}
    with pytest.raises(VerificationFailed, match="fingerprint"):
        open_redacted(redact(sealed, []) | {"envelope": renamed}, fingerprint=sealed.fingerprint)
    with pytest.raises(VerificationFailed, match="field-digest"):
        open_redacted(redact(sealed) | {"envelope": renamed})


def test_altered_originals_are_named(suite):
    sealed = sealed_record(suite, {"total": 54, "band": "C4"})
    assert altered_fields(sealed.envelope, {"total": 54, "band": "C4"}, SALT) == ()
    assert altered_fields(sealed.envelope, {"total": 55, "band": "C4"}, SALT) == ("total",)
    with pytest.raises(VerificationFailed, match="band, total"):
        restore(sealed.canonical, {"total": 54, "band": "C4"}, bytes(32))
    empty = sealed_record(suite, {})
    with pytest.raises(VerificationFailed, match="next"):
        restore(empty.canonical, {}, bytes(32))


def test_a_record_without_fields_opens_by_its_envelope_s_salt(suite):
    sealed = sealed_record(suite)
    kept = envelope_copy(sealed.canonical, envelope_salt(suite, SALT))
    assert open_redacted(kept, fingerprint=sealed.fingerprint).redacted == ("total",)


def test_a_stub_shows_the_links_alone(suite):
    sealed = sealed_record(suite)
    link = open_shown({"erased": sealed.link.to_json()})
    assert isinstance(link, Link)
    assert link.entry == sealed.entry
    assert open_shown(redact(sealed)).entry == sealed.entry


def test_given_digests_and_the_next_label_must_be_those_of_the_salt(suite):
    writer = Writer(suite)
    digests = field_digests(suite, {"total": 54}, SALT)
    draft = writer.envelope("LEVEL_RESULT", fields=digests)
    sealed = seal(draft, {"total": 54}, SALT)
    assert seal({**draft, "next": sealed.envelope["next"]}, {"total": 54}, SALT) == sealed
    for broken, values in ((draft, {"total": 55}), ({**draft, "next": "6" * 64}, {"total": 54})):
        with pytest.raises(InvalidInput) as caught:
            seal(broken, values, SALT)
        assert caught.value.rule == "field-digest"
    with pytest.raises(InvalidInput):
        seal(writer.envelope("LEVEL_RESULT"), {}, b"short")


SIGNED = {"did": CLIENT, "key": f"{CLIENT}#x", "alg": "Ed25519", "value": "A" * 86}
KNOWN = {"count": 0, "fingerprint": "0" * 64, "nonce": "0" * 32}


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"suite": "sha256-ed25519/2"}, "unknown"),
        ({"suite": 1}, "unknown"),
        ({"record_id": "019aa3b1-0000-4000-8000-000000000001"}, "uuid7"),
        ({"seq": 0}, "range"),
        ({"seq": True}, "integer"),
        ({"subject": "5" * 63}, "hex"),
        ({"prev": ""}, "length"),
        ({"accepted": {"block": 7}}, "required"),
        ({"accepted": {"block": 7, "hash": "0x" + "0" * 64}}, "hex"),
        ({"accepted": None}, "object"),
        ({"occurred_at": "2026-11-21T09:16:38Z"}, "record-time"),
        ({"ruleset": "demo@1:0123456789abcdef"}, "ruleset-label"),
        ({"ruleset": "Demo@1:" + "ab" * 32}, "ruleset-label"),
        ({"ruleset": "demo@1:" + "AB" * 32}, "ruleset-label"),
        ({"surplus": 1}, "unknown-member"),
        ({"signatures": [{}] * 5}, "length"),
        ({"known": KNOWN}, "together"),
        ({"signatures": [SIGNED]}, "together"),
        ({"signatures": [SIGNED], "known": KNOWN | {"count": 1}}, "together"),
        ({"signatures": [SIGNED], "known": KNOWN | {"fingerprint": "1" * 64}}, "together"),
        ({"signatures": [SIGNED], "known": KNOWN | {"nonce": "0" * 30}}, "length"),
        ({"signatures": [SIGNED | {"alg": "SM2"}], "known": KNOWN}, "constant"),
        ({"signatures": [SIGNED | {"alg": "ES256"}], "known": KNOWN}, "one-of"),
        ({"signatures": [SIGNED | {"key": f"{BROKER}#x"}], "known": KNOWN}, "verification-method"),
        ({"signatures": [SIGNED | {"value": "A" * 85 + "B"}], "known": KNOWN}, "base64"),
        ({"signatures": [SIGNED | {"block": 7}], "known": KNOWN}, "unknown-member"),
    ],
)
def test_malformed_envelopes_name_their_rule(change, rule):
    with pytest.raises(InvalidInput) as caught:
        sealed_record(SUITES["sha256-ed25519/1"], **change)
    assert caught.value.rule == rule


def test_format_and_fields_are_set_by_sealing():
    sealed = sealed_record(SUITES["sha256-ed25519/1"], format="bonafides.record/1")
    assert sealed.envelope["format"] == RECORD_FORMAT
    with pytest.raises(InvalidInput):
        open_redacted(redact(sealed) | {"envelope": dict(sealed.envelope) | {"format": "bonafides.record/1"}})


def test_an_act_covers_every_field_and_survives_redaction(suite):
    writer = Writer(suite)
    sealed = writer.act("LEVEL_CONFIRM", {"level": "C4", "text_sha256": "ab" * 32}, document="level-notice@1")
    opened = open_redacted(redact(sealed, []), fingerprint=sealed.fingerprint)
    [signature] = opened.envelope["signatures"]
    key = suite.public_key(writer.client_secret)
    verify_act(opened.envelope, signature, key)
    for name in ("type", "broker", "subject", "occurred_at", "document", "ruleset", "known", "fields"):
        with pytest.raises(VerificationFailed, match="client-signature"):
            verify_act(opened.envelope | {name: "x"}, signature, key)
    with pytest.raises(VerificationFailed, match="client-signature"):
        verify_act(opened.envelope, signature, suite.public_key(writer.broker_secret))
    with pytest.raises(InvalidInput, match="alg"):
        verify_act(opened.envelope, signature | {"alg": other(suite).alg}, key)


def test_an_act_of_one_suite_is_none_of_another(suite):
    """The suite stands in what is signed, and its algorithm verifies nothing of another."""
    writer, another = Writer(suite), other(suite)
    sealed = writer.act("LEVEL_CONFIRM", {"level": "C4"})
    [signature] = sealed.envelope["signatures"]
    renamed = dict(sealed.envelope) | {"suite": another.name}
    assert act_payload(renamed) != act_payload(sealed.envelope)
    for key in (suite.public_key(writer.client_secret), another.public_key(writer.client_secret)):
        with pytest.raises(VerificationFailed, match="client-signature"):
            verify_act(renamed, signature | {"alg": another.alg}, key)


def test_a_history_holds_and_says_where_it_ends(suite):
    writer = Writer(suite)
    writer.write()
    writer.act("LEVEL_CONFIRM", {"level": "C4"}, knew=writer.heads[1])
    history = check_history(BROKER, SUBJECT, writer.shown())
    assert history.labels == tuple(head.label for head in writer.heads[:-1])
    assert history.head == writer.head
    assert history.opened.client == CLIENT
    assert history.erased == history.put_back == ()
    assert AT in writer.records[0].canonical.decode()
