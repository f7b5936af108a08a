"""`bonafides staff`: the person's own commands, run as a person runs them; the operator's calls of the node."""

from __future__ import annotations

import io
import json
import sys

import pytest

from bonafides.cli.main import main
from bonafides.cli.support import opened_wallet as wallet_module
from bonafides.wallet.store import PASSWORD_VARIABLE
from domain.second_person import FIELD
from evidence.documents.staff_signature import act_digest, check_enrolment
from evidence.version2.salts import field_digests
from primitives import ed25519
from primitives.encoding import decode_base64url
from primitives.suites import DEFAULT
from tests.unit.bonafides.conftest import BROKER, PASSWORD, PID

DECISION = {
    "subject": PID,
    "type": "BIZ_DECIDE",
    "occurred_at": "2026-11-21T09:18:02.004+08:00",
    "channel": "branch",
    "actor": {"did": BROKER, "role": "broker-system"},
    "payload": {
        "application_id": "A-1",
        "kind": "BUY",
        "product_id": "fund-1",
        "decision": "APPROVED",
        "checks": [],
        "reviewer": "Li Wei",
        "reason": None,
    },
    "source_ref": "d-1",
}


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv(PASSWORD_VARIABLE, PASSWORD)

    def call(*words, stdin=b""):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        with pytest.raises(SystemExit) as ended:
            main(["staff", *(str(word) for word in words)])
        out, call.err = capsys.readouterr()
        assert "Traceback" not in call.err
        return ended.value.code, out

    call.wallet = tmp_path / "w"
    return call


def new(run, name="Li Wei", role="reviewer", *more, broker=BROKER):
    status, out = run("new", "--wallet", run.wallet, "--broker", broker, "--name", name, "--role", role, *more)
    assert status == 0, run.err
    return json.loads(out)


def sign(run, *rows, more=("--yes",)):
    text = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    status, out = run("sign", "--wallet", run.wallet, *more, stdin=text)
    return status, [json.loads(line) for line in out.splitlines()]


def test_a_new_key_shows_that_its_person_holds_it(run):
    made = new(run)
    assert (made["name"], made["role"], made["broker"]) == ("Li Wei", "reviewer", BROKER)
    check_enrolment(BROKER, {**made, "expires_at": "2027-11-21T00:00:00.000+08:00"})
    assert new(run) == made  # asked again: the same key
    assert new(run, "Li Wei", "reviewer", "--renew")["key"] != made["key"]


def test_keys_are_listed_without_their_secrets(run):
    made = new(run)
    status, out = run("keys", "--wallet", run.wallet)
    shown = {name: made[name] for name in ("name", "role", "broker", "key")}
    assert (status, json.loads(out)) == (0, {**shown, "suite": "sha256-ed25519/1"})


def test_a_key_is_kept_with_the_suite_of_the_brokers_records(run):
    made = new(run)
    of_sm = new(run, "Li Wei", "reviewer", "--suite", "sm3-sm2/1")
    assert of_sm == made == new(run)  # the key stays Ed25519, and the suite as it was said
    assert json.loads(run("keys", "--wallet", run.wallet)[1])["suite"] == "sm3-sm2/1"


def test_a_signature_covers_the_whole_fact(run):
    made = new(run)
    status, [signed] = sign(run, DECISION)
    assert (status, signed["source_ref"]) == (0, "d-1")
    [signature] = signed["payload"][FIELD]
    digests = field_digests(DEFAULT, DECISION["payload"], bytes.fromhex(signed["root_salt"]))
    digest = act_digest({**DECISION, "broker": BROKER, "attachments": []}, digests)
    assert signature["key"] == made["key"]
    ed25519.verify(bytes.fromhex(made["key"]), digest, decode_base64url(signature["value"], "value"))


def test_an_erasure_is_signed_as_every_other_record(run):
    """No caller hands it in as a fact, and two persons sign it all the same."""
    for name in ("Sun Yu", "He Lin"):
        new(run, name, "compliance")
    erases = [{"seq": 2, "fingerprint": "ab" * 32, "rule": "retention-20-years"}]
    erasure = {**DECISION, "type": "ERASE", "payload": {"erases": erases}}
    _, [once] = sign(run, erasure, more=("--yes", "--name", "Sun Yu"))
    status, [twice] = sign(run, once, more=("--yes", "--name", "He Lin"))
    assert (status, twice["root_salt"], len(twice["payload"][FIELD])) == (0, once["root_salt"], 2)
    status, [refused] = sign(run, {**erasure, "payload": {"erases": [{**erases[0], "rule": "at-once"}]}})
    assert (status, refused["problem"]["rule"]) == (2, "one-of")


