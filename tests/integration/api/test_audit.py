"""An audit of a broker's log over HTTP: by anybody, with a member's node, cut short, and where something is wrong."""

from __future__ import annotations

import json

import httpx
import pytest
from click.testing import CliRunner
from sqlalchemy import select

from bonafides.cli import audit as command
from bonafides.client import Client
from evidence.version2.shapes import hashes_text
from node_adapter.store import schema
from primitives.errors import CouldNotCheck, InvalidInput, VerificationFailed
from tests.world.broker import TOKENS
from tests.world.members import Members


@pytest.fixture
def members(tmp_path, chain):
    """Two brokers and a regulator; north has anchored twice."""
    members = Members(tmp_path, chain)
    north = members["north"]
    north.install()
    north.assess(north.enrol("client one"))
    north.anchor()
    members.more("north")
    yield members
    members.close()


@pytest.fixture
def audit(members, tmp_path, monkeypatch):
    """Run the command; what it fetches goes to the nodes' whole interface."""

    def client(url, token=None):
        name = url.removeprefix("http://").partition(".")[0]
        return Client(url, token, transport=httpx.WSGITransport(members[name].app))

    monkeypatch.setattr(command, "Client", client)
    monkeypatch.setattr(command, "open_client", lambda _dir, url, _token, role: client(url, TOKENS[role]))
    state = tmp_path / "audit.json"

    def run(*options):
        arguments = [members["north"].did, "--state", str(state), *options]
        answer = CliRunner().invoke(command.audit, arguments, catch_exceptions=False, standalone_mode=False)
        return json.loads(answer.stdout)

    run.state = state
    return run


MEMBER = ("--url", "http://regulator.example")
PUBLIC = ("--at", "http://north.example")


def test_anybody_checks_the_public_part_and_hears_what_was_not_checked(audit, members):
    key = members["north"].keys.newest.signing_public.hex()
    report = audit(*PUBLIC, "--key", key)
    assert report["seq"] == 3
    assert set(report["checked"]) == {"checkpoint-signature", "audit-leaves", "audit-tree", "tiles"}
    assert set(report["not_checked"]) == {"chain-leaves", "growth", "cosignatures", "records"}
    assert report["cosigned"] == []


def test_without_a_key_the_signature_is_not_checked(audit):
    report = audit(*PUBLIC)
    assert "checkpoint-signature" in report["not_checked"]
    assert "checkpoint-signature" not in report["checked"]


def test_another_key_is_told(audit):
    with pytest.raises(VerificationFailed, match="checkpoint-signature"):
        audit(*PUBLIC, "--key", "11" * 32)


def test_with_a_members_node_all_is_checked(audit):
    report = audit(*MEMBER)
    assert set(report["checked"]) == {
        "checkpoint-signature",
        "audit-leaves",
        "audit-tree",
        "tiles",
        "chain-leaves",
        "growth",
        "cosignatures",
    }
    assert set(report["not_checked"]) == {"records"}
    assert report["from"] == 0


def test_an_audit_goes_on_where_one_stopped(audit, members):
    audit(*PUBLIC)
    members.more("north")
    report = audit(*MEMBER)
    assert (report["from"], report["seq"]) == (3, 4)
    assert report["checked"]["audit-leaves"].startswith("1 leaves")
    assert report["checked"]["growth"].startswith("from anchor 1 to 4")
    members.more("north")
    report = audit(*MEMBER)
    assert report["checked"]["growth"].startswith("from anchor 4 to 5")
    assert report["checked"]["chain-leaves"].startswith("leaves 5 to 5")


def test_what_was_gone_over_is_kept_when_it_is_cut_short(audit, members):
    audit(*PUBLIC)
    members.more("north")
    members.down = {"north"}  # its public log answers, its messages do not
    with pytest.raises(CouldNotCheck):
        audit(*MEMBER)
    state = json.loads(audit.state.read_text("utf-8"))
    assert (state["seq"], state["compared"], state["growth"]) == (4, 4, None)
    members.down = set()
    assert audit(*MEMBER)["from"] == 4


def test_growth_that_does_not_hold_is_named(audit, members):
    with members["north"].store.write() as connection:
        connection.execute(schema.log_growth.delete().where(schema.log_growth.c.seq == 3))
    with pytest.raises(VerificationFailed, match="growth-batch"):
        audit(*MEMBER)
    assert json.loads(audit.state.read_text("utf-8"))["growth"] is None


