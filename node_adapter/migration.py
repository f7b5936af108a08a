"""A node of release 1 goes on with format 2, in the network that continues its own.

1. Nothing is done while anything of format 1 is open: a record that is not anchored, a promise that is owed, a chain
   write on its way. Each promise is then kept or broken, and the answer says which were broken.
2. The new contracts must be those that continue: their `EvidenceLog` names the old `EvidenceAnchor`, which holds the
   log that this database ends with, and their members are ours.
3. The database is copied whole, to `former.db`: what is shown of format 1 is read there from now on.
4. In one transaction the node's own database turns: no row of format 1 stays in it, the histories begin anew and know
   what they continue, the index begins with the new contracts. Before it nothing has changed, after it all has.
5. What is not erased by a transaction (free pages hold originals) is, in both files, and the settings name the new
   network.

Killed anywhere it is asked for again: before (4) it begins anew, after it does what is left.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from did.identifiers import member_did
from did.member_log import MemberHistory
from domain.domains import Domains
from domain.opening import HOUSE, PRODUCT
from evidence.documents.product_subject import product_subject
from evidence.log.tree import EMPTY_ROOT
from evidence.version2.opening import house_subject
from evidence.version2.state.member_keys import MemberKeySet
from node_adapter.chain.contracts import Contracts
from node_adapter.chain.errors import WrongChain
from node_adapter.chain.former_network import (
    ANCHORS,
    REGISTRY,
    FormerHead,
    former_head,
    former_members,
    require_registry_of,
)
from node_adapter.chain.rpc import quantity
from node_adapter.former_database import require_own
from node_adapter.init import configure
from node_adapter.ports import ChainRpc
from node_adapter.private_files import sync_directory
from node_adapter.settings import Settings
from node_adapter.store import former, former_records, former_turn, house_records, identity, outbox, restored
from node_adapter.store.chain import evidence_anchor, member_registry
from node_adapter.store.engine import Store, open_store
from node_adapter.store.former import FormerLog
from node_adapter.store.former_records import FormerAnchor
from node_adapter.store.migrate import upgrade
from node_adapter.store.snapshot import copy_database, leave_wal
from primitives.errors import CouldNotCheck, Refused
from primitives.shapes import Fields, Integer
from replay.installed import INSTALLED
from replay.wire.shapes import ADDRESS
from suitability.records.staff import ENROL

_MS = 1000
NETWORK = Fields({"chain_id": Integer(1), "directory": ADDRESS, "directory_block": Integer()}, open=True)
"""What a migration reads of a network file."""


@dataclass(frozen=True)
class Ended:
    """How the log of format 1 ended: its last anchor, and the records whose promises were broken."""

    head: FormerHead
    records: int
    broken: tuple[str, ...]


def migrate_node(settings: Settings, rpc: ChainRpc, network: Mapping[str, Any], now_ms: int) -> dict[str, Any]:
    """Migrate the node of a directory that stands still; asked again it does what is left, and answers the same.

    Args:
        settings: the node's, which name the old network until it is done.
        rpc: the chain's node.
        network: the network file of the contracts that continue the old ones.
        now_ms: the time.

    Returns:
        {"records", "anchors", "broken_promises": [record ids], "directory", "former": the file of format 1}.

    Raises:
        InvalidInput: it is no network file.
        Refused: `not-release-1`, `log-not-anchored`, `promise-owed`, `outbox-open`; `index-behind`, this node has not
            read the others' anchors; `migrated-elsewhere`; `former-not-found`, the node was migrated, and the database
            of format 1 is not there any more.
        VerificationFailed: check `local-log`; it is there, and another node's.
        WrongChain: the contracts do not continue what this node belongs to.
        CouldNotCheck: the chain does not answer; `chain-events`, it does not give the old ones; `node-restored`, the
            database is an older copy; `former-unwritable`, `store-unavailable`.
    """
    asked = NETWORK.read(network, "network")
    if settings.database != settings.database_path:
        raise Refused(
            "store-not-sqlite", "a node of release 1 has a file of SQLite: migrate it, then move it by a restore"
        )
    upgrade(settings.database_path)
    store = open_store(settings.database_path)
    try:
        with store.read() as connection:
            known = former.find_log(connection)
        if known is None:
            known = _migrate(settings, store, rpc, asked, now_ms)
        _require_same(store, asked["directory"])
        require_own(settings, store)
        store.compact()
        _compact_former(settings.former_path)
        chain = {name: network[name] for name in ("rpc_url", "directory", "directory_block") if name in network}
        configure(settings.home, {"chain": chain})
        return _answer(settings.former_path, known, asked["directory"])
    finally:
        store.dispose()


def _migrate(settings: Settings, store: Store, rpc: ChainRpc, asked: Mapping[str, Any], now_ms: int) -> FormerLog:
    with store.read() as connection:
        ended = how_it_ended(connection)
        log = _continued(settings, connection, rpc, asked, ended)
        registry = Contracts(rpc, log.directory).address_of(REGISTRY)
        members = former_members(rpc, registry, log.directory_block)  # the chain's: the index may end before it does
        _require_told(connection, members)
        _require_read(connection, rpc, log.contract, members)
    _leave_behind(settings.database_path, settings.former_path)
    with store.write() as connection:
        did = member_did(settings.chain.chain_id, settings.member.address)
        former_turn.turn(connection, did, kinds(connection, did), now_ms)
        former.put_log(connection, log)
        former.put_members(connection, members)
        identity.put(connection, "directory", asked["directory"])
    return log


def how_it_ended(connection: Connection) -> Ended:
    """Return how the log of format 1 ended.

    Raises:
        Refused: `not-release-1`, `log-not-anchored`, `promise-owed`, `outbox-open`: it has not ended.
        CouldNotCheck: `node-restored`.
    """
    restored.require_caught_up(connection)
    if former_records.holds_format_2(connection):
        raise Refused("not-release-1", "the records of this database are of format 2: there is nothing to migrate")
    made, places = former_records.anchors(connection), former_records.promised(connection)
    size = made[-1].size if made else 0
    if size != len(places) or any(anchor.block is None for anchor in made):
        raise Refused(
            "log-not-anchored",
            f"{len(places)} records, and the last final anchor covers {_final_size(made)}: run the release that wrote "
            "them until they are anchored, without taking new ones",
        )
    owed = [place.record_id for place in places if place.anchor_by is None]
    if owed:
        raise Refused("promise-owed", f"{len(owed)} records have no promise yet, {owed[0]} first: run that release on")
    waiting = outbox.next_open(connection)
    if waiting is not None:
        raise Refused("outbox-open", f"a chain write is on its way ({waiting.key}): run that release until it is done")
    return Ended(_head(made), len(places), _broken(connection))


def kinds(connection: Connection, broker: str, domains: Domains = INSTALLED) -> dict[str, tuple[str, str]]:
    """Return kind and `opens` of the products that were rated and of the staff, by the pseudonym that is derived.

    A product that was never rated has no record, and its kind is told where it is enrolled again.
    """
    found, size = {}, len(former_records.promised(connection))
    for domain in domains:
        types = [] if domain.house_rules is None else sorted(domain.house_rules.types)
        for row in house_records.of_types(connection, types, 0, size):
            if row.payload is not None:
                thing = str(domain.thing_of(domain.types[row.type].shape.read(json.loads(row.payload), "payload")))
                found[product_subject(broker, thing)] = PRODUCT, thing
    for row in house_records.of_types(connection, [ENROL], 0, size):
        if row.payload is not None:
            opens = f"staff:{json.loads(row.payload)['key']}"
            found[house_subject(broker, opens)] = HOUSE, opens
    return found


def _final_size(made: list[FormerAnchor]) -> int:
    return max((anchor.size for anchor in made if anchor.block is not None), default=0)


def _head(made: list[FormerAnchor]) -> FormerHead:
    if not made:
        return FormerHead(0, EMPTY_ROOT, 0, bytes(32))
    last = made[-1]
    return FormerHead(last.seq, last.root, last.size, last.map_root)


def _broken(connection: Connection) -> tuple[str, ...]:
    """Return the records that were anchored after their promise said: the time is that of the anchor's block."""
    ends = iter(former_records.anchors(connection))
    anchor, found = next(ends, None), []
    for place in former_records.promised(connection):
        while anchor is not None and anchor.size <= place.log_index:
            anchor = next(ends, None)
        time = None if anchor is None or anchor.block_time is None else anchor.block_time * _MS
        if time is None or place.anchor_by is None or time > place.anchor_by:
            found.append(place.record_id)
    return tuple(found)


