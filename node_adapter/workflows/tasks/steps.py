"""The joint tasks of the task process: a state machine that never blocks and can be killed at any instant.

What a step needs stands in the store before anyone outside can see its effect: the engine's state and the call that
puts the commitment on the chain are one transaction, and so are each message and the state that lets it leave. A step
that was lost is made again and gives the same bytes. How the members compute is the engine's affair (`mpc.engine`).

    approved   ordered by the operator, approved on the chain by all -> the engine prepares, over the consenting clients
    committed  every owner's commitment final in our own index       -> the engine's first step: its messages leave
    masked     each message is sent until it is there                -> the engine steps until it is ready, and finishes
    checked    our result digest is posted; all owners posted the same  -> the result is released
    recording  a DATA_USE record for each client who took part        -> completed, or refused
"""

from __future__ import annotations

import logging

from sqlalchemy import Connection

from mpc.engine import AgreementKeys, Seen, Step, refusal_digest
from mpc.errors import MessageRefused, PartyFault, PolicyRefused
from mpc.refusals import UNFORESEEN, refusal_code
from node_adapter.chain.abi import encode_call
from node_adapter.node import Node
from node_adapter.store import alarms, outbox, restored, tasks
from node_adapter.store.chain import member_registry, task_registry
from node_adapter.store.tasks import TaskRow
from node_adapter.workflows.identity.keys_in_force import agreement_key
from node_adapter.workflows.intake.submitting import submit_facts
from node_adapter.workflows.tasks.current import Current
from node_adapter.workflows.tasks.data_use import data_use
from node_adapter.workflows.tasks.delivery import deliver_messages, deliver_spec, kept_as
from node_adapter.workflows.tasks.input import local_input
from node_adapter.workflows.tasks.kept import KeptResult, Refusal
from node_adapter.workflows.tasks.lost_commitment import INPUT_LOST, lost_commitment
from node_adapter.workflows.tasks.tasks import CONTRACT, EQUIVOCATION, enqueue, require_on_chain, spec_of
from primitives.canonical import canonical_json
from primitives.errors import BonafidesError, CouldNotCheck, InvalidInput, Refused, VerificationFailed
from replay.wire.fact import read_node_fact

TASK_REFUSED = "task-refused"
TASK_STUCK = "task-stuck"
_FACTS_PER_CALL = 500
_OWN_WRITES = ("propose", "approve", "commit", "result")
_log = logging.getLogger(__name__)


def step(node: Node, now_ms: int) -> int:
    """Move each open task as far as it goes now; return how many moved. Called from the task process's loop."""
    with node.store.read() as connection:
        if restored.since(connection) is not None:  # what was committed to since the copy, only the chain knows
            return 0
        rows = tasks.open_tasks(connection)
    moved = 0
    for row in rows:
        try:
            moved += _step_one(node, row, now_ms)
        except CouldNotCheck as error:  # the chain's index, the store or a peer is not there: try again next time
            _log.info("task %s waits: %s", row.task_id, error)
        except BonafidesError as error:  # only while records are written: what was decided stays, a person must look
            _log.warning("task %s cannot record the use of data: %s", row.task_id, error)
            with node.store.write() as connection:
                alarms.raise_alarm(connection, TASK_STUCK, row.task_id, str(error), now_ms)
    return moved


def _step_one(node: Node, row: TaskRow, now_ms: int) -> bool:
    with node.store.read() as connection:
        chain = task_registry.chain_task(connection, row.task_id)
    current = Current(node, row, spec_of(row), chain, now_ms)
    if row.state == tasks.RECORDING:
        return _record_uses(current)
    if current.chain.spec_hash is not None:
        deliver_spec(current)
    try:
        _require_alive(current)
        return _STEPS[row.state](current)
    except (InvalidInput, Refused, VerificationFailed) as error:
        return _refuse(current, error)


