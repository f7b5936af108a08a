"""C2SP tlog-witness, `add-checkpoint`: the bodies of request and answer, and what a witness answers.

Specification: docs/spec/evidence-2.md, section 17. Bytes with newlines alone; nothing is split by any other character.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evidence.log import note as notes
from evidence.log.tree import verify_consistency
from primitives.encoding import decode_base64, encode_base64
from primitives.errors import InvalidInput, Refused, VerificationFailed
from primitives.shapes import MAX_SAFE_INTEGER, Integer

MAX_PROOF_LINES = 63
MAX_REQUEST_BYTES = notes.MAX_NOTE_BYTES + 64 * (MAX_PROOF_LINES + 2)
SIZE_TYPE = "text/x.tlog.size"  # exactly, without a charset
SIGNATURES_TYPE = "text/plain; charset=utf-8"
_MAX_SHOWN = 200
_OLD = "old "
_SIZE = Integer(0, MAX_SAFE_INTEGER)


@dataclass(frozen=True)
class AddCheckpoint:
    """A request: from which size the proof leads to the checkpoint."""

    old: int
    proof: tuple[bytes, ...]
    note: str

    def body(self) -> bytes:
        """Return the body of the request.

        Raises:
            InvalidInput: no witness would take it.
        """
        lines = [f"{_OLD}{self.old}", *map(encode_base64, self.proof), "", ""]
        body = ("\n".join(lines) + self.note).encode()
        read_request(body)
        return body


@dataclass(frozen=True)
class WitnessAnswer:
    """What a witness answers: the HTTP status, the body and its type."""

    status: int
    body: str
    content_type: str = SIGNATURES_TYPE


def read_request(body: bytes) -> AddCheckpoint:
    """Read the body of a request.

    Raises:
        InvalidInput: `utf-8`, `max-bytes`, `note`, `decimal`, `length`, `base64`: it is none (status 400).
    """
    if len(body) > MAX_REQUEST_BYTES:
        raise InvalidInput("request", "max-bytes", f"is longer than {MAX_REQUEST_BYTES} bytes")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput("request", "utf-8", "is not UTF-8") from error
    before, empty, note = text.partition("\n\n")
    first, *lines = before.split("\n")
    if not empty or not first.startswith(_OLD):
        raise InvalidInput("request", "note", "must be: old and a size, hashes, an empty line, a checkpoint")
    if len(lines) > MAX_PROOF_LINES:
        raise InvalidInput("request.proof", "length", f"must be at most {MAX_PROOF_LINES} hashes")
    proof = tuple(decode_base64(line, "request.proof", notes.HASH_BYTES) for line in lines)
    notes.split_note(note)
    return AddCheckpoint(
        _SIZE.read(notes.read_decimal(first.removeprefix(_OLD), "request.old"), "request.old"), proof, note
    )


def refuse_request(
    request: AddCheckpoint, *, public_keys: Sequence[bytes], kept_size: int, kept_root: bytes
) -> WitnessAnswer | None:
    """Return what a witness answers to a request that it refuses; None of one that stands up to here.

    What stands goes on to the check of growth; the state is then replaced, if it is still the one that was read, and
    durable before the cosignature leaves.

    Args:
        request: what was read.
        public_keys: the checkpoint keys that are trusted for the note's origin, which the witness knows.
        kept_size: the number of leaves that is kept of this log; 0 of one that is met for the first time.
        kept_root: the root of the tree of that many.
    """
    text, signatures = notes.split_note(request.note)
    head = notes.read_tree_head(text)
    if not any(_is_signed(text, signatures, head.origin, key) for key in public_keys):
        return WitnessAnswer(403, "no trusted key of the log signed the checkpoint\n")
    if request.old > head.size:
        return WitnessAnswer(400, "the old size is above the checkpoint's\n")
    if request.old != kept_size:
        return refused_old_size(kept_size)
    try:
        verify_consistency(request.old, head.size, request.proof, kept_root, head.root)
    except VerificationFailed as error:
        return WitnessAnswer(422, f"{error.detail}\n")
    return None


def unknown_log() -> WitnessAnswer:
    """Return the answer to a request about a log that this witness does not know."""
    return WitnessAnswer(404, "the log is not known here\n")


def refused_old_size(kept_size: int) -> WitnessAnswer:
    """Return the answer to a request that does not begin where this witness stands: it names that size."""
    return WitnessAnswer(409, f"{kept_size}\n", SIZE_TYPE)


def accepted(lines: str) -> WitnessAnswer:
    """Return the answer that brings cosignatures."""
    return WitnessAnswer(200, lines)


def refused_growth(error: VerificationFailed) -> WitnessAnswer:
    """Return the answer to a checkpoint of which the growth does not hold: the name of the check, and why."""
    return WitnessAnswer(422, f"{error.code}: {error.detail}\n")


def read_answer(status: int, content_type: str, body: bytes) -> str | int:
    """Read a witness's answer: its signature lines, or the size that it kept, from which to ask again.

    Raises:
        InvalidInput: an answer of a good status that is none.
        Refused: `witness-refused`; the witness does not cosign this checkpoint.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput("answer", "utf-8", "is not UTF-8") from error
    if status == 200:  # noqa: PLR2004
        notes.read_signatures(text)
        return text
    if status == 409 and content_type == SIZE_TYPE:  # noqa: PLR2004
        if not text.endswith("\n"):
            raise InvalidInput("answer", "decimal", "must be a size and a newline")
        return _SIZE.read(notes.read_decimal(text[:-1], "answer"), "answer")
    raise Refused("witness-refused", f"the witness answered {status}: {_shown(text)}")


def _shown(text: str) -> str:
    """Return the first line of a witness's words, as may stand in logs: nothing that ends a line or moves a cursor."""
    return "".join(sign for sign in text.split("\n", 1)[0][:_MAX_SHOWN] if " " <= sign <= "~").strip()


def _is_signed(text: str, signatures: list[notes.NoteSignature], name: str, key: bytes) -> bool:
    try:
        notes.verify_note(text, signatures, name, key)
    except VerificationFailed:
        return False
    return True
