"""The decision that says of each table what it is for and when it goes leaves none out."""

import re
from pathlib import Path

from node_adapter.store.schema import metadata

DECISION = Path(__file__).parents[2] / "docs" / "adr" / "0091-what-is-old-and-no-proof-rests-on-goes.md"


def test_every_table_is_named():
    table = DECISION.read_text("utf-8").partition("## The tables")[2].partition("## Rejected")[0]
    assert set(metadata.tables) - set(re.findall("`([a-z_]+)`", table)) == set()
