"""The seam of the engines of computation: what the node gives an engine, and what an engine gives the node.

An engine is pure: it opens no socket, reads no clock and draws nothing. What it must remember it returns as `state`,
bytes that the node keeps for it and hands back. A step that was lost is made again from the same state and gives the
same bytes.

    prepare   the payloads of the clients who take part, and entropy     -> the state, and the commitment for the chain
    step      every owner's commitment at finality, the messages so far  -> the state, messages that leave, ready or not
    finish    the same, once a step is ready                             -> the result, or a refusal

The node gives what an engine may not have: approvals, consents, finality, delivery, deadlines, and the process that can
be killed. What an engine raises ends the task, save CouldNotCheck: then the step is made again later.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic

from mpc.spec import ProgramT, ProgramT_co, TaskSpec
from primitives.canonical import canonical_json
from primitives.digest import tagged_sha256
from primitives.json_value import JsonObject
from primitives.shapes import Shape

COMMITMENT_BYTES = 48  # TaskRegistry takes no other; what is shorter is filled up with zeros in front
Entropy = Callable[[int], bytes]


@dataclass(frozen=True)
class Run(Generic[ProgramT_co]):
    """What is fixed of one run, as one owner sees it."""

    spec: TaskSpec[ProgramT_co]
    chain_id: int
    member: str

    @property
    def peers(self) -> tuple[str, ...]:
        """The other owners."""
        return tuple(member for member in self.spec.members if member != self.member)


@dataclass(frozen=True)
class Prepared:
    """What an owner keeps of its input, and the commitment that goes to the chain before anything else leaves."""

    state: bytes = field(repr=False)
    commitment: bytes


@dataclass(frozen=True)
class AgreementKeys:
    """This member's X25519 key and those of all owners, as MemberRegistry held them when all had committed."""

    private: bytes = field(repr=False)
    public: Mapping[str, bytes]


@dataclass(frozen=True)
class Seen:
    """What an owner sees of a run.

    Attributes:
        commitments: by owner, each final in the node's own index of the chain; of every owner.
        messages: the bodies by kind and by sender, each signed by its sender, the first one of its kind; our own that
            went to all are among them.
        keys: in the first step alone. What an engine needs of them later it keeps in its state.
    """

    commitments: Mapping[str, bytes]
    messages: Mapping[str, Mapping[str, JsonObject]] = field(default_factory=dict)
    keys: AgreementKeys | None = None


@dataclass(frozen=True)
class Message:
    """A message to one owner, or to every other one. Its body names the task: `task_id`, hex."""

    kind: str
    body: JsonObject
    to: str | None = None


@dataclass(frozen=True)
class Step:
    """What a step leads to. `messages` are those that are new; the node sends each until it is there."""

    state: bytes = field(repr=False)
    messages: tuple[Message, ...] = ()
    ready: bool = False


@dataclass(frozen=True)
class Result:
    """A checked result. `salt` hides the document behind its digest on the chain and is shown to owners alone."""

    document: JsonObject
    salt: bytes = field(repr=False)

    def digest(self, engine: str) -> bytes:
        """Return the digest that every owner posts on the chain."""
        return result_digest(engine, self.salt, self.document)


class Engine(ABC, Generic[ProgramT]):
    """One way to compute together, by the name that a task's `engine` gives.

    Attributes:
        name: a word, `/` and a version. Tags of digests and kinds of messages begin with it.
        program_fields: the members of a task that are this engine's own.
        message_kinds: the kinds of its messages between members: its name, or its name, `/` and more.
        source: the record type whose newest payload of each client is the input.
        output_kind: what a DATA_USE record calls the result.
        refusals: the codes of its own that a run may end with, beside those of `mpc.refusals`, with what each means.
    """

    name: ClassVar[str]
    program_fields: ClassVar[Mapping[str, Shape[object]]]
    message_kinds: ClassVar[tuple[str, ...]]
    source: ClassVar[str]
    output_kind: ClassVar[str]
    refusals: ClassVar[Mapping[str, str]]

    @abstractmethod
    def program(self, members: Mapping[str, Any]) -> ProgramT:
        """Return the program of a task from the members of its own: each is what its shape has read."""

    @abstractmethod
    def check(self, spec: TaskSpec[ProgramT]) -> None:
        """Refuse a task that this engine does not compute: rules that no single member shows.

        Raises:
            InvalidInput: the field and the rule.
        """

    @abstractmethod
    def prepare(self, run: Run[ProgramT], payloads: Sequence[JsonObject], entropy: Entropy) -> Prepared:
        """Make the state and the commitment of an owner's own input.

        Raises:
            InvalidInput: a payload cannot be used.
            PolicyRefused: the policy does not let this owner contribute this.
        """

    @abstractmethod
    def step(self, run: Run[ProgramT], state: bytes, seen: Seen) -> Step:
        """Go as far as what is seen allows.

        Raises:
            MessageRefused, PartyFault: an owner sent what it must not; named.
            CouldNotCheck: not now.
        """

    @abstractmethod
    def finish(self, run: Run[ProgramT], state: bytes, seen: Seen) -> Result:
        """Check everything that was sent and return the result, which the release policy allows.

        Raises:
            VerificationFailed, PolicyRefused: there is no result.
        """


def result_digest(engine: str, salt: bytes, document: JsonObject) -> bytes:
    """Return the digest of a result under a salt."""
    return tagged_sha256(f"bonafides/{engine}/result", salt, canonical_json(document))


def refusal_digest(engine: str, task_id: bytes, code: str) -> bytes:
    """Return the reason digest that goes to the chain with a refusal."""
    return tagged_sha256(f"bonafides/{engine}/refusal", task_id, code.encode("utf-8"))
