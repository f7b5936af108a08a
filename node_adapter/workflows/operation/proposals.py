"""The consortium's open proposals, as the node's index of the chain has them: what there is to vote on."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import Connection

from node_adapter.store import chain_index, registry_index

_CONTRACT = "MemberRegistry"
_KINDS = ("admission", "suspension", "action")  # the contract's `ProposalKind`
_VOTERS = ("broker", "operator")
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
        CouldNotCheck: the chain was not read yet.
    """
    registry = registry_index.contract_address(connection, _CONTRACT)
    found: dict[int, Proposal] = {}
    for event in chain_index.events(connection, contract=_CONTRACT):
        if event.address != registry or "id" not in event.args:
            continue
        number = int(event.args["id"])
        if event.name == "ProposalCreated":
            found[number] = _created(event)
        elif event.name == "ProposalVoted":
            known = found[number]
            found[number] = replace(known, votes=(*known.votes, event.args["voter"]))
        else:  # executed or vetoed
            del found[number]
    members = chain_index.members(connection).values()
    voters = {member.address for member in members if member.active and member.role in _VOTERS}
    needed = -(-2 * len(voters) // 3)
    return [
        replace(one, votes=tuple(voter for voter in one.votes if voter in voters), votes_needed=needed)
        for one in found.values()
    ]


def _created(event: chain_index.ChainEvent) -> Proposal:
    args = event.args
    member = None if args["subject"] == _NOBODY else args["subject"]
    return Proposal(int(args["id"]), _KINDS[int(args["kind"])], member, args["digest"], args["proposer"], event.block)
