"""Records, acts, and why a fingerprint cannot be guessed."""

from __future__ import annotations

import copy
import hashlib
import hmac
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.documents.act import act_payload_of, field_digests, verify_act
from evidence.documents.envelope import RECORD_FORMAT
from evidence.documents.record import altered_fields, open_redacted, redact, restore, seal
from primitives import ed25519
from primitives.canonical import canonical_json
from primitives.encoding import encode_base64url
from primitives.errors import InvalidInput, VerificationFailed

SALT = hashlib.sha256(b"a root salt for tests").digest()
BROKER = "did:ethr:0x539:0x" + "b" * 40
CLIENT = "did:ethr:0x539:0x" + "c" * 40
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
    max_leaves=8,
)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,10}", fullmatch=True)


def envelope(**changes):
    return {
        "record_id": "019aa3b1-0000-7000-8000-000000000001",
        "type": "LEVEL_RESULT",
        "schema": "1",
        "broker": BROKER,
        "subject": "5" * 64,
        "seq": 1,
        "prev": "0" * 64,
        "occurred_at": "2026-11-21T09:16:38.123+08:00",
        "recorded_at": "2026-11-21T09:16:38.456+08:00",
        "channel": "app",
        "actor": {"did": BROKER, "role": "engine"},
        "ruleset": "demo@1:0123456789abcdef",
        "document": None,
        "attachments": [],
        "signatures": [],
    } | changes


@given(values=st.dictionaries(NAMES, JSON_VALUES, max_size=5), shown=st.data())
def test_what_is_sealed_opens_again_in_every_redaction(values, shown):
    sealed = seal(envelope(), values, SALT)
    names = shown.draw(st.lists(st.sampled_from(sorted(values)), unique=True)) if values else []
    opened = open_redacted(redact(sealed, names), fingerprint=sealed.fingerprint)
    assert opened.values == {name: values[name] for name in names}
    assert set(opened.redacted) == set(values) - set(names)
    assert restore(sealed.canonical, values, SALT).fingerprint == sealed.fingerprint


def test_a_copy_never_holds_the_root_salt_nor_a_hidden_value():
    sealed = seal(envelope(), {"note": "a secret sentence", "band": "C4"}, SALT)
    text = canonical_json(redact(sealed, ["band"])).decode()
    assert SALT.hex() not in text
    assert "secret" not in text
    assert SALT.hex() not in repr(sealed)
    assert "secret" not in repr(sealed)


@pytest.mark.parametrize("path", [("fields", "total", "value"), ("fields", "total", "salt")])
def test_a_changed_value_or_salt_fails_by_name(path):
    sealed = seal(envelope(), {"total": 54}, SALT)
    forged = copy.deepcopy(redact(sealed))
    forged["fields"]["total"][path[-1]] = 55 if path[-1] == "value" else "00" * 32
    with pytest.raises(VerificationFailed, match="field-digest"):
        open_redacted(forged)


def test_a_changed_envelope_or_salt_gives_another_fingerprint():
    sealed = seal(envelope(), {"total": 54}, SALT)
    for change in ({"seq": 2}, {"type": "LEVEL_CONFIRM"}, {"subject": "6" * 64}, {"channel": "web"}, {"ruleset": None}):
        forged = redact(sealed) | {"envelope": dict(sealed.envelope) | change}
        with pytest.raises(VerificationFailed, match="fingerprint"):
            open_redacted(forged, fingerprint=sealed.fingerprint)
    with pytest.raises(VerificationFailed, match="fingerprint"):
        open_redacted(redact(sealed) | {"envelope_salt": "00" * 32}, fingerprint=sealed.fingerprint)


def test_altered_originals_are_named():
    sealed = seal(envelope(), {"total": 54, "band": "C4"}, SALT)
    assert altered_fields(sealed.envelope, {"total": 55, "band": "C4"}, SALT) == ("total",)
    with pytest.raises(VerificationFailed, match="total"):
        restore(sealed.canonical, {"total": 55, "band": "C4"}, SALT)
    with pytest.raises(VerificationFailed, match="band, total"):
        restore(sealed.canonical, {"total": 54, "band": "C4"}, bytes(32))


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"record_id": "019aa3b1-0000-4000-8000-000000000001"}, "uuid7"),
        ({"type": "level"}, "record-type"),
        ({"schema": 1}, "text"),
        ({"broker": BROKER.upper()}, "did-ethr"),
        ({"subject": "5" * 63}, "hex"),
        ({"seq": 0}, "range"),
        ({"seq": True}, "integer"),
        ({"seq": 1.0}, "integer"),
        ({"prev": ""}, "length"),
        ({"occurred_at": "2026-11-21T09:16:38Z"}, "record-time"),
        ({"channel": "fax"}, "one-of"),
        ({"actor": {"did": BROKER}}, "required"),
        ({"ruleset": ""}, "length"),
        ({"surplus": 1}, "unknown-member"),
        ({"attachments": [{"sha256": "00" * 32, "mime": "x", "bytes": 1}]}, "mime"),
        ({"signatures": [{}] * 5}, "length"),
        (
            {"signatures": [{"did": CLIENT, "key": BROKER + "#x", "alg": "Ed25519", "value": "A" * 86, "block": 1}]},
            "verification-method",
        ),
        ({"format": "bonafides.record/2", "fields": {}}, None),
    ],
)
def test_malformed_envelopes_name_their_rule(change, rule):
    if rule is None:
        assert seal(envelope(**change), {}, SALT).envelope["format"] == RECORD_FORMAT
        return
    with pytest.raises(InvalidInput) as caught:
        seal(envelope(**change), {}, SALT)
    assert caught.value.rule == rule


