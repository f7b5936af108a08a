"""A consortium on a real chain that writes format 2: contracts, keys, one index, a broker's log that it anchors itself.

Nothing here computes what the chain says: leaves come from events, heads from storage, proofs from `eth_getProof`.
"""

from __future__ import annotations

import hashlib
import itertools
import time
from dataclasses import dataclass, replace
from functools import partial

from eth_abi.abi import encode
from eth_hash.auto import keccak

from did.identifiers import ethr_did
from evidence.chain.engines import HEADER_RULES
from evidence.chain.registry_events import ED25519_ATTRIBUTE
from evidence.log.tree import Tree
from evidence.version2.act import known, sign_act
from evidence.version2.documents.assemble import (
    LogMaterial,
    PromisedBy,
    RecordMaterial,
    SubjectMaterial,
    assemble,
)
from evidence.version2.documents.bundle import seal_bundle
from evidence.version2.documents.trust import Signer, TrustedBlock, build_trust
from evidence.version2.links import HistoryHead, start
from evidence.version2.log.anchor_tree import Peaks
from evidence.version2.log.anchors import head_digest
from evidence.version2.log.checkpoint import AnchorCheckpoint, sign_anchor_checkpoint
from evidence.version2.log.cosignature import cosign, with_cosignatures, witness_name
from evidence.version2.log.growth import ChainHead, GrowthState, GrowthStep, check_growth
from evidence.version2.map.append_proof import make_append_proof
from evidence.version2.map.label_map import LabelMap
from evidence.version2.promise import parse_promise, promise_of, sign_promises
from evidence.version2.record import redact, seal
from evidence.version2.salts import field_digests
from evidence.version2.shapes import HASHES
from evidence.version2.state.member_keys import MemberKeySet
from evidence.version2.state.slots import LOG_HEAD
from node_adapter.chain.abi import contract_abi, directory_name, encode_call
from node_adapter.chain.contracts import Contracts
from node_adapter.chain.deploy import deploy, send_and_wait
from node_adapter.chain.founder import Founder
from node_adapter.chain.indexer import Indexer
from node_adapter.chain.rpc import HttpRpc
from node_adapter.chain.state_proofs import take_proofs
from node_adapter.keys.keystore import LocalSigner
from node_adapter.store import migrate
from node_adapter.store.chain import blocks, directory, evidence_log
from node_adapter.store.engine import open_store
from node_adapter.workflows.replay.chain_material import Parties, take_chain_material
from primitives import ed25519
from primitives.secp256k1 import address_of
from primitives.suites import DEFAULT
from primitives.timestamp import format_time

ROLES = {"north": "broker", "south": "broker", "west": "broker", "regulator": "regulator"}
NOBODY = "0x" + "0" * 40
YEAR = 365 * 86_400
MINUTE_MS = 60_000
_COUNTER = itertools.count()


def seed(name):
    return hashlib.sha256(b"format 2 on a chain: " + name.encode()).digest()


@dataclass(frozen=True)
class Member:
    """A member's account and its keys of one generation; from the second on the checkpoint key is one of its own."""

    name: str
    generation: int = 1

    @property
    def signer(self):
        return LocalSigner(seed(f"{self.name} account"))

    @property
    def signing(self):
        return seed(f"{self.name} signing {self.generation}")

    @property
    def checkpoint(self):
        return self.signing if self.generation == 1 else seed(f"{self.name} checkpoint {self.generation}")

    @property
    def keys(self):
        public = [ed25519.public_key(secret) for secret in (self.signing, self.checkpoint)]
        return MemberKeySet(1, *public, seed(f"{self.name} agreement"), address_of(seed(f"{self.name} compliance")))

    @property
    def abi(self):
        keys = self.keys
        return keys.algorithm, keys.signing, keys.checkpoint, keys.agreement, keys.compliance


