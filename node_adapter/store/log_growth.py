"""How the map of this member grew under each anchor: what of an append proof the records themselves do not say.

It is kept for good. The maps of old anchors cannot be proved any more (`label_map`), and a member that becomes a
witness, or was away, goes over every anchor there is.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from evidence.version2.map.append_proof import AppendProof
from node_adapter.store.schema import log_growth

_HASH_BYTES = 32


@dataclass(frozen=True)
class MapGrowth:
    """The walk over the map before an anchor, and the hashes that it met."""

    walk: str
    hashes: tuple[bytes, ...]


def keep(connection: Connection, seq: int, proof: AppendProof) -> None:
    """Keep how the map grew under an anchor with a batch."""
    connection.execute(insert(log_growth).values(seq=seq, walk=proof.walk, hashes=b"".join(proof.hashes)))


def drop_from(connection: Connection, seq: int) -> None:
    """Forget how the map grew under the anchors from a number on: they are not counted."""
    connection.execute(delete(log_growth).where(log_growth.c.seq >= seq))


def at(connection: Connection, seq: int) -> MapGrowth | None:
    """Return how the map grew under an anchor; None of one without a batch."""
    columns = select(log_growth.c.walk, log_growth.c.hashes)
    row = connection.execute(columns.where(log_growth.c.seq == seq)).one_or_none()
    if row is None:
        return None
    starts = range(0, len(row.hashes), _HASH_BYTES)
    return MapGrowth(row.walk, tuple(row.hashes[start : start + _HASH_BYTES] for start in starts))
