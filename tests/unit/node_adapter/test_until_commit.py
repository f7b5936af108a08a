"""What is kept of a store is never older than its last commit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from node_adapter.store import identity
from node_adapter.store.engine import Store, open_store
from node_adapter.store.migrate import upgrade
from node_adapter.store.until_commit import UntilCommit


class Asked:
    """Reads one setting, and counts how often."""

    def __init__(self, store: Store) -> None:
        self.store, self.times = store, 0
        self.meanwhile: list[str] = []

    def __call__(self) -> str | None:
        self.times += 1
        with self.store.read() as connection:
            found = identity.get(connection, "k")
        for value in self.meanwhile:
            put(self.store, value)
        return found


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    upgrade(tmp_path / "node.db")
    store = open_store(tmp_path / "node.db")
    yield store
    store.dispose()


def put(store: Store, value: str) -> None:
    with store.write() as connection:
        identity.put(connection, "k", value)


def test_a_value_is_read_once_until_something_is_committed(store: Store, tmp_path: Path) -> None:
    recent, asked = UntilCommit(store), Asked(store)
    assert [recent.get("k", asked) for _ in range(3)] == [None] * 3
    assert asked.times == 1
    for number, writer in enumerate((store, open_store(tmp_path / "node.db"))):
        put(writer, str(number))
        assert [recent.get("k", asked) for _ in range(3)] == [str(number)] * 3
    assert asked.times == 3


def test_what_is_rolled_back_changes_nothing(store: Store) -> None:
    recent, asked = UntilCommit(store), Asked(store)
    recent.get("k", asked)
    with pytest.raises(IntegrityError), store.write() as connection:
        connection.execute(text("insert into setting values ('k', 'v'), ('k', 'w')"))
    assert recent.get("k", asked) is None


def test_what_is_committed_while_it_is_read_is_seen_by_the_next(store: Store) -> None:
    recent, asked = UntilCommit(store), Asked(store)
    asked.meanwhile = ["new"]
    assert recent.get("k", asked) is None
    asked.meanwhile = []
    assert recent.get("k", asked) == "new"


def test_what_another_thread_heard_of_meanwhile_is_not_kept(store: Store) -> None:
    recent, asked = UntilCommit(store), Asked(store)

    def slow() -> str | None:
        found = asked()
        put(store, "new")
        recent.get("other", asked)  # another request hears of the commit first
        return found

    assert recent.get("k", slow) is None
    assert recent.get("k", asked) == "new"


def test_strangers_fill_no_memory(store: Store) -> None:
    recent = UntilCommit(store)
    for number in range(1500):
        recent.get(number, lambda: None)
    assert len(recent._values) == 1000