def test_given_digests_must_be_those_of_the_values():
    digests = field_digests({"total": 54}, SALT)
    assert seal(envelope(fields=digests), {"total": 54}, SALT).envelope["fields"] == digests
    with pytest.raises(InvalidInput):
        seal(envelope(fields=digests), {"total": 55}, SALT)
    with pytest.raises(InvalidInput):
        seal(envelope(), {"Total": 1}, SALT)
    with pytest.raises(InvalidInput):
        seal(envelope(), {}, b"short")


def signed_act(seed, values):
    draft = envelope(type="LEVEL_CONFIRM", document="level-notice@1", fields=field_digests(values, SALT))
    signature = encode_base64url(ed25519.sign(seed, act_payload_of(draft)))
    entry = {"did": CLIENT, "key": f"{CLIENT}#delegate-1", "alg": "Ed25519", "value": signature, "block": 7}
    return seal(draft | {"signatures": [entry]}, values, SALT)


def test_an_act_covers_every_field_and_survives_redaction():
    seed = hashlib.sha256(b"a wallet of tests").digest()
    sealed = signed_act(seed, {"level": "C4", "text_sha256": "ab" * 32})
    opened = open_redacted(redact(sealed, []), fingerprint=sealed.fingerprint)
    [signature] = opened.envelope["signatures"]
    verify_act(opened.envelope, signature, ed25519.public_key(seed))
    for name in ("type", "broker", "subject", "occurred_at", "document", "ruleset"):
        with pytest.raises(VerificationFailed, match="client-signature"):
            verify_act(opened.envelope | {name: "x"}, signature, ed25519.public_key(seed))
    with pytest.raises(VerificationFailed, match="client-signature"):
        verify_act(
            opened.envelope | {"fields": field_digests({"level": "C5"}, SALT)}, signature, ed25519.public_key(seed)
        )
    with pytest.raises(VerificationFailed, match="client-signature"):
        verify_act(opened.envelope, signature, ed25519.public_key(bytes(32)))


def guesses():
    """Every value that a level result of five bands and ninety-one totals can have."""
    for total, band in itertools.product(range(10, 101), ["C1", "C2", "C3", "C4", "C5"]):
        yield {"band": band, "total": total}


def test_an_unsalted_control_is_broken_by_enumeration_and_ours_is_not():
    """The control is what a naive design anchors: the hash of the same canonical record, all else being public."""
    truth = {"band": "C4", "total": 61}
    public = envelope()
    control = hashlib.sha256(canonical_json(public | {"values": truth})).digest()
    broken = [
        guess for guess in guesses() if hashlib.sha256(canonical_json(public | {"values": guess})).digest() == control
    ]
    assert broken == [truth]

    sealed = seal(public, truth, SALT)
    seen = {sealed.fingerprint, *(bytes.fromhex(digest) for digest in sealed.envelope["fields"].values())}
    keys = [b"", bytes(32), public["subject"].encode(), bytes.fromhex(public["subject"]), public["record_id"].encode()]
    for guess in guesses():
        for value in (guess["band"], guess["total"], guess, public | {"values": guess}):
            data = canonical_json(value)
            assert hashlib.sha256(data).digest() not in seen
            assert not seen & {hmac.digest(key, data, "sha256") for key in keys}
    for key in keys:  # even with the whole envelope given, nothing is learnt without its salt
        assert hmac.digest(key, sealed.canonical, "sha256") != sealed.fingerprint


def test_one_shown_field_does_not_help_to_guess_another():
    sealed = seal(envelope(), {"band": "C4", "total": 61}, SALT)
    shown = redact(sealed, ["band"])
    salts = [bytes.fromhex(shown["envelope_salt"]), bytes.fromhex(shown["fields"]["band"]["salt"])]
    target = bytes.fromhex(shown["envelope"]["fields"]["total"])
    assert all(hmac.digest(s, canonical_json(n), "sha256") != target for s in salts for n in range(101))


def test_equal_values_leave_no_equal_traces():
    one = seal(envelope(), {"a": 1, "b": 1}, SALT)
    assert one.envelope["fields"]["a"] != one.envelope["fields"]["b"]
    assert one.fingerprint != seal(envelope(), {"a": 1, "b": 1}, bytes(32)).fingerprint