def _continued(
    settings: Settings, connection: Connection, rpc: ChainRpc, asked: Mapping[str, Any], ended: Ended
) -> FormerLog:
    """Hold the new contracts against the old ones and against this database."""
    chain, member = settings.chain, settings.member.address
    genesis = rpc.call("eth_getBlockByNumber", quantity(0), False)["hash"]
    if int(rpc.call("eth_chainId"), 16) != chain.chain_id or asked["chain_id"] != chain.chain_id:
        raise WrongChain(f"the network is on another chain than {chain.chain_id}, this node's")
    if identity.get(connection, "genesis") not in (None, genesis):
        raise WrongChain(f"the chain's block 0 is {genesis}, and not the one that this database was made for")
    if identity.get(connection, "directory") not in (None, chain.directory):
        raise WrongChain("node.toml names another Directory than the one that this database was made for")
    old, new = Contracts(rpc, chain.directory), Contracts(rpc, asked["directory"])
    anchors = old.address_of(ANCHORS)
    require_registry_of(rpc, anchors, old.address_of(REGISTRY))
    continued = str(new.read("EvidenceLog", "version1")[0]).lower()
    if continued != anchors or new.address_of(ANCHORS) != anchors:
        raise WrongChain(f"the contracts at {asked['directory']} continue {continued}, and not our {ANCHORS} {anchors}")
    held = former_head(rpc, anchors, member)
    if held != ended.head:
        raise WrongChain(
            f"the chain holds anchor {held.seq} of this member, of {held.size} records, and this database "
            f"{ended.head.seq}, of {ended.head.size}: it is an older copy, or another log"
        )
    _require_member(connection, new, member)
    return FormerLog(
        chain.directory,
        chain.directory_block,
        anchors,
        held.seq,
        held.root.hex(),
        held.size,
        held.map_root.hex(),
    )


