"""A small world made of bytes alone: a chain, a broker with its log, a client with a wallet. For vectors and tests.

The chain's headers and receipts are real RLP, its events real ABI; only nobody sealed it. Every key derives from a
public name, so nothing here may ever guard anything.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

from eth_abi.abi import encode as abi_encode
from eth_hash.auto import keccak

from domain.second_person import FIELD
from evidence.chain.engine import Log
from evidence.chain.engines import KEPT_HEADERS, KEPT_PROOFS
from evidence.chain.events import FORMS
from evidence.chain.registry_events import ED25519_ATTRIBUTE
from evidence.chain.rlp_codec import Encodable, encode_rlp
from evidence.chain.rlp_header import bloom_bits
from evidence.documents.act import act_payload_of, field_digests
from evidence.documents.assemble import AnchorMaterial, SubjectMaterial, assemble
from evidence.documents.bundle import Bundle, seal_bundle
from evidence.documents.envelope import ActSignature, Envelope
from evidence.documents.promise import PromiseDocument, promise_body, sign_promise
from evidence.documents.record import SealedRecord, redact, seal
from evidence.documents.staff_signature import act_digest
from evidence.documents.trust import DirectoryEntry, build_trust, parse_trust
from evidence.log.checkpoint import sign_checkpoint
from evidence.log.tree import EMPTY_ROOT, Tree
from evidence.map.subject_map import SubjectMap
from evidence.verify import bundle as verify
from primitives import ed25519
from primitives.encoding import encode_base64url
from primitives.timestamp import format_time
from primitives.uuid7 import uuid7
from replay.installed import INSTALLED
from replay.signing import signing_rules

# with the record types of this project
verify_bundle = partial(verify.verify_bundle, signing=signing_rules(INSTALLED))

CHAIN_ID = 0x2A3F
GENESIS_TIME = 1_795_000_000  # seconds
BLOCK_SECONDS = 2
PROMISE_MS = 30_000
_FAR = 2**40


def seeded(name: str) -> bytes:
    """Return 32 test bytes with a telling name."""
    return hashlib.sha256(f"bonafides synthetic world: {name}".encode()).digest()


def address(name: str) -> str:
    """Return a test address with a telling name."""
    return "0x" + seeded(name)[:20].hex()


CONTRACTS = {name: address(name) for name in ("MemberRegistry", "DidRegistry", "EvidenceAnchor")}


def event_log(contract: str, name: str, *args: Any) -> Log:
    """Return the log of an event; arguments in the order of the form that takes as many."""
    (kind,) = (form for form in FORMS[name] if len(form.arguments) == len(args))
    topics, types, values = [kind.topic], [], []
    for (_, type_, indexed), value in zip(kind.arguments, args, strict=True):
        if indexed:
            topics.append(abi_encode([type_], [value]))
        else:
            types.append(type_)
            values.append(value)
    return Log(contract, tuple(topics), abi_encode(types, values))


def encode_receipt(logs: Sequence[Log], *, kind: int = 2, gas: int = 21_000) -> bytes:
    """Return the consensus encoding of a receipt; type 0 has no prefix."""
    bloom = _bloom(logs).to_bytes(256)
    encoded: list[Encodable] = [[bytes.fromhex(log.address[2:]), list(log.topics), log.data] for log in logs]
    body = encode_rlp([b"\x01", gas, bloom, encoded])
    return body if kind == 0 else bytes([kind]) + body


def _bloom(logs: Sequence[Log]) -> int:
    bits = 0
    for log in logs:
        for value in (bytes.fromhex(log.address[2:]), *log.topics):
            bits |= bloom_bits(value)
    return bits


class SyntheticChain:
    """Blocks from number 0; each transaction is given as the logs that it emitted."""

    def __init__(self) -> None:
        """Start with an empty genesis block."""
        self.stood_still = 0  # seconds
        self._times: list[int] = []
        self.headers: list[bytes] = []
        self.receipts: list[list[bytes]] = []
        self.add_block()

    @property
    def head(self) -> int:
        """The number of the last block."""
        return len(self.headers) - 1

    def time(self, number: int) -> int:
        """Return the time of a block in seconds, also of one that is yet to come."""
        if number < len(self._times):
            return self._times[number]
        return GENESIS_TIME + BLOCK_SECONDS * number + self.stood_still

    def state_root(self, number: int) -> bytes:
        """Return the root of the state after a block that is made now: here of none at all."""
        return seeded(f"state {number}")

    def add_block(self, *transactions: Sequence[Log]) -> int:
        """Append a block and return its number."""
        receipts = [encode_receipt(logs, kind=index % 3) for index, logs in enumerate(transactions)]
        number = len(self.headers)
        self._times.append(self.time(number))
        header: list[Encodable] = [
            keccak(self.headers[-1]) if self.headers else bytes(32),
            keccak(encode_rlp([])),
            bytes(20),
            self.state_root(number),
            seeded(f"transactions {number}"),
            KEPT_PROOFS.commitment(receipts),
            _bloom([log for logs in transactions for log in logs]).to_bytes(256),
            0,
            number,
            30_000_000,
            21_000 * len(receipts),
            self.time(number),
            b"synthetic",
            bytes(32),
            bytes(8),
            0,  # base fee (London)
            keccak(b"\x80"),  # withdrawals root (Shanghai)
            0,  # blob gas used and excess (Cancun)
            0,
            bytes(32),  # parent beacon block root
            hashlib.sha256(b"").digest(),  # requests hash (Prague)
        ]
        self.headers.append(encode_rlp(header))
        self.receipts.append(receipts)
        return number


@dataclass
class Accepted:
    """A record that the broker accepted, with its promise."""

    sealed: SealedRecord
    promise: PromiseDocument


@dataclass
class World:
    """A chain with a broker and its client; the methods do what the real parties do, or what a cheat would."""

    chain: SyntheticChain = field(default_factory=SyntheticChain)
    contracts: dict[str, str] = field(default_factory=lambda: dict(CONTRACTS))
    tree: Tree = field(default_factory=Tree)
    records: dict[bytes, list[Accepted]] = field(default_factory=dict)
    anchors: list[AnchorMaterial] = field(default_factory=list)
    broker_seed: bytes = field(default_factory=lambda: seeded("broker signing seed"))
    client_seed: bytes = field(default_factory=lambda: seeded("client signing seed"))
    member: str = field(default_factory=lambda: address("broker"))
    identity: str = field(default_factory=lambda: address("client"))
    subject: bytes = field(default_factory=lambda: seeded("subject"))
    changed: dict[str, int] = field(default_factory=dict)
    promise_ms: int = PROMISE_MS
    _heads: list[dict[bytes, tuple[int, bytes]]] = field(default_factory=list)
    _root: bytes = EMPTY_ROOT
    _accepted: int = 0

    @property
    def broker(self) -> str:
        """The broker's DID."""
        return f"did:ethr:{CHAIN_ID:#x}:{self.member}"

    @property
    def client(self) -> str:
        """The client's DID."""
        return f"did:ethr:{CHAIN_ID:#x}:{self.identity}"

    # -- the chain's registries

    def change(self, registry: str, name: str, who: str, *args: Any) -> Log:
        """Return a registry's change event with the right `previousChange`; its block must come next."""
        log = event_log(self.contracts[registry], name, who, *args, self.changed.get(who, 0))
        self.changed[who] = self.chain.head + 1
        return log

    def admit(self, member: str, seed: bytes, role: int = 1) -> Log:
        """Return the event of a member's admission."""
        keys = (ed25519.public_key(seed), bytes(32), address("compliance"))
        return self.change("MemberRegistry", "MemberAdmitted", member, role, "券商甲", *keys)

    def rotate_member(self, seed: bytes) -> Log:
        """Return the event of the broker's new keys."""
        keys = (ed25519.public_key(seed), bytes(32), address("compliance"))
        return self.change("MemberRegistry", "MemberKeysChanged", self.member, *keys)

    def set_key(self, public: bytes, valid_to: int = _FAR) -> Log:
        """Return the event that sets (or with `valid_to` 0 revokes) a key of the client."""
        return self.change("DidRegistry", "DIDAttributeChanged", self.identity, ED25519_ATTRIBUTE, public, valid_to)

    # -- the broker's node

    def accept(
        self,
        type_: str,
        values: Mapping[str, Any],
        *,
        signed: bool = False,
        subject: bytes | None = None,
        staff: Callable[[bytes], list[dict[str, str]]] | None = None,
        **envelope: Any,
    ) -> Accepted:
        """Seal a record, append it to the log and promise to anchor it; `staff` signs its digest first."""
        pid = self.subject if subject is None else subject
        before = self.records.setdefault(pid, [])
        self._accepted += 1
        now = self.chain.time(self.chain.head) * 1000 + self._accepted
        salt = seeded(f"root salt {self._accepted}")
        draft = {
            "record_id": uuid7(now, seeded(f"record {self._accepted}")[:10]),
            "type": type_,
            "schema": "1",
            "broker": self.broker,
            "subject": pid.hex(),
            "seq": len(before) + 1,
            "prev": before[-1].sealed.fingerprint.hex() if before else "0" * 64,
            "occurred_at": format_time(now),
            "recorded_at": format_time(now),
            "channel": "app",
            "actor": {"did": self.client if signed else self.broker, "role": "client" if signed else "staff"},
            "ruleset": "synthetic@1:0123456789abcdef",
            "document": "notice@1" if signed else None,
            "fields": field_digests(values, salt),
            "attachments": [],
            "signatures": [],
            **envelope,
        }
        if signed and not draft["signatures"]:
            draft["signatures"] = [self.sign(draft)]
        if staff is not None:
            values = {**values, FIELD: staff(act_digest(draft, draft["fields"]))}
            draft["fields"] = field_digests(values, salt)
        return self.append(seal(draft, values, salt), now)

    def sign(self, envelope: Mapping[str, Any]) -> ActSignature:
        """Return the client's signature of an act, as the broker puts it into the envelope."""
        return {
            "did": self.client,
            "key": f"{self.client}#delegate-1",
            "alg": "Ed25519",
            "value": encode_base64url(ed25519.sign(self.client_seed, act_payload_of(cast(Envelope, envelope)))),
            "block": self.chain.head,
        }

    def append(self, sealed: SealedRecord, now: int) -> Accepted:
        """Append a sealed record to the log and promise to anchor it."""
        accepted = Accepted(sealed, self.promise(sealed, self.tree.append(sealed.fingerprint), now))
        self.records.setdefault(bytes.fromhex(sealed.envelope["subject"]), []).append(accepted)
        return accepted

    def promise(self, sealed: SealedRecord, log_index: int, now: int) -> PromiseDocument:
        """Sign a promise."""
        body = promise_body(
            broker=self.broker,
            subject=sealed.envelope["subject"],
            record_id=sealed.envelope["record_id"],
            fingerprint=sealed.fingerprint,
            log_index=log_index,
            accepted_at=now,
            anchor_by=now + self.promise_ms,
            block=self.chain.head,
        )
        return sign_promise(body, self.broker_seed, f"{self.broker}#signing")

    def heads(self) -> dict[bytes, tuple[int, bytes]]:
        """Return the subject map's entries as of now."""
        return {pid: (len(chain), chain[-1].sealed.fingerprint) for pid, chain in self.records.items() if chain}

    def anchor(
        self,
        *with_logs: Log,
        contract: str | None = None,
        heads: dict[bytes, tuple[int, bytes]] | None = None,
        checkpoint_seed: bytes | None = None,
    ) -> AnchorMaterial:
        """Anchor the log in a new block, between two other transactions; `with_logs` ride in the last of them."""
        seq, root, size = len(self.anchors) + 1, self.tree.root(), self.tree.size
        entries = self.heads() if heads is None else heads
        map_root = SubjectMap.build(entries).root
        log = event_log(
            contract or self.contracts["EvidenceAnchor"], "Anchored", self.member, seq, root, size, self._root, map_root
        )
        noise = event_log(
            self.contracts["EvidenceAnchor"], "Anchored", address("other"), 1, bytes(32), 1, *[bytes(32)] * 2
        )
        block = self.chain.add_block([noise], [noise, log], list(with_logs))
        note = sign_checkpoint(self.broker, size, root, checkpoint_seed or self.broker_seed)
        anchor = AnchorMaterial(seq, size, block, 1, 1, note)
        self.anchors.append(anchor)
        self._heads.append(entries)
        self._root = root
        return anchor

    # -- what leaves the node

    def trust(self, *, first: int = 0, last: int | None = None) -> bytes:
        """Return the trust file that another member makes."""
        directory = [DirectoryEntry(name, CONTRACTS[name], 1, None) for name in sorted(CONTRACTS)]
        headers = self.chain.headers[first : None if last is None else last + 1]
        return build_trust(CHAIN_ID, KEPT_HEADERS.name, directory, first, headers)

    def bundle(self, *, anchors: int | None = None, references: Sequence[bytes] = ()) -> Bundle:
        """Return the unsigned bundle of the subject as of the last (or the `anchors`-th) anchor."""
        made = self.anchors[:anchors]
        size = made[-1].size
        materials = [self._material(pid, size) for pid in (self.subject, *references)]
        return assemble(
            trust=parse_trust(self.trust()),
            proof_kind=KEPT_PROOFS.name,
            broker=self.broker,
            client=self.client,
            case="CASE-2026-001",
            made_at=format_time(self.chain.time(self.chain.head) * 1000),
            history=materials[0],
            references=materials[1:],
            anchors=made,
            tree=self.tree,
            maps=[SubjectMap.build(entries) for entries in self._heads[: len(made)]],
            receipts=lambda number: self.chain.receipts[number],
            pending=sum(1 for item in self.records[self.subject] if item.promise["log_index"] >= size),
        )

    def seal(self, body: Mapping[str, Any]) -> bytes:
        """Sign a bundle's body as the broker."""
        return seal_bundle(body, self.broker_seed)

    def _material(self, pid: bytes, size: int) -> SubjectMaterial:
        shown = [(redact(item.sealed), item.promise) for item in self.records[pid] if item.promise["log_index"] < size]
        return SubjectMaterial(pid, shown)


