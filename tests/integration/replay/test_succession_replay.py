"""A replay shows every identity that a client had, and a verifier sees that both histories name the tie."""

import json

import pytest
from sqlalchemy import update

from bonafides.cli.main import main
from node_adapter.store import records
from node_adapter.store.schema import record
from node_adapter.workflows.intake.gates import ask_gates
from tests.world.headers import over_headers
from tests.world.payloads import PAYLOADS
from tests.world.replays import replay, trust_words


@pytest.fixture
def broker(tmp_path):
    made = over_headers(tmp_path)
    yield made
    made.store.dispose()


@pytest.fixture
def clients(broker):
    """The same person with a lost wallet and with a new one; both identities are anchored."""
    old = broker.enrol("the lost wallet")
    new = broker.enrol("the new wallet", succeeds=old)
    broker.assess(old)
    broker.submit(new, "ID_VERIFY", PAYLOAD)
    succeed(broker, new, old)
    broker.anchor()
    return old, new


PAYLOAD = {
    "id_kind": "ID_CARD",
    "id_commitment": "ab" * 48,
    "face_score": 99,
    "liveness": True,
    "police_check_ref": "counter-1",
    "valid_to": None,
}


def succeed(broker, new, old):
    with broker.store.read() as connection:
        [identity] = [row for row in rows(connection, new.subject) if row.type == "ID_VERIFY"]
    values = {
        "predecessor": old.subject,
        "predecessor_did": old.did,
        "identity_ref": identity.fingerprint.hex(),
        "reason": "WALLET_LOST",
    }
    return broker.act(new, "ID_SUCCEED", values, "identity-succeed@1")


def rows(connection, subject):
    return records.of_subject(connection, subject)


def run(capsys, *words):
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    text, error = capsys.readouterr()
    return ended.value.code, text, error


def test_both_histories_are_shown_from_either_side(broker, clients):
    old, new = clients
    shown = replay(broker.node, {"did": new.did, "case": "1", "reason": "lost"})
    [other] = shown["related"]
    assert (other["relation"], other["subject"], other["did"]) == ("predecessor", old.subject, old.did)
    assert "更换钱包" in shown["report_html"]
    types = {record["type"] for record in other["report"]["records"]}
    assert {"LEVEL_CONFIRM", "ID_SUCCEEDED"} <= types
    back = replay(broker.node, {"subject": old.subject, "case": "1", "reason": "lost"})
    [other] = back["related"]
    assert (other["relation"], other["did"]) == ("successor", new.did)
    assert all(entry["report"]["conclusion"]["ok"] for entry in (shown, back, *shown["related"], *back["related"]))
    # each reading of the originals stands in the history that was read
    for subject in (old.subject, new.subject):
        with broker.store.read() as connection:
            assert [row.type for row in rows(connection, subject)].count("ACCESS_LOG") == 2


def test_a_chain_of_wallets_is_followed_to_its_end(broker, clients):
    old, new = clients
    third = broker.enrol("the third wallet", succeeds=new)
    broker.submit(third, "ID_VERIFY", PAYLOAD)
    succeed(broker, third, new)
    broker.anchor()
    shown = replay(broker.node, {"did": third.did, "case": "1", "reason": "lost"})
    assert [(entry["relation"], entry["did"]) for entry in shown["related"]] == [
        ("predecessor", new.did),
        ("predecessor", old.did),
    ]


def test_the_verifier_names_the_tie_and_checks_it(broker, clients, tmp_path, capsys):
    old, new = clients
    shown = replay(broker.node, {"did": new.did, "case": "1", "reason": "lost"})
    files = {"new": shown["bundle"], "old": shown["related"][0]["bundle"]}
    for name, text in files.items():
        (tmp_path / name).write_text(text, "utf-8")
    trust = trust_words(broker.node, tmp_path, *files.values())
    alone = run(capsys, "verify", tmp_path / "new", *trust)
    assert alone[0] == 0
    assert f"had the identity {old.did} (subject {old.subject}) before" in alone[1]
    for one, other in (("new", "old"), ("old", "new")):
        words = ("verify", tmp_path / one, *trust, "--related", tmp_path / other, "--json")
        status, text, _ = run(capsys, *words)
        assert status == 0
        assert f"{new.did} took over from {old.did}" in " ".join(json.loads(text)["notes"])


