"""What a check of a store does not say, of this store: silence would read as if all had been looked at."""

from __future__ import annotations

from sqlalchemy import Connection

from node_adapter.store import log_walk, wrong_anchors


def gaps(connection: Connection) -> dict[str, str]:
    """Return what nothing in this store can be held against, by name; a store without such has none."""
    found = {}
    if count := log_walk.without_salts(connection):
        found["originals without salts"] = f"{count} records: they came back from copies, or their salts are lost"
    if count := log_walk.without_checkpoint(connection):
        found["checkpoints never signed"] = f"of {count} anchors: named wrong at once, without a key, or lost"
    if named := wrong_anchors.named(connection):
        places = ", ".join(map(str, named))
        found["anchors that are named wrong"] = f"{places}: their rows and batches; the decision is the operator's"
    return found
