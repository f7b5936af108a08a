"""The joint tasks of the task process: a state machine that never blocks and can be killed at any instant.

What a step needs stands in the store before anyone outside can see its effect: vector, blinding and the call that
commits to them are one transaction, and so are the masked message and the state that lets it leave. A step that was
lost is made again and gives the same bytes.

    approved   ordered by the operator, approved on the chain by all -> totals over the consenting clients
    committed  every owner's commitment final in our own index       -> the masked message
    masked     the message is sent until each peer has it; all messages there -> sum check and release policy
    checked    our result digest is posted; all owners posted the same  -> the result is released
    recording  a DATA_USE record for each client who took part        -> completed, or refused
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from mpc.errors import PolicyRefused
from mpc.maskedsum import Committing, Masking, Session, check_message, pair_seed, refusal_digest
from mpc.spec import TaskSpec
from node_adapter.chain.abi import encode_call
from node_adapter.node import Node
from node_adapter.peers.messages import sign_message
from node_adapter.store import alarms, outbox, restored, tasks
from node_adapter.store.tasks import ChainTask, TaskClient, TaskRow
from node_adapter.workflows.identity.keys_in_force import agreement_key
from node_adapter.workflows.intake.fact_input import read_node_fact
from node_adapter.workflows.intake.facts import submit_facts
from node_adapter.workflows.tasks.input import local_input
from node_adapter.workflows.tasks.lost_commitment import INPUT_LOST, lost_commitment
from node_adapter.workflows.tasks.tasks import (
    CONTRACT,
    EQUIVOCATION,
    MASK_KIND,
    SPEC_DELIVERED,
    SPEC_KIND,
    SPEC_PENDING,
    enqueue,
    party_dids,
    require_on_chain,
    spec_of,
)
from primitives.canonical import canonical_json, parse_json
from primitives.errors import BonafidesError, CouldNotCheck, InvalidInput, Refused, VerificationFailed
from primitives.pedersen import ORDER
from primitives.timestamp import format_time

TASK_REFUSED = "task-refused"
TASK_STUCK = "task-stuck"
DELIVERED = "delivered"
ATTEMPT = "attempt"
FIRST_WAIT_MS = 250
LONGEST_WAIT_MS = 15_000
_BLINDING_BYTES = 64  # reduced modulo r - 1 the bias is below 2^-256
_FACTS_PER_CALL = 500
_MAX_RESENDS = 16
_OWN_WRITES = ("propose", "approve", "commit", "result")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Run:
    """One task as it stands at the start of a step."""

    node: Node
    row: TaskRow
    spec: TaskSpec
    chain: ChainTask
    now: int

    @property
    def peers(self) -> tuple[str, ...]:
        return tuple(member for member in self.spec.members if member != self.node.address)


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
        chain = tasks.chain_task(connection, row.task_id)
    current = _Run(node, row, spec_of(row), chain, now_ms)
    if row.state == tasks.RECORDING:
        return _record_uses(current)
    if current.chain.spec_hash is not None:
        _deliver_spec(current)
    try:
        _require_alive(current)
        return _STEPS[row.state](current)
    except (InvalidInput, Refused, VerificationFailed) as error:
        return _refuse(current, error)


def _require_alive(current: _Run) -> None:
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


def _wait_for_approval(current: _Run) -> bool:
    """A proposed task waits for this member's compliance officer."""
    del current
    return False


def _commit(current: _Run) -> bool:
    """Compute the vector over the consents of this moment, keep it, and put the commitment into the outbox."""
    node, row, spec = current.node, current.row, current.spec
    if not row.run_requested or not current.chain.approved.issuperset(spec.members):
        return False
    with node.store.write() as connection:
        require_on_chain(connection, spec)
        named = tasks.clients_of(connection, row.task_id)
        found = local_input(node, connection, spec, named, current.now)
        blinding = int.from_bytes(node.entropy(_BLINDING_BYTES)) % (ORDER - 1) + 1
        commitment = Committing(spec, node.address, found.values, blinding).commitment()
        values = {"values": [str(value) for value in found.values], "started_at": current.now}
        tasks.put_clients(connection, row.task_id, found.clients)
        data = encode_call(CONTRACT, "commit", spec.task_id, commitment)
        enqueue(connection, f"task:{row.task_id}:commit", data, current.now)
        return tasks.move(
            connection,
            row.task_id,
            tasks.APPROVED,
            tasks.COMMITTED,
            current.now,
            values=json.dumps(values),
            blinding=blinding.to_bytes(32),
            commitment=commitment,
        )


