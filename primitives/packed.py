"""Documents as they travel: gzip (RFC 1952) of their bytes, told by the first two (evidence-2.md, section 12.1).

What is hashed and signed is the document, never its packing: two packings of one document are the same document.
"""

from __future__ import annotations

import zlib

from primitives.errors import InvalidInput

MAGIC = b"\x1f\x8b"
_HEADER = MAGIC + bytes.fromhex("0800 00000000 02ff")  # deflate, no flag, no time, made small, by no system
_ONE_MEMBER = 31  # zlib: a gzip header and trailer around the largest window
_DEFLATE = -zlib.MAX_WBITS
_LEVEL = 9


def pack(document: bytes) -> bytes:
    """Return a document as one gzip member without time and name: the same bytes wherever the same zlib packs them."""
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _DEFLATE)
    deflated = packer.compress(document) + packer.flush()
    trailer = zlib.crc32(document).to_bytes(4, "little") + (len(document) % 2**32).to_bytes(4, "little")
    return _HEADER + deflated + trailer


def unpack(data: bytes, field: str, max_bytes: int, hint: str = "") -> bytes:
    """Return a document that may be packed; what is not packed is returned as it is.

    Args:
        data: the bytes as they came, bounded by whoever read them.
        field: the document's name in an error.
        max_bytes: how long the document may be; of a longer one no more than that is ever in memory.
        hint: what the error of a longer one says beside it.

    Raises:
        InvalidInput: `max-bytes`, it unpacks to more; `gzip`, no whole member, or something follows it.
    """
    if not data.startswith(MAGIC):
        return data
    unpacker = zlib.decompressobj(_ONE_MEMBER)
    try:
        document = unpacker.decompress(data, max_bytes + 1)
    except zlib.error as error:
        raise InvalidInput(field, "gzip", f"is no whole gzip stream: {error}") from error
    if len(document) > max_bytes:
        raise InvalidInput(field, "max-bytes", f"unpacks to more than {max_bytes} bytes{hint}")
    if not unpacker.eof:
        raise InvalidInput(field, "gzip", "is no whole gzip stream: it ends too early")
    if unpacker.unused_data:
        raise InvalidInput(field, "gzip", "is more than one gzip stream: something follows it")
    return document