class Network:
    """The contracts on a chain, their members, and one index, whose owner is no member."""

    def __init__(self, anvil, directory_path):
        self.chain_id, self.rpc = anvil.chain_id, HttpRpc(anvil.rpc_url)
        self.state = partial(take_proofs, self.rpc)
        self.rpc.call("anvil_setBlockTimestampInterval", 1)  # else blocks of one second have one time
        self.members = {name: Member(name) for name in ROLES}
        founders = [
            Founder(member.signer.address, ROLES[name], name, member.keys) for name, member in self.members.items()
        ]
        self.deployment = deploy(self.rpc, self.members["north"].signer, founders, veto_blocks=0)
        self.directory = self.deployment.directory
        self.contracts = Contracts(self.rpc, self.directory)
        self.proposals = itertools.count(1)
        file = directory_path / "index.db"
        migrate.upgrade(file)
        self.store = open_store(file)
        self.indexer = Indexer(
            self.store,
            self.rpc,
            self.contracts,
            member=NOBODY,
            monotonic_ms=lambda: time.monotonic_ns() // 1_000_000,
            first_block=self.deployment.directory_block,
            finality_depth=1,
            on_blocks=lambda *_: None,
            on_reset=lambda *_: None,
        )
        self.indexer.start()

    def close(self):
        self.rpc.close()
        self.store.dispose()

    def did(self, address):
        return ethr_did(self.chain_id, address).text

    def send(self, signer, contract, function, *arguments):
        target = self.contracts.address_of(contract)
        return send_and_wait(self.rpc, signer, self.chain_id, target, encode_call(contract, function, *arguments))

    def create(self, contract, *arguments):
        data = contract_abi(contract).encode_deploy(arguments)
        signer = self.members["regulator"].signer
        return send_and_wait(self.rpc, signer, self.chain_id, None, data)["contractAddress"].lower()

    def decide(self, function, *arguments):
        """Propose, let every active broker vote, and execute; return the proposal's number."""
        number = next(self.proposals)
        brokers = [member.signer for name, member in self.members.items() if ROLES[name] == "broker"]
        self.send(brokers[0], "MemberRegistry", function, number.to_bytes(32), *arguments)
        for signer in brokers:
            if self.contracts.read("MemberRegistry", "isActive", signer.address)[0]:
                self.send(signer, "MemberRegistry", "vote", number)
        self.send(brokers[0], "MemberRegistry", "execute", number)
        return number

    def name_contract(self, contract, target):
        """Let the members vote for a contract that takes a name."""
        name = directory_name(contract)
        digest = keccak(encode(["address", "bytes32", "address"], [self.directory, name, target]))
        number = self.decide("proposeAction", digest)
        self.send(self.members["south"].signer, "Directory", "enact", number, name, target)
        self.contracts.forget_addresses()

    def rotate(self, name):
        member = self.members[name] = replace(self.members[name], generation=self.members[name].generation + 1)
        self.send(member.signer, "MemberRegistry", "rotateKeys", bytes(32), member.abi)

    def suspend(self, name):
        self.decide("proposeSuspension", self.members[name].signer.address)

    def head(self):
        block = self.rpc.call("eth_getBlockByNumber", "latest", False)
        return int(block["number"], 16), bytes.fromhex(block["hash"][2:]), int(block["timestamp"], 16)

    def follow(self):
        """Mine one block, so that the last one of interest lies behind the head, and index all there are."""
        self.rpc.call("evm_mine")
        while self.indexer.step():
            pass

    def targets(self, name):
        with self.store.read() as connection:
            return [entry.target for entry in directory.named_contracts(connection) if entry.name == name]

    def trust(self, header):
        """The regulator's trust file of a header's block."""
        read = HEADER_RULES["ethereum/1"].parse(header, "header")
        block = TrustedBlock(self.chain_id, "ethereum/1", self.directory, read.number, read.hash, read.timestamp)
        regulator = self.members["regulator"]
        who = Signer(self.did(regulator.signer.address), DEFAULT.alg, ed25519.public_key(regulator.signing))
        return build_trust(block, who, lambda data: ed25519.sign(regulator.signing, data))

    @property
    def trust_key(self):
        return ed25519.public_key(self.members["regulator"].signing)


