"""Joint tasks: data sets, proposal, approval by compliance, the order to run, what peers send, and what is shown.

What happens between the order and the result is in `steps`, which the task process calls.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial

from sqlalchemy import Connection

from did.identifiers import member_did
from mpc.policy import require_open, require_owner
from mpc.registry import AnyTask, engine_of, engines, read_task
from mpc.spec import FORMAT, address_bytes
from node_adapter.chain.abi import encode_call
from node_adapter.node import Node
from node_adapter.store import outbox, restored, tasks
from node_adapter.store.chain import blocks, task_registry
from node_adapter.store.chain.directory import contract_address
from node_adapter.store.chain.task_registry import ChainTask
from node_adapter.store.tasks import TaskClient, TaskRow
from node_adapter.workflows.identity.keys_in_force import keys_in_force, require_no_rotation
from node_adapter.workflows.tasks.input import require_named, resolve_clients
from node_adapter.workflows.tasks.kept import KeptResult, Refusal
from primitives.canonical import canonical_json
from primitives.digest import tagged_sha256
from primitives.eip712 import approve_typed_data, sign_typed
from primitives.encoding import decode_hex
from primitives.errors import CouldNotCheck, InvalidInput, Refused
from primitives.json_value import JsonObject, JsonValue
from primitives.shapes import Line
from primitives.timestamp import format_time

CONTRACT = "TaskRegistry"
KIND = "task"
SPEC_KIND = FORMAT  # the kind of the signed message between members; the others are the engines'
SPEC_PENDING, SPEC_DELIVERED = "spec-pending", "spec-delivered"
EQUIVOCATION = "equivocation"
DATASET_TAG = "bonafides/dataset/1"
SCHEMA_TAG = "bonafides/dataset-schema/1"
MAX_BODY_BYTES = 64 * 1024
_MAX_NAME = 100
_BLOCKS_PER_SECOND = 10  # more than any engine that we support makes: the deadline in the spec is the one that counts
_SPARE_BLOCKS = 10_000


def register_dataset(node: Node, name: str, schema: JsonObject) -> dict[str, str]:
    """Register a data set of this broker; the same name again gives the same answer, and what failed is tried again."""
    Line(_MAX_NAME).read(name, "name")
    dataset = tagged_sha256(DATASET_TAG, address_bytes(node.address), name.encode("utf-8"))
    data = encode_call(CONTRACT, "registerDataset", dataset, tagged_sha256(SCHEMA_TAG, canonical_json(dict(schema))))
    key = f"dataset:{dataset.hex()}"
    with node.store.write() as connection:
        outbox.enqueue_again(connection, KIND, key, contract_address(connection, CONTRACT), data, node.clock.now_ms())
    return {"dataset": dataset.hex(), "outbox": key}


def propose(node: Node, value: object) -> dict[str, JsonValue]:
    """Propose a task: to the chain by its digest, to the other owners by its text.

    Raises:
        InvalidInput: the spec is malformed.
        Refused: `dataset-unknown`, `task-exists` (another spec under its id), `task-deadline`.
    """
    spec = read_task(value)
    now = node.clock.now_ms()
    require_open(spec, now)
    task_id = spec.task_id.hex()
    with node.store.write() as connection:
        known = tasks.find_task(connection, task_id)
        if known is not None and spec_of(known) != spec:
            raise Refused("task-exists", "task.task_id: another task has this id")
        _require_datasets(connection, spec)
        if known is None:
            tasks.insert_task(connection, task_id, _text(spec.to_json()), now)
            for member in spec.members:
                if member != node.address:
                    tasks.put_message(connection, task_id, member, SPEC_PENDING, "", now)
            left = _SPARE_BLOCKS + _BLOCKS_PER_SECOND * (spec.deadline_ms - now) // 1000
            arguments = (spec.task_id, spec.digest(), spec.purpose.value, [owner.dataset for owner in spec.owners])
            deadline_block = blocks.tip(connection).number + left
            data = encode_call(CONTRACT, "propose", *arguments, deadline_block)
            enqueue(connection, f"task:{task_id}:propose", data, now)
    return show(node, task_id)


def approve(node: Node, task_id: str) -> dict[str, JsonValue]:
    """Approve a task as an owner, signed by this member's compliance key over (task id, spec digest).

    Raises:
        Refused: `task-unknown`, `not-an-owner`, `task-deadline`, `task-not-open`, `task-mismatch` (the chain holds
            another spec under this id), `dataset-unknown`.
        CouldNotCheck: `task-not-indexed`, the proposal is not final yet.
    """
    now = node.clock.now_ms()
    with node.store.write() as connection:
        restored.require_caught_up(connection)
        row = require_task(connection, task_id)
        spec = spec_of(row)
        require_owner(spec, node.address)
        require_open(spec, now)
        if row.state == tasks.PROPOSED:
            require_on_chain(connection, spec)
            contract = contract_address(connection, CONTRACT)
            require_no_rotation(connection)  # the contract asks for the key that is in force when the call arrives
            keys = keys_in_force(node, connection)
            typed = approve_typed_data(node.settings.chain.chain_id, contract, spec.task_id, spec.digest())
            data = encode_call(CONTRACT, "approve", spec.task_id, sign_typed(keys.compliance_key, typed))
            enqueue(connection, f"task:{task_id}:approve", data, now)
            tasks.move(connection, task_id, tasks.PROPOSED, tasks.APPROVED, now)
        elif row.state == tasks.REFUSED:
            raise Refused("task-not-open", f"the task is refused: {row.error}")
    return show(node, task_id)


def run(node: Node, task_id: str, clients: Sequence[str] | None = None) -> dict[str, JsonValue]:
    """Order the task process to run an approved task.

    Args:
        node: this node.
        task_id: hex.
        clients: the broker's references of the clients to take; None for every client who consents.

    Raises:
        Refused: `task-unknown`, `task-not-approved`, `task-deadline`, `subject-not-found`; for a named client
            `no-consent` and the other consent codes of `mpc.policy`.
    """
    now = node.clock.now_ms()
    with node.store.write() as connection:
        restored.require_caught_up(connection)
        row = require_task(connection, task_id)
        spec = spec_of(row)
        if row.state == tasks.PROPOSED:
            raise Refused("task-not-approved", "this member's compliance has not approved the task")
        if row.state == tasks.REFUSED:
            raise Refused("task-not-open", f"the task is refused: {row.error}")
        if row.state == tasks.APPROVED:
            require_open(spec, now)
            if clients is not None:
                tasks.put_clients(connection, task_id, _named(node, connection, spec, clients, now))
            tasks.request_run(connection, task_id, now)
    return show(node, task_id)


def receive_spec(node: Node, sender: str, body: JsonObject) -> dict[str, JsonValue]:
    """Take a task that another member proposed; the chain must hold its digest.

    Raises:
        InvalidInput: malformed.
        Refused: `not-an-owner`, `task-exists`, `task-mismatch`, `task-not-proposer`.
        CouldNotCheck: `task-not-indexed`: the sender tries again.
    """
    spec = read_task(dict(body))
    require_owner(spec, node.address)
    now = node.clock.now_ms()
    with node.store.write() as connection:
        if require_on_chain(connection, spec).proposer != sender:
            raise Refused("task-not-proposer", "the task was proposed by another member")
        known = tasks.find_task(connection, spec.task_id.hex())
        if known is not None and spec_of(known) != spec:
            raise Refused("task-exists", "task.task_id: another task has this id")
        if known is None:
            tasks.insert_task(connection, spec.task_id.hex(), _text(spec.to_json()), now)
    return {"status": "accepted"}


def receive_message(kind: str, node: Node, sender: str, body: JsonObject) -> dict[str, JsonValue]:
    """Keep another owner's message of an engine; the task process checks it once every commitment is final.

    Raises:
        InvalidInput: no task is named, its engine has no such messages, or the body is too long.
        Refused: `task-unknown`, `not-an-owner`, `task-not-open`, `equivocation` (a second, different message).
    """
    task_id = decode_hex(body.get("task_id"), "task_id", 32).hex()
    text = _text(dict(body))
    if len(text) > MAX_BODY_BYTES:
        raise InvalidInput("body", "max-bytes", f"must not be longer than {MAX_BODY_BYTES} bytes")
    now = node.clock.now_ms()
    with node.store.write() as connection:
        row = require_task(connection, task_id)
        spec = spec_of(row)
        require_owner(spec, sender)
        _require_kind(spec, kind)
        kept = tasks.messages_of(connection, task_id, kind).get(sender)
        if kept is None:
            if row.state in tasks.ENDED or row.error is not None:
                raise Refused("task-not-open", f"the task has ended: {row.error or row.state}")
            kept = tasks.add_message(connection, task_id, sender, kind, text, now)
        if kept != text:
            tasks.add_message(connection, task_id, sender, EQUIVOCATION, text, now)
    if kept != text:  # after the transaction: the second message stays, so that the task process refuses the task
        raise Refused("equivocation", "this member sent another message for this task before")
    return {"status": "accepted"}


PeerHandler = Callable[[Node, str, JsonObject], dict[str, JsonValue]]


def peer_kinds() -> tuple[str, ...]:
    """Return the kinds of message that `peer_handler` knows."""
    return (SPEC_KIND, *(kind for engine in engines().values() for kind in engine.message_kinds))


def peer_handler(kind: str) -> PeerHandler | None:
    """Return what takes a message of a kind, with its verified sender and its body; None for no kind of a task's."""
    if kind == SPEC_KIND:
        return receive_spec
    return partial(receive_message, kind) if kind in peer_kinds() else None


