"""A database of format 1 turns into one of format 2: what goes on stays, everything else is in the file left behind.

Of a subject pseudonym, reference, DID and what is folded of it stay; its history begins anew, and names the one before.
Credentials, rule sets, tokens, orders and settings stay. Consents and tasks stood on contracts that are used no more:
consents are given anew, and a task that had not ended is refused.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, delete, insert, select, update

from domain.opening import CLIENT
from evidence.version2.links import first_label
from node_adapter.store import schema
from node_adapter.store.subjects import EMPTY_HEAD
from node_adapter.store.tasks import ENDED, REFUSED

_LEFT = (
    schema.record,
    schema.finding,
    schema.former_anchor,
    schema.outbox_attempt,
    schema.outbox,
    schema.own_transaction,
    schema.chain_event,
    schema.chain_block,
    schema.consent,
    schema.task_message,
)
_UNENDED = "the network was founded anew before this task had ended: propose it again there"


def turn(connection: Connection, broker: str, kinds: Mapping[str, tuple[str, str]], now_ms: int) -> None:
    """Change everything in the caller's transaction.

    Args:
        connection: a connection inside a write transaction.
        broker: the member's DID.
        kinds: by pseudonym, kind and `opens` of the subjects that are no client.
        now_ms: the time.
    """
    references = select(schema.record.c.source_ref)
    connection.execute(insert(schema.former_reference).from_select(["source_ref"], references))
    columns = (schema.subject.c[name] for name in ("pid", "count", "head"))
    for pid, count, head in connection.execute(select(*columns)).all():
        kind, opens = kinds.get(pid, (CLIENT, None))
        connection.execute(
            update(schema.subject)
            .where(schema.subject.c.pid == pid)
            .values(
                former_count=count or None,
                former_head=head if count else None,
                count=0,
                head=EMPTY_HEAD,
                label=first_label(broker, bytes.fromhex(pid)),
                joined=False,
                kind=kind,
                opens=opens,
            )
        )
    for table in _LEFT:
        connection.execute(delete(table))
    connection.execute(
        update(schema.task)
        .where(schema.task.c.state.not_in(ENDED))
        .values(state=REFUSED, error=_UNENDED, run_requested=False, engine_state=None, updated_at=now_ms)
    )
    _forget_chain(connection)


def _forget_chain(connection: Connection) -> None:
    """What the settings say of contracts and of the chain process is of the old network."""
    key = schema.setting.c.key
    connection.execute(delete(schema.setting).where(key.like("code:%") | key.like("worker.%")))