def test_held_promises_of_both_identities_are_asked_of_the_bundle_of_each(broker, clients, tmp_path, capsys):
    old, new = clients
    early = replay(broker.node, {"did": new.did, "case": "1", "reason": "lost"})
    broker.anchor()
    broker.clock.sleep(600)
    broker.submit(new, "DUTY_NOTICE", PAYLOADS["DUTY_NOTICE"])
    broker.anchor()
    late = replay(broker.node, {"did": new.did, "case": "1", "reason": "lost"})
    with broker.store.read() as connection:
        held = [row.promise for pid in (old.subject, new.subject) for row in rows(connection, pid) if row.promise]
    for made, shown in (("early", early), ("late", late)):
        (tmp_path / made).write_text(shown["bundle"], "utf-8")
        (tmp_path / f"{made} old").write_text(shown["related"][0]["bundle"], "utf-8")
    (tmp_path / "held").write_text("\n".join(held[:-2]), "utf-8")
    trust = trust_words(broker.node, tmp_path, early["bundle"], late["bundle"])
    words = ("verify", tmp_path / "late", *trust, "--promises", tmp_path / "held")
    assert run(capsys, *words)[0] == 1  # of one of them nothing is shown
    assert run(capsys, *words, "--related", tmp_path / "late old")[0] == 0
    status, text, error = run(capsys, *words, "--related", tmp_path / "early old")
    assert status == 0  # at the block where the old bundle ends, it did not owe yet what came later, and it says so
    assert f"the bundle of {old.did}: it ends at block" in text + error


def test_a_bundle_of_somebody_else_is_no_related_one(broker, clients, tmp_path, capsys):
    _, new = clients
    stranger = broker.enrol("a stranger")
    broker.assess(stranger)
    broker.anchor()
    for name, client in (("new", new), ("stranger", stranger)):
        shown = replay(broker.node, {"did": client.did, "case": "1", "reason": "lost"})
        (tmp_path / name).write_text(shown["bundle"], "utf-8")
    trust = trust_words(broker.node, tmp_path, shown["bundle"])
    words = ("verify", tmp_path / "new", *trust, "--related", tmp_path / "stranger")
    status, _, error = run(capsys, *words)
    assert (status, error.split()[1]) == (1, "succession")


@pytest.fixture
def spanning(tmp_path):
    made = over_headers(tmp_path, packaged="sac-bands@4")
    yield made
    made.store.dispose()


def informed(broker, client):
    for type_ in ("ID_VERIFY", "INFO_COLLECT", "DUTY_NOTICE"):
        broker.submit(client, type_, PAYLOADS[type_])
    return client


def answered_too_often(broker):
    """One assessment under each of two wallets, and one too many under the third."""
    old = informed(broker, broker.enrol("first"))
    broker.submit(old, "Q_SUBMIT", PAYLOADS["Q_SUBMIT"])
    middle = informed(broker, broker.enrol("second", succeeds=old))
    succeed(broker, middle, old)
    broker.submit(middle, "Q_SUBMIT", PAYLOADS["Q_SUBMIT"])
    new = informed(broker, broker.enrol("third", succeeds=middle))
    succeed(broker, new, middle)
    asked = ask_gates(broker.node, [{"subject": new.subject, "act": "Q_SUBMIT"}])
    assert [(answer["allowed"], answer["code"]) for answer in asked] == [(False, "TOO_MANY_ASSESSMENTS")]
    made = broker.submit(new, "Q_SUBMIT", PAYLOADS["Q_SUBMIT"])
    assert [finding["code"] for finding in made.findings] == ["TOO_MANY_ASSESSMENTS"]
    broker.anchor()
    return old, middle, new


