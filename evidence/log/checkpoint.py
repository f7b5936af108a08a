"""A member's checkpoint: a C2SP signed note over the log's origin, size and root (docs/spec/evidence.md, section 6)."""

from __future__ import annotations

from dataclasses import dataclass

from evidence.log import note as notes
from primitives.errors import InvalidInput, VerificationFailed


@dataclass(frozen=True)
class Checkpoint:
    """What a verified note says of the log."""

    origin: str
    size: int
    root: bytes


def sign_checkpoint(origin: str, size: int, root: bytes, seed: bytes) -> str:
    """Return the signed note of a log head.

    Args:
        origin: the member's DID; it is also the name of the key.
        size: the number of entries.
        root: the root at that size, 32 bytes.
        seed: the member's Ed25519 signing seed.
    """
    notes.check_name(origin, "origin")
    if len(root) != notes.HASH_BYTES or size < 0:
        raise InvalidInput("root", "length", f"must be {notes.HASH_BYTES} bytes under a size that is not negative")
    return notes.sign_note(notes.TreeHead(origin, size, root).text(), origin, seed)


def open_checkpoint(note: str, origin: str, public_key: bytes) -> Checkpoint:
    """Check a note and return what it says; lines beyond origin, size and root are signed and mean nothing.

    Raises:
        InvalidInput: not a note, or not a checkpoint.
        VerificationFailed: check `checkpoint-signature`; another origin, no signature of this key, or a bad one.
    """
    text, signatures = notes.split_note(note)
    head = notes.read_tree_head(text)
    if head.origin != origin:
        raise VerificationFailed("checkpoint-signature", f"the checkpoint is of {head.origin}, not of {origin}")
    notes.verify_note(text, signatures, origin, public_key)
    return Checkpoint(origin, head.size, head.root)