def _require_alive(current: Current) -> None:
    """Refuse a task that an owner or the chain refused, whose results differ, whose time is over or input is lost."""
    chain, task_id = current.chain, current.row.task_id
    if current.row.commitment is None and current.node.address in chain.commitments:
        raise Refused(INPUT_LOST, "the values that this member committed to were lost with its database")
    if chain.refused:
        raise PolicyRefused("refused-by-owner", f"refused on the chain by {', '.join(sorted(chain.refused))}")
    if len(set(chain.results.values())) > 1:
        raise VerificationFailed("result-differs", "the owners posted different results")
    if current.now >= current.spec.deadline_ms and current.row.state != tasks.CHECKED:
        raise PolicyRefused("task-deadline", "the deadline of the task has passed")
    with current.node.store.read() as connection:
        for name in _OWN_WRITES:
            entry = outbox.by_key(connection, f"task:{task_id}:{name}")
            if entry is not None and entry.state == outbox.FAILED:
                raise Refused("chain-refused", f"TaskRegistry refuses to {name}: {entry.error}")
        equivocating = tasks.messages_of(connection, task_id, EQUIVOCATION)
    for sender in equivocating:
        raise PolicyRefused(EQUIVOCATION, f"{sender} sent two different messages for this task")


def _wait_for_approval(current: Current) -> bool:
    """A proposed task waits for this member's compliance officer."""
    del current
    return False


def _prepare(current: Current) -> bool:
    """Let the engine prepare over the consents of this moment, and put the commitment into the outbox."""
    node, row, spec, engine = current.node, current.row, current.spec, current.engine
    if not row.run_requested or not current.chain.approved.issuperset(spec.members):
        return False
    with node.store.write() as connection:
        require_on_chain(connection, spec)
        named = tasks.clients_of(connection, row.task_id)
        found = local_input(node, connection, spec, named, current.now)
        prepared = engine.prepare(current.run, found.payloads, node.entropy)
        tasks.put_clients(connection, row.task_id, found.clients)
        data = encode_call(CONTRACT, "commit", spec.task_id, prepared.commitment)
        enqueue(connection, f"task:{row.task_id}:commit", data, current.now)
        return tasks.move(
            connection,
            row.task_id,
            tasks.APPROVED,
            tasks.COMMITTED,
            current.now,
            engine_state=prepared.state,
            started_at=current.now,
            commitment=prepared.commitment,
        )


def _begin(current: Current) -> bool:
    """Make the engine's first step, once every commitment is final in our own index."""
    if not current.chain.commitments.keys() >= set(current.spec.members):
        return False
    seen = Seen(current.chain.commitments, keys=_agreement_keys(current))
    return _take(current, current.engine.step(current.run, current.state, seen))


def _exchange(current: Current) -> bool:
    """Send to whoever lacks a message, let the engine step, and check what it finishes with."""
    deliver_messages(current)
    engine, run, seen = current.engine, current.run, current.seen()
    made = engine.step(run, current.state, seen)
    if made.messages or made.state != current.state:
        return _take(current, made)
    if not made.ready:
        return False
    result = engine.finish(run, made.state, seen)
    kept = KeptResult(result.document, result.digest(engine.name), result.salt)
    with current.node.store.write() as connection:
        data = encode_call(CONTRACT, "postResult", current.spec.task_id, kept.digest)
        enqueue(connection, f"task:{current.row.task_id}:result", data, current.now)
        return tasks.move(
            connection,
            current.row.task_id,
            tasks.MASKED,
            tasks.CHECKED,
            current.now,
            result=kept.to_text(),
            error=None,
        )


def _take(current: Current, made: Step) -> bool:
    """Keep what a step led to; from then on its messages leave."""
    node, row = current.node, current.row
    with node.store.write() as connection:
        for message in made.messages:
            text = canonical_json(message.body).decode("utf-8")
            kind = kept_as(message.kind, message.to)
            tasks.add_message(connection, row.task_id, node.address, kind, text, current.now)
        return tasks.move(connection, row.task_id, row.state, tasks.MASKED, current.now, engine_state=made.state)


