"""C2SP signed notes: text, an empty line, signature lines (docs/spec/evidence.md, section 6).

Strict on purpose: C2SP's readers disagree with Python's `int`, `splitlines` and `b64decode` in ways that would let two
texts pass for one note.
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
LOG_SIGNATURE = b"\x01"  # Ed25519 over the text: the algorithm byte in key ids and verifier keys
_KEY_ID_BYTES = 4
_HEAD_LINES = 3
_SIGNATURE_PREFIX = "\u2014 "  # em dash
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,15}")
_NAME = re.compile(r"[^\s+\x00-\x1f]+")


@dataclass(frozen=True)
class NoteSignature:
    """A signature line: who is said to have signed, the hint of the key, and the signature."""

    name: str
    key_id: bytes
    value: bytes

    def line(self) -> str:
        """Return the line, with its newline."""
        return f"{_SIGNATURE_PREFIX}{self.name} {encode_base64(self.key_id + self.value)}\n"


@dataclass(frozen=True)
class TreeHead:
    """The text of a checkpoint: whose tree, how many leaves, which root, and lines beyond."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def text(self) -> str:
        """Return the text that is signed."""
        return "".join(f"{line}\n" for line in (self.origin, self.size, encode_base64(self.root), *self.extensions))


def key_id(name: str, public_key: bytes, algorithm: bytes = LOG_SIGNATURE) -> bytes:
    """Return SHA-256(name || newline || algorithm || public key)[:4], the hint by which a note names a key."""
    return hashlib.sha256(name.encode() + b"\n" + algorithm + public_key).digest()[:_KEY_ID_BYTES]


def verifier_key(name: str, public_key: bytes, algorithm: bytes = LOG_SIGNATURE) -> str:
    """Return the C2SP vkey text, with which other people's tools check our notes."""
    return f"{name}+{key_id(name, public_key, algorithm).hex()}+{encode_base64(algorithm + public_key)}"


def sign_note(text: str, name: str, seed: bytes) -> str:
    """Return the text as a note that this Ed25519 key signs, under this key name."""
    hint = key_id(name, ed25519.public_key(seed))
    return f"{text}\n{NoteSignature(name, hint, ed25519.sign(seed, text.encode())).line()}"


def verify_note(text: str, signatures: list[NoteSignature], name: str, public_key: bytes) -> None:
    """Check that this key signed the text.

    Signatures of unknown keys are ignored, as C2SP wants; one bad signature of the known key sinks the note.

    Raises:
        VerificationFailed: check `checkpoint-signature`; no signature of this key, or a bad one.
    """
    wanted = key_id(name, public_key)
    found = [signature.value for signature in signatures if (signature.name, signature.key_id) == (name, wanted)]
    if not found:
        raise VerificationFailed("checkpoint-signature", "the note bears no signature of the expected key")
    for value in found:
        try:
            ed25519.verify(public_key, text.encode(), value)
        except VerificationFailed as error:
            raise VerificationFailed("checkpoint-signature", error.detail) from error


def check_name(name: str, field: str) -> None:
    """Refuse what cannot be the name of a key.

    Raises:
        InvalidInput: `note-name`.
    """
    if _NAME.fullmatch(name) is None:
        raise InvalidInput(field, "note-name", "must be without white space and plus")


def split_note(note: str) -> tuple[str, list[NoteSignature]]:
    """Return a note's text, with its final newline, and its signature lines.

    Raises:
        InvalidInput: it is no note.
    """
    try:
        length = len(note.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise InvalidInput("checkpoint", "note", "is not UTF-8 text") from error
    if length > MAX_NOTE_BYTES or not note.endswith("\n") or any(c < " " and c != "\n" for c in note):
        raise InvalidInput("checkpoint", "note", "is too long, has no final newline or holds a control character")
    at = note.rfind("\n\n")  # the text ends at the *last* empty line
    if at < 0:
        raise InvalidInput("checkpoint", "note", "has no empty line before its signatures")
    return note[: at + 1], read_signatures(note[at + 2 :])


def read_signatures(lines: str) -> list[NoteSignature]:
    """Return signature lines that stand alone, each with its newline.

    Raises:
        InvalidInput: a line is none, or there are too many.
    """
    if not lines.endswith("\n"):
        raise InvalidInput("checkpoint", "note", "a signature line must end with a newline")
    parts = lines[:-1].split("\n")
    if len(parts) > MAX_SIGNATURES:
        raise InvalidInput("checkpoint", "length", f"bears more than {MAX_SIGNATURES} signatures")
    return [_read_signature(line) for line in parts]


def read_tree_head(text: str) -> TreeHead:
    """Read the text of a checkpoint: at least origin, size and root, and no empty line.

    Raises:
        InvalidInput: it is none.
    """
    lines = text[:-1].split("\n")
    if len(lines) < _HEAD_LINES or not all(lines):
        raise InvalidInput("checkpoint", "checkpoint", "needs the lines origin, size and root, and no empty line")
    origin, size, root, *extensions = lines
    root_hash = decode_base64(root, "checkpoint.root", HASH_BYTES)
    return TreeHead(origin, read_decimal(size, "checkpoint.size"), root_hash, tuple(extensions))


def read_decimal(text: str, field: str) -> int:
    """Read a decimal number without sign or leading zeros.

    Raises:
        InvalidInput: `decimal`.
    """
    if _DECIMAL.fullmatch(text) is None:
        raise InvalidInput(field, "decimal", "must be a decimal number without leading zeros")
    return int(text)


def _read_signature(line: str) -> NoteSignature:
    parts = line.removeprefix(_SIGNATURE_PREFIX).split(" ")
    if not line.startswith(_SIGNATURE_PREFIX) or len(parts) != 2 or _NAME.fullmatch(parts[0]) is None:  # noqa: PLR2004
        raise InvalidInput("checkpoint", "note", "a signature line must be: em dash, name, base64")
    blob = decode_base64(parts[1], "checkpoint.signature")
    if len(blob) <= _KEY_ID_BYTES:
        raise InvalidInput("checkpoint.signature", "length", "must hold a key id and a signature")
    return NoteSignature(parts[0], blob[:_KEY_ID_BYTES], blob[_KEY_ID_BYTES:])
