"""Asking the other members for cosignatures of this member's checkpoints, once an anchor is final.

Specification: docs/spec/evidence-2.md, sections 8.3 and 17. Each member is asked by a thread of its own, beside the
loop of the chain process: one that is down, slow or refuses delays its own cosignature and nothing else, and is named
with its reason. What was reached stands in the store, so a process that was killed goes on from there.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection

from did.identifiers import member_did
from evidence.log.tree import NodeReader, consistency_proof
from evidence.version2.log.cosignature import with_cosignatures, witness_name
from evidence.version2.log.witness_protocol import (
    MAX_REQUEST_BYTES,
    SIGNATURES_TYPE,
    AddCheckpoint,
    read_answer,
)
from node_adapter.beside import beside
from node_adapter.node import Node
from node_adapter.store import alarms, anchor_tree, anchors, cosignatures, restored
from node_adapter.store.chain import member_registry
from node_adapter.store.changes import Changes
from node_adapter.store.cosignatures import Cosigner
from node_adapter.workflows.operation.endpoints import node_url
from primitives.errors import BonafidesError, CouldNotCheck, Refused
from primitives.timestamp import format_time

PATH = "/v1/witness/add-checkpoint"
LOOK_EVERY_SECONDS, END_SECONDS = 0.5, 5.0
FIRST_WAIT_MS, LONGEST_WAIT_MS = 1_000, 60_000
SOON_MS = 4_000
_SOON = ("peer-failed", "store-busy")  # it is there and could not answer now: its index was behind, or it was busy
_MOST_DOUBLINGS = 10
_log = logging.getLogger("node_adapter.cosigning")


@dataclass(frozen=True)
class FinalCheckpoint:
    """The newest final checkpoint: its anchor's number, and the note without cosignatures."""

    seq: int
    note: str


def other_members(node: Node, connection: Connection) -> dict[str, bytes]:
    """Return the checkpoint key of every active member but this one, by account."""
    found = member_registry.members(connection)
    return {
        address: member.held.checkpoint
        for address, member in found.items()
        if member.active and address != node.address
    }


def newest_checkpoint(connection: Connection) -> FinalCheckpoint | None:
    """Return the newest final checkpoint; None before the first anchor, and of a restored copy."""
    newest = None if restored.since(connection) is not None else anchors.last_signed(connection)
    row = None if newest is None else anchors.by_seq(connection, newest.seq)
    return None if row is None or not row.checkpoint else FinalCheckpoint(row.seq, row.checkpoint)


def ask_witness(node: Node, witness: str) -> str | None:
    """Ask one member to cosign the newest checkpoint, and keep what it answers; return why it did not, None if it did.

    Of one that has cosigned it nothing is asked. What goes wrong is kept with the member's name.
    """
    try:
        with node.store.read() as connection:
            checkpoint = newest_checkpoint(connection)
            kept = cosignatures.cosigners(connection).get(witness, Cosigner(witness))
            public_key = other_members(node, connection).get(witness)
            url = node_url(node, connection, witness)
        if checkpoint is None or public_key is None or kept.seq == checkpoint.seq:
            return None
        if url is None:
            raise CouldNotCheck("peer-unreachable", "where its node is, neither chain nor settings say")
        lines = _cosigned(node, url + PATH, checkpoint, min(kept.seq, checkpoint.seq))
        name = witness_name(member_did(node.settings.chain.chain_id, witness))
        good = with_cosignatures(checkpoint.note, lines, {name: public_key}).removeprefix(checkpoint.note)
        if not good:
            raise Refused("witness-key", "it signed with another key than the registry holds of it")
        line = good.split("\n")[0] + "\n"  # of one that sends many the rest would leave no room for others
    except BonafidesError as error:
        _log.info("%s did not cosign: %s", witness, error)
        with node.store.write() as connection:
            _note_failure(node, connection, witness, error)
        return error.code
    with node.store.write() as connection:
        row = anchors.by_seq(connection, checkpoint.seq)
        if row is not None and row.checkpoint == checkpoint.note:  # else the chain has lost it meanwhile
            cosignatures.add(connection, checkpoint.seq, witness, line, node.clock.now_ms())
            alarms.close_alarm(connection, alarms.WITNESS_REFUSES, node.clock.now_ms(), witness)
    return None