def test_the_second_of_two_signs_under_the_salt_of_the_first(run):
    keys = [new(run, name, "committee")["key"] for name in ("Zhao Min", "Sun Yu")]
    rating = {
        **DECISION,
        "type": "PRODUCT_RATE",
        "payload": {
            "product": {"id": "P", "risk": "R2", "term": "1Y", "type": "T1"},
            "name": "fund",
            "factors": {},
            "method": "m@1",
            "committee": "committee",
            "effective_from": "2026-11-21T00:00:00.000+08:00",
        },
    }
    _, [once] = sign(run, rating, more=("--yes", "--name", "Zhao Min"))
    _, [twice] = sign(run, once, more=("--yes", "--name", "Sun Yu"))
    assert twice["root_salt"] == once["root_salt"]
    assert [entry["key"] for entry in twice["payload"][FIELD]] == keys
    status, [refused] = sign(run, twice, more=("--yes", "--name", "Sun Yu"))
    assert (status, refused["problem"]["code"]) == (2, "staff-same-person")
    _, [unclear] = sign(run, rating)
    assert unclear["problem"]["code"] == "staff-several-keys"


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"type": "BIZ_APPLY"}, "invalid-input", "type"),
        ({"type": ["BIZ_DECIDE"]}, "invalid-input", "type"),
        ({"payload": {}}, "invalid-input", "payload.application_id"),
        ({"payload": 5}, "invalid-input", "payload"),
        ({"root_salt": "00"}, "invalid-input", "root_salt"),
        ({"occurred_at": None}, None, None),
        ({"broker": "did:ethr:0x7:0x" + "bb" * 20}, "invalid-input", "broker"),
        ({"occurred_at": "2026-11-21\n    decision: REFUSED"}, "invalid-input", "occurred_at"),
        ({"channel": "a\u202eb"}, "invalid-input", "channel"),
        ({"actor": {"did": BROKER}}, "invalid-input", "actor.role"),
    ],
)
def test_a_wrong_line_is_refused_by_name(run, change, code, field):
    new(run)
    status, [answer, good] = sign(run, {**DECISION, **change}, DECISION)
    if code is not None:
        assert status == 2
        assert (answer["problem"]["code"], answer["problem"]["field"]) == (code, field)
    assert FIELD in good["payload"]


def test_what_is_missing_is_named(run):
    new(run)
    for name in ("subject", "type", "occurred_at", "channel", "actor", "payload"):
        _, [answer] = sign(run, {key: value for key, value in DECISION.items() if key != name})
        assert (answer["problem"]["field"], answer["problem"]["rule"]) == (name, "required")


def test_who_has_no_key_of_the_role_signs_nothing(run):
    new(run, "Li Wei", "compliance")
    status, [answer] = sign(run, DECISION)
    assert (status, answer["problem"]["code"]) == (2, "staff-no-key")
    _, [answer] = sign(run, DECISION, more=("--yes", "--name", "Sun Yu"))
    assert answer["problem"]["code"] == "staff-no-key"


@pytest.mark.parametrize(("answer", "status"), [(b"y\n", 0), (b"n\n", 2), (b"\n", 2)])
def test_the_person_is_shown_the_fact_and_asked(run, tmp_path, answer, status):
    new(run)
    attached = {"sha256": "ab" * 32, "mime": "application/pdf", "bytes": 9}
    (tmp_path / "facts").write_text(json.dumps({**DECISION, "attachments": [attached]}), encoding="utf-8")
    ended, out = run("sign", "--wallet", run.wallet, "--file", tmp_path / "facts", stdin=answer)
    assert ended == status
    assert (FIELD in json.loads(out).get("payload", {})) == (status == 0)
    for told in ("decision: APPROVED", BROKER, "channel branch", "ab" * 32, "broker-system"):
        assert told in run.err
    assert "Sign this as Li Wei, reviewer?" in run.err


def test_without_a_terminal_nobody_is_asked(run, monkeypatch, tmp_path):
    new(run)
    monkeypatch.setattr(wallet_module, "_TERMINAL", tmp_path / "no terminal")
    status, [answer] = sign(run, DECISION, more=())
    assert (status, answer["problem"]["code"]) == (2, "wallet-nobody-asked")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--broker", "two\nlines", "--name", "Li Wei", "--role", "reviewer"), "invalid-input"),
        (("--broker", "a broker", "--name", "Li Wei", "--role", "reviewer"), "invalid-input"),
        (("--broker", BROKER, "--name", "", "--role", "reviewer"), "invalid-input"),
        (("--broker", BROKER, "--name", "Li  Wei", "--role", "reviewer"), "invalid-input"),
        (("--broker", BROKER, "--name", "x" * 121, "--role", "reviewer"), "invalid-input"),
    ],
)
def test_a_malformed_name_makes_no_key_and_no_wallet(run, words, code):
    status, _ = run("new", "--wallet", run.wallet, *words)
    assert (status, run.err.split()[1], run.wallet.exists()) == (2, code, False)
    assert run("keys", "--wallet", run.wallet)[1] == ""
