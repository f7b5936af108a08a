"""A broker's checkpoint of its tree of anchors, as a C2SP signed note (docs/spec/evidence-2.md, section 5.4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from evidence import shapes
from evidence.log import note as notes
from evidence.version2.log.anchors import FIRST_ANCHOR
from primitives.encoding import decode_base64, encode_base64
from primitives.errors import InvalidInput, VerificationFailed

MAX_WRONG = 256  # each costs a line of every later checkpoint, and a note is bounded
_SUFFIX = "/log/2"


def log_origin(broker: str) -> str:
    """Return the origin, and the key name, of a broker's checkpoints."""
    return f"{broker}{_SUFFIX}"


@dataclass(frozen=True)
class AnchorCheckpoint:
    """What a broker states of its log.

    Attributes:
        broker: its DID.
        seq: the number of the last anchor, and so of leaves of the tree.
        root: the tree's root.
        map_root: the map root of the last leaf.
        size: the number of records after the last leaf.
        wrong: the anchors that the broker names as wrong, ascending; the last one is none of them.
    """

    broker: str
    seq: int
    root: bytes
    map_root: bytes
    size: int
    wrong: tuple[int, ...] = ()

    def text(self) -> str:
        """Return the text that is signed and cosigned."""
        lines = (f"map {encode_base64(self.map_root)} {self.size}", *(f"wrong {seq}" for seq in self.wrong))
        return notes.TreeHead(log_origin(self.broker), self.seq, self.root, lines).text()


def sign_anchor_checkpoint(checkpoint: AnchorCheckpoint, seed: bytes) -> str:
    """Return the checkpoint as a note under the broker's checkpoint key.

    Raises:
        InvalidInput: no reader would take it.
    """
    text = checkpoint.text()
    if read_anchor_checkpoint(text) != checkpoint:
        raise InvalidInput("checkpoint", "checkpoint", "does not read as what it is made of")
    return notes.sign_note(text, log_origin(checkpoint.broker), seed)


def open_anchor_checkpoint(note: str, broker: str, public_key: bytes) -> AnchorCheckpoint:
    """Check a note and return what it says; signatures of unknown keys, cosignatures among them, are left alone.

    Raises:
        InvalidInput: not a note, or not a checkpoint of this version.
        VerificationFailed: check `checkpoint-signature`; another broker's, no signature of this key, or a bad one.
    """
    text, signatures = notes.split_note(note)
    checkpoint = read_anchor_checkpoint(text)
    if checkpoint.broker != broker:
        raise VerificationFailed("checkpoint-signature", f"the checkpoint is of {checkpoint.broker}, not of {broker}")
    notes.verify_note(text, signatures, log_origin(broker), public_key)
    return checkpoint


def read_anchor_checkpoint(text: str) -> AnchorCheckpoint:
    """Read the text of a checkpoint, whoever may have signed it.

    Raises:
        InvalidInput: it is none of this version.
    """
    head = notes.read_tree_head(text)
    if not head.origin.endswith(_SUFFIX):
        raise InvalidInput("checkpoint.origin", "checkpoint", f"must be a member's DID and {_SUFFIX}")
    broker = shapes.ETHR_DID.read(head.origin.removesuffix(_SUFFIX), "checkpoint.origin")
    seq = shapes.POSITIVE.read(head.size, "checkpoint.size")
    map_root, size = _read_map(head.extensions)
    return AnchorCheckpoint(broker, seq, head.root, map_root, size, _read_wrong(head.extensions[1:], seq))


def _read_map(lines: Sequence[str]) -> tuple[bytes, int]:
    parts = lines[0].split(" ") if lines else []
    if len(parts) != 3 or parts[0] != "map":  # noqa: PLR2004
        raise InvalidInput("checkpoint.map", "checkpoint", "the fourth line must be: map, base64 of the root, size")
    root = decode_base64(parts[1], "checkpoint.map", notes.HASH_BYTES)
    return root, shapes.NUMBER.read(notes.read_decimal(parts[2], "checkpoint.map"), "checkpoint.map")


def _read_wrong(lines: Sequence[str], seq: int) -> tuple[int, ...]:
    if len(lines) > MAX_WRONG:
        raise InvalidInput("checkpoint.wrong", "length", f"names more than {MAX_WRONG} anchors as wrong")
    wrong = tuple(_wrong_numbers(lines))
    if any(later <= earlier for earlier, later in pairwise(wrong)):
        raise InvalidInput("checkpoint.wrong", "ascending", "must be strictly ascending")
    if wrong and not FIRST_ANCHOR <= wrong[0] <= wrong[-1] < seq:
        raise InvalidInput("checkpoint.wrong", "range", "must name anchors before the last one")
    return wrong


def _wrong_numbers(lines: Sequence[str]) -> Iterator[int]:
    for line in lines:
        word, space, number = line.partition(" ")
        if word != "wrong" or not space:
            raise InvalidInput("checkpoint.wrong", "checkpoint", "a line after the map must be: wrong, number")
        yield notes.read_decimal(number, "checkpoint.wrong")