def _note_failure(node: Node, connection: Connection, witness: str, error: BonafidesError) -> None:
    """Note why a witness did not cosign; a refusal that it repeats is an alarm until it cosigns again.

    One that is down, or behind the chain, is no alarm: its lag tells of it.
    """
    now, before = node.clock.now_ms(), cosignatures.cosigners(connection).get(witness)
    cosignatures.note_failure(connection, witness, str(error), now)
    since = None if before is None else before.failed_since
    if since is not None and not isinstance(error, CouldNotCheck):
        detail = f"does not cosign since {format_time(since)}: {error}"
        alarms.raise_alarm(connection, alarms.WITNESS_REFUSES, witness, detail, now)


def _cosigned(node: Node, url: str, checkpoint: FinalCheckpoint, old: int) -> str:
    """Return the signature lines of a witness, which may say once from where else to ask.

    Raises:
        InvalidInput: its answer is none.
        Refused: `witness-refused`; `witness-ahead`, it has gone over more anchors than this database has.
        CouldNotCheck: it cannot be reached, or could not check now.
    """
    for _ in range(2):
        request = AddCheckpoint(old, _consistency(node, old, checkpoint.seq), checkpoint.note)
        answer = node.ask(url, request.body(), SIGNATURES_TYPE, max_bytes=MAX_REQUEST_BYTES)
        told = read_answer(answer.status, answer.content_type, answer.body)
        if isinstance(told, str):
            return told
        if told > checkpoint.seq:
            raise Refused(
                "witness-ahead", f"it went over {told} anchors of this log, of which {checkpoint.seq} are here"
            )
        old = told
    raise Refused("witness-refused", f"it names another size each time, {old} at last")


def _consistency(node: Node, old: int, size: int) -> tuple[bytes, ...]:
    def proof(reader: NodeReader) -> list[bytes]:
        return consistency_proof(old, size, reader)

    with node.store.read() as connection:
        return tuple(proof(anchor_tree.node_reader(connection, proof)))


class Asking:
    """Who is asked now, and who is not to be asked again before a time: what a process keeps in memory."""

    def __init__(self, node: Node) -> None:
        """Nobody was asked yet."""
        self._node = node
        self._lock = threading.Lock()
        self._changes, self._nothing = Changes(node.store), False
        self._asked: set[str] = set()
        self._waits: dict[str, tuple[int, int]] = {}  # how often it failed one after another, and until when to wait

    def step(self) -> list[threading.Thread]:
        """Begin to ask each member that lacks the newest checkpoint and is due; return what was begun."""
        node, tick = self._node, self._node.clock.monotonic_ms()
        if not self._changes.any() and self._nothing:
            return []
        with node.store.read() as connection:
            checkpoint = newest_checkpoint(connection)
            self._nothing = checkpoint is None
            if checkpoint is None:
                return []
            known = cosignatures.cosigners(connection)
            lacking = [
                address
                for address in other_members(node, connection)
                if address not in known or known[address].seq != checkpoint.seq
            ]
        self._nothing = not lacking
        begun = []
        for address in lacking:
            with self._lock:
                if address in self._asked or tick < self._waits.get(address, (0, 0))[1]:
                    continue
                self._asked.add(address)
            thread = threading.Thread(target=self._ask, args=(address,), name=f"witness {address}", daemon=True)
            thread.start()
            begun.append(thread)
        return begun

    def _ask(self, address: str) -> None:
        failure: str | None = "store-busy"
        try:
            failure = ask_witness(self._node, address)
        except BonafidesError as error:  # the store is busy or full: it is asked again
            _log.warning("what %s answered could not be kept: %s", address, error)
        finally:
            with self._lock:
                self._asked.discard(address)
                if failure is None:
                    self._waits.pop(address, None)
                else:
                    failed = self._waits.get(address, (0, 0))[0]
                    wait = min(FIRST_WAIT_MS << min(failed, _MOST_DOUBLINGS), LONGEST_WAIT_MS)
                    if failure in _SOON:
                        wait = min(wait, SOON_MS)
                    self._waits[address] = failed + 1, self._node.clock.monotonic_ms() + wait


@contextmanager
def asking(node: Node) -> Iterator[None]:
    """Ask the other members beside whatever is done within; a member that is no broker has no log."""
    if node.settings.member.role != "broker":
        yield
        return
    asked = Asking(node)

    def step() -> bool:
        asked.step()
        return False

    with beside("cosigning", step, idle_seconds=LOOK_EVERY_SECONDS, end_seconds=END_SECONDS):
        yield
