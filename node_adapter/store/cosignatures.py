"""What other members cosigned of this member's checkpoints, and how far each of them is.

A checkpoint's lines are kept for the last anchors alone: who wants them later has them in a bundle or a receipt.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, select, update

from evidence.log.note import MAX_NOTE_BYTES, MAX_SIGNATURES
from node_adapter.store.operations import upsert
from node_adapter.store.schema import cosignature, cosigner

KEPT_ANCHORS = 200


@dataclass(frozen=True)
class Cosigner:
    """How far another member is as a witness; times in milliseconds.

    Attributes:
        witness: its account.
        seq: the newest checkpoint that it cosigned; 0 of none.
        cosigned_at: when it did; None of none.
        failed_since: since when it does not; None while it does.
        failure: why, as the newest answer says.
    """

    witness: str
    seq: int = 0
    cosigned_at: int | None = None
    failed_since: int | None = None
    failure: str | None = None


def with_cosigners(connection: Connection, seq: int, note: str) -> str:
    """Return a checkpoint with the lines that are kept of it, as many as a note holds; `""` stays what it is."""
    rows = select(cosignature.c.line).where(cosignature.c.seq == seq).order_by(cosignature.c.witness)
    lines = connection.execute(rows.limit(MAX_SIGNATURES - 1)).scalars() if note else ()
    for line in lines:
        if len((note + line).encode()) <= MAX_NOTE_BYTES:
            note += line
    return note


def cosigners(connection: Connection) -> dict[str, Cosigner]:
    """Return how far each member is that was ever asked, by its account."""
    return {row.witness: Cosigner(**row._mapping) for row in connection.execute(select(cosigner))}


def add(connection: Connection, seq: int, witness: str, lines: str, now_ms: int) -> None:
    """Keep what a witness signed under a checkpoint, and forget what is long past."""
    row = {"seq": seq, "witness": witness, "line": lines}
    upsert(connection, cosignature, row, ("seq", "witness"), {"line": lines})
    connection.execute(delete(cosignature).where(cosignature.c.seq <= seq - KEPT_ANCHORS))
    reached = {"seq": seq, "cosigned_at": now_ms, "failed_since": None, "failure": None}
    upsert(connection, cosigner, {"witness": witness, **reached}, ("witness",), reached)


def note_failure(connection: Connection, witness: str, failure: str, now_ms: int) -> None:
    """Note that a witness did not cosign, and since when."""
    row = {"witness": witness, "seq": 0, "failed_since": now_ms, "failure": failure}
    since = func.coalesce(cosigner.c.failed_since, now_ms)
    upsert(connection, cosigner, row, ("witness",), {"failed_since": since, "failure": failure})


def forget_from(connection: Connection, seq: int) -> None:
    """The chain has lost the anchors from number `seq` on: their checkpoints are made anew, and say something else."""
    connection.execute(delete(cosignature).where(cosignature.c.seq >= seq))
    connection.execute(update(cosigner).where(cosigner.c.seq >= seq).values(seq=seq - 1))
