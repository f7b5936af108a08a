"""Cosignatures of other members under a checkpoint: C2SP tlog-cosignature, `cosignature/v1` with Ed25519.

Specification: docs/spec/evidence-2.md, section 8.3. What is signed is a header, the time and the whole text of the note
with its extension lines, so that the map root and what is named wrong are cosigned too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from evidence.log import note as notes
from primitives import ed25519
from primitives.errors import InvalidInput, VerificationFailed

COSIGNATURE = b"\x04"
MAX_TIME = 2**63 - 1  # seconds, as C2SP bounds it
_TIME_BYTES = 8


@dataclass(frozen=True)
class Cosigned:
    """A key that vouches for a checkpoint: under which name, and since when (seconds)."""

    name: str
    public_key: bytes
    time: int


def witness_name(did: str) -> str:
    """Return the key name under which a member cosigns."""
    return f"{did}/witness/2"


def witness_verifier_key(name: str, public_key: bytes) -> str:
    """Return the C2SP vkey text, with which other people's tools check our cosignatures."""
    return notes.verifier_key(name, public_key, COSIGNATURE)


def cosign(note: str, name: str, time: int, seed: bytes) -> str:
    """Return the signature line, with its newline, by which a key cosigns a note.

    Args:
        note: the checkpoint with its signatures, of which only the text is signed.
        name: the name of the key, `witness_name` of a member.
        time: now, in seconds.
        seed: the Ed25519 seed of the cosigner.
    """
    notes.check_name(name, "name")
    if not 0 <= time <= MAX_TIME:
        raise InvalidInput("time", "range", f"must be 0 to {MAX_TIME} seconds")
    text, _ = notes.split_note(note)
    value = time.to_bytes(_TIME_BYTES) + ed25519.sign(seed, _signed_bytes(text, time))
    return notes.NoteSignature(name, notes.key_id(name, ed25519.public_key(seed), COSIGNATURE), value).line()


def with_cosignatures(note: str, lines: str, witnesses: Mapping[str, bytes]) -> str:
    """Return the note with those of the signature lines that are good cosignatures of known witnesses.

    Each line is checked before it is added, since one bad signature of a known key sinks a whole note. Lines of unknown
    keys are left out, and so is what stands there already.

    Raises:
        InvalidInput: not a note, or not signature lines.
        VerificationFailed: check `cosignature`; a bad signature of a known witness.
    """
    text, present = notes.split_note(note)
    for signature in notes.read_signatures(lines):
        if signature not in present and _by(text, signature, witnesses) is not None:
            note += signature.line()
            present.append(signature)
    notes.split_note(note)
    return note


def cosigned_by(note: str, witnesses: Mapping[str, bytes], log_key: bytes) -> list[Cosigned]:
    """Return the distinct keys of known witnesses that cosigned a note, in the order of `witnesses`.

    One key counts once, under the first name that it has here; of several cosignatures by it the newest time counts.

    Args:
        note: a checkpoint whose own signature the caller checks.
        witnesses: public key by key name.
        log_key: the key of the log itself, which never counts, under whatever name: who judges itself is no witness.

    Raises:
        InvalidInput: not a note.
        VerificationFailed: check `cosignature`; a bad signature of a known witness sinks the note.
    """
    text, signatures = notes.split_note(note)
    newest: dict[str, Cosigned] = {}
    for signature in signatures:
        found = _by(text, signature, witnesses)
        if found is not None and (found.name not in newest or newest[found.name].time < found.time):
            newest[found.name] = found
    by_key: dict[bytes, Cosigned] = {}
    for name in witnesses:
        if name in newest and witnesses[name] != log_key:
            by_key.setdefault(newest[name].public_key, newest[name])
    return list(by_key.values())


def _by(text: str, signature: notes.NoteSignature, witnesses: Mapping[str, bytes]) -> Cosigned | None:
    """Return whose good cosignature this is; None when it is of no known key."""
    public_key = witnesses.get(signature.name)
    if public_key is None or signature.key_id != notes.key_id(signature.name, public_key, COSIGNATURE):
        return None
    time = int.from_bytes(signature.value[:_TIME_BYTES])
    if time > MAX_TIME:
        raise VerificationFailed("cosignature", "the time of a cosignature is out of range")
    try:
        ed25519.verify(public_key, _signed_bytes(text, time), signature.value[_TIME_BYTES:])
    except VerificationFailed as error:
        raise VerificationFailed("cosignature", f"{signature.name}: {error.detail}") from error
    return Cosigned(signature.name, public_key, time)


def _signed_bytes(text: str, time: int) -> bytes:
    return f"cosignature/v1\ntime {time}\n{text}".encode()
