"""The protocol `masked-sum/1` (docs/spec/joint-statistics.md sections 4 to 7).

A party is a value: it says what to send, eats what the others sent and returns its next state. Checking a message
changes nothing. The order cannot be mistaken, since only the type of the next step can do it:

    Committing(values, blinding) --commitments of all, read at finality--> Masking --messages of all--> totals
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from mpc.engine import result_digest
from mpc.errors import MessageRefused, PartyFault, SumCheckFailed
from mpc.policy import require_local, require_release
from mpc.spec import TaskSpec, address_bytes
from mpc.statistics import VALUE_LIMIT, Statistics, result_document
from primitives.digest import tagged_sha256
from primitives.encoding import decode_hex
from primitives.errors import CouldNotCheck, InvalidInput
from primitives.json_value import JsonObject, JsonValue
from primitives.pedersen import ORDER, add, vector_commit
from primitives.shapes import Anything, Fields

NAME = "masked-sum/1"
FORMAT = "bonafides.masked-sum/1"
TRANSCRIPT_TAG = "bonafides/masked-sum/1/transcript"
SEED_TAG = "bonafides/masked-sum/1/pair-seed"
MASK_TAG = "bonafides/masked-sum/1/mask"
COMMITMENT_BYTES = 48
_SCALAR_BYTES = 32
_WIDE_BYTES = 64  # reduced modulo r the bias is below 2^-256
_BODY = Fields(dict.fromkeys(("format", "task_id", "spec", "transcript", "sender", "values", "blinding"), Anything()))


@dataclass(frozen=True)
class MaskedMessage:
    """A well-formed message: scalars in [0, r)."""

    sender: str
    values: tuple[int, ...]
    blinding: int


@dataclass(frozen=True)
class JointResult:
    """Checked totals. `blinding` is Z: it salts the digest on the chain and is shown to owners alone."""

    totals: tuple[int, ...]
    blinding: int
    document: JsonObject

    @property
    def salt(self) -> bytes:
        """Z as bytes."""
        return self.blinding.to_bytes(_SCALAR_BYTES)

    def digest(self) -> bytes:
        """Return the result digest that every owner posts."""
        return result_digest(NAME, self.salt, self.document)


@dataclass(frozen=True)
class Session:
    """What all parties of one run agree on: the task, the chain and the commitments that stand on it."""

    spec: TaskSpec[Statistics]
    chain_id: int
    commitments: Mapping[str, bytes]

    @classmethod
    def open(cls, spec: TaskSpec[Statistics], chain_id: int, commitments: Mapping[str, bytes]) -> Session:
        """Check the commitments as the chain gave them.

        Raises:
            CouldNotCheck: `commitments-missing`: an owner has not committed yet; no mask may be sent.
            MessageRefused: a commitment is no canonical point of the group; names its owner.
            PartyFault: `commitment-copied`: two owners committed to the same point.
        """
        missing = [member for member in spec.members if member not in commitments]
        if missing:
            raise CouldNotCheck("commitments-missing", f"no commitment of {', '.join(missing)} stands on the chain")
        seen: dict[bytes, str] = {}
        for member in spec.members:
            point = commitments[member]
            _require_point(member, point)
            if point in seen:
                raise PartyFault(member, "commitment-copied", f"is the same commitment as that of {seen[point]}")
            seen[point] = member
        return cls(spec, chain_id, {member: commitments[member] for member in spec.members})

    def transcript(self) -> bytes:
        """Return the digest that binds masks and messages to the task, the chain and all commitments."""
        return tagged_sha256(
            TRANSCRIPT_TAG,
            self.spec.digest(),
            self.chain_id.to_bytes(32),
            *(address_bytes(member) + self.commitments[member] for member in self.spec.members),
        )


@dataclass(frozen=True)
class Committing:
    """A party that has its vector and its blinding, and has posted or will post the commitment.

    Building one refuses a vector that the policy does not let this owner contribute.
    """

    spec: TaskSpec[Statistics]
    member: str
    values: tuple[int, ...] = field(repr=False)
    blinding: int = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.values) != len(self.spec.program.columns):
            raise InvalidInput("values", "length", f"must be {len(self.spec.program.columns)} values")
        for column, value in zip(self.spec.program.columns, self.values, strict=True):
            if not 0 <= value < VALUE_LIMIT:
                raise InvalidInput(column, "value-range", "a local total must be at least 0 and below 2^64")
        if not 0 < self.blinding < ORDER:
            raise InvalidInput("blinding", "scalar-range", "must be from 1 to r - 1")
        require_local(self.spec, self.values[0])

    def commitment(self) -> bytes:
        """Return the commitment to post on the chain."""
        return vector_commit(self.values, self.blinding)

    def mask(self, session: Session, seeds: Mapping[str, bytes]) -> Masking:
        """Mask the vector once every commitment stands; `seeds` holds the pair seed with each other owner.

        Raises:
            PartyFault: the chain holds another commitment of ours than we stored.
        """
        if session.commitments[self.member] != self.commitment():
            raise PartyFault(
                self.member, "own-commitment", "the chain holds another commitment than the stored vector's"
            )
        own = mask_vector(session, self.member, self.values, self.blinding, seeds)
        return Masking(session, self.member, {self.member: own})


@dataclass(frozen=True)
class Masking:
    """A party that may send its masked message and gathers those of the others."""

    session: Session
    member: str
    messages: Mapping[str, MaskedMessage]

    def outgoing(self) -> dict[str, JsonValue]:
        """Return the body that goes to every other owner; it is the same each time."""
        return message_body(self.session, self.messages[self.member])

    def receive(self, sender: str, body: object) -> Masking:
        """Return the state after a message; the same message again changes nothing.

        Raises:
            MessageRefused, PartyFault: see `check_message`; also `equivocation`, a second and different message.
        """
        message = check_message(self.session, sender, body)
        known = self.messages.get(sender)
        if known is not None and known != message:
            raise PartyFault(sender, "equivocation", "is a second and different message for one task")
        return replace(self, messages={**self.messages, sender: message})

    def waiting_for(self) -> tuple[str, ...]:
        """Return the owners whose messages are missing."""
        return tuple(member for member in self.session.spec.members if member not in self.messages)

    def result(self) -> JointResult:
        """Return the checked totals; see `combine`."""
        return combine(self.session, self.messages)


def mask_vector(
    session: Session, member: str, values: Sequence[int], blinding: int, seeds: Mapping[str, bytes]
) -> MaskedMessage:
    """Add the masks shared with higher addresses and subtract those shared with lower ones."""
    scalars = [*values, blinding]
    transcript = session.transcript()
    for peer in session.spec.members:
        if peer != member:
            masks = expand_masks(seeds[peer], transcript, len(scalars))
            sign = 1 if member < peer else -1
            scalars = [(scalar + sign * mask) % ORDER for scalar, mask in zip(scalars, masks, strict=True)]
    return MaskedMessage(member, tuple(scalars[:-1]), scalars[-1])


def combine(session: Session, messages: Mapping[str, MaskedMessage]) -> JointResult:
    """Add the messages up, check the sum against the chain's commitments and apply the release policy.

    Raises:
        CouldNotCheck: `messages-missing`: nothing is known yet.
        SumCheckFailed: `sum-check` or `total-range`; it cannot name anyone.
        PolicyRefused: the release policy does not allow the result.
    """
    spec = session.spec
    missing = [member for member in spec.members if member not in messages]
    if missing:
        raise CouldNotCheck("messages-missing", f"no masked message of {', '.join(missing)}")
    rows = [messages[member] for member in spec.members]
    totals = tuple(sum(column) % ORDER for column in zip(*(row.values for row in rows), strict=True))
    blinding = sum(row.blinding for row in rows) % ORDER
    if not _opens([session.commitments[member] for member in spec.members], totals, blinding):
        raise SumCheckFailed(
            "sum-check",
            "the masked messages do not add up to the commitments on the chain: an owner sent other values than it "
            "committed to; from the sum it cannot be known who",
        )
    for column, total in zip(spec.program.columns, totals, strict=True):
        if total >= len(rows) * VALUE_LIMIT:
            raise SumCheckFailed(
                "total-range",
                f"the total of {column} is out of range: an owner committed to an impossible value; "
                "from the sum it cannot be known who",
            )
    require_release(spec, spec.members, totals[0])
    return JointResult(totals, blinding, result_document(spec, session.transcript(), totals))


def pair_seed(
    spec: TaskSpec[Statistics], chain_id: int, member: str, private: bytes, peer: str, peer_public: bytes
) -> bytes:
    """Derive the 32-byte seed that two owners share for this task alone, from their registry X25519 keys.

    Raises:
        PartyFault: `agreement-key`: the peer's key gives an all-zero secret.
    """
    try:
        shared = X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(peer_public))
    except ValueError as error:
        raise PartyFault(peer, "agreement-key", "the X25519 key gives no shared secret") from error
    low, high = sorted((member, peer))
    info = b"".join(
        (
            len(SEED_TAG).to_bytes(1),
            SEED_TAG.encode("ascii"),
            len(spec.members).to_bytes(1),
            *(address_bytes(owner) for owner in spec.members),
            address_bytes(low),
            address_bytes(high),
            chain_id.to_bytes(32),
        )
    )
    return HKDF(algorithm=SHA256(), length=32, salt=spec.task_id, info=info).derive(shared)


def expand_masks(seed: bytes, transcript: bytes, count: int) -> list[int]:
    """Expand a pair seed to `count` scalars, uniform modulo r."""
    tag = MASK_TAG.encode("ascii")
    stream = hashlib.shake_256(len(tag).to_bytes(1) + tag + seed + transcript).digest(_WIDE_BYTES * count)
    return [int.from_bytes(stream[at : at + _WIDE_BYTES]) % ORDER for at in range(0, len(stream), _WIDE_BYTES)]


def message_body(session: Session, message: MaskedMessage) -> dict[str, JsonValue]:
    """Return the JSON body of a message."""
    return {
        "format": FORMAT,
        "task_id": session.spec.task_id.hex(),
        "spec": session.spec.digest().hex(),
        "transcript": session.transcript().hex(),
        "sender": message.sender,
        "values": [value.to_bytes(_SCALAR_BYTES).hex() for value in message.values],
        "blinding": message.blinding.to_bytes(_SCALAR_BYTES).hex(),
    }


def check_message(session: Session, sender: str, body: object) -> MaskedMessage:
    """Check a body that `sender` has signed; nothing changes.

    Raises:
        MessageRefused: malformed, a scalar not in [0, r), the wrong number of scalars; names the sender.
        PartyFault: of another task, spec, view of the chain or member, or from no owner; names the sender.
    """
    if sender not in session.spec.members:
        raise PartyFault(sender, "not-an-owner", "comes from a member that owns no data set of the task")
    fields = _body_fields(sender, body)
    expected = {
        "format": FORMAT,
        "task_id": session.spec.task_id.hex(),
        "spec": session.spec.digest().hex(),
        "transcript": session.transcript().hex(),
        "sender": sender,
    }
    for name, value in expected.items():
        if fields[name] != value:
            raise PartyFault(sender, f"message-{name.replace('_', '-')}", f"`{name}` is not that of this run")
    values = fields["values"]
    if not isinstance(values, list) or len(values) != len(session.spec.program.columns):
        raise MessageRefused(sender, "values", "length", f"must be {len(session.spec.program.columns)} scalars")
    return MaskedMessage(
        sender,
        tuple(_scalar(sender, value, f"values.{index}") for index, value in enumerate(values)),
        _scalar(sender, fields["blinding"], "blinding"),
    )


def _body_fields(sender: str, body: object) -> dict[str, JsonValue]:
    try:
        return _BODY.read(body, "body")
    except InvalidInput as error:
        raise MessageRefused(sender, error.field, error.rule, error.detail) from error


def _scalar(sender: str, value: object, name: str) -> int:
    try:
        number = int.from_bytes(decode_hex(value, name, _SCALAR_BYTES))
    except InvalidInput as error:
        raise MessageRefused(sender, name, error.rule, error.detail) from error
    if number >= ORDER:
        raise MessageRefused(sender, name, "scalar-range", "must be below the order of the curve")
    return number


def _opens(commitments: Sequence[bytes], totals: Sequence[int], blinding: int) -> bool:
    try:
        return add(commitments) == vector_commit(totals, blinding)
    except InvalidInput:  # a sum that is the identity, or a blinding of zero: only a cheater makes one
        return False


def _require_point(member: str, point: bytes) -> None:
    try:
        add([point])
    except InvalidInput as error:
        raise MessageRefused(member, "commitment", error.rule, error.detail) from error
