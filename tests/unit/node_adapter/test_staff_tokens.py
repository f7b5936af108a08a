import pytest

from node_adapter.store.engine import open_store
from node_adapter.store.migrate import upgrade
from node_adapter.store.tokens import find_token, insert_token, staff_tokens
from node_adapter.workflows.identity.staff_tokens import (
    DAY_MS,
    HOUR_MS,
    MAX_DAYS,
    describe,
    ending_soon,
    make_token,
    renew_token,
    replace_token_file,
    revoke_token,
    token_file,
)
from primitives.errors import InvalidInput, Refused

pytestmark = pytest.mark.both_databases
NOW = 1_790_000_000_000


@pytest.fixture
def connection(tmp_path):
    upgrade(tmp_path / "node.db")
    store = open_store(tmp_path / "node.db")
    with store.write() as opened:
        yield opened
    store.dispose()


def entropy(count, state=[0]):  # noqa: B006 - a counter: every draw differs
    state[0] += 1
    return state[0].to_bytes(count)


def make(connection, name="Li Wei", role="compliance", days=90, now_ms=NOW):
    return make_token(connection, name=name, role=role, member_role="broker", days=days, entropy=entropy, now_ms=now_ms)


def renew(connection, token_id, now_ms, overlap_hours=24):
    return renew_token(
        connection,
        token_id,
        member_role="broker",
        days=90,
        overlap_hours=overlap_hours,
        entropy=entropy,
        now_ms=now_ms,
    )


def test_a_token_names_its_holder_and_ends(connection):
    made = make(connection)
    row = find_token(connection, made.text)
    assert (row.name, row.role, row.created_at, row.expires_at) == ("Li Wei", "compliance", NOW, NOW + 90 * DAY_MS)
    assert row.ended(NOW + 90 * DAY_MS - 1) is None
    assert row.ended(NOW + 90 * DAY_MS) == "token-expired"
    assert made.text not in repr(made)
    assert describe(row, NOW)["state"] == "valid"


def test_renewing_lets_both_work_for_a_while(connection):
    first = make(connection)
    later = NOW + 80 * DAY_MS
    old, second = renew(connection, first.row.id, later)
    assert (second.row.name, second.row.role) == ("Li Wei", "compliance")
    assert second.text != first.text
    row = find_token(connection, first.text)
    assert old.digest == row.digest
    assert row.ended(later + 24 * HOUR_MS - 1) is None
    assert row.ended(later + 24 * HOUR_MS) == "token-expired"
    assert find_token(connection, second.text).ended(later + 89 * DAY_MS) is None


def test_renewing_never_lengthens_the_old_one(connection):
    first = make(connection, days=1)
    renew(connection, first.row.id, NOW + 23 * HOUR_MS)
    assert find_token(connection, first.text).expires_at == NOW + DAY_MS


def test_what_was_revoked_is_refused_and_cannot_be_renewed(connection):
    made = make(connection)
    assert revoke_token(connection, made.row.id, NOW + 5).ended(NOW + 5) == "token-revoked"
    assert revoke_token(connection, made.row.id, NOW + 9).revoked_at == NOW + 5
    with pytest.raises(Refused) as caught:
        renew(connection, made.row.id, NOW + 6)
    assert caught.value.code == "token-revoked"
    with pytest.raises(Refused) as caught:
        revoke_token(connection, "000000000000", NOW)
    assert caught.value.code == "token-not-found"


def test_a_client_s_session_is_no_token_of_the_staff(connection):
    row = insert_token(connection, "session", "client", name="did:ethr:x", did="did:ethr:x", expires_at=NOW + 1)
    assert staff_tokens(connection) == []
    with pytest.raises(Refused):
        revoke_token(connection, row.id, NOW)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": " Li"}, "name"),
        ({"name": "Li\nWei"}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"role": "regulator"}, "role"),
        ({"role": "client"}, "role"),
        ({"days": 0}, "days"),
        ({"days": MAX_DAYS + 1}, "days"),
    ],
)
def test_malformed_input_is_refused_by_name(connection, change, field):
    with pytest.raises(InvalidInput) as caught:
        make(connection, **change)
    assert caught.value.field == field
    assert staff_tokens(connection) == []


def test_the_operator_is_warned_of_what_ends_without_a_successor(connection):
    make(connection, name="long", days=90)
    short = make(connection, name="short", days=20)
    renewed = make(connection, name="renewed", days=20)
    renew(connection, renewed.row.id, NOW)
    insert_token(connection, "endless", "operator", name="endless")
    assert [row.id for row in ending_soon(staff_tokens(connection), NOW)] == [short.row.id]
    assert ending_soon(staff_tokens(connection), NOW + 21 * DAY_MS) == []


def test_only_the_file_that_holds_the_old_token_is_replaced(connection, tmp_path):
    made, other = make(connection), make(connection, name="other")
    file = token_file(tmp_path, "compliance")
    assert replace_token_file(tmp_path, made.row, "new") is None
    file.parent.mkdir()
    file.write_text(made.text + "\n", "utf-8")
    assert replace_token_file(tmp_path, other.row, "new") is None
    assert file.read_text("utf-8") == made.text + "\n"
    assert replace_token_file(tmp_path, made.row, "new") == file
    assert file.read_text("utf-8") == "new\n"
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_token_is_named_by_its_holder_while_the_holder_has_one(connection):
    first = make(connection)
    old, second = renew(connection, "Li Wei", NOW)
    assert old.id == first.row.id
    with pytest.raises(Refused) as caught:
        revoke_token(connection, "Li Wei", NOW + 1)
    assert caught.value.code == "token-ambiguous"
    assert first.row.id in caught.value.detail
    later = NOW + 25 * HOUR_MS
    assert revoke_token(connection, "Li Wei", later).id == second.row.id
    with pytest.raises(Refused):
        revoke_token(connection, "Li Wei", later + 1)
