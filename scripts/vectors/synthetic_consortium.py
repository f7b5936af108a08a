"""A synthetic consortium in memory: contracts' storage, logs and maps of brokers, and bundles about their clients.

Nothing here is a real person, key or chain. What the contracts keep is computed by the specification's own rules and
put into real Merkle Patricia tries, so that a bundle proves it as it would on a chain.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from eth_hash.auto import keccak

from evidence.chain.engines import HEADER_RULES
from evidence.chain.patricia import EMPTY_ROOT, build_trie, expand, nibbles_of
from evidence.chain.rlp_codec import Encodable, Rlp, decode_rlp, encode_rlp
from evidence.documents.product_subject import product_subject
from evidence.log.tree import Tree
from evidence.version2.act import known, sign_act
from evidence.version2.documents.assemble import (
    ChainMaterial,
    LogMaterial,
    PromisedBy,
    RecordMaterial,
    SubjectMaterial,
    assemble,
)
from evidence.version2.documents.bundle import seal_bundle
from evidence.version2.documents.chain_evidence import MemberItem
from evidence.version2.documents.trust import Signer, TrustedBlock, build_trust
from evidence.version2.envelope import NONCE_BYTES
from evidence.version2.links import HistoryHead, start
from evidence.version2.log.anchors import NO_CONTRACT, AnchorLeaf, OpeningLeaf, head_digest
from evidence.version2.log.checkpoint import AnchorCheckpoint, sign_anchor_checkpoint
from evidence.version2.log.cosignature import cosign, witness_name
from evidence.version2.map.label_map import LabelMap
from evidence.version2.opening import house_subject
from evidence.version2.promise import Promise, parse_promise, promise_of, sign_promises
from evidence.version2.record import SealedRecord, redact, seal
from evidence.version2.salts import field_digests
from evidence.version2.shapes import HASHES
from evidence.version2.state.active_members import ActiveMembers, member_leaf
from evidence.version2.state.did_changes import DidChange, did_head
from evidence.version2.state.directory import DirectoryEntry, directory_head
from evidence.version2.state.member_keys import MemberKeySet
from evidence.version2.state.slots import ACTIVE_COUNT, ACTIVE_ROOT, DID_HEAD, DIRECTORY_HEAD, LOG_HEAD
from primitives import ed25519
from primitives.suite import SigningSuite
from primitives.suites import DEFAULT
from primitives.timestamp import format_time

CHAIN_ID = 10_815
START = 1_795_223_700  # seconds: the time of block 0
PERIOD = 5  # seconds from block to block
MINUTE_MS = 60_000
ENGINE, CLIENT, BROKER = "engine", "client", "broker"  # by whom a record is signed: the first signs none
_BRANCH_ITEMS = 17


def seed(name: str) -> bytes:
    """Return 32 bytes that stand for chance; the same for the same name."""
    return hashlib.sha256(f"bonafides synthetic {name}".encode()).digest()


def address(name: str) -> str:
    """Return an address."""
    return "0x" + seed(f"address {name}")[:20].hex()


def did(name: str) -> str:
    """Return a DID of this chain."""
    return f"did:ethr:{CHAIN_ID:#x}:{address(name)}"


@dataclass
class Member:
    """A member: its name, role, suite, and the secrets of the keys that sign."""

    name: str
    role: int = 1
    generation: int = 1
    suite: SigningSuite = DEFAULT

    @property
    def is_default(self) -> bool:
        """Whether its suite is the default one; by name, since a world may be copied whole."""
        return self.suite.name == DEFAULT.name

    @property
    def secret(self) -> bytes:
        """The secret of its signing key."""
        return seed(f"{self.name} key {self.generation}")

    @property
    def notes(self) -> bytes:
        """The secret of its checkpoint key, which is the signing key where that is Ed25519."""
        return self.secret if self.is_default else seed(f"{self.name} checkpoint key {self.generation}")

    @property
    def keys(self) -> MemberKeySet:
        """Its public keys."""
        return MemberKeySet(
            self.suite.algorithm,
            self.suite.public_key(self.secret),
            ed25519.public_key(self.notes),
            seed(f"{self.name} agreement"),
            address(f"{self.name} compliance"),
        )


class World:
    """A chain's state at its head, block by block."""

    def __init__(self, members: Sequence[Member], crowd: int = 0) -> None:
        """Begin with members; `crowd` accounts and slots of others stand beside what is proved."""
        self.members = {member.name: member for member in members}
        self.block = 100
        self.storage: dict[str, dict[bytes, bytes]] = {}
        self.changes: dict[str, list[DidChange]] = {}
        self.directory: list[DirectoryEntry] = []
        self.inactive: set[str] = set()
        self.crowd = crowd
        for name in ("MemberRegistry", "DidRegistry", "EvidenceLog"):
            self.name(name, address(name))

    @property
    def time(self) -> int:
        """The time of the head, in seconds."""
        return START + PERIOD * self.block

    @property
    def now(self) -> int:
        """The same in milliseconds."""
        return 1000 * self.time

    def name(self, contract: str, target: str) -> None:
        """Let the Directory name a contract."""
        self.directory.append(DirectoryEntry(contract, target, keccak(contract.encode()), self.block, self.time))
        self._store(address("Directory"), DIRECTORY_HEAD.slot(), directory_head(self.directory))

    def set_key(self, client: str, public: bytes, valid_to: int | None = None, suite: SigningSuite = DEFAULT) -> None:
        """Set a key of a DID; `valid_to` (seconds) 0 revokes it."""
        end = self.time + 10**9 if valid_to is None else valid_to
        values = {"name": suite.attribute, "value": public, "valid_to": end}
        changes = self.changes.setdefault(client, [])
        changes.append(DidChange("DIDAttributeChanged", self.block, self.time, values))
        self._store(self.current("DidRegistry"), DID_HEAD.slot(address(client)), did_head(changes))

    def set_log_head(self, broker: str, head: bytes) -> None:
        """Take a broker's head into the contract's storage."""
        self._store(self.current("EvidenceLog"), LOG_HEAD.slot(address(broker)), head)

    def current(self, name: str) -> str:
        """Return the address that the Directory names."""
        return [entry for entry in self.directory if entry.name == name][-1].target

    def material(self, broker: str, client: str | None) -> ChainMaterial:
        """Return what a node takes at the head."""
        active = self.active()
        registry = self.current("MemberRegistry")
        self._store(registry, ACTIVE_ROOT.slot(), active.root)
        self._store(registry, ACTIVE_COUNT.slot(), len(self.members).to_bytes(32))
        wanted = {
            address("Directory"): [DIRECTORY_HEAD.slot()],
            registry: [ACTIVE_ROOT.slot(), ACTIVE_COUNT.slot()],
        }
        for entry in self.directory:
            if entry.name == "EvidenceLog":
                wanted.setdefault(entry.target, []).append(LOG_HEAD.slot(address(broker)))
        if client is not None:
            for entry in self.directory:
                if entry.name == "DidRegistry":
                    wanted.setdefault(entry.target, []).append(DID_HEAD.slot(address(client)))
        header, nodes = self._proofs(wanted)
        return ChainMaterial(
            chain_id=CHAIN_ID,
            header_rule="ethereum/1",
            header=header,
            nodes=nodes,
            directory=tuple(self.directory),
            did=tuple(self.changes.get(client or "", ())),
            members=tuple(self._member(number, member, active) for number, member in enumerate(self.members.values())),
        )

    def active(self) -> ActiveMembers:
        """Return the tree of the active members."""
        return ActiveMembers(
            {
                number: member_leaf(address(member.name), member.role, member.keys.digest())
                for number, member in enumerate(self.members.values())
            }
        )

    def trust(self, header: bytes, signer: str = "regulator") -> bytes:
        """Return the trust file of a block, signed by a member."""
        read = HEADER_RULES["ethereum/1"].parse(header, "header")
        block = TrustedBlock(CHAIN_ID, "ethereum/1", address("Directory"), read.number, read.hash, read.timestamp)
        member = self.members[signer]
        who = Signer(did(signer), member.suite.alg, member.keys.signing)
        return build_trust(block, who, lambda data: member.suite.sign(member.secret, data))

    def _member(self, number: int, member: Member, active: ActiveMembers) -> MemberItem:
        return MemberItem(did(member.name), number, member.role, tuple(active.path(number)), member.keys)

    def _store(self, contract: str, slot: bytes, word: bytes) -> None:
        self.storage.setdefault(contract, {})[slot] = word

    def _proofs(self, wanted: Mapping[str, Sequence[bytes]]) -> tuple[bytes, list[bytes]]:
        """Return the header of the head, and the pool of nodes that open these slots."""
        codes = {entry.target: entry.code_hash for entry in self.directory}
        accounts: dict[bytes, bytes] = {}
        pool: set[bytes] = set()
        for contract, slots in self.storage.items():
            items = {keccak(slot): encode_rlp(word.lstrip(b"\0")) for slot, word in slots.items() if word.strip(b"\0")}
            items |= {keccak(seed(f"{contract} slot {n}")): encode_rlp(seed(f"word {n}")) for n in range(self.crowd)}
            root, store = build_trie(items.items())
            pool.update(*(path_nodes(root, store, keccak(slot)) for slot in wanted.get(contract, ())))
            account = encode_rlp([1, 0, root, codes.get(contract, keccak(b"the Directory"))])
            accounts[keccak(bytes.fromhex(contract[2:]))] = account
        for entry in self.directory:  # a contract in which nothing is stored yet
            key = keccak(bytes.fromhex(entry.target[2:]))
            accounts.setdefault(key, encode_rlp([1, 0, EMPTY_ROOT, entry.code_hash]))
        for n in range(self.crowd):
            accounts[seed(f"account {n}")] = encode_rlp([1, n, EMPTY_ROOT, keccak(b"")])
        root, store = build_trie(accounts.items())
        pool.update(*(path_nodes(root, store, keccak(bytes.fromhex(contract[2:]))) for contract in wanted))
        return self._header(root), sorted(node for node in pool if len(node) >= 32)

    def _header(self, state_root: bytes) -> bytes:
        nothing = bytes(32)
        roots: list[Encodable] = [nothing, nothing, bytes(20), state_root, EMPTY_ROOT, EMPTY_ROOT, bytes(256)]
        fields: list[Encodable] = [*roots, 0, self.block, 30_000_000, 0, self.time, b"synthetic", nothing, bytes(8), 0]
        return encode_rlp(fields)


