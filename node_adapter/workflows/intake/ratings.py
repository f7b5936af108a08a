"""The broker's product ratings, read from its own PRODUCT_RATE records and kept up to date by the log's growth."""

from __future__ import annotations

import json
from dataclasses import replace

from sqlalchemy import Connection

from evidence.documents.product_subject import product_subject
from node_adapter.node import Node
from node_adapter.store import house_records
from suitability.ratings import Ratings
from suitability.records import RECORD_TYPES
from suitability.subject import Rating

TYPE = "PRODUCT_RATE"


def ratings_of(node: Node, connection: Connection, log_size: int) -> Ratings:
    """Return the ratings among the first `log_size` records; only what the log has grown by is read."""
    known = node.views.peek("ratings", "")
    base = known if isinstance(known, Ratings) and known.size <= log_size else Ratings()
    return node.views.get(connection, "ratings", "", log_size, lambda: _extend(node.did, connection, base, log_size))


def _extend(broker: str, connection: Connection, base: Ratings, log_size: int) -> Ratings:
    extended = base
    for row in house_records.of_types(connection, [TYPE], base.size, log_size):
        if row.payload is not None:
            payload = RECORD_TYPES[TYPE].shape.read(json.loads(row.payload), "payload")
            derived = product_subject(broker, payload["product"]["id"])
            rating = Rating(row.fingerprint.hex(), payload)
            extended = extended.with_rating(rating, in_place=row.pid == derived)
    return replace(extended, size=log_size)
