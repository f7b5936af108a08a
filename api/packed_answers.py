"""Answers as they travel: gzip, where the caller takes it (evidence-2.md, section 12.1).

Evidence alone is packed, and to its caller alone: it is long, and no secret stands in it beside what the caller chose.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from flask import Response, request

from primitives.packed import pack

_ONE_MEMBER = 31  # zlib: a gzip header, without time and name, around the largest window


def packed(data: bytes, content_type: str) -> Response:
    """Answer with a document, as gzip where the caller takes it."""
    taken = _is_taken()
    return _told(Response(pack(data) if taken else data, content_type=content_type), taken=taken)


def packed_stream(response: Response) -> Response:
    """Pack an answer that is made as it is read, where the caller takes it; each part can be read once it has come."""
    taken = _is_taken() and response.is_streamed
    if taken:
        response.response = _parts(response.iter_encoded())
    return _told(response, taken=taken)


def _is_taken() -> bool:
    return request.accept_encodings.quality("gzip") > 0


def _told(response: Response, *, taken: bool) -> Response:
    response.vary.add("Accept-Encoding")
    if taken:
        response.headers["Content-Encoding"] = "gzip"
    return response


def _parts(parts: Iterable[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(wbits=_ONE_MEMBER)
    for part in parts:
        yield packer.compress(part) + packer.flush(zlib.Z_SYNC_FLUSH)
    yield packer.flush()
