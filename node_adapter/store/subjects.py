"""Subjects of one broker: clients and products, with the head of each one's chain of records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from typing import Any

from sqlalchemy import Column, Connection, Select, bindparam, func, insert, select, update

from domain.opening import PRODUCT
from evidence.version2.links import HistoryHead
from node_adapter.store.operations import in_parts, update_many
from node_adapter.store.schema import subject

EMPTY_HEAD = bytes(32)  # the `prev` of a subject's first record


@dataclass(frozen=True)
class SubjectRow:
    """One subject. `did` is None for a subject that is no person, such as a product.

    `kind` is `client`, `product` or `house`; `opens` the product's id, or `matter:name` of the house. `label` is that
    of its next record. `joined`: the client's own OPENING is among its records. `former_count` and `former_head` are
    those of the history of format 1 that it continues, under the same pseudonym.
    """

    pid: str
    client_ref: str
    did: str | None
    created_at: int
    count: int
    head: bytes
    state: str
    label: bytes
    kind: str = "client"
    opens: str | None = None
    joined: bool = False
    former_count: int | None = None
    former_head: bytes | None = None

    @property
    def continues(self) -> dict[str, Any] | None:
        """The earlier history that its opening has to name, as an opening does; None where there is none."""
        if self.former_count is None or self.former_head is None:
            return None
        return {"format": 1, "subject": self.pid, "count": self.former_count, "head": self.former_head.hex()}

    @property
    def history(self) -> HistoryHead:
        """Where its history ends: what its next record has to name, and where it has to lie."""
        return HistoryHead(self.count, self.head, self.label)


_GROWING = ("pid", "count", "head", "label", "joined", "state")
_growing_values = attrgetter(*_GROWING)


def insert_subjects(connection: Connection, rows: Sequence[SubjectRow]) -> None:
    """Store new subjects; the caller has checked that neither reference nor DID is taken."""
    if rows:
        connection.execute(insert(subject), [vars(row) for row in rows])


def by_pids(connection: Connection, pids: Iterable[str]) -> dict[str, SubjectRow]:
    """Return the subjects that exist among `pids`."""
    return {row.pid: row for row in _select_in(connection, subject.c.pid, pids)}


def by_client_refs(connection: Connection, references: Iterable[str]) -> dict[str, SubjectRow]:
    """Return the subjects that exist among the caller's own references."""
    return {row.client_ref: row for row in _select_in(connection, subject.c.client_ref, references)}


def by_dids(connection: Connection, dids: Iterable[str]) -> dict[str, SubjectRow]:
    """Return the subjects that exist among `dids`."""
    return {row.did: row for row in _select_in(connection, subject.c.did, dids) if row.did is not None}


def find_by_pid(connection: Connection, pid: str) -> SubjectRow | None:
    """Return one subject, or None."""
    return by_pids(connection, [pid]).get(pid)


def find_by_did(connection: Connection, did: str) -> SubjectRow | None:
    """Return the subject that a DID stands for, or None."""
    return by_dids(connection, [did]).get(did)


def find_by_client_ref(connection: Connection, reference: str) -> SubjectRow | None:
    """Return the subject of the caller's reference, or None."""
    return by_client_refs(connection, [reference]).get(reference)


def rename(connection: Connection, pid: str, client_ref: str) -> None:
    """Give a subject another reference; its old one is free."""
    connection.execute(update(subject).where(subject.c.pid == pid).values(client_ref=client_ref))


def continuing(connection: Connection, after: str, limit: int) -> list[SubjectRow]:
    """Return the first subjects after a pseudonym whose history continues one of format 1."""
    query = select(subject).where(subject.c.former_count.is_not(None), subject.c.pid > after)
    return [SubjectRow(**row) for row in connection.execute(query.order_by(subject.c.pid).limit(limit)).mappings()]


def products_continuing(connection: Connection) -> list[SubjectRow]:
    """Return the products that were rated in format 1."""
    query = select(subject).where(subject.c.former_count.is_not(None), subject.c.kind == PRODUCT)
    return [SubjectRow(**row) for row in connection.execute(query.order_by(subject.c.opens)).mappings()]


def name_product(connection: Connection, pid: str, product_id: str) -> None:
    """Say of a subject without a history of format 2 that it is a product."""
    unopened = (subject.c.pid == pid, subject.c.count == 0)
    connection.execute(update(subject).where(*unopened).values(kind=PRODUCT, opens=product_id))


def update_heads(connection: Connection, rows: Sequence[SubjectRow]) -> None:
    """Write count, head, label, opening and folded state of subjects whose chain has grown."""
    update_many(connection, subject, _GROWING, [_growing_values(row) for row in rows])


def total(connection: Connection) -> int:
    """Return how many subjects there are."""
    return int(connection.execute(select(func.count()).select_from(subject)).scalar_one())


def _select_in(connection: Connection, column: Column[str], values: Iterable[str]) -> list[SubjectRow]:
    wanted = list(dict.fromkeys(values))
    found: list[SubjectRow] = []
    for part in in_parts(wanted):
        rows = connection.execute(_among(column), {"wanted": part}).mappings()
        found.extend(SubjectRow(**row) for row in rows)
    return found


@cache
def _among(column: Column[str]) -> Select[Any]:
    return select(subject).where(column.in_(bindparam("wanted", expanding=True)))
