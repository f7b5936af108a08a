"""The specification of a joint task, `bonafides.task/1` (docs/spec/joint-statistics.md section 2).

What all tasks have stands here. What an engine computes is its own: the program, whose members stand among the others
in the same object. `mpc.registry.read_task` reads one, since it knows the engines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from typing import Generic, Protocol, TypeVar

from primitives.canonical import canonical_json
from primitives.digest import tagged_sha256
from primitives.errors import InvalidInput
from primitives.json_value import JsonValue
from primitives.shapes import Bytes, Constant, Fields, Integer, ListOf, Moment, OneOf, Shape, Text
from primitives.timestamp import format_time

FORMAT = "bonafides.task/1"
DIGEST_TAG = "bonafides/task/1"
MIN_CONTRIBUTORS = 3  # with two, subtracting one's own input reveals the other's
MAX_CONTRIBUTORS = 64
MIN_CLIENTS = 10


class Purpose(Enum):
    """The closed list of purposes; the value is the number in TaskRegistry. None of them is marketing."""

    SUITABILITY_ASSESS = 0
    QUALIFIED_CHECK = 1
    AML_JOINT = 2
    BLACKLIST_QUERY = 3
    MARKET_RISK = 4
    REGULATOR_STAT = 5


@dataclass(frozen=True)
class Owner:
    """One contributor: its address and the identifier of its data set (32 bytes)."""

    member: str
    dataset: bytes


@dataclass(frozen=True)
class ReleasePolicy:
    """What must hold before anyone uses a number: contributors (>= 3) and clients of each contributor (>= 10)."""

    min_contributors: int
    min_clients: int


class Program(Protocol):
    """What an engine computes, as its own type. A frozen value."""

    def to_json(self) -> Mapping[str, JsonValue]:
        """Return the members of the task that are the engine's own."""


ProgramT = TypeVar("ProgramT", bound=Program)
ProgramT_co = TypeVar("ProgramT_co", bound=Program, covariant=True)


@dataclass(frozen=True)
class TaskSpec(Generic[ProgramT_co]):
    """A parsed, well-formed task. Owners and receivers are strictly ascending by address."""

    task_id: bytes
    purpose: Purpose
    program: ProgramT_co
    owners: tuple[Owner, ...]
    receivers: tuple[str, ...]
    policy: ReleasePolicy
    deadline_ms: int
    engine: str

    def to_json(self) -> dict[str, JsonValue]:
        """Return the JSON form; `mpc.registry.read_task` reads it back."""
        return {
            "format": FORMAT,
            "task_id": self.task_id.hex(),
            "purpose": self.purpose.name,
            **self.program.to_json(),
            "owners": [{"member": owner.member, "dataset": owner.dataset.hex()} for owner in self.owners],
            "receivers": list(self.receivers),
            "policy": {"min_contributors": self.policy.min_contributors, "min_clients": self.policy.min_clients},
            "deadline": format_time(self.deadline_ms),
            "engine": self.engine,
        }

    def digest(self) -> bytes:
        """Return the spec digest: what stands on the chain and what compliance signs."""
        return tagged_sha256(DIGEST_TAG, canonical_json(self.to_json()))

    @property
    def members(self) -> tuple[str, ...]:
        """The owners' addresses, ascending."""
        return tuple(owner.member for owner in self.owners)


def task_fields(program: Mapping[str, Shape[object]], engine: Shape[str]) -> Fields:
    """Return the shape of a task with these members of its engine's own, under this engine's name."""
    return Fields(
        {
            "format": Constant(FORMAT),
            "task_id": Bytes(32),
            "purpose": OneOf(*Purpose.__members__).then(lambda name, _: Purpose[name]),
            **program,
            "owners": ListOf(_OWNER, MIN_CONTRIBUTORS, MAX_CONTRIBUTORS).then(_owners),
            "receivers": ListOf(_MEMBER).then(_ascending),
            "policy": _POLICY,
            "deadline": Moment(),
            "engine": engine,
        }
    )


def require_contributors(spec: TaskSpec[Program]) -> None:
    """Refuse a policy that asks for more contributors than the task has owners."""
    owners = len(spec.owners)
    if spec.policy.min_contributors > owners:
        raise InvalidInput("task.policy.min_contributors", "range", f"must be at most {owners}, the owners")


def address_bytes(member: str) -> bytes:
    """Return the 20 bytes of a member's address."""
    return bytes.fromhex(member[2:])


def _ascending(members: list[str], where: str) -> tuple[str, ...]:
    if any(left >= right for left, right in pairwise(members)):
        raise InvalidInput(where, "ascending", "addresses must be strictly ascending")
    return tuple(members)


def _owners(owners: list[Owner], where: str) -> tuple[Owner, ...]:
    _ascending([owner.member for owner in owners], where)
    return tuple(owners)


_MEMBER = Text(min=0, pattern="0x[0-9a-f]{40}", rule="address")
_OWNER = Fields({"member": _MEMBER, "dataset": Bytes(32)}).then(lambda owner, _: Owner(**owner))
_POLICY = Fields(
    {
        "min_contributors": Integer(MIN_CONTRIBUTORS, MAX_CONTRIBUTORS),
        "min_clients": Integer(MIN_CLIENTS, 2**31),
    }
).then(lambda policy, _: ReleasePolicy(**policy))
