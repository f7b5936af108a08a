"""Can what is accepted now be anchored in time? One snapshot says: the store's, and the chain process's sign of life.

A promise is the broker's signature, and anybody can prove that it was broken. So it is given only where the chain was
there a moment ago and the work that waits leaves room. Where it is not, the fact is taken all the same, and its promise
is owed until an anchor covers it (`owed_promises`).

What is asked, in this order; the code names what is wrong:
 process-silent      the chain process gave no sign of life lately
 chain-silent       the chain did not answer lately, or the index is behind it
 chain-stalled      an anchor waits far longer than anchors do
 anchoring-behind   what waits is more than is anchored in the promised time
 clock-behind       this machine's clock is behind the chain's time: what it says of the acceptance is not true

A clock that is half a day behind is more than trouble: nothing is taken until somebody has set it. Nor with one that is
ahead of the chain's time by more than verifiers forgive: each record would say for ever that it was made after it was
anchored. Only a chain that has told its time a moment ago is held against it: one that makes a block now and then gives
no more than a lower bound.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from evidence.documents.promise import MAX_PROMISE_MS
from evidence.verify.times import CLOCK_MS
from evidence.version2.map.append_proof import MAX_LEAVES
from node_adapter.life import SignOfLife
from node_adapter.node import Node, Watched
from node_adapter.settings import AnchoringSettings
from node_adapter.store import anchors, former, records
from node_adapter.store.chain import blocks
from node_adapter.store.chain.blocks import Block
from node_adapter.workflows.anchoring.lost_blocks import require_grown_back
from primitives.errors import CouldNotCheck

MAX_WAITING = MAX_LEAVES - 1_000  # what the node itself has to record besides finds room
CLOCK_TOLERANCE_MS = 60_000
TOLD_MS = 15_000  # how old the chain's own word about its time may be to hold against a clock that is ahead of it
_LEAST_PATIENCE_MS, _MOST_PATIENCE_MS = 2_000, 30_000
_PATIENCE_PART = 20  # a silence of this part of the promised time is taken for an outage
_USUAL_TIMES = 3
_MS = 1000


@dataclass(frozen=True)
class Outlook:
    """Whether a promise can be kept that is given now.

    Attributes:
        trouble: the code of why not; None when it can.
        detail: the same for a person.
        chain_ms: the chain's time now, in ms, as far as this node knows.
    """

    trouble: str | None
    detail: str
    chain_ms: int

    def anchor_by(self, accepted_ms: int, promise_ms: int) -> int:
        """Return the end of the promised time: by the later of both clocks, so that neither makes it too short."""
        return min(max(accepted_ms, self.chain_ms) + promise_ms, accepted_ms + MAX_PROMISE_MS)


@dataclass(frozen=True)
class Head:
    """Where the indexed chain and the log end, as one transaction sees it."""

    block: Block
    log_size: int


def head_of(connection: Connection) -> Head:
    """Read where chain and log end.

    Raises:
        CouldNotCheck: `index-empty`.
    """
    return Head(blocks.tip(connection), records.log_size(connection))


def outlook(node: Node, connection: Connection, head: Head, arriving: int = 1) -> Outlook:
    """Say how it stands for `arriving` more records after a head.

    Raises:
        CouldNotCheck: `chain-set-back`, the chain ends before the block of our newest record;
            `clock-behind`, by so much that no promise could ever be kept: a promise is for a day at the most from the
            time that the record states; `clock-ahead`; `anchoring-full`, more wait than the next anchor can hold.
    """
    sign, tick = node.sign_of_life(), node.clock.monotonic_ms()
    chain_ms = chain_time_ms(sign, tick, head.block.timestamp * _MS)
    now = node.clock.now_ms()
    wrong = clock_trouble(now, chain_ms, MAX_PROMISE_MS // 2) or clock_ahead(sign, tick, now, chain_ms, CLOCK_MS)
    if wrong is not None:
        raise CouldNotCheck(*wrong)
    require_grown_back(connection, head.block)
    require_room(connection, head.log_size, arriving)
    trouble = (
        process_trouble(node, sign)
        or anchoring_trouble(node, connection, sign, head.log_size + arriving)
        or clock_trouble(node.clock.now_ms(), chain_ms)
    )
    code, detail = trouble or (None, "nothing")
    return Outlook(code, detail, chain_ms)


def require_room(connection: Connection, log_size: int, arriving: int) -> None:
    """Refuse to accept more than the next anchor can hold beside what waits for it.

    A batch is never cut where that would keep a record waiting through two anchors (`anchor.Anchoring`).

    Raises:
        CouldNotCheck: `anchoring-full`.
    """
    found = room_trouble(connection, log_size, arriving)
    if found is not None:
        raise CouldNotCheck(*found)


def room_trouble(connection: Connection, log_size: int, arriving: int = 1) -> tuple[str, str] | None:
    """Return code and detail when the next anchor cannot hold what waits in a log of that size, and arrives."""
    built = anchors.latest(connection)
    waiting = log_size - (former.first_index(connection) if built is None else built.size)
    if waiting + arriving <= MAX_WAITING:
        return None
    return "anchoring-full", f"{waiting} records wait for the next anchor: send again when it is built"


def process_trouble(
    node: Node | Watched, sign: SignOfLife | None, patience_ms: int | None = None
) -> tuple[str, str] | None:
    """Return code and detail when the chain process, or the chain as it sees it, has been silent for too long.

    `patience_ms` says how long that is; without it, what the promised time bears.
    """
    patience = _patience(node.settings.anchoring) if patience_ms is None else patience_ms
    tick = node.clock.monotonic_ms()
    if sign is None or tick - sign.seen > patience:
        silent = None if sign is None else tick - sign.seen
        return "process-silent", _since("the chain process gave no sign of life", silent)
    if sign.answered is None or tick - sign.answered > patience:
        silent = None if sign.answered is None else tick - sign.answered
        return "chain-silent", _since("the chain did not answer, or the index is behind it", silent)
    return None


def chain_time_ms(sign: SignOfLife | None, tick: int, tip_ms: int) -> int:
    """Return the chain's time, in ms, which is at least that of its newest indexed block."""
    return tip_ms if sign is None or sign.chain_ahead is None else max(tip_ms, tick + sign.chain_ahead)