class Client:
    """A client with a DID of its own on the chain, and its history at one broker."""

    def __init__(self, broker, name):
        self.broker, self.name, self.network = broker, name, broker.network
        self.signer, self.secret = LocalSigner(seed(f"{name} account")), seed(f"{name} key")
        self.did = self.network.did(self.signer.address)
        self.subject = seed(f"subject of {name}")
        self.head = start(broker.did, self.subject)
        self.records, self.places, self.labels = [], [], []

    def set_key(self):
        public = ed25519.public_key(self.secret)
        arguments = (self.signer.address, ED25519_ATTRIBUTE, public)
        self.network.send(self.signer, "DidRegistry", "setAttribute", *arguments, YEAR)

    def revoke_key(self):
        public = ed25519.public_key(self.secret)
        self.network.send(self.signer, "DidRegistry", "revokeAttribute", self.signer.address, ED25519_ATTRIBUTE, public)

    def opens(self):
        self.record("OPENING", {"kind": "client", "opens": self.did, "continues": None}, signed=True)

    def record(self, type_, values, *, signed=False):
        """Have something accepted by the broker at the chain's head, as the client's act or the engine's record."""
        network, broker = self.network, self.broker
        block, block_hash, now = network.head()
        salt, number = seed(f"salt {next(_COUNTER)}"), next(_COUNTER)
        who = self.did if signed else broker.did
        envelope = {
            "suite": DEFAULT.name,
            "record_id": f"019aa3b1-5c10-7000-8000-{number:012x}",
            "type": type_,
            "schema": "1",
            "broker": broker.did,
            "subject": self.subject.hex(),
            "seq": self.head.count + 1,
            "prev": self.head.fingerprint.hex(),
            "occurred_at": format_time(1000 * now),
            "recorded_at": format_time(1000 * now),
            "accepted": {"block": block, "hash": block_hash.hex()},
            "channel": "app",
            "actor": {"did": who, "role": "client" if signed else "engine"},
            "ruleset": None,
            "document": None,
            "attachments": [],
            "known": known(self.head.count, self.head.fingerprint, seed(f"nonce {number}")[:16]) if signed else None,
            "signatures": [],
            "fields": field_digests(DEFAULT, values, salt),
        }
        if signed:
            envelope["signatures"] = [sign_act(envelope, self.secret, who, f"{who}#delegate-1")]
        record = seal(envelope, values, salt)
        broker.accept(self, record, 1000 * now + MINUTE_MS)
        return record

    def material(self):
        count = sum(place < self.broker.leaves[-1].size_after for place in self.places)
        records = [
            RecordMaterial(redact(record), place, self.broker.promised[place])
            for record, place in zip(self.records[:count], self.places, strict=False)
        ]
        return SubjectMaterial(self.subject, records, [*self.labels, self.head.label][: count + 1])


