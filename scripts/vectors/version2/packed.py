"""Packed documents, as every reader takes or refuses them.

The packings were made once: another zlib may make others of the same documents, and all of them are read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from scripts.vectors.output import Vector

DOCUMENT = b'{"format":"bonafides.bundle/2"}'
HEADER = "1f8b08000000000002ff"
DEFLATED = "ab564acb2fca4d2c51b2524acacf4b4ccb4c492dd64b2acd4bc949d53752aa0500"
TRAILER = "dc9148201f000000"
WHOLE = HEADER + DEFLATED + TRAILER
EMPTY = HEADER + "0300" + "0000000000000000"
LIMIT, UNPACKED = 1_000, 100_000
SPACES = (  # so many spaces, and 133 bytes
    HEADER + "edc13101000000c2a02aeb9fd21a1e4001" + 96 * "00" + "af06" + "2df079caa0860100"
)


def _cases() -> Iterator[dict[str, Any]]:
    def case(name: str, packed: str, rule: str | None = None, limit: int = LIMIT) -> dict[str, Any]:
        return {"name": name, "packed": packed, "limit": limit, "rule": rule}

    def flagged(flags: str, more: str) -> str:
        return "1f8b08" + flags + "0000000002ff" + more + DEFLATED + TRAILER

    yield case("whole", WHOLE)
    yield case("with a name, as the command gzip writes it", flagged("08", b"a.json\0".hex()))
    yield case("with an extra field and a comment", flagged("14", "0200abcd" + b"a comment\0".hex()))
    yield case("not packed", DOCUMENT.hex())
    yield case("as long as it may be", WHOLE, limit=len(DOCUMENT))
    yield case("a byte longer than it may be", WHOLE, "max-bytes", len(DOCUMENT) - 1)
    yield case("a bomb", SPACES, "max-bytes")
    yield case("a bomb that is cut off", SPACES[:-16], "max-bytes")
    yield case("two bytes", HEADER[:4], "gzip")
    yield case("a header alone", HEADER, "gzip")
    yield case("a name that does not end", "1f8b08080000000002ff" + b"bundle".hex(), "gzip")
    yield case("another method than deflate", "1f8b07" + WHOLE[6:], "gzip")
    yield case("a reserved flag", flagged("20", ""), "gzip")
    yield case("a checksum of the header that is wrong", flagged("02", "0000"), "gzip")
    yield case("cut off by a byte", WHOLE[:-2], "gzip")
    yield case("cut off in the middle", WHOLE[: len(WHOLE) // 4 * 2], "gzip")
    yield case("without its trailer", HEADER + DEFLATED, "gzip")
    yield case("another checksum", HEADER + DEFLATED + "00000000" + TRAILER[8:], "gzip")
    yield case("another length", HEADER + DEFLATED + TRAILER[:8] + "20000000", "gzip")
    yield case("no deflated bytes", HEADER + "ffffffff" + TRAILER, "gzip")
    yield case("a byte after it", WHOLE + "0a", "gzip")
    yield case("zeros after it", WHOLE + 8 * "00", "gzip")
    yield case("its trailer twice", WHOLE + TRAILER, "gzip")
    yield case("two one after the other", WHOLE + WHOLE, "gzip")
    yield case("an empty one before it", EMPTY + WHOLE, "gzip")


def vectors() -> dict[str, Vector]:
    """Return the document, its packing, and what a reader makes of others."""
    return {
        "packed": {
            "document": DOCUMENT.decode(),
            "sha256": hashlib.sha256(DOCUMENT).hexdigest(),
            "packed": WHOLE,
            "cases": list(_cases()),
        }
    }
