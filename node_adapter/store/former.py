"""What this database knows of the log of format 1 that its node goes on with; nothing where it began with format 2.

The records themselves lie in a database of their own beside it (`workflows.former`). Here stand where that log ended
and the callers' references, under which nothing is recorded again; where each history ended stands with its subject.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import Connection, bindparam, select, update

from did.member_log import MemberHistory
from node_adapter.store import identity
from node_adapter.store.operations import in_parts
from node_adapter.store.references import erased_reference
from node_adapter.store.schema import former_reference
from primitives.errors import Refused

_KEY, _MEMBERS = "former_log", "former_members"


@dataclass(frozen=True)
class FormerLog:
    """Where the log of format 1 ended: its last anchor, in a contract (`EvidenceAnchor`); number 0 where none was made.

    `directory` and `directory_block` are those of the network in which it was anchored.
    """

    directory: str
    directory_block: int
    contract: str
    seq: int
    root: str
    size: int
    map_root: str


def put_log(connection: Connection, log: FormerLog) -> None:
    """Keep where the log of format 1 ended."""
    identity.put(connection, _KEY, json.dumps(asdict(log)))


def find_log(connection: Connection) -> FormerLog | None:
    """Return where the log of format 1 ended; None where there was none."""
    text = identity.get(connection, _KEY)
    return None if text is None else FormerLog(**json.loads(text))


def put_members(connection: Connection, members: Mapping[str, MemberHistory]) -> None:
    """Keep what the registry of the old network told of each member: what they issued then is verified by it."""
    told = {address: history.to_json() for address, history in members.items()}
    identity.put(connection, _MEMBERS, json.dumps(told))


def members(connection: Connection) -> dict[str, MemberHistory]:
    """Return what the registry of the old network told, by address; nothing where there was none."""
    told = json.loads(identity.get(connection, _MEMBERS) or "{}")
    return {address: MemberHistory.of_json(address, terms) for address, terms in told.items()}


def require_former(file: Path) -> None:
    """Check that the database of format 1 is there: opening it would make an empty one.

    Raises:
        Refused: `former-not-found`.
    """
    if not file.is_file():
        detail = f"{file.name}: this node was not migrated, or has lost it: put it back from a backup of the node"
        raise Refused("former-not-found", detail)


def first_index(connection: Connection) -> int:
    """Return the log index of the first record of format 2."""
    log = find_log(connection)
    return 0 if log is None else log.size


_KNOWN = select(former_reference.c.source_ref).where(
    former_reference.c.source_ref.in_(bindparam("references", expanding=True))
)


def known_references(connection: Connection, references: Iterable[str]) -> set[str]:
    """Return those of the callers' references under which something was recorded in format 1, or was and is erased."""
    spelled = {kept: reference for reference in references for kept in (reference, erased_reference(reference))}
    wanted, found = list(spelled), set[str]()
    for part in in_parts(wanted):
        found.update(spelled[kept] for kept in connection.execute(_KNOWN, {"references": part}).scalars())
    return found


def forget_references(connection: Connection, references: Iterable[str]) -> None:
    """Keep of these references their digests alone: what was recorded under them is erased."""
    rows = [{"given": reference, "left": erased_reference(reference)} for reference in references]
    if rows:
        of_given = former_reference.c.source_ref == bindparam("given")
        connection.execute(update(former_reference).where(of_given).values(source_ref=bindparam("left")), rows)