def test_gate_intake_replay_and_verifier_count_across_the_wallets(spanning, tmp_path, capsys):
    old, middle, new = answered_too_often(spanning)
    shown = replay(spanning.node, {"did": new.did, "case": "1", "reason": "lost"})
    [found] = shown["report"]["findings"]
    assert (found["code"], found["stored"]) == ("TOO_MANY_ASSESSMENTS", True)
    assert (shown["report"]["rules"]["not_asked"], shown["report"]["missing_findings"]) == ([], [])
    for name, text in (("new", shown["bundle"]), *((entry["did"], entry["bundle"]) for entry in shown["related"])):
        (tmp_path / name.replace(":", "-")).write_text(text, "utf-8")
    trust = trust_words(spanning.node, tmp_path, shown["bundle"])
    words = ["verify", tmp_path / "new", *trust, "--json", "--require-rules"]
    status, text, _ = run(capsys, *words)
    said = json.loads(text)
    assert (status, said["findings"]) == (1, [])  # a stranger who sees one history alone is told so
    assert [entry["type"] for entry in said["rules"]["not_asked"]] == ["ID_SUCCEED", "Q_SUBMIT"]
    for given in ([middle], [middle, old]):
        related = [word for one in given for word in ("--related", tmp_path / one.did.replace(":", "-"))]
        status, text, _ = run(capsys, *words, *related)
        said = json.loads(text)
        whole = given == [middle, old]
        assert (status, said["rules"]["not_asked"] == []) == ((0, True) if whole else (1, False))
        assert [entry["code"] for entry in said["findings"]] == (["TOO_MANY_ASSESSMENTS"] if whole else [])
        assert any(f"had the identity {old.did}" in note for note in said["notes"]) is not whole
    [finding] = said["findings"]
    assert finding["detail"] == found["detail"] == "2 assessments just before, 2 of them under an identity before"
    twice = ["--related", tmp_path / old.did.replace(":", "-")] * 2
    assert "two bundles are of the subject" in run(capsys, *words, *twice)[2]


def test_a_bundle_of_before_that_ends_too_early_is_named(spanning, tmp_path, capsys):
    *_, middle, new = answered_too_often(spanning)
    early = replay(spanning.node, {"did": middle.did, "case": "1", "reason": "lost"})
    spanning.submit(new, "Q_SUBMIT", PAYLOADS["Q_SUBMIT"])
    spanning.anchor()
    late = replay(spanning.node, {"did": new.did, "case": "1", "reason": "lost"})
    [old] = [entry["bundle"] for entry in early["related"] if entry["relation"] == "predecessor"]
    predecessors = {"middle": early["bundle"], "old": old}
    for name, text in {"new": late["bundle"], **predecessors}.items():
        (tmp_path / name).write_text(text, "utf-8")
    trust = trust_words(spanning.node, tmp_path, early["bundle"], late["bundle"])
    related = [word for name in predecessors for word in ("--related", tmp_path / name)]
    words = ("verify", tmp_path / "new", *trust, "--json", *related)
    status, text, _ = run(capsys, *words)
    said = json.loads(text)
    assert status == 0
    codes = [entry["code"] for entry in said["findings"] if entry["code"] != "SECOND_PERSON_MISSING"]  # of the look
    assert codes == ["TOO_MANY_ASSESSMENTS"] * 2
    [entry] = said["rules"]["not_asked"]
    assert "that are at hand end before it" in entry["reason"]
    told = f"the bundle of {middle.did}: it ends at block"
    assert any(note.startswith(told) for note in said["notes"])


def test_a_tie_whose_payload_is_gone_is_followed_no_further_and_named(spanning):
    *_, new = answered_too_often(spanning)
    with spanning.store.write() as connection:
        erased = update(record).where(record.c.pid == new.subject, record.c.type == "ID_SUCCEED")
        connection.execute(erased.values(payload=None, root_salt=None))
    shown = replay(spanning.node, {"did": new.did, "case": "1", "reason": "lost"})
    assert shown["related"] == []
    reasons = {entry["type"]: entry["reason"] for entry in shown["report"]["rules"]["not_asked"]}
    assert "one whose pseudonym is not shown" in reasons["Q_SUBMIT"]
    [missing] = shown["report"]["missing_findings"]
    assert missing["code"] == "TOO_MANY_ASSESSMENTS"