def list_all(node: Node) -> list[dict[str, JsonValue]]:
    """Return every task that this member knows, in short."""
    with node.store.read() as connection:
        return [_summary(row, spec_of(row)) for row in tasks.list_tasks(connection)]


def show(node: Node, task_id: str) -> dict[str, JsonValue]:
    """Return one task: its spec, how far each owner is, and the result once every owner has confirmed it.

    Raises:
        Refused: `task-unknown`.
    """
    with node.store.read() as connection:
        row = require_task(connection, task_id)
        spec, chain = spec_of(row), task_registry.chain_task(connection, task_id)
        clients = tasks.clients_of(connection, task_id) if row.commitment is not None else []
        writes = {
            name: None if entry is None else {"state": entry.state, "error": entry.error}
            for name in ("propose", "approve", "commit", "result", "refuse")
            for entry in [outbox.by_key(connection, f"task:{task_id}:{name}")]
        }
    result = KeptResult.of(row) if row.state == tasks.COMPLETED else None
    return {
        **_summary(row, spec),
        "spec": spec.to_json(),
        "spec_digest": spec.digest().hex(),
        "clients": len(clients),
        "commitment": None if row.commitment is None else row.commitment.hex(),
        "result": None if result is None else result.document,
        "result_digest": None if result is None else result.digest.hex(),
        "outbox": {name: state for name, state in writes.items() if state is not None},
        "chain": {
            "proposer": chain.proposer,
            "approved": sorted(chain.approved),
            "committed": sorted(chain.commitments),
            "posted": sorted(chain.results),
            "refused": sorted(chain.refused),
        },
    }


