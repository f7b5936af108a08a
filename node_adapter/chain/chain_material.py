"""What a bundle of format 2 takes from the chain: the proofs of one block, and the histories whose heads they open.

The proofs come from the chain's node, the histories from this node's own index up to the same block. Each history is
held against its head before anything is given out, so what is missing here shows here and not in court.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from did.identifiers import ethr_did
from evidence.version2.documents.assemble import ChainMaterial
from evidence.version2.documents.chain_evidence import MemberItem
from evidence.version2.state.active_members import ActiveMembers, member_leaf
from evidence.version2.state.did_changes import DidChange, check_did_history
from evidence.version2.state.directory import DirectoryEntry, check_directory
from evidence.version2.state.slots import ACTIVE_COUNT, ACTIVE_ROOT, DID_HEAD, DIRECTORY_HEAD, LOG_HEAD
from evidence.version2.state.trie import StateProof
from evidence.version2.verify.chain import DIDS, LOG, MEMBERS
from node_adapter.chain.state_proofs import TakenState, code_hashes, take_proofs
from node_adapter.ports import ChainRpc
from node_adapter.store.chain import blocks
from node_adapter.store.chain.did_registry import did_changes
from node_adapter.store.chain.directory import NamedContract, named_contracts
from node_adapter.store.chain.member_registry import ActiveMember, active_members
from node_adapter.store.engine import Store
from primitives.errors import CouldNotCheck, VerificationFailed

_TRIES = 3


@dataclass(frozen=True)
class Parties:
    """Of whom a bundle speaks: addresses on the chain of an id.

    Attributes:
        chain_id: the chain.
        directory: the Directory that the trust file names.
        broker: the bundle's broker.
        client: the client; None for a subject that is no person.
        witnesses: members whose cosignatures are to count.
    """

    chain_id: int
    directory: str
    broker: str
    client: str | None = None
    witnesses: Sequence[str] = ()


def take_chain_material(store: Store, rpc: ChainRpc, parties: Parties, confirmations: int = 0) -> ChainMaterial:
    """Take all that a bundle says of the chain, as of one block behind its head.

    Args:
        store: the node's store, whose index has to reach that block.
        rpc: the chain's node.
        parties: of whom.
        confirmations: how many blocks further back, on an engine whose blocks may be replaced.

    Raises:
        CouldNotCheck: `block-unknown`, the index is behind: ask again once it is not; `state-proof-race`;
            `chain-unreachable`; `json-rpc-error`; `contract-unknown`, the Directory does not name what is needed.
        VerificationFailed: the index does not hold the history of a head (`directory`, `client-keys`,
            `member-keys`), or is of another chain (`block-header`).
    """
    with store.read() as connection:
        named = named_contracts(connection)
    for _ in range(_TRIES):
        taken = take_proofs(rpc, opened_slots(parties, named), confirmations)
        number = taken.header.number
        with store.read() as connection:
            if blocks.block_at(connection, number).hash != taken.header.hash:
                raise VerificationFailed("block-header", f"block {number} of the index is another one")
            before, named = named, named_contracts(connection, number)
            if named != before:
                continue  # the Directory was changed meanwhile, or not yet at that block
            active = active_members(connection, _targets(named, MEMBERS)[-1], number)
            changes = (
                [] if parties.client is None else did_changes(connection, parties.client, _targets(named, DIDS), number)
            )
        codes = code_hashes(rpc, list(dict.fromkeys(entry.target for entry in named)), number)
        directory = [
            DirectoryEntry(entry.name, entry.target, codes[entry.target], entry.block, entry.time) for entry in named
        ]
        return _material(parties, taken, directory, active, changes)
    raise CouldNotCheck("state-proof-race", "the Directory was changed while the proofs were taken")


def opened_slots(parties: Parties, named: Sequence[NamedContract]) -> Mapping[str, Sequence[bytes]]:
    """Return the slots that a bundle opens, by contract (docs/spec/evidence-2.md, section 13, check 4).

    Raises:
        CouldNotCheck: `contract-unknown`.
    """
    wanted = {parties.directory: [DIRECTORY_HEAD.slot()]}
    wanted[_targets(named, MEMBERS)[-1]] = [ACTIVE_ROOT.slot(), ACTIVE_COUNT.slot()]
    for target in _targets(named, LOG):
        wanted[target] = [LOG_HEAD.slot(parties.broker)]
    if parties.client is not None:
        for target in _targets(named, DIDS):
            wanted[target] = [DID_HEAD.slot(parties.client)]
    return wanted


def _targets(named: Sequence[NamedContract], name: str) -> list[str]:
    found = [entry.target for entry in named if entry.name == name]
    if not found:
        raise CouldNotCheck("contract-unknown", f"the Directory names no {name}")
    return found


def _material(
    parties: Parties,
    taken: TakenState,
    directory: Sequence[DirectoryEntry],
    active: Sequence[ActiveMember],
    changes: Sequence[DidChange],
) -> ChainMaterial:
    proof = StateProof(taken.header.state_root, taken.nodes)

    def word(target: str, slot: bytes) -> bytes:
        account = proof.account(target)
        return bytes(32) if account is None else proof.word(account, slot)

    last = {entry.name: entry.target for entry in directory}
    check_directory(directory, word(parties.directory, DIRECTORY_HEAD.slot()))
    tree = ActiveMembers(
        {member.number: member_leaf(member.address, member.role, member.held.digest()) for member in active}
    )
    if tree.root != word(last[MEMBERS], ACTIVE_ROOT.slot()):
        raise VerificationFailed("member-keys", "the members of the index do not give the root of the registry")
    if parties.client is not None:
        slot = DID_HEAD.slot(parties.client)
        heads = [word(entry.target, slot) for entry in directory if entry.name == DIDS]
        check_did_history(changes, next((head for head in reversed(heads) if any(head)), bytes(32)))
    return ChainMaterial(
        chain_id=parties.chain_id,
        header_rule=taken.rule,
        header=taken.data,
        nodes=taken.nodes,
        directory=directory,
        did=changes,
        members=[_item(parties.chain_id, member, tree) for member in _shown(parties, active)],
    )


def _shown(parties: Parties, active: Sequence[ActiveMember]) -> list[ActiveMember]:
    """Return the broker and the witnesses, as far as they are active; somebody is always shown."""
    wanted = {parties.broker, *parties.witnesses}
    return [member for member in active if member.address in wanted] or list(active[:1])


def _item(chain_id: int, member: ActiveMember, tree: ActiveMembers) -> MemberItem:
    did = ethr_did(chain_id, member.address).text
    return MemberItem(did, member.number, member.role, tuple(tree.path(member.number)), member.held)