def _mask(current: _Run) -> bool:
    """Once every commitment is final in our own index: derive the seeds and make the one message of this run."""
    node, row, spec = current.node, current.row, current.spec
    if not current.chain.commitments.keys() >= set(spec.members):
        return False
    session = _session(current)
    with node.store.read() as connection:
        keys = tasks.agreement_keys(connection, current.chain.last_commitment_block)
        private = agreement_key(node, connection, keys[node.address]) if node.address in keys else None
    for member in spec.members:
        if member not in keys:
            raise Refused("member-suspended", f"{member} is no active member at the last commitment's block")
    if private is None:
        raise Refused(
            "agreement-key", "MemberRegistry held another agreement key of this member when all had committed"
        )
    chain_id = node.settings.chain.chain_id
    seeds = {peer: pair_seed(spec, chain_id, node.address, private, peer, keys[peer]) for peer in current.peers}
    body = _party(current).mask(session, seeds).outgoing()
    with node.store.write() as connection:
        text = canonical_json(body).decode("utf-8")
        tasks.add_message(connection, row.task_id, node.address, MASK_KIND, text, current.now)
        return tasks.move(connection, row.task_id, tasks.COMMITTED, tasks.MASKED, current.now)


def _exchange(current: _Run) -> bool:
    """Send our message to whoever lacks it; when all are there, check the sum and the policy."""
    _deliver_message(current)
    node, row, session = current.node, current.row, _session(current)
    with node.store.read() as connection:
        stored = tasks.messages_of(connection, row.task_id, MASK_KIND)
    own = check_message(session, node.address, _json(stored[node.address]))
    masking = Masking(session, node.address, {node.address: own})
    for sender, body in stored.items():
        masking = masking.receive(sender, _json(body))
    if masking.waiting_for():
        return False
    result = masking.result()
    kept = {"document": result.document, "digest": result.digest().hex(), "blinding": f"{result.blinding:064x}"}
    with node.store.write() as connection:
        data = encode_call(CONTRACT, "postResult", current.spec.task_id, result.digest())
        enqueue(connection, f"task:{row.task_id}:result", data, current.now)
        return tasks.move(
            connection, row.task_id, tasks.MASKED, tasks.CHECKED, current.now, result=json.dumps(kept), error=None
        )


def _release(current: _Run) -> bool:
    """The result is used only once every owner has posted the same digest."""
    _deliver_message(current)
    with current.node.store.write() as connection:
        if _is_complete(current):
            return tasks.move(connection, current.row.task_id, tasks.CHECKED, tasks.RECORDING, current.now)
        if current.now >= current.spec.deadline_ms:  # our digest is posted, so only the chain can say how it ended
            _enqueue_refusal(connection, current, "task-deadline")
    return False


def _record_uses(current: _Run) -> bool:
    """Write a DATA_USE record for each client; the same facts again are the same records."""
    node, row = current.node, current.row
    with node.store.read() as connection:
        clients = tasks.clients_of(connection, row.task_id)
    facts = [_data_use(current, client) for client in clients]
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
    tasks.APPROVED: _commit,
    tasks.COMMITTED: _mask,
    tasks.MASKED: _exchange,
    tasks.CHECKED: _release,
}


def _refuse(current: _Run, error: BonafidesError) -> bool:
    """End a task without a result. Whose totals were committed to gets a DATA_USE record all the same."""
    node, row, now = current.node, current.row, current.now
    code, detail = error.code, error.detail
    if isinstance(error, InvalidInput):
        code, detail = error.rule, f"{error.field}: {error.detail}"
    told = {"code": code, "detail": detail, "sender": getattr(error, "sender", None)}
    with node.store.write() as connection:
        kept = lost_commitment(node, connection, current.spec) if row.commitment is None else {}
        after = tasks.RECORDING if kept or row.commitment is not None else tasks.REFUSED
        taken_part = bool(kept) or (row.state != tasks.PROPOSED and node.address in current.spec.members)
        over = code == INPUT_LOST and node.address in current.chain.results  # before the database was lost
        if taken_part and not over and not current.chain.refused:
            _enqueue_refusal(connection, current, code)
        alarms.raise_alarm(connection, TASK_REFUSED, row.task_id, f"{code}: {detail}", now)
        return tasks.move(connection, row.task_id, row.state, after, now, error=json.dumps(told), result=None, **kept)


