"""A member's checkpoint: a C2SP signed note over the log's origin, size and root (docs/spec/evidence.md, section 6).

Strict on purpose: C2SP's readers disagree with Python's `int`, `splitlines` and `b64decode` in ways that would let two
texts pass for one checkpoint.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from primitives import ed25519
from primitives.encoding import decode_base64, encode_base64
from primitives.errors import InvalidInput, VerificationFailed

HASH_BYTES = 32
MAX_NOTE_BYTES = 16_384
MAX_SIGNATURES = 64
_ALG_ED25519 = b"\x01"
_KEY_ID_BYTES = 4
_BODY_LINES = 3
_SIGNATURE_PREFIX = "\u2014 "  # em dash
_SIZE = re.compile(r"0|[1-9][0-9]{0,15}")
_NAME = re.compile(r"[^\s+\x00-\x1f]+")


@dataclass(frozen=True)
class Checkpoint:
    """What a verified note says of the log."""

    origin: str
    size: int
    root: bytes


def key_id(name: str, public_key: bytes) -> bytes:
    """Return SHA-256(name || newline || 0x01 || public key)[:4], the hint by which a note names a key."""
    return hashlib.sha256(name.encode() + b"\n" + _ALG_ED25519 + public_key).digest()[:_KEY_ID_BYTES]


def verifier_key(name: str, public_key: bytes) -> str:
    """Return the C2SP vkey text, with which other people's tools check our notes."""
    return f"{name}+{key_id(name, public_key).hex()}+{encode_base64(_ALG_ED25519 + public_key)}"


def sign_checkpoint(origin: str, size: int, root: bytes, seed: bytes) -> str:
    """Return the signed note of a log head.

    Args:
        origin: the member's DID; it is also the name of the key.
        size: the number of entries.
        root: the root at that size, 32 bytes.
        seed: the member's Ed25519 signing seed.
    """
    if _NAME.fullmatch(origin) is None:
        raise InvalidInput("origin", "note-name", "must be without white space and plus")
    if len(root) != HASH_BYTES or size < 0:
        raise InvalidInput("root", "length", f"must be {HASH_BYTES} bytes under a size that is not negative")
    body = f"{origin}\n{size}\n{encode_base64(root)}\n"
    blob = key_id(origin, ed25519.public_key(seed)) + ed25519.sign(seed, body.encode())
    return f"{body}\n{_SIGNATURE_PREFIX}{origin} {encode_base64(blob)}\n"


def open_checkpoint(note: str, origin: str, public_key: bytes) -> Checkpoint:
    """Check a note and return what it says.

    Signatures of unknown keys are ignored, as C2SP wants; one bad signature of the known key sinks the note.

    Raises:
        InvalidInput: not a note, or not a checkpoint.
        VerificationFailed: check `checkpoint-signature`; another origin, no signature of this key, or a bad one.
    """
    body, signatures = _split_note(note)
    checkpoint = _parse_body(body)
    if checkpoint.origin != origin:
        raise VerificationFailed("checkpoint-signature", f"the checkpoint is of {checkpoint.origin}, not of {origin}")
    wanted = key_id(origin, public_key)
    found = [blob[_KEY_ID_BYTES:] for name, blob in signatures if name == origin and blob[:_KEY_ID_BYTES] == wanted]
    if not found:
        raise VerificationFailed("checkpoint-signature", "the note bears no signature of the expected key")
    for signature in found:
        try:
            ed25519.verify(public_key, body.encode(), signature)
        except VerificationFailed as error:
            raise VerificationFailed("checkpoint-signature", error.detail) from error
    return checkpoint


def _split_note(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    try:
        length = len(note.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise InvalidInput("checkpoint", "note", "is not UTF-8 text") from error
    if length > MAX_NOTE_BYTES or not note.endswith("\n") or any(c < " " and c != "\n" for c in note):
        raise InvalidInput("checkpoint", "note", "is too long, has no final newline or holds a control character")
    at = note.rfind("\n\n")  # the text ends at the *last* empty line
    if at < 0:
        raise InvalidInput("checkpoint", "note", "has no empty line before its signatures")
    lines = note[at + 2 : -1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise InvalidInput("checkpoint", "length", f"bears more than {MAX_SIGNATURES} signatures")
    return note[: at + 1], [_parse_signature(line) for line in lines]


def _parse_signature(line: str) -> tuple[str, bytes]:
    parts = line.removeprefix(_SIGNATURE_PREFIX).split(" ")
    if not line.startswith(_SIGNATURE_PREFIX) or len(parts) != 2 or _NAME.fullmatch(parts[0]) is None:  # noqa: PLR2004
        raise InvalidInput("checkpoint", "note", "a signature line must be: em dash, name, base64")
    blob = decode_base64(parts[1], "checkpoint.signature")
    if len(blob) <= _KEY_ID_BYTES:
        raise InvalidInput("checkpoint.signature", "length", "must hold a key id and a signature")
    return parts[0], blob


def _parse_body(body: str) -> Checkpoint:
    lines = body[:-1].split("\n")
    if len(lines) < _BODY_LINES or not all(lines):
        raise InvalidInput("checkpoint", "checkpoint", "needs the lines origin, size and root, and no empty line")
    origin, size, root = lines[:_BODY_LINES]
    if _SIZE.fullmatch(size) is None:
        raise InvalidInput("checkpoint.size", "decimal", "must be a decimal number without leading zeros")
    return Checkpoint(origin, int(size), decode_base64(root, "checkpoint.root", HASH_BYTES))