def _require_told(connection: Connection, members: Mapping[str, MemberHistory]) -> None:
    """Check that the chain's node gave what this node had read of the members: one that has pruned it gives nothing."""
    for address, known in member_registry.member_histories(connection).items():
        told = members.get(address)
        if told is None or len(told.terms) < len(known.terms):
            detail = f"the chain's node does not give the old registry's events of {address}: ask one that keeps them"
            raise CouldNotCheck("chain-events", detail)


def _require_read(connection: Connection, rpc: ChainRpc, anchors: str, members: Iterable[str]) -> None:
    """Refuse (`index-behind`) while this node has not read an anchor: nobody reads the old contracts after it."""
    for member in members:
        held, known = former_head(rpc, anchors, member).seq, evidence_anchor.last_anchored(connection, member)
        read = 0 if known is None else known.seq
        if read != held:
            raise Refused(
                "index-behind",
                f"this node has read {read} of {held} anchors of {member}: run the release that wrote them until it "
                "has read the chain, and let every broker end its log before the first one migrates",
            )


def _require_member(connection: Connection, new: Contracts, member: str) -> None:
    if not new.read(REGISTRY, "isActive", member)[0]:
        raise WrongChain(f"{member} is no active member of the network that continues")
    ours = member_registry.registered_keys(connection, member)
    ((algorithm, signing, checkpoint, agreement, compliance),) = new.read(REGISTRY, "keysOf", member)
    theirs = MemberKeySet(algorithm, signing, checkpoint, agreement, compliance.lower())
    if ours and ours[-1].key_set() != theirs:
        raise WrongChain(f"the new registry holds the keys {theirs.to_json()} of this member, which are not ours")


def _leave_behind(database: Path, target: Path) -> None:
    """Copy the database whole; of an attempt that was cut short nothing is used."""
    unfinished = target.with_name(f".{target.name}.new")
    try:
        for end in ("", "-wal", "-shm", "-journal"):  # what SQLite kept beside it holds originals, too
            unfinished.with_name(unfinished.name + end).unlink(missing_ok=True)
        copy_database(database, unfinished, lambda _done, _total: None)
        leave_wal(unfinished)
        unfinished.replace(target)
        sync_directory(target.parent)
    except OSError as error:
        raise CouldNotCheck("former-unwritable", f"{target}: {error.strerror}") from error


def _compact_former(file: Path) -> None:
    """Overwrite what release 1 had deleted: from here on what is erased there leaves nothing behind."""
    store = open_store(file)
    try:
        store.compact()
    finally:
        store.dispose()
    leave_wal(file)


def _require_same(store: Store, directory: str) -> None:
    with store.read() as connection:
        known = identity.get(connection, "directory")
    if known != directory:
        raise Refused("migrated-elsewhere", f"this node was migrated to the network of the Directory {known}")


def _answer(file: Path, log: FormerLog, directory: str) -> dict[str, Any]:
    store = open_store(file)
    try:
        with store.read() as connection:
            broken = _broken(connection)
    finally:
        store.dispose()
    return {
        "records": log.size,
        "anchors": log.seq,
        "broken_promises": list(broken),
        "directory": directory,
        "former": str(file),
    }