def _enqueue_refusal(connection: Connection, current: _Run, code: str) -> None:
    task_id = current.spec.task_id
    data = encode_call(CONTRACT, "refuse", task_id, refusal_digest(task_id, code))
    enqueue(connection, f"task:{task_id.hex()}:refuse", data, current.now)


def _deliver_spec(current: _Run) -> None:
    """The proposer sends the specification to each other owner until it is there."""
    node, task_id = current.node, current.row.task_id
    with node.store.read() as connection:
        pending = tasks.messages_of(connection, task_id, SPEC_PENDING).keys()
        delivered = tasks.messages_of(connection, task_id, SPEC_DELIVERED).keys()
    for peer in sorted(pending - delivered):
        _send(current, peer, SPEC_KIND, current.spec.to_json(), SPEC_DELIVERED)


def _deliver_message(current: _Run) -> None:
    node, task_id = current.node, current.row.task_id
    with node.store.read() as connection:
        own = tasks.messages_of(connection, task_id, MASK_KIND)[node.address]
        delivered = tasks.messages_of(connection, task_id, DELIVERED)
    for peer in current.peers:
        if peer not in delivered:
            _send(current, peer, MASK_KIND, _json(own), DELIVERED)


def _send(current: _Run, peer: str, kind: str, body: dict[str, Any], mark: str) -> None:
    """Send once, if it is time to; a peer that is down or refuses is tried again, ever more slowly."""
    node, task_id, now = current.node, current.row.task_id, current.now
    attempt = f"{ATTEMPT}:{kind}"
    with node.store.read() as connection:
        tries = int(tasks.messages_of(connection, task_id, attempt).get(peer, "0"))
        last = tasks.message_times(connection, task_id, attempt).get(peer, 0)
    wait = min(FIRST_WAIT_MS * 2 ** min(tries, _MAX_RESENDS), LONGEST_WAIT_MS)
    url = node.settings.peers.get(peer)
    if url is None or (tries and now - last < wait):
        return
    try:
        node.send(url, sign_message(node, peer, kind, body))
    except (CouldNotCheck, Refused, InvalidInput) as error:
        _log.info("task %s: %s to %s: %s", task_id, kind, peer, error)
        with node.store.write() as connection:
            tasks.put_message(connection, task_id, peer, attempt, str(tries + 1), now)
        return
    with node.store.write() as connection:
        tasks.put_message(connection, task_id, peer, mark, "", now)


def _is_complete(current: _Run) -> bool:
    """Every owner has posted the result, and all posted the one that we found."""
    row, results = current.row, current.chain.results
    if row.state != tasks.CHECKED or row.result is None or not results.keys() >= set(current.spec.members):
        return False
    return set(results.values()) == {bytes.fromhex(json.loads(row.result)["digest"])}


def _session(current: _Run) -> Session:
    return Session.open(current.spec, current.node.settings.chain.chain_id, current.chain.commitments)


def _party(current: _Run) -> Committing:
    """The party as it was stored before its commitment left."""
    row = current.row
    if row.values is None or row.blinding is None:
        raise CouldNotCheck("task-input-missing", "the stored input of the task is not there")
    values = tuple(int(value) for value in json.loads(row.values)["values"])
    return Committing(current.spec, current.node.address, values, int.from_bytes(row.blinding))


def _data_use(current: _Run, client: TaskClient) -> dict[str, Any]:
    node, row, spec = current.node, current.row, current.spec
    if row.error is None:
        outcome, digest = "joint-totals", json.loads(row.result or "{}")["digest"]
    else:
        code, posted = json.loads(row.error)["code"], current.chain.results.get(node.address)
        outcome, digest = f"refused:{code}", refusal_digest(spec.task_id, code).hex()
        if code == INPUT_LOST and posted is not None:  # the run was over when the database was lost
            outcome, digest = "joint-totals", posted.hex()
    return {
        "source_ref": f"task:{row.task_id}:{client.pid}",
        "subject": client.pid,
        "type": "DATA_USE",
        "occurred_at": format_time(row.updated_at),
        "channel": "api",
        "actor": {"did": node.did, "role": "node"},
        "payload": {
            "task_id": row.task_id,
            "purpose": spec.purpose.name,
            "consent_id": client.consent_id,
            "parties": party_dids(node, spec),
            "input_commitment": (row.commitment or b"").hex(),
            "output_kind": outcome,
            "result_hash": digest,
            "started_at": format_time(json.loads(row.values or "{}")["started_at"]),
        },
    }


def _json(text: str) -> Any:
    return parse_json(text.encode("utf-8"), field="message")
