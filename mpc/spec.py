"""The specification of a joint task, `bonafides.task/1` (docs/spec/joint-statistics.md section 2)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from typing import Any

from primitives.canonical import canonical_json
from primitives.digest import tagged_sha256
from primitives.encoding import decode_hex
from primitives.errors import InvalidInput
from primitives.timestamp import format_time, parse_time

FORMAT = "bonafides.task/1"
ENGINE = "masked-sum/1"
DIGEST_TAG = "bonafides/task/1"
MIN_CONTRIBUTORS = 3  # with two, subtracting one's own input reveals the other's
MAX_CONTRIBUTORS = 64
MIN_CLIENTS = 10
STATISTICS = ("clients", "holding_risk", "leverage")
_COLUMNS = {"clients": (), "holding_risk": ("risk_value", "value"), "leverage": ("debts", "assets")}
_MEMBER = re.compile(r"0x[0-9a-f]{40}")
_FIELDS = frozenset(
    {"format", "task_id", "purpose", "statistics", "owners", "receivers", "policy", "deadline", "engine"}
)


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
        fields = _object(value, "task", _FIELDS)
        if fields["format"] != FORMAT:
            raise InvalidInput("task.format", "format", f"must be {FORMAT}")
        if fields["engine"] != ENGINE:
            raise InvalidInput("task.engine", "engine", f"must be {ENGINE}")
        owners = _owners(fields["owners"])
        return cls(
            task_id=decode_hex(fields["task_id"], "task.task_id", 32),
            purpose=parse_purpose(fields["purpose"], "task.purpose"),
            statistics=_statistics(fields["statistics"]),
            owners=owners,
            receivers=_receivers(fields["receivers"], owners),
            policy=_policy(fields["policy"], len(owners)),
            deadline_ms=parse_time(fields["deadline"], "task.deadline"),
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


def parse_purpose(value: object, field: str) -> Purpose:
    """Read a purpose code of the closed list."""
    if not isinstance(value, str) or value not in Purpose.__members__:
        raise InvalidInput(field, "purpose", f"must be one of {', '.join(Purpose.__members__)}")
    return Purpose[value]


def parse_member(value: object, field: str) -> str:
    """Read a member's address: 0x and 40 lower-case hex digits."""
    if not isinstance(value, str) or _MEMBER.fullmatch(value) is None:
        raise InvalidInput(field, "member", "must be 0x and 40 lower-case hexadecimal digits")
    return value


def address_bytes(member: str) -> bytes:
    """Return the 20 bytes of a member's address."""
    return bytes.fromhex(member[2:])


def _object(value: object, field: str, names: frozenset[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidInput(field, "object", "must be a JSON object")
    for name in sorted(names - value.keys()):
        raise InvalidInput(f"{field}.{name}", "required", "is missing")
    for name in sorted(map(str, value.keys() - names)):
        raise InvalidInput(f"{field}.{name}", "unknown-member", "is not part of the format")
    return value


def _list(value: object, field: str) -> list[Any]:
    if not isinstance(value, list):
        raise InvalidInput(field, "list", "must be a list")
    return value


def _statistics(value: object) -> tuple[str, ...]:
    names = _list(value, "task.statistics")
    if not names or names != [name for name in STATISTICS if name in names]:
        raise InvalidInput("task.statistics", "statistics", f"must be some of {', '.join(STATISTICS)}, in this order")
    return tuple(names)


def _owners(value: object) -> tuple[Owner, ...]:
    entries = _list(value, "task.owners")
    if not MIN_CONTRIBUTORS <= len(entries) <= MAX_CONTRIBUTORS:
        raise InvalidInput(
            "task.owners",
            "min-contributors",
            f"a joint statistic needs {MIN_CONTRIBUTORS} to {MAX_CONTRIBUTORS} owners",
        )
    owners = []
    for index, entry in enumerate(entries):
        field = f"task.owners.{index}"
        parts = _object(entry, field, frozenset({"member", "dataset"}))
        owners.append(
            Owner(
                parse_member(parts["member"], f"{field}.member"), decode_hex(parts["dataset"], f"{field}.dataset", 32)
            )
        )
    _require_ascending([owner.member for owner in owners], "task.owners")
    return tuple(owners)


def _receivers(value: object, owners: tuple[Owner, ...]) -> tuple[str, ...]:
    receivers = tuple(
        parse_member(entry, f"task.receivers.{index}") for index, entry in enumerate(_list(value, "task.receivers"))
    )
    _require_ascending(list(receivers), "task.receivers")
    if receivers != tuple(owner.member for owner in owners):
        raise InvalidInput(
            "task.receivers",
            "receivers",
            f"{ENGINE} shows the totals to every owner and to nobody else: name exactly them",
        )
    return receivers


def _require_ascending(members: list[str], field: str) -> None:
    if any(left >= right for left, right in pairwise(members)):
        raise InvalidInput(field, "ascending", "addresses must be strictly ascending")


def _policy(value: object, owners: int) -> ReleasePolicy:
    fields = _object(value, "task.policy", frozenset({"min_contributors", "min_clients"}))
    contributors = _integer(fields["min_contributors"], "task.policy.min_contributors", MIN_CONTRIBUTORS, owners)
    return ReleasePolicy(contributors, _integer(fields["min_clients"], "task.policy.min_clients", MIN_CLIENTS, 2**31))


def _integer(value: object, field: str, low: int, high: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise InvalidInput(field, "range", f"must be an integer from {low} to {high}")
    return value