def path_nodes(root: bytes, store: Mapping[bytes, bytes], key: bytes) -> set[bytes]:
    """Return the nodes on the path to a key, there or not; those inside their parents are left out."""
    found: set[bytes] = set()
    reference: Rlp = root
    path = nibbles_of(key)
    while reference not in (b"", EMPTY_ROOT):
        node: Rlp = reference
        if isinstance(reference, bytes):
            found.add(store[reference])
            node = decode_rlp(store[reference], "node")
        if not isinstance(node, list):
            break
        if len(node) == _BRANCH_ITEMS:
            reference, path = node[path[0]], path[1:]
            continue
        shared, is_leaf = expand(node[0])
        if is_leaf or path[: len(shared)] != shared:
            break
        reference, path = node[1], path[len(shared) :]
    return found


@dataclass(frozen=True)
class Fact:
    """Something to be recorded: by whom it is signed, and what of its envelope is bent."""

    type: str
    values: Mapping[str, Any]
    by: str = ENGINE
    changes: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Client:
    """A client of a broker and the pseudonym that stands for it; None as `name` of a subject that is no person.

    Of a broker of another suite than the default it has two keys: one of Ed25519, then the one that signs its acts.
    """

    broker: Broker
    subject: bytes
    name: str | None
    head: HistoryHead
    records: list[SealedRecord] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    labels: list[bytes] = field(default_factory=list)
    shown: dict[int, Mapping[str, Any]] = field(default_factory=dict)  # by seq: what a bundle shows instead

    @property
    def secret(self) -> bytes:
        """The secret of the key of the client's acts."""
        return seed(f"{self.name} key")

    @property
    def key(self) -> str:
        """The name of that key."""
        return "delegate-1" if self.broker.member.is_default else "delegate-2"


