"""A time-stamp token (RFC 3161) over a checkpoint: an authority beside the chain says not later than when it was there.

Specification: docs/spec/evidence-2.md, section 18. Verified by `rfc3161-client` (Trail of Bits), which is not installed
with the product but with the extra `timestamps`: without it nothing is known of a token.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from evidence.log.note import split_note
from primitives.errors import CouldNotCheck, InvalidInput, VerificationFailed

MAX_TOKEN_BYTES = 16_384
_SHA256 = "2.16.840.1.101.3.4.2.1"
_MS = 1000
_UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.AttributeNotFound,
    x509.DuplicateExtension,
    x509.ExtensionNotFound,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What the libraries raise of bytes, and of the certificates in them, that they do not take."""


@dataclass(frozen=True)
class StampedTime:
    """When an authority says that it saw a checkpoint, in milliseconds since 1970."""

    time_ms: int
    serial: int


def make_request(note: str) -> bytes:
    """Return what an authority is asked for a token over a checkpoint's text, DER: its digest, and the certificates.

    Without a nonce: an older token over the same text would say more, not less.

    Raises:
        InvalidInput: not a note.
        CouldNotCheck: `timestamps-not-installed`.
    """
    tsp = _library()
    text, _ = split_note(note)
    builder = tsp.TimestampRequestBuilder(text.encode(), tsp.HashAlgorithm.SHA256, nonce=False)
    request: bytes = builder.build().as_bytes()
    return request


def verify_token(token: bytes, note: str, authority: bytes, roots: Sequence[bytes]) -> StampedTime:
    """Check a token over a checkpoint's text, and return the time that it states.

    What is stamped is the text of the note, without its signatures: cosignatures that come later change nothing. The
    certificates have to be good at the stated time, which says nothing of a revocation that the reader must know of.

    Args:
        token: the authority's response, DER.
        note: the checkpoint.
        authority: the certificate of the authority that the reader trusts, PEM; no other one counts.
        roots: what it is issued under, PEM, at least one.

    Raises:
        InvalidInput: `max-bytes`, `pem`, `length` (no root), `timestamp-token`, or not a note.
        VerificationFailed: check `timestamp`.
        CouldNotCheck: `timestamps-not-installed`.
    """
    tsp = _library()
    if len(token) > MAX_TOKEN_BYTES:
        raise InvalidInput("token", "max-bytes", f"is longer than {MAX_TOKEN_BYTES} bytes")
    text, _ = split_note(note)
    try:
        response = tsp.decode_timestamp_response(token)
        stated = response.tst_info
        algorithm = stated.message_imprint.hash_algorithm.dotted_string
    except _UNREADABLE as error:
        raise InvalidInput("token", "timestamp-token", "is no response of a time-stamp authority") from error
    if algorithm != _SHA256:
        raise VerificationFailed("timestamp", "the token is not over SHA-256")
    if not roots:
        raise InvalidInput("roots", "length", "must be at least one certificate")
    trusted = [_certificate(root, "roots") for root in roots]
    verifier = tsp.VerifierBuilder(tsa_certificate=_certificate(authority, "authority"), roots=trusted).build()
    try:
        verifier.verify(response, hashlib.sha256(text.encode()).digest())
    except (tsp.VerificationError, *_UNREADABLE) as error:
        raise VerificationFailed("timestamp", str(error)) from error
    return StampedTime(int(stated.gen_time.timestamp() * _MS), stated.serial_number)


def _library() -> ModuleType:
    try:
        import rfc3161_client as tsp  # noqa: PLC0415 - an extra, which may be missing
    except ImportError as error:
        raise CouldNotCheck("timestamps-not-installed", "install the extra `timestamps` to check tokens") from error
    return tsp


def _certificate(pem: bytes, field: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem)
    except _UNREADABLE as error:
        raise InvalidInput(field, "pem", "must be one certificate") from error
