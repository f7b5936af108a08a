"""What evidence of format 2 takes from the chain: the proofs of one block, and the histories whose heads they open.

The proofs come from the chain's node, the histories from this node's own index up to the same block. Each history is
held against its head before anything is given out, so what is missing here shows here and not in court.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from did.identifiers import ethr_did, parse_did
from evidence.version2.documents.assemble import ChainMaterial
from evidence.version2.documents.chain_evidence import MemberItem
from evidence.version2.state.active_members import ActiveMembers, member_leaf
from evidence.version2.state.did_changes import DidChange, check_did_history
from evidence.version2.state.directory import DirectoryEntry, check_directory
from evidence.version2.state.slots import ACTIVE_COUNT, ACTIVE_ROOT, DID_HEAD, DIRECTORY_HEAD, LOG_HEAD
from evidence.version2.state.trie import StateProof
from evidence.version2.verify.chain import DIDS, LOG, MEMBERS
from node_adapter.node import Node
from node_adapter.ports import StateSource, TakenState
from node_adapter.store.chain import blocks
from node_adapter.store.chain.did_registry import did_changes
from node_adapter.store.chain.directory import NamedContract, named_contracts
from node_adapter.store.chain.member_registry import ActiveMember, active_members
from node_adapter.store.engine import Store
from primitives.errors import CouldNotCheck, VerificationFailed

_TRIES = 3
_NO_CODE = bytes(32)  # what a chain says of the code of an account that is not there


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


def own_parties(node: Node, client: str | None = None, witnesses: Sequence[str] = ()) -> Parties:
    """Return whom a document of this member speaks of: `client` is a DID, `witnesses` are addresses of members."""
    chain = node.settings.chain
    address = None if client is None else parse_did(client).address
    return Parties(chain.chain_id, chain.directory, node.address, address, witnesses)


def take_chain_material(store: Store, source: StateSource, parties: Parties) -> ChainMaterial:
    """Take all that a document says of the chain, as of the block that `source` takes; see `take_for_each`."""
    [material] = take_for_each(store, source, [parties])
    return material


def take_for_each(store: Store, source: StateSource, wanted: Sequence[Parties]) -> list[ChainMaterial]:
    """Take what several documents say of the chain, all as of one block.

    Args:
        store: the node's store, whose index has to reach that block.
        source: takes the proofs.
        wanted: of whom, for each document; all of one chain.

    Raises:
        CouldNotCheck: `block-unknown`, the index is behind: ask again once it is not; `state-proof-race`;
            `chain-unreachable`; `json-rpc-error`; `contract-unknown`, the Directory does not name what is needed; or
            what else `source` says.
        VerificationFailed: the index does not hold the history of a head (`directory`, `client-keys`,
            `member-keys`), or is of another chain (`block-header`).
    """
    with store.read() as connection:
        named = named_contracts(connection)
    for _ in range(_TRIES):
        taken = source(_every_slot(wanted, named))
        number = taken.header.number
        with store.read() as connection:
            if blocks.block_at(connection, number).hash != taken.header.hash:
                raise VerificationFailed("block-header", f"block {number} of the index is another one")
            before, named = named, named_contracts(connection, number)
            if named != before:
                continue  # the Directory was changed meanwhile, or not yet at that block
            active = active_members(connection, _targets(named, MEMBERS)[-1], number)
            registries = _targets(named, DIDS)
            changes = [
                [] if one.client is None else did_changes(connection, one.client, registries, number) for one in wanted
            ]
        return [_material(one, taken, named, active, did) for one, did in zip(wanted, changes, strict=True)]
    raise CouldNotCheck("state-proof-race", "the Directory was changed while the proofs were taken")


def opened_slots(parties: Parties, named: Sequence[NamedContract]) -> Mapping[str, Sequence[bytes]]:
    """Return the slots that a document opens, by contract (docs/spec/evidence-2.md, section 13, check 4).

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


def _every_slot(wanted: Sequence[Parties], named: Sequence[NamedContract]) -> Mapping[str, Sequence[bytes]]:
    """Return what all documents open, and every contract that was ever named, for the hash of its code."""
    found: dict[str, list[bytes]] = {entry.target: [] for entry in named}
    for parties in wanted:
        for target, slots in opened_slots(parties, named).items():
            known = found.setdefault(target, [])
            known += [slot for slot in slots if slot not in known]
    return found


def _targets(named: Sequence[NamedContract], name: str) -> list[str]:
    found = [entry.target for entry in named if entry.name == name]
    if not found:
        raise CouldNotCheck("contract-unknown", f"the Directory names no {name}")
    return found


def _directory(taken: TakenState, named: Sequence[NamedContract]) -> list[DirectoryEntry]:
    """Return the Directory's entries with the code that the contracts have; the head tells whether they had it then."""
    proof = StateProof(taken.header.state_root, taken.nodes)
    accounts = {entry.target: proof.account(entry.target) for entry in named}
    codes = {target: _NO_CODE if account is None else account.code_hash for target, account in accounts.items()}
    return [DirectoryEntry(entry.name, entry.target, codes[entry.target], entry.block, entry.time) for entry in named]


def _material(
    parties: Parties,
    taken: TakenState,
    named: Sequence[NamedContract],
    active: Sequence[ActiveMember],
    changes: Sequence[DidChange],
) -> ChainMaterial:
    directory = _directory(taken, named)
    proof = StateProof(taken.header.state_root, taken.nodes)
    words: dict[str, list[bytes]] = {}
    for target, slots in opened_slots(parties, named).items():
        account = proof.account(target)
        words[target] = [bytes(32) if account is None else proof.word(account, slot) for slot in slots]
    check_directory(directory, words[parties.directory][0])
    tree = ActiveMembers(
        {member.number: member_leaf(member.address, member.role, member.held.digest()) for member in active}
    )
    if tree.root != words[_targets(named, MEMBERS)[-1]][0]:
        raise VerificationFailed("member-keys", "the members of the index do not give the root of the registry")
    if parties.client is not None:
        heads = [words[target][0] for target in _targets(named, DIDS)]
        check_did_history(changes, next((head for head in reversed(heads) if any(head)), bytes(32)))
    return ChainMaterial(
        chain_id=parties.chain_id,
        header_rule=taken.rule,
        header=taken.data,
        nodes=proof.used(),
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
