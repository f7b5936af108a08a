"""Can this node do its work now? Each answer comes from trying, or from a sign of a moment ago; none from a flag.

 store     a row is written and committed
 disk      free space on the database's disk
 index     a block of the chain is indexed, not many are missing, and the chain was not set back behind our records
 member    the registry names this member, and it is active
 process   the chain process gave a sign of life
 chain     the chain answered it, and anchors become final
 anchoring what waits can be anchored in the promised time
 clock     this machine's clock agrees with the chain's time

Each is `ok` or a code. `not-checked` is what needs the store where the store cannot be used.
"""

from __future__ import annotations

import shutil

from sqlalchemy import Connection

from node_adapter.node import Node, Watched
from node_adapter.store import identity, records
from node_adapter.store.chain import blocks, member_registry
from node_adapter.workflows.anchoring import lost_blocks
from node_adapter.workflows.anchoring.outlook import (
    anchoring_trouble,
    chain_time_ms,
    clock_ahead,
    clock_trouble,
    process_trouble,
    room_trouble,
)
from primitives.errors import BonafidesError, CouldNotCheck

OK, NOT_CHECKED = "ok", "not-checked"
MOST_BLOCKS_BEHIND = 64
LEAST_FREE_BYTES = 100 * 1024 * 1024
_PROBE = "probe.written_at"
_MS = 1000

_CHAIN_CODES = ("chain-silent", "chain-stalled")


def readiness(node: Node | Watched) -> dict[str, str]:
    """Return each check with `ok` or the code of what is wrong."""
    checks = dict.fromkeys(("store", "disk", "index", "member", "process", "chain", "anchoring", "clock"), NOT_CHECKED)
    checks["disk"] = _disk(node)
    checks |= _signs(node)
    try:
        with node.store.write() as connection:
            identity.put(connection, _PROBE, str(node.clock.now_ms()))
        checks["store"] = OK
        with node.store.read() as connection:
            checks |= _of_store(node, connection)
    except CouldNotCheck as error:
        checks["store"] = error.code
    return checks


def member_check(node: Node | Watched, connection: Connection) -> str:
    """Return `ok`, or why this member may not record."""
    try:
        member_registry.require_active_member(connection, node.address)
    except BonafidesError as error:
        return error.code
    return OK


def _index_check(node: Node | Watched, connection: Connection, indexed: int) -> str:
    """Return `ok`, or `index-behind` while a node that was away reads what it missed, or `chain-set-back`."""
    if lost_blocks.missing(connection):
        return lost_blocks.CODE
    head = identity.worker_status(connection).chain_head
    missed = 0 if head is None else head - node.settings.chain.finality_depth + 1 - indexed
    return OK if missed <= MOST_BLOCKS_BEHIND else "index-behind"


def _disk(node: Node | Watched) -> str:
    try:
        free = shutil.disk_usage(node.settings.home).free
    except OSError:
        return "disk-unreadable"
    return OK if free >= LEAST_FREE_BYTES else "disk-low"


def _signs(node: Node | Watched) -> dict[str, str]:
    trouble = process_trouble(node, node.sign_of_life())
    code = OK if trouble is None else trouble[0]
    if code in _CHAIN_CODES:
        return {"process": OK, "chain": code}
    return {"process": code, "chain": code if code == OK else NOT_CHECKED}


def _of_store(node: Node | Watched, connection: Connection) -> dict[str, str]:
    checks = {"member": member_check(node, connection)}
    try:
        tip = blocks.tip(connection)
    except CouldNotCheck as error:
        return {**checks, "index": error.code}
    checks["index"] = _index_check(node, connection, tip.number)
    sign, tick, now = node.sign_of_life(), node.clock.monotonic_ms(), node.clock.now_ms()
    if sign is None:
        return checks
    size = records.log_size(connection)
    trouble = anchoring_trouble(node, connection, sign, size) or room_trouble(connection, size)
    code = OK if trouble is None else trouble[0]
    checks |= {"chain": code, "anchoring": NOT_CHECKED} if code in _CHAIN_CODES else {"anchoring": code}
    chain_ms = chain_time_ms(sign, tick, tip.timestamp * _MS)
    wrong = clock_trouble(now, chain_ms) or clock_ahead(sign, tick, now, chain_ms)
    checks["clock"] = OK if wrong is None else wrong[0]
    return checks