def _agreement_keys(current: Current) -> AgreementKeys:
    """Return the keys that the registry holds at the block of the last commitment: all owners take the same ones.

    Raises:
        Refused: `member-suspended`, an owner has none there; `agreement-key`, ours is another by now.
    """
    node = current.node
    with node.store.read() as connection:
        keys = member_registry.agreement_keys(connection, current.chain.last_commitment_block)
        private = agreement_key(node, connection, keys[node.address]) if node.address in keys else None
    for member in current.spec.members:
        if member not in keys:
            raise Refused("member-suspended", f"{member} is no active member at the last commitment's block")
    if private is None:
        raise Refused(
            "agreement-key", "MemberRegistry held another agreement key of this member when all had committed"
        )
    return AgreementKeys(private, keys)


def _release(current: Current) -> bool:
    """The result is used only once every owner has posted the same digest."""
    deliver_messages(current)
    with current.node.store.write() as connection:
        if _is_complete(current):
            return tasks.move(connection, current.row.task_id, tasks.CHECKED, tasks.RECORDING, current.now)
        if current.now >= current.spec.deadline_ms:  # our digest is posted, so only the chain can say how it ended
            _enqueue_refusal(connection, current, "task-deadline")
    return False


def _record_uses(current: Current) -> bool:
    """Write a DATA_USE record for each client; the same facts again are the same records."""
    node, row = current.node, current.row
    with node.store.read() as connection:
        clients = tasks.clients_of(connection, row.task_id)
    facts = [data_use(current, client) for client in clients]
    for start in range(0, len(facts), _FACTS_PER_CALL):
        for outcome in submit_facts(node, facts[start : start + _FACTS_PER_CALL], read_node_fact):
            if isinstance(outcome, BonafidesError):
                raise outcome
    with node.store.write() as connection:
        end = tasks.COMPLETED if row.error is None else tasks.REFUSED
        alarms.close_alarm(connection, TASK_STUCK, current.now, row.task_id)
        return tasks.move(connection, row.task_id, tasks.RECORDING, end, current.now)


_STEPS = {
    tasks.PROPOSED: _wait_for_approval,
    tasks.APPROVED: _prepare,
    tasks.COMMITTED: _begin,
    tasks.MASKED: _exchange,
    tasks.CHECKED: _release,
}


def _refuse(current: Current, error: InvalidInput | Refused | VerificationFailed) -> bool:
    """End a task without a result. Whose totals were committed to gets a DATA_USE record all the same."""
    node, row, now = current.node, current.row, current.now
    code, detail = refusal_code(current.engine, error), _detail(error)
    if code == UNFORESEEN:
        detail = f"{error.code}: {detail}"
        _log.error("task %s ends with a fault that is not listed: %s", row.task_id, error)
    told = Refusal(code, detail, error.sender if isinstance(error, MessageRefused | PartyFault) else None)
    with node.store.write() as connection:
        lost = lost_commitment(node, connection, current.spec) if row.commitment is None else None
        after = tasks.REFUSED if lost is None and row.commitment is None else tasks.RECORDING
        taken_part = lost is not None or (row.state != tasks.PROPOSED and node.address in current.spec.members)
        over = code == INPUT_LOST and node.address in current.chain.results  # before the database was lost
        if taken_part and not over and not current.chain.refused:
            _enqueue_refusal(connection, current, code)
        alarms.raise_alarm(connection, TASK_REFUSED, row.task_id, f"{code}: {detail}", now)
        kept = {} if lost is None else vars(lost)
        return tasks.move(connection, row.task_id, row.state, after, now, error=told.to_text(), result=None, **kept)


def _detail(error: BonafidesError) -> str:
    return f"{error.field}: {error.detail}" if isinstance(error, InvalidInput) else error.detail


def _enqueue_refusal(connection: Connection, current: Current, code: str) -> None:
    task_id = current.spec.task_id
    data = encode_call(CONTRACT, "refuse", task_id, refusal_digest(current.engine.name, task_id, code))
    enqueue(connection, f"task:{task_id.hex()}:refuse", data, current.now)


def _is_complete(current: Current) -> bool:
    """Every owner has posted the result, and all posted the one that we found."""
    row, results, found = current.row, current.chain.results, KeptResult.of(current.row)
    if row.state != tasks.CHECKED or found is None or not results.keys() >= set(current.spec.members):
        return False
    return set(results.values()) == {found.digest}
