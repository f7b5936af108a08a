"""The parts in their order, page by page: each page is one snapshot, so that no reader holds up an erasure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from evidence import shapes
from node_adapter.fsck.chain import AskHead, check_chain
from node_adapter.fsck.difference import StoreDifference
from node_adapter.fsck.gaps import gaps
from node_adapter.fsck.label_map import check_presence, check_segments
from node_adapter.fsck.promises import chain_id_of, check_cosignatures
from node_adapter.fsck.records import check_records, check_subjects
from node_adapter.fsck.tree import check_leaves
from node_adapter.store.engine import Store
from primitives.canonical import parse_json
from primitives.errors import CouldNotCheck, InvalidInput
from primitives.shapes import Constant, Fields, Nullable, Text

STATE_FORMAT = "bonafides.fsck/2"
MAX_STATE_BYTES = 4096
UNREADABLE = "store-unreadable"
CHAIN = "chain"
PARTS = ("records", "subjects", "leaves", "map-segments", "map-presence", "cosignatures", CHAIN)
NOT_CHECKED = {
    "findings": "no envelope binds them",
    "times of promises": "whether an anchor came in time the node watches, and `bonafides promise check` says",
    "signatures of acts": "the column is the envelope's; whose keys signed, a bundle's verification shows",
    "database of format 1": "`doctor` looks at it",
    "other columns and tables": "no envelope, leaf or map binds them, such as `source_ref` and `accepted_at`",
}
_STATE = Fields(
    {
        "format": Constant(STATE_FORMAT),
        "broker": shapes.ETHR_DID,
        "part": shapes.NUMBER,
        "number": Nullable(shapes.NUMBER),
        "subject": Nullable(Text(64)),
        "looked": Fields(dict.fromkeys(PARTS, shapes.NUMBER)),
    }
)


@dataclass(frozen=True)
class FsckState:
    """How far a check has come.

    Attributes:
        broker: the DID of the member whose store it is.
        part: the number of the part that is gone over, of `PARTS`; their number once all were.
        number: the last log index, leaf or segment of it that was checked; None before the first.
        subject: the same of subjects: a pseudonym.
        looked: how many were looked at, by part.
    """

    broker: str
    looked: dict[str, int]
    part: int = 0
    number: int | None = None
    subject: str | None = None

    @classmethod
    def begun(cls, broker: str) -> FsckState:
        """Return the state before the first part."""
        return cls(broker, dict.fromkeys(PARTS, 0))

    def to_json(self) -> dict[str, Any]:
        """Return what a state file holds."""
        return {"format": STATE_FORMAT, **vars(self)}


def read_state(data: bytes, broker: str) -> FsckState:
    """Read a state file.

    Raises:
        InvalidInput: it is none; `constant`, of another member's store; `range`, of a part that there is not.
    """
    read = _STATE.read(parse_json(data, field="state", max_bytes=MAX_STATE_BYTES), "state")
    if read["broker"] != broker:
        raise InvalidInput("state.broker", "constant", f"is of {read['broker']}")
    if read["part"] > len(PARTS):
        raise InvalidInput("state.part", "range", f"must be 0 to {len(PARTS)}")
    return FsckState(**{name: value for name, value in read.items() if name != "format"})


def _place(state: FsckState) -> str:
    """Say how far a check has come."""
    if state.part == len(PARTS):
        return "the end"
    reached = state.subject if state.number is None else state.number
    return f"{PARTS[state.part]} {'none' if reached is None else reached}"


class Fsck:
    """One check of a store: `run` gives the report; `save` is told the state after each page."""

    def __init__(
        self,
        store: Store,
        member: str,
        state: FsckState,
        save: Callable[[FsckState], None],
        ask: AskHead | None = None,
    ) -> None:
        """Take the store, the address of its member, where to begin, and who tells of the chain, if it is asked."""
        self._store, self._member, self._state, self._save = store, member, state, save
        self._ask = ask
        self._before = None if state == FsckState.begun(state.broker) else _place(state)

    def run(self) -> dict[str, Any]:
        """Go over what is left, and return the report; the state stands before a page that differs."""
        difference = None
        try:
            while self._state.part < len(PARTS):
                self._step()
        except StoreDifference as found:
            difference = {"part": PARTS[self._state.part], **found.to_json()}
        state, not_checked = self._state, dict(NOT_CHECKED)
        with self._store.read() as connection:
            not_checked |= gaps(connection)
        if self._ask is None:
            not_checked[CHAIN] = "not asked: leaves were held against the index that this node made of it"
        if self._before is not None:
            not_checked["what was gone over before"] = (
                f"all to {self._before}: the state file says so, and nothing else"
            )
        if difference is not None:
            not_checked = dict.fromkeys(PARTS[state.part + 1 :], "comes after the first difference") | not_checked
        return {
            "broker": state.broker,
            "same": difference is None,
            "difference": difference,
            "looked_at": state.looked,
            "not_checked": not_checked,
        }

    def _step(self) -> None:
        state, part = self._state, PARTS[self._state.part]
        reached, looked = self._read_page(part)
        state = replace(state, looked={**state.looked, part: state.looked[part] + looked})
        if reached is None:
            state = replace(state, part=state.part + 1, number=None, subject=None)
        elif isinstance(reached, str):
            state = replace(state, subject=reached)
        else:
            state = replace(state, number=reached)
        self._state = state
        self._save(state)

    def _read_page(self, part: str) -> tuple[int | str | None, int]:
        """Check a page; what is stored may be of any kind, and is then the difference."""
        where = f"in the page after {_place(self._state)}"
        try:
            with self._store.read() as connection:
                return self._page(connection, part)
        except CouldNotCheck as error:
            if error.code != UNREADABLE:
                raise
            raise StoreDifference("column", where, "text in UTF-8", "bytes that are none") from error
        except (TypeError, ValueError, AttributeError, LookupError) as error:
            raise StoreDifference("column", where, "a value of its kind", type(error).__name__) from error

    def _page(self, connection: Connection, part: str) -> tuple[int | str | None, int]:
        state = self._state
        if part == "records":
            return check_records(connection, state.broker, self._member, state.number)
        if part == "subjects":
            return check_subjects(connection, state.broker, state.subject)
        if part == "leaves":
            return check_leaves(connection, state.broker, self._member, state.number or 0)
        if part == "map-segments":
            return check_segments(connection, state.number)
        if part == "map-presence":
            return check_presence(connection, state.number)
        if part == "cosignatures":
            return check_cosignatures(connection, chain_id_of(state.broker), state.number)
        return None, 0 if self._ask is None else check_chain(connection, self._ask)