class Broker:
    """A broker's log and map, and what it gives about its clients. What a test bends, it bends here."""

    def __init__(self, world: World, name: str, first_index: int = 0) -> None:
        """Begin an empty log."""
        self.world, self.name, self.did = world, name, did(name)
        self.opening: OpeningLeaf | None = None
        self.leaves: list[AnchorLeaf] = []
        self.tree = Tree()
        self.entries: list[bytes] = []
        self.waiting: dict[bytes, bytes] = {}
        self.map = LabelMap()
        self.maps: dict[int, LabelMap] = {}
        self.batches: dict[int, Tree] = {}
        self.promised: dict[int, PromisedBy] = {}
        self.key_sets: dict[bytes, MemberKeySet] = {}
        self.size = first_index
        self.wrong: tuple[int, ...] = ()
        self.anchored = first_index

    @property
    def member(self) -> Member:
        """The broker as a member."""
        return self.world.members[self.name]

    def client(self, name: str, opens: bool = True) -> Client:
        """Take a client on, who has set a key and opens the history."""
        subject = seed(f"subject of {name} at {self.name}")
        client = Client(self, subject, name, start(self.did, subject))
        suite = self.member.suite
        if not self.member.is_default:
            self.world.set_key(name, ed25519.public_key(seed(f"{name} other key")))
        self.world.set_key(name, suite.public_key(client.secret), suite=suite)
        if opens:
            self.act(client, "OPENING", {"kind": "client", "opens": did(name), "continues": None})
        return client

    def product(self, product_id: str) -> Client:
        """Open the history of a product, which the broker signs."""
        subject = bytes.fromhex(product_subject(self.did, product_id))
        product = Client(self, subject, None, start(self.did, subject))
        self.record(product, "OPENING", {"kind": "product", "opens": product_id, "continues": None}, by=BROKER)
        return product

    def house(self, opens: str) -> Client:
        """Open the history of a matter of the house, which the broker signs."""
        subject = bytes.fromhex(house_subject(self.did, opens))
        house = Client(self, subject, None, start(self.did, subject))
        self.record(house, "OPENING", {"kind": "house", "opens": opens, "continues": None}, by=BROKER)
        return house

    def act(self, client: Client, type_: str, values: Mapping[str, Any], **changes: Any) -> SealedRecord:
        """Record a client's own act; `changes` bend the envelope before it is signed."""
        return self.record(client, type_, values, by=CLIENT, **changes)

    def record(
        self, client: Client, type_: str, values: Mapping[str, Any], *, by: str = ENGINE, **changes: Any
    ) -> SealedRecord:
        """Record something; `changes` bend the envelope before it is sealed."""
        [record] = self.request(client, [Fact(type_, values, by, changes)])
        return record

    def request(self, client: Client, facts: Sequence[Fact]) -> list[SealedRecord]:
        """Record several things of one request, which one signature promises."""
        made, promises, first = [], [], self.size
        for fact in facts:
            record = self.sealed(client, fact)
            promises.append(self._take(client, record))
            made.append(record)
        self._promise(first, promises)
        return made

    def accept(self, client: Client, record: SealedRecord) -> None:
        """Take and promise a record that was sealed elsewhere."""
        first = self.size
        self._promise(first, [self._take(client, record)])

    def _take(self, client: Client, record: SealedRecord) -> Promise:
        label, place = client.head.label, self.size
        client.labels.append(label)
        client.places.append(place)
        client.records.append(record)
        client.head = HistoryHead(record.link.seq, record.fingerprint, record.next)
        self.entries.append(record.entry)
        self.waiting[label] = record.entry
        self.size += 1
        return promise_of(record, label=label, log_index=place, anchor_by=self.world.now + MINUTE_MS)

    def _promise(self, first: int, promises: Sequence[Promise]) -> None:
        for at, document in enumerate(sign_promises(promises, self.member.secret)):
            promise, batch = parse_promise(document)
            self.promised[first + at] = PromisedBy(promise, batch, at, HASHES.read(document["batch"]["path"], "path"))

    def anchor(self, *, into_map: bool = True) -> AnchorLeaf:
        """Anchor what waits, in the next block."""
        world, keys = self.world, self.member.keys
        world.block += 12
        if self.opening is None:
            self.opening = OpeningLeaf(NO_CONTRACT, 0, bytes(32), self.anchored, bytes(32), world.block, world.time)
            self.tree.append(self.opening.encode())
        seq = self.tree.size + 1
        batch = Tree()
        batch.extend(self.entries)
        if into_map and self.waiting:
            self.map = self.map.insert(self.waiting)
        leaf = AnchorLeaf(
            seq,
            batch.root(),
            self.anchored,
            self.size,
            self.map.root,
            world.block,
            world.time,
            keys.digest(),
            self.member.generation,
        )
        self.leaves.append(leaf)
        self.maps[seq], self.batches[seq], self.key_sets[keys.digest()] = self.map, batch, keys
        self.tree.append(leaf.encode())
        self.entries, self.waiting, self.anchored = [], {}, self.size
        world.set_log_head(self.name, head_digest(seq, self.tree.root()))
        return leaf

    def rotate(self) -> None:
        """Change the member's keys."""
        self.world.members[self.name] = replace(self.member, generation=self.member.generation + 1)

    def checkpoint(self, witnesses: Sequence[str] = ()) -> str:
        """Return the checkpoint of the last anchor, cosigned by members."""
        last = self.leaves[-1]
        stated = AnchorCheckpoint(self.did, last.seq, self.tree.root(), last.map_root, last.size_after, self.wrong)
        note = sign_anchor_checkpoint(stated, self.member.notes)
        for name in witnesses:
            note += cosign(note, witness_name(did(name)), self.world.time, self.world.members[name].notes)
        return note

    def log(self, witnesses: Sequence[str] = ()) -> LogMaterial:
        """Return what an assembler takes of the log."""
        if self.opening is None:
            raise ValueError("nothing is anchored")
        by_seq = {leaf.seq: leaf for leaf in self.leaves}
        return LogMaterial(
            seq=self.leaves[-1].seq,
            opening=self.opening,
            anchor=by_seq.__getitem__,
            covering=lambda index: next(leaf for leaf in self.leaves if leaf.size_before <= index < leaf.size_after),
            node=self.tree.node,
            batch_node=lambda leaf: self.batches[leaf.seq].node,
            keys=self.key_sets.__getitem__,
            checkpoint=self.checkpoint(witnesses),
            map=self.map.top,
        )

    def material(self, client: Client) -> SubjectMaterial:
        """Return a subject's history as it is shown, up to the last anchor."""
        count = sum(1 for place in client.places if place < self.anchored)
        records = [
            RecordMaterial(
                client.shown.get(record.link.seq, redact(record)),
                place,
                None if "erased" in client.shown.get(record.link.seq, {}) else self.promised[place],
            )
            for record, place in list(zip(client.records, client.places, strict=True))[:count]
        ]
        labels = [*client.labels, client.head.label][: count + 1]
        return SubjectMaterial(client.subject, records, labels)

    def bundle(
        self, client: Client, *, references: Sequence[Client] = (), witnesses: Sequence[str] = (), **more: Any
    ) -> tuple[bytes, bytes]:
        """Return a bundle about a client, and the header of its block."""
        self.world.block += 1
        chain = self.world.material(self.name, client.name)
        made = assemble(
            chain=chain,
            log=self.log(witnesses),
            suite=self.member.suite.name,
            broker=self.did,
            client=None if client.name is None else did(client.name),
            case=more.pop("case", "2026-17"),
            made_at=format_time(self.world.now),
            history=self.material(client),
            references=[self.material(reference) for reference in references],
            **more,
        )
        return seal_bundle(made.body(), self.member.secret), chain.header

    def erase(self, client: Client, seq: int) -> None:
        """Let a bundle show no more of a record than its stub."""
        client.shown[seq] = {"erased": client.records[seq - 1].link.to_json()}

    def sealed(self, client: Client, fact: Fact) -> SealedRecord:
        """Return the next record of a client, without taking it."""
        world, seq = self.world, client.head.count + 1
        number = f"{self.name} {client.subject.hex()} {seq}"
        salt = seed(f"salt {number}")
        signed = fact.by == CLIENT
        who = did(client.name or "") if signed else self.did
        envelope: dict[str, Any] = {
            "suite": self.member.suite.name,
            "record_id": _record_id(world.now, number),
            "type": fact.type,
            "schema": "1",
            "broker": self.did,
            "subject": client.subject.hex(),
            "seq": seq,
            "prev": client.head.fingerprint.hex(),
            "occurred_at": format_time(world.now),
            "recorded_at": format_time(world.now),
            "accepted": {"block": world.block, "hash": keccak(b"%d" % world.block).hex()},
            "channel": "app",
            "actor": {"did": who, "role": fact.by},
            "ruleset": None,
            "document": None,
            "attachments": [],
            "known": None,
            "signatures": [],
        }
        if signed:
            nonce = seed(f"nonce {number}")[:NONCE_BYTES]
            envelope["known"] = known(client.head.count, client.head.fingerprint, nonce)
        envelope |= {"fields": field_digests(self.member.suite, fact.values, salt), **fact.changes}
        if not envelope["signatures"] and fact.by != ENGINE:
            secret, key = (client.secret, f"{who}#{client.key}") if signed else (self.member.secret, f"{who}#signing")
            envelope["signatures"] = [sign_act(envelope, secret, who, key)]
        return seal(envelope, fact.values, salt)


def _record_id(now_ms: int, name: str) -> str:
    digits = seed(f"id {name}").hex()
    stamp = f"{now_ms:012x}"
    return f"{stamp[:8]}-{stamp[8:]}-7{digits[:3]}-8{digits[3:6]}-{digits[6:18]}"


def consortium(crowd: int = 0) -> World:
    """Return a world with three brokers and a regulator."""
    return World([Member("north"), Member("south"), Member("west"), Member("regulator", role=2)], crowd)