class Broker:
    """A broker that keeps its log: what it logged it knows, what it anchored the chain tells it."""

    def __init__(self, network, name, first_index=0):
        self.network, self.name = network, name
        self.address = network.members[name].signer.address
        self.did = network.did(self.address)
        self.size = first_index
        self.entries, self.waiting, self.promised = [], {}, {}
        self.map, self.peaks, self.tree = LabelMap(), Peaks(), Tree()
        self.opening, self.leaves, self.steps, self.batches, self.key_sets = None, [], {}, {}, {}
        self.after_block = None

    @property
    def member(self):
        return self.network.members[self.name]

    def accept(self, client, record, anchor_by):
        promise = promise_of(record, label=client.head.label, log_index=self.size, anchor_by=anchor_by)
        [document] = sign_promises([promise], self.member.signing)
        read, batch = parse_promise(document)
        self.promised[self.size] = PromisedBy(read, batch, 0, HASHES.read(document["batch"]["path"], "path"))
        client.labels.append(client.head.label)
        client.places.append(self.size)
        client.records.append(record)
        self.entries.append(record.entry)
        self.waiting[client.head.label] = record.entry
        client.head = HistoryHead(record.link.seq, record.fingerprint, record.next)
        self.size += 1

    def anchor(self):
        """Send what waits, nothing for a heartbeat; take the leaf from the events; compare the head with storage."""
        batch, before = Tree(), self.map
        batch.extend(self.entries)
        proof = make_append_proof(before.top, self.waiting) if self.waiting else None
        self.map = before.insert(self.waiting) if self.waiting else before
        seq = max(2, self.peaks.size + 1)
        arguments = (seq, list(self.peaks.hashes), batch.root(), self.size, self.map.root)
        self.network.send(self.member.signer, "EvidenceLog", "anchor", *arguments)
        leaf = self.read_leaves()
        assert (leaf.seq, leaf.batch_root, leaf.map_root) == (seq, batch.root(), self.map.root)
        self.steps[seq] = GrowthStep(leaf, tuple(self.entries), proof)
        self.batches[seq], self.key_sets[leaf.keys_digest] = batch, self.member.keys
        self.entries, self.waiting = [], {}
        return leaf

    def read_leaves(self):
        """Take over the leaves that the index tells since, and return the last; the head slot is that of their tree."""
        network = self.network
        network.follow()
        with network.store.read() as connection:
            found = evidence_log.leaves(
                connection, self.address, network.targets("EvidenceLog"), after_block=self.after_block
            )
            self.after_block = blocks.tip(connection).number
        for leaf in found:
            if leaf.seq == 1:
                self.opening = leaf
            else:
                self.leaves.append(leaf)
            self.peaks, _ = self.peaks.append(leaf.hash())
            self.tree.append(leaf.encode())
        assert self.head_word() == head_digest(self.peaks.size, self.peaks.root())
        return self.leaves[-1]

    def head_word(self):
        """Return what the contract in force keeps."""
        target = self.network.contracts.address_of("EvidenceLog")
        slot = "0x" + LOG_HEAD.slot(self.address).hex()
        return bytes.fromhex(self.network.rpc.call("eth_getStorageAt", target, slot, "latest")[2:]).rjust(32, b"\0")

    def checkpoint(self):
        last = self.leaves[-1]
        stated = AnchorCheckpoint(self.did, last.seq, self.tree.root(), last.map_root, last.size_after)
        return sign_anchor_checkpoint(stated, self.member.checkpoint)

    def log(self, note):
        by_seq = {leaf.seq: leaf for leaf in self.leaves}
        return LogMaterial(
            seq=self.leaves[-1].seq,
            opening=self.opening,
            anchor=by_seq.__getitem__,
            covering=lambda index: next(leaf for leaf in self.leaves if leaf.size_before <= index < leaf.size_after),
            node=self.tree.node,
            batch_node=lambda leaf: self.batches[leaf.seq].node,
            keys=self.key_sets.__getitem__,
            checkpoint=note,
            map=self.map.top,
        )

    def parties(self, client, witnesses=()):
        named = tuple(self.network.members[name].signer.address for name in witnesses)
        return Parties(self.network.chain_id, self.network.directory, self.address, client.signer.address, named)

    def material(self, client, witnesses=()):
        """Take what the chain says, one block behind its head."""
        self.network.follow()
        return take_chain_material(self.network.store, self.network.state, self.parties(client, witnesses))

    def bundle(self, client, note=None, *, chain=None, witnesses=(), before=()):
        """Return a sealed bundle, and the header of its block."""
        chain = chain or self.material(client, witnesses)
        made = assemble(
            chain=chain,
            log=self.log(note or self.checkpoint()),
            suite=DEFAULT.name,
            broker=self.did,
            client=client.did,
            case="2026-17",
            made_at=format_time(1000 * self.network.head()[2]),
            history=client.material(),
            before=before,
        )
        return seal_bundle(made.body(), self.member.signing), chain.header


class Witness:
    """Another member that goes over a broker's growth, and keeps only the state that it reached."""

    def __init__(self, network, name):
        self.network, self.name = network, name
        self.kept, self.peaks = None, Peaks()

    def cosign(self, broker, note):
        """Check the growth since last time against the chain's own head, and return the note with a cosignature."""
        if self.kept is None:
            self.kept = GrowthState.opened(broker.opening)
            self.peaks, _ = Peaks().append(broker.opening.hash())
        last = broker.leaves[-1]
        steps = [broker.steps[seq] for seq in range(self.kept.seq + 1, last.seq + 1)]
        self.kept = check_growth(
            self.kept,
            note,
            broker=broker.did,
            public_key=broker.key_sets[last.keys_digest].checkpoint,
            keys_digest=last.keys_digest,
            head=ChainHead(broker.head_word(), broker.peaks.size, broker.peaks.root()),
            peaks=self.peaks.hashes,
            steps=steps,
        )
        for step in steps:
            self.peaks, _ = self.peaks.append(step.leaf.hash())
        member = self.network.members[self.name]
        name = witness_name(self.network.did(member.signer.address))
        line = cosign(note, name, self.network.head()[2], member.checkpoint)
        return with_cosignatures(note, line, {name: member.keys.checkpoint})
