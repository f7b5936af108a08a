"""The database of format 1 beside a migrated node's own: opened for one use, and closed after it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from node_adapter.node import Node
from node_adapter.store import former, former_records, records, restored
from node_adapter.store.engine import open_store
from node_adapter.store.former import require_former
from node_adapter.store.label_map import LabelMapStore
from node_adapter.store.records import RecordRow
from node_adapter.store.subjects import SubjectRow
from node_adapter.views import Views
from primitives.errors import Refused


@contextmanager
def former_node(node: Node) -> Iterator[Node]:
    """Give the node as it was at the end of format 1: with that database, the same keys, and nothing in memory.

    Raises:
        Refused: `former-not-found`, there is no such database: the node was never migrated, or has lost it.
        VerificationFailed: check `local-log`, it is another node's.
        CouldNotCheck: `node-restored`.
    """
    path = node.settings.former_path
    require_former(path)
    with node.store.read() as connection:
        restored.require_caught_up(connection)
        log = former.find_log(connection)
    if log is None:
        raise Refused("former-not-found", f"{path.name} is there, and this node was not migrated")
    store = open_store(path)
    try:
        with store.read() as connection:
            former_records.require_log(connection, log)
        yield replace(node, store=store, views=Views(), label_map=LabelMapStore())
    finally:
        store.dispose()


@dataclass(frozen=True)
class FormerLook:
    """What a subject's history of format 1 holds: its types of record, sorted, and the records of some of them."""

    types: tuple[str, ...] = ()
    rows: tuple[RecordRow, ...] = ()


def look_at_former(node: Node, subject: SubjectRow, wanted: Iterable[str] = ()) -> FormerLook:
    """Return what a subject's history of format 1 holds, with its records of the types that are wanted.

    Raises:
        BonafidesError: as `former_node`.
    """
    if subject.continues is None:
        return FormerLook()
    with former_node(node) as former, former.store.read() as connection:
        rows = records.of_types(connection, subject.pid, wanted)
        return FormerLook(tuple(records.types_of(connection, subject.pid)), tuple(rows))
