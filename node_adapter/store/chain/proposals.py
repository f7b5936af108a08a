"""What MemberRegistry says of the consortium's proposals: who made them, who voted, which are open."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import Connection

from node_adapter.store.chain import directory, event_log
from node_adapter.store.chain.event_log import ChainEvent
from node_adapter.store.chain.member_registry import MEMBER_REGISTRY, members

_KINDS = ("admission", "suspension", "action")  # the contract's `ProposalKind`
_VOTERS = ("broker", "operator")
_CREATED, _VOTED = "ProposalCreated", "ProposalVoted"
_NOBODY = "0x" + "00" * 20


@dataclass(frozen=True)
class Proposal:
    """A proposal that was neither executed nor vetoed.

    Attributes:
        id: what `vote`, `veto` and `execute` name.
        kind: `admission`, `suspension` or `action`.
        member: whom it admits or suspends; None for an action.
        digest: of what it is about, 0x hex.
        proposer: who made it.
        block: where it was made.
        votes: who voted for it, and may vote still: a vote counts only while its member is active.
        votes_needed: how many let it pass, with the members of now.
    """

    id: int
    kind: str
    member: str | None
    digest: str
    proposer: str
    block: int
    votes: tuple[str, ...] = ()
    votes_needed: int = 0


def open_proposals(connection: Connection) -> list[Proposal]:
    """Return the open proposals of the present registry, the oldest first.

    Raises:
        CouldNotCheck: `contract-unknown`, the chain was not read yet.
    """
    registry = directory.contract_address(connection, MEMBER_REGISTRY)
    found: dict[int, Proposal] = {}
    for event in event_log.events(connection, contract=MEMBER_REGISTRY):
        if event.address != registry or "id" not in event.args:
            continue
        number = int(event.args["id"])
        if event.name == _CREATED:
            found[number] = _created(event)
        elif event.name == _VOTED:
            found[number] = replace(found[number], votes=(*found[number].votes, event.args["voter"]))
        else:  # executed or vetoed
            del found[number]
    voters = {one.address for one in members(connection).values() if one.active and one.role in _VOTERS}
    needed = -(-2 * len(voters) // 3)
    return [
        replace(one, votes=tuple(voter for voter in one.votes if voter in voters), votes_needed=needed)
        for one in found.values()
    ]


def proposal_made_by(connection: Connection, tx_hash: bytes | None) -> int | None:
    """Return the id of the proposal that a transaction made, or None."""
    found = event_log.events(connection, contract=MEMBER_REGISTRY, name=_CREATED)
    return next((int(event.args["id"]) for event in found if event.tx_hash == tx_hash), None)


def _created(event: ChainEvent) -> Proposal:
    args = event.args
    member = None if args["subject"] == _NOBODY else args["subject"]
    return Proposal(int(args["id"]), _KINDS[int(args["kind"])], member, args["digest"], args["proposer"], event.block)
