"""A replay shows every identity that a client had, and a verifier sees that both histories name the tie."""

import json

import pytest

from bonafides.cli.main import main
from node_adapter.store import records
from node_adapter.workflows.replay import replay
from node_adapter.workflows.trust_file import trust_file
from tests.integration.replay.replay_kit import Broker


@pytest.fixture
def broker(tmp_path):
    made = Broker(tmp_path)
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
    (tmp_path / "trust").write_bytes(trust_file(broker.node))
    alone = run(capsys, "verify", tmp_path / "new", "--trust", tmp_path / "trust")
    assert alone[0] == 0
    assert f"had the identity {old.did} (subject {old.subject}) before" in alone[1]
    for one, other in (("new", "old"), ("old", "new")):
        words = ("verify", tmp_path / one, "--trust", tmp_path / "trust", "--related", tmp_path / other, "--json")
        status, text, _ = run(capsys, *words)
        assert status == 0
        assert f"{new.did} took over from {old.did}" in " ".join(json.loads(text)["notes"])


def test_a_bundle_of_somebody_else_is_no_related_one(broker, clients, tmp_path, capsys):
    _, new = clients
    stranger = broker.enrol("a stranger")
    broker.assess(stranger)
    broker.anchor()
    for name, client in (("new", new), ("stranger", stranger)):
        shown = replay(broker.node, {"did": client.did, "case": "1", "reason": "lost"})
        (tmp_path / name).write_text(shown["bundle"], "utf-8")
    (tmp_path / "trust").write_bytes(trust_file(broker.node))
    words = ("verify", tmp_path / "new", "--trust", tmp_path / "trust", "--related", tmp_path / "stranger")
    status, _, error = run(capsys, *words)
    assert (status, error.split()[1]) == (1, "succession")
