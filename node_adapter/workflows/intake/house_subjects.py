"""The subjects under which a broker records what concerns a matter of its own house (evidence-2.md, section 4)."""

from __future__ import annotations

from sqlalchemy import Connection

from domain.opening import HOUSE, OPENING
from evidence.version2.links import first_label
from evidence.version2.opening import house_subject
from node_adapter.node import Node
from node_adapter.store import subjects
from node_adapter.store.subjects import EMPTY_HEAD, SubjectRow
from node_adapter.workflows.intake.fold import EMPTY_STATE


def open_house(node: Node, connection: Connection, opens: str, now_ms: int) -> SubjectRow:
    """Return the subject that stands for a matter of the house, made where it is not there."""
    pid = house_subject(node.did, opens)
    found = subjects.find_by_pid(connection, pid)
    if found is not None:
        return found
    label = first_label(node.did, bytes.fromhex(pid))
    row = SubjectRow(pid, f"{OPENING} {pid}", None, now_ms, 0, EMPTY_HEAD, EMPTY_STATE, label, HOUSE, opens)
    subjects.insert_subjects(connection, [row])
    return row
