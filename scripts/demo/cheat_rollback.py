"""A broker that cheats: in the database of its running node it takes the last record of a client out of the history.

    python scripts/demo/cheat_rollback.py --node DIR --subject PSEUDONYM

The record was promised, anchored and counted, and its client holds a receipt. In the broker's own database it becomes
somebody else's, the map is built again without it, and the history ends one record earlier. What the broker then
records about the client stands in the place of what was taken away: the contract sees a batch like any other.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sqlalchemy import Connection, delete, select, update

from node_adapter.settings import Settings
from node_adapter.store import schema
from node_adapter.store.engine import open_store
from node_adapter.store.label_map import LabelMapStore
from node_adapter.store.records import RecordRow, of_subject

NOBODY = "0" * 64
MAP = (schema.map_anchor, schema.map_segment, schema.map_row)


def roll_back(connection: Connection, pid: str) -> RecordRow:
    """Take the last record of a subject out of its history; return it as it was."""
    *before, last = of_subject(connection, pid)
    taken = update(schema.record).where(schema.record.c.record_id == last.record_id)
    connection.execute(taken.values(pid=NOBODY, source_ref=f"lost {last.source_ref}"))
    ends = {"count": last.seq - 1, "head": before[-1].fingerprint, "label": last.label}
    connection.execute(update(schema.subject).where(schema.subject.c.pid == pid).values(ends))
    build_map_again(connection, without=last.label)
    return last


def build_map_again(connection: Connection, without: bytes) -> None:
    """Make the map of the newest anchor of all labels but one."""
    store = LabelMapStore()
    newest = store.newest(connection)
    if newest is None:
        raise SystemExit("nothing is anchored yet")
    size = select(schema.log_anchor.c.size).where(schema.log_anchor.c.seq == newest.seq).scalar_subquery()
    counted = select(schema.record.c.label, schema.record.c.entry).where(schema.record.c.log_index < size)
    entries = {row.label: row.entry for row in connection.execute(counted) if row.label != without}
    for table in MAP:
        connection.execute(delete(table))
    root = store.insert(connection, newest.seq, entries)
    anchor = update(schema.log_anchor).where(schema.log_anchor.c.seq == newest.seq)
    connection.execute(anchor.values(map_root=root))  # the node looks at that as it starts


def main() -> int:
    """Roll back one history."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--node", type=Path, required=True, help="the broker's own directory")
    parser.add_argument("--subject", required=True, help="the client's pseudonym")
    options = parser.parse_args()
    store = open_store(Settings.load(options.node).database)
    with store.write() as connection:
        taken = roll_back(connection, options.subject)
    store.dispose()
    print(f"record {taken.seq} ({taken.type}) of {options.subject} is in the history no more")
    return 0


if __name__ == "__main__":
    sys.exit(main())