def test_leaves_that_do_not_stand_on_the_chain_are_named(audit, members):
    """A broker that serves another log than the one that it anchored, under its own good signature."""
    south = members["south"]
    south.install()
    members.more("south")
    with south.store.read() as connection:
        rows = [tuple(row) for row in connection.execute(schema.log_leaf.select())]
    with members["north"].store.write() as connection:
        connection.execute(schema.log_leaf.update().where(schema.log_leaf.c.seq == 2).values(leaf=rows[1][1]))
    with pytest.raises(VerificationFailed, match="audit-"):
        audit(*MEMBER)


def test_a_log_that_became_shorter_is_told(audit, members):
    audit(*PUBLIC)
    state = json.loads(audit.state.read_text("utf-8"))
    audit.state.write_text(json.dumps({**state, "seq": 7, "peaks": hashes_text([bytes(32)] * 3)}), "utf-8")
    with pytest.raises(VerificationFailed, match="audit-tree: the log shows 3 leaves, 7 were there"):
        audit(*PUBLIC)


def test_a_state_of_another_log_is_refused(audit, members):
    audit(*PUBLIC)
    state = json.loads(audit.state.read_text("utf-8"))
    audit.state.write_text(json.dumps({**state, "broker": members["south"].did}), "utf-8")
    with pytest.raises(InvalidInput, match=r"state\.broker: is of"):
        audit(*PUBLIC)


def test_who_has_anchored_nothing_has_no_log(members):
    regulator = members["regulator"]
    path = f"/v1/logs/{members['south'].did}"
    for more in ("", "/leaves", "/growth"):
        answer = regulator.get(f"{path}{more}", role="operator")
        assert (answer.status_code, answer.get_json()["code"]) == (404, "log-not-found")
    assert regulator.get(path, role="broker-system").status_code == 403
    assert regulator.get(path, role=None).status_code == 401


def test_a_broker_may_audit_its_own_log(audit):
    report = audit("--url", "http://north.example", "--at", "http://north.example")
    assert "growth" in report["checked"]


def cosigned(report):
    """By which version of its keys each member cosigned; None of one that is missing."""
    return {one["name"]: one["cosigned"] and one["cosigned"]["key_version"] for one in report["cosigned"]}


def test_the_cosignatures_under_the_checkpoint_are_checked_and_the_missing_ones_named(audit, members, chain):
    report = audit(*MEMBER)
    assert cosigned(report) == {"south": None, "regulator": None}
    assert report["checked"]["cosignatures"].startswith("0 of 2 other active members cosigned it; missing: did:ethr:")
    members.down = {"south"}
    members.cosign("north")
    members.down = set()
    report = audit(*MEMBER)
    assert cosigned(report) == {"south": None, "regulator": 1}
    south = f"{members['south'].did} (south)"
    assert report["checked"]["cosignatures"] == f"1 of 2 other active members cosigned it; missing: {south}"
    members.cosign("north")
    chain.suspend("south")
    report = audit(*MEMBER)
    assert cosigned(report) == {"south": 1, "regulator": 1}, "who cosigned and is suspended since is named"
    assert report["checked"]["cosignatures"] == "1 of 1 other active members cosigned it"
    members["regulator"].rotate()
    report = audit("--url", "http://north.example", "--at", "http://north.example")
    assert [one["newest_key_version"] for one in report["cosigned"] if one["name"] == "regulator"] == [2]
    assert cosigned(report)["regulator"] == 1, "by the key that it had"
    members.more("north")
    members.cosign("north")
    assert cosigned(audit(*MEMBER)) == {"regulator": 2}


def test_a_cosignature_that_is_none_is_told(audit, members):
    """A member's line of an earlier checkpoint: the broker may serve what it likes."""
    members.cosign("north")
    members.more("north")
    members.cosign("north")
    table, south = schema.cosignature, members["south"].keys.address
    with members["north"].store.write() as connection:
        query = select(table.c.line).where(table.c.witness == south).order_by(table.c.seq)
        earlier, _ = connection.execute(query).scalars()
        connection.execute(table.update().where(table.c.witness == south).values(line=earlier))
    with pytest.raises(VerificationFailed, match="cosignature: did:ethr:"):
        audit(*MEMBER)