def anchoring_trouble(
    node: Node | Watched, connection: Connection, sign: SignOfLife | None, log_size: int
) -> tuple[str, str] | None:
    """Return code and detail when anchors do not become final, or not soon enough for a log of that size."""
    settings, tick = node.settings.anchoring, node.clock.monotonic_ms()
    waiting = log_size - anchors.anchored_size(connection)
    took = 0 if sign is None else sign.anchor_took
    flight = 0 if sign is None or sign.in_flight is None else tick - sign.in_flight
    if flight > max(_patience(settings), _USUAL_TIMES * took):
        return "chain-stalled", _since("an anchor is not final", flight)
    rounds = -(-waiting // settings.max_batch)
    expected = settings.period_seconds * _MS + (rounds + 1) * took
    if expected > settings.promise_seconds * _MS:
        return "anchoring-behind", f"{waiting} records wait, which is about {expected / _MS:.0f} s of anchoring"
    return None


def clock_trouble(now_ms: int, chain_ms: int, tolerance_ms: int = CLOCK_TOLERANCE_MS) -> tuple[str, str] | None:
    """Return code and detail when this machine's clock is behind the chain's time."""
    behind = chain_ms - now_ms
    if behind > tolerance_ms:
        return "clock-behind", f"this machine's clock is {behind / _MS:.0f} s behind the chain's time"
    return None


def clock_ahead(
    sign: SignOfLife | None, tick: int, now_ms: int, chain_ms: int, tolerance_ms: int = CLOCK_TOLERANCE_MS
) -> tuple[str, str] | None:
    """Return code and detail when this machine's clock is ahead of the chain's time, as far as the chain told it."""
    told = sign is not None and sign.chain_told is not None and tick - sign.chain_told <= TOLD_MS
    ahead = now_ms - chain_ms
    if told and ahead > tolerance_ms:
        return "clock-ahead", f"this machine's clock is {ahead / _MS:.0f} s ahead of the chain's time"
    return None


def _patience(settings: AnchoringSettings) -> int:
    part = int(settings.promise_seconds * _MS) // _PATIENCE_PART
    return min(max(part, _LEAST_PATIENCE_MS), _MOST_PATIENCE_MS)


def _since(what: str, ms: int | None) -> str:
    return f"{what} yet" if ms is None else f"{what} for {ms / _MS:.1f} s"
