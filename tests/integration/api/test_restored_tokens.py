"""A token that was revoked after the backup is not valid again in the restored node."""

import pytest

from node_adapter.store import restored as restored_copy
from node_adapter.store import tokens
from node_adapter.store.engine import open_store
from node_adapter.workflows.identity.staff_tokens import confirm_tokens, make_token, revoke_token
from tests.world.broker import TOKENS
from tests.world.databases import copy_file

pytestmark = pytest.mark.both_databases


@pytest.fixture
def restored(broker, tmp_path):
    """A broker whose compliance token was revoked after the copy was made, from which it then goes on."""
    copy = tmp_path / "copy.db"
    copy_file(broker.path, copy)
    broker.clock.sleep(1)
    with broker.store.write() as connection:
        revoke_token(connection, tokens.find_token(connection, TOKENS["compliance"]).id, broker.clock.now)
    assert said(broker, "compliance") == "token-revoked"
    before, store = broker.node.store, open_store(copy)
    with store.write() as connection:
        restored_copy.mark(connection, broker.clock.now)
    change_store(broker.node, store)
    yield broker
    broker.node.store.dispose()
    change_store(broker.node, before)


def change_store(node, store):
    object.__setattr__(node, "store", store)
    vars(node).pop("recent", None)  # what was read of the other one


def said(broker, role):
    return broker.get("/v1/replay-orders", role=role).get_json().get("code")


def states(broker):
    with broker.node.store.read() as connection:
        return {row.role: row.ended(broker.clock.now) for row in tokens.staff_tokens(connection)}


def test_no_token_of_a_restored_copy_counts_before_it_is_confirmed(restored):
    assert said(restored, "compliance") == "token-unconfirmed"
    assert set(states(restored).values()) == {"token-unconfirmed"}


def test_the_operator_revokes_again_and_confirms_the_others(restored):
    with restored.node.store.write() as connection:
        again = tokens.find_token(connection, TOKENS["compliance"])
        revoke_token(connection, again.id, restored.clock.now)
        confirmed = confirm_tokens(connection, restored.clock.now)
    assert again.id not in {row.id for row in confirmed}
    assert states(restored).pop("compliance") == "token-revoked"
    assert {state for role, state in states(restored).items() if role != "compliance"} == {None}
    assert said(restored, "compliance") == "token-revoked"


def test_a_token_that_is_made_after_the_restore_counts_at_once(restored):
    with restored.node.store.write() as connection:
        made = make_token(
            connection,
            name="on duty",
            role="operator",
            member_role="broker",
            days=1,
            entropy=bytes,
            now_ms=restored.clock.now,
        )
    assert made.row.ended(restored.clock.now) is None
    with restored.node.store.read() as connection:
        assert tokens.find_token(connection, made.text).ended(restored.clock.now) is None


def test_no_token_counts_in_a_copy_that_was_put_back_by_hand(broker):
    """The chain process finds it out, and marks it; it does so once, whatever the operator confirms meanwhile."""
    with broker.store.write() as connection:
        restored_copy.mark(connection, broker.clock.now)
    assert said(broker, "compliance") == "token-unconfirmed"
    with broker.store.write() as connection:
        confirm_tokens(connection, broker.clock.now)
        restored_copy.mark(connection, broker.clock.now)
    assert said(broker, "compliance") is None


def test_a_token_that_was_made_by_a_clock_that_ran_ahead_does_not_count_either(broker):
    broker.clock.now += 30 * 86_400_000
    with broker.store.write() as connection:
        tokens.insert_token(connection, "ahead", "operator", name="ahead", created_at=broker.clock.now)
    broker.clock.now -= 30 * 86_400_000
    with broker.store.write() as connection:
        restored_copy.mark(connection, broker.clock.now)
        assert tokens.find_token(connection, "ahead").ended(broker.clock.now) == "token-unconfirmed"


def test_the_sessions_of_clients_end(broker):
    with broker.store.write() as connection:
        tokens.insert_token(connection, "session", tokens.CLIENT_ROLE, name="did:x", did="did:x")
        tokens.suspend_all(connection, broker.clock.now)
        assert tokens.find_token(connection, "session") is None