def require_task(connection: Connection, task_id: str) -> TaskRow:
    """Return a task, or refuse with `task-unknown`."""
    row = tasks.find_task(connection, task_id)
    if row is None:
        raise Refused("task-unknown", "this member knows no such task")
    return row


def require_on_chain(connection: Connection, spec: AnyTask) -> ChainTask:
    """Return what the chain says of a task whose proposal is final and is this spec's.

    Raises:
        CouldNotCheck: `task-not-indexed`.
        Refused: `task-mismatch`, `dataset-unknown`.
    """
    chain = task_registry.chain_task(connection, spec.task_id.hex())
    if chain.spec_hash is None:
        raise CouldNotCheck("task-not-indexed", "the proposal is not (yet) final in this node's index of the chain")
    if chain.spec_hash != spec.digest() or chain.datasets != {owner.dataset for owner in spec.owners}:
        raise Refused("task-mismatch", "the chain holds another specification under this task id")
    _require_datasets(connection, spec)
    return chain


def spec_of(row: TaskRow) -> AnyTask:
    """Return the stored specification."""
    return read_task(json.loads(row.spec))


def enqueue(connection: Connection, key: str, data: bytes, now_ms: int) -> None:
    """Put a call of TaskRegistry into the outbox; once it is there under its key it stays as it was written."""
    if outbox.by_key(connection, key) is None:
        outbox.enqueue(connection, KIND, key, contract_address(connection, CONTRACT), data, now_ms)


def party_dids(node: Node, spec: AnyTask) -> list[str]:
    """Return the owners' DIDs."""
    return [member_did(node.settings.chain.chain_id, member) for member in spec.members]


def _named(node: Node, connection: Connection, spec: AnyTask, clients: Sequence[str], now_ms: int) -> list[TaskClient]:
    if not clients:
        raise InvalidInput("clients", "length", "name at least one client, or leave the member out")
    return require_named(node, connection, spec, resolve_clients(connection, clients), now_ms)


def _require_datasets(connection: Connection, spec: AnyTask) -> None:
    for index, owner in enumerate(spec.owners):
        if task_registry.dataset_owner(connection, owner.dataset) != owner.member:
            raise Refused("dataset-unknown", f"task.owners.{index}.dataset: {owner.member} registered no such data set")


def _require_kind(spec: AnyTask, kind: str) -> None:
    kinds = engine_of(spec).message_kinds
    if kind not in kinds:
        raise InvalidInput("kind", "one-of", f"must be one of {', '.join(kinds)}, the messages of {spec.engine}")


def _summary(row: TaskRow, spec: AnyTask) -> dict[str, JsonValue]:
    refusal = Refusal.of(row)
    return {
        "task_id": row.task_id,
        "state": row.state,
        "purpose": spec.purpose.name,
        **spec.program.to_json(),
        "owners": list(spec.members),
        "deadline": format_time(spec.deadline_ms),
        "run_requested": row.run_requested,
        "error": None if refusal is None else vars(refusal),
        "updated_at": format_time(row.updated_at),
    }


def _text(value: JsonObject) -> str:
    return canonical_json(dict(value)).decode("utf-8")
