"""A broker's staff who sign as the second person: synthetic people, each with a key in a wallet of his own."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.demo.consortium import Consortium, Member
from scripts.demo.surface import Command, DemoError

REVIEWER, COMMITTEE, COMPLIANCE = "reviewer", "committee", "compliance"
_PEOPLE = (
    ("Reviewer", REVIEWER),
    ("Committee member one", COMMITTEE),
    ("Committee member two", COMMITTEE),
    ("Compliance officer one", COMPLIANCE),
    ("Compliance officer two", COMPLIANCE),
)


@dataclass(frozen=True)
class Colleague:
    """One synthetic person of a broker's staff."""

    name: str
    role: str
    wallet: Path


class Staff:
    """The staff of one broker: enrolled at its node, and asked to sign."""

    def __init__(self, command: Command, member: Member, wallets: Path) -> None:
        """Name the people; `enrol` makes their keys."""
        self._command = command
        self._member = member
        self._people = [
            Colleague(f"{title} of {member.name} (synthetic)", role, wallets / member.name / title.replace(" ", "-"))
            for title, role in _PEOPLE
        ]

    @property
    def reviewer(self) -> str:
        """The name of who reviews decisions."""
        return next(person.name for person in self._people if person.role == REVIEWER)

    def enrol(self) -> None:
        """Each makes a key; the operator enrols it."""
        for person in self._people:
            request = person.wallet.with_suffix(".json")
            request.parent.mkdir(parents=True, exist_ok=True)
            who = ("--broker", self._member.did, "--name", person.name, "--role", person.role)
            made = self._command.run("staff", "new", "--wallet", str(person.wallet), *who)
            request.write_bytes(made)
            answer = self._command.json("staff", "enrol", "--node", str(self._member.home), str(request))
            if answer["state"] != "valid":
                raise DemoError(f"{person.name} was not enrolled: {answer}")

    def sign(self, role: str, facts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Let everybody of a role sign facts, one after the other, without being asked: these are tests."""
        signed = list(facts)
        for person in self._people:
            if person.role == role and signed:
                signed = self._command.lines("staff", "sign", "--wallet", str(person.wallet), "--yes", rows=signed)
        return signed


def enrol_everywhere(consortium: Consortium, brokers: Sequence[str]) -> dict[str, Staff]:
    """Enrol the staff of each broker; returns it by the broker's name."""
    wallets = consortium.directory / "staff"
    found = {name: Staff(consortium.command, consortium.members[name], wallets) for name in brokers}
    with ThreadPoolExecutor(max_workers=len(brokers)) as pool:
        list(pool.map(lambda staff: staff.enrol(), found.values()))
    return found
