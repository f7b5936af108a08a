"""The specification of a joint task, `bonafides.task/1` (docs/spec/joint-statistics.md section 2)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from typing import Any

from primitives.canonical import canonical_json
from primitives.digest import tagged_sha256
from primitives.errors import InvalidInput
from primitives.shapes import Bytes, Constant, Fields, Integer, ListOf, Moment, Named, OneOf, Text
from primitives.timestamp import format_time

FORMAT = "bonafides.task/1"
ENGINE = "masked-sum/1"
DIGEST_TAG = "bonafides/task/1"
MIN_CONTRIBUTORS = 3  # with two, subtracting one's own input reveals the other's
MAX_CONTRIBUTORS = 64
MIN_CLIENTS = 10
STATISTICS = ("clients", "holding_risk", "leverage")
_COLUMNS = {"clients": (), "holding_risk": ("risk_value", "value"), "leverage": ("debts", "assets")}


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


def _in_order(names: list[str], where: str) -> tuple[str, ...]:
    if names != [name for name in STATISTICS if name in names]:
        raise InvalidInput(where, "statistics", f"must be some of {', '.join(STATISTICS)}, in this order")
    return tuple(names)


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
TASK_SPEC = Named(
    "TaskSpec",
    Fields(
        {
            "format": Constant(FORMAT),
            "task_id": Bytes(32),
            "purpose": OneOf(*Purpose.__members__).then(lambda name, _: Purpose[name]),
            "statistics": ListOf(OneOf(*STATISTICS), 1, len(STATISTICS)).then(_in_order),
            "owners": ListOf(_OWNER, MIN_CONTRIBUTORS, MAX_CONTRIBUTORS).then(_owners),
            "receivers": ListOf(_MEMBER).then(_ascending),
            "policy": _POLICY,
            "deadline": Moment(),
            "engine": Constant(ENGINE),
        }
    ).note("docs/spec/joint-statistics.md, section 2."),
)


@dataclass(frozen=True)
class TaskSpec:
    """A parsed, well-formed task. Owners and receivers are strictly ascending by address."""

    task_id: bytes
    purpose: Purpose
    statistics: tuple[str, ...]
    owners: tuple[Owner, ...]
    receivers: tuple[str, ...]
    policy: ReleasePolicy
    deadline_ms: int

    @classmethod
    def from_json(cls, value: object) -> TaskSpec:
        """Read the JSON form.

        Raises:
            InvalidInput: a member is missing, unknown or breaks its rule.
        """
        task = TASK_SPEC.read(value, "task")
        owners, policy = task["owners"], task["policy"]
        if task["receivers"] != tuple(owner.member for owner in owners):
            raise InvalidInput(
                "task.receivers",
                "receivers",
                f"{ENGINE} shows the totals to every owner and to nobody else: name exactly them",
            )
        if policy.min_contributors > len(owners):
            raise InvalidInput("task.policy.min_contributors", "range", f"must be at most {len(owners)}, the owners")
        return cls(
            task_id=task["task_id"],
            purpose=task["purpose"],
            statistics=task["statistics"],
            owners=owners,
            receivers=task["receivers"],
            policy=policy,
            deadline_ms=task["deadline"],
        )

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form; `from_json` reads it back."""
        return {
            "format": FORMAT,
            "task_id": self.task_id.hex(),
            "purpose": self.purpose.name,
            "statistics": list(self.statistics),
            "owners": [{"member": owner.member, "dataset": owner.dataset.hex()} for owner in self.owners],
            "receivers": list(self.receivers),
            "policy": {"min_contributors": self.policy.min_contributors, "min_clients": self.policy.min_clients},
            "deadline": format_time(self.deadline_ms),
            "engine": ENGINE,
        }

    def digest(self) -> bytes:
        """Return the spec digest: what stands on the chain and what compliance signs."""
        return tagged_sha256(DIGEST_TAG, canonical_json(self.to_json()))

    @property
    def members(self) -> tuple[str, ...]:
        """The owners' addresses, ascending."""
        return tuple(owner.member for owner in self.owners)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the vector's columns, in order."""
        return ("clients", *(column for name in self.statistics for column in _COLUMNS[name]))


def address_bytes(member: str) -> bytes:
    """Return the 20 bytes of a member's address."""
    return bytes.fromhex(member[2:])
