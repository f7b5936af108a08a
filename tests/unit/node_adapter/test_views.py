"""The in-process cache: a value is used only for the version that it was made from, and only once it is the truth."""

import ast
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from node_adapter.store.engine import open_store
from node_adapter.views import Views
from tests.refused_commit import refuse

CODE = Path(__file__).parents[3] / "node_adapter"
CHECKED_BY_AN_ANCHOR = {"batch trees"}


@pytest.fixture
def store(tmp_path):
    store = open_store(tmp_path / "node.db")
    yield store
    store.dispose()


def test_a_value_is_made_once_per_version(store):
    views, made = Views(), []

    def make():
        made.append(len(made))
        return made[-1]

    with store.read() as connection:
        assert [views.get(connection, "k", "a", version, make) for version in (1, 1, 2)] == [0, 0, 1]
        assert views.get(connection, "k", "b", 2, make) == 2
        assert views.get(connection, "other", "a", 2, make) == 3


def test_peek_tells_what_is_kept_whatever_its_version(store):
    views = Views()
    assert views.peek("k", "a") is None
    with store.read() as connection:
        views.get(connection, "k", "a", 1, lambda: "value")
    assert views.peek("k", "a") == "value"


def test_the_least_used_entry_makes_room(store):
    views = Views(max_entries=2)
    with store.read() as connection:
        for key in "abac":
            views.get(connection, "k", key, 1, lambda key=key: key)
    assert [views.peek("k", key) for key in "abc"] == ["a", None, "c"]
    views.holder("k", "d", list)
    assert [views.peek("k", key) for key in "acd"] == [None, "c", []]


def test_a_holder_is_one_object_that_grows():
    views = Views()
    views.holder("k", "a", list).append(1)
    views.holder("k", "a", list).append(2)
    assert views.holder("k", "a", list) == [1, 2]


def test_what_a_write_transaction_derives_is_kept_when_it_is_committed(store):
    views = Views()
    with store.write() as connection:
        assert views.get(connection, "k", "a", 1, lambda: "value") == "value"
        assert views.peek("k", "a") is None
    assert views.peek("k", "a") == "value"


def test_nothing_is_kept_of_what_is_rolled_back(store):
    views = Views()
    with store.read() as connection:
        views.get(connection, "k", "a", 1, lambda: "the truth")
    for end, error in ((_fail, RuntimeError), (refuse, IntegrityError)):
        with pytest.raises(error):
            _derive(store, views, end)
    assert views.peek("k", "a") == "the truth"
    with store.write() as connection:
        assert views.get(connection, "k", "a", 2, lambda: "of another process") == "of another process"


def _derive(store, views, end):
    with store.write() as connection:
        assert views.get(connection, "k", "a", 2, lambda: "never was") == "never was"
        end(connection)


def _fail(_):
    raise RuntimeError


def test_only_what_an_anchor_checks_is_held_without_a_transaction():
    """Whatever else is kept is given its transaction (`Views.get`), so that it waits for the commit."""
    held, found = set(), 0
    for path in CODE.rglob("*.py"):
        for call in (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)):
            if isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value).endswith("views"):
                found += 1
                assert call.func.attr in ("get", "peek", "holder"), f"{path}:{call.lineno}"
                if call.func.attr == "holder":
                    held.add(ast.literal_eval(call.args[0]))
    assert held == CHECKED_BY_AN_ANCHOR
    assert found > len(held)
