"""What records alone cannot tell of a consent: whether it was withdrawn on the chain and nowhere else.

A bundle of version 1 shows no event of the ConsentRegistry. A broker's node asks its own index; whoever has the bundle
alone is told what was not asked.
"""

from __future__ import annotations

from collections.abc import Iterable

from replay.records import Record

_USE = "DATA_USE"


def unasked_ends(records: Iterable[Record], subject: str) -> list[str]:
    """Return a sentence on the uses of a client's data; none where there are none."""
    uses = [record.label for record in records if record.subject == subject and record.type == _USE]
    if not uses:
        return []
    return [
        f"{', '.join(uses)}: not asked whether the consent was withdrawn on the chain and in no record of the bundle"
    ]