def example_world() -> World:
    """Return a world in which a client was assessed, confirmed, rotated his key and bought a product."""
    world = World()
    world.chain.add_block(
        [world.admit(world.member, world.broker_seed)], [world.admit(address("regulator"), bytes(32), 2)]
    )
    world.chain.add_block()
    world.chain.add_block([world.set_key(ed25519.public_key(world.client_seed))])
    product, neighbour = seeded("product"), seeded("another subject")
    rate = world.accept("PRODUCT_RATE", {"product": "FUND-1", "risk": "R3"}, subject=product)
    world.accept("ID_VERIFY", {"id_kind": "synthetic"}, subject=neighbour)
    world.accept("Q_SUBMIT", {"answers": {"Q1": "A"}, "synthetic": True})
    world.accept("LEVEL_RESULT", {"level": "C4", "total": 61})
    world.anchor()
    world.accept("LEVEL_CONFIRM", {"level": "C4", "text_sha256": seeded("text").hex()}, signed=True)
    world.chain.add_block()
    world.anchor()
    old = ed25519.public_key(world.client_seed)
    world.client_seed = seeded("client's next signing seed")
    new = ed25519.public_key(world.client_seed)
    world.chain.add_block([world.set_key(new)], [world.set_key(old, 0)])
    world.accept("MATCH_OPINION", {"code": "MATCH", "rating_ref": rate.sealed.fingerprint.hex()})
    world.accept("RISK_CONFIRM", {"items": ["a", "b"], "text_sha256": seeded("text").hex()}, signed=True)
    world.accept("ID_VERIFY", {"id_kind": "synthetic"}, subject=neighbour)
    world.anchor()
    world.chain.add_block()
    return world


PRODUCT = seeded("product")
