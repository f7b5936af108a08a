"""Write the worked values of docs/spec/evidence.md: the vectors and the blocks of the page itself.

Run it as `python -m scripts.vectors.evidence`; `--check` writes nothing and fails when a file would change.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any, cast

from evidence.chain.engine import address_topic
from evidence.chain.engines import KEPT_HEADERS, KEPT_PROOFS
from evidence.chain.events import decode_event
from evidence.chain.rlp_header import bloom_bits
from evidence.documents.act import act_payload_of, field_digests, field_salt
from evidence.documents.envelope import Envelope
from evidence.documents.product_subject import product_subject
from evidence.documents.promise import PromiseDocument, promise_body, sign_promise
from evidence.documents.receipt import AnchorPlace, build_receipt
from evidence.documents.record import SealedRecord, envelope_salt, redact, seal
from evidence.log import tree as log
from evidence.log.checkpoint import sign_checkpoint
from evidence.log.note import key_id, verifier_key
from evidence.map.subject_map import SubjectMap
from primitives import ed25519
from primitives.canonical import canonical_json
from primitives.encoding import encode_base64url
from scripts.vectors.output import ROOT, Vector, page_with, vector_files, write_or_check
from scripts.vectors.synthetic_chain import World, verify_bundle

VECTORS = ROOT / "tests" / "vectors" / "evidence"
PAGE = ROOT / "docs" / "spec" / "evidence.md"


def seeded(name: str) -> bytes:
    """Return test bytes with a telling name; they are public, so nothing real may use them."""
    return hashlib.sha256(f"bonafides test vector: {name}".encode()).digest()


MEMBER_SEED, CLIENT_SEED = seeded("member signing seed"), seeded("client signing seed")
ROOT_SALT, ACT_SALT = seeded("root salt"), seeded("wallet root salt")
SUBJECT = seeded("subject")
BROKER = "did:ethr:0x2a3f:0x" + seeded("broker")[:20].hex()
CLIENT = "did:ethr:0x2a3f:0x" + seeded("client")[:20].hex()
FIRST_ID, SECOND_ID = "019aa3b1-5c10-7000-8000-00000000000a", "019aa3b1-6c10-7000-8000-00000000000b"


def _envelope(**members: Any) -> Vector:
    return {
        "schema": "1",
        "broker": BROKER,
        "subject": SUBJECT.hex(),
        "channel": "app",
        "ruleset": "suitability-demo@1:0123456789abcdef",
        "document": None,
        "attachments": [],
        "signatures": [],
        **members,
    }


def example_record() -> SealedRecord:
    """Return the first record of the worked subject."""
    envelope = _envelope(
        record_id=FIRST_ID,
        type="LEVEL_RESULT",
        seq=1,
        prev="0" * 64,
        occurred_at="2026-11-21T09:16:38.123+08:00",
        recorded_at="2026-11-21T09:16:38.456+08:00",
        actor={"did": BROKER, "role": "engine"},
    )
    return seal(envelope, {"band": "C4", "total": 61}, ROOT_SALT)


def example_act() -> SealedRecord:
    """Return the second one, which the client signed."""
    values = {"level": "C4", "text_sha256": hashlib.sha256("您的等级为 C4".encode()).hexdigest()}
    envelope = _envelope(
        record_id=SECOND_ID,
        type="LEVEL_CONFIRM",
        seq=2,
        prev=example_record().fingerprint.hex(),
        occurred_at="2026-11-21T09:16:42.219+08:00",
        recorded_at="2026-11-21T09:16:42.500+08:00",
        actor={"did": CLIENT, "role": "client"},
        document="level-notice@1",
        fields=field_digests(values, ACT_SALT),
    )
    signature = {
        "did": CLIENT,
        "key": f"{CLIENT}#delegate-1",
        "alg": "Ed25519",
        "value": encode_base64url(ed25519.sign(CLIENT_SEED, act_payload_of(cast(Envelope, envelope)))),
        "block": 7,
    }
    return seal({**envelope, "signatures": [signature]}, values, ACT_SALT)


def example_promise() -> PromiseDocument:
    """Return the broker's promise for the act."""
    body = promise_body(
        broker=BROKER,
        subject=SUBJECT.hex(),
        record_id=SECOND_ID,
        fingerprint=example_act().fingerprint,
        log_index=1,
        accepted_at=1_795_223_802_500,
        anchor_by=1_795_223_832_500,
        block=7,
    )
    return sign_promise(body, MEMBER_SEED, f"{BROKER}#signing")


def log_entries() -> list[bytes]:
    """Return the worked log: our two records and five of other subjects."""
    others = [seeded(f"another subject's record {number}") for number in range(5)]
    return [example_record().fingerprint, example_act().fingerprint, *others]


def example_map() -> SubjectMap:
    """Return the worked subject map."""
    entries = {seeded(f"another subject {n}"): (1, seeded(f"another subject's record {n}")) for n in range(5)}
    return SubjectMap.build({**entries, SUBJECT: (2, example_act().fingerprint)})


def vectors() -> dict[str, Vector]:
    """Return every vector file's content by name."""
    return {
        "inputs": _inputs(),
        "record": _record(),
        "act": _act(),
        "log": _log(),
        "map": _map(),
        "product": _product(),
        "checkpoint": _checkpoint(),
        "promise": _promise(),
        "receipt": _receipt(),
        "chain": _chain(),
        "trust": _trust(),
        "bundle": _bundle(),
    }


def _inputs() -> Vector:
    return {
        "member_seed": MEMBER_SEED.hex(),
        "member_public_key": ed25519.public_key(MEMBER_SEED).hex(),
        "client_seed": CLIENT_SEED.hex(),
        "client_public_key": ed25519.public_key(CLIENT_SEED).hex(),
        "broker": BROKER,
        "client": CLIENT,
        "subject": SUBJECT.hex(),
    }


def _record() -> Vector:
    sealed = example_record()
    return {
        "root_salt": sealed.root_salt.hex(),
        "values": dict(sealed.values),
        "envelope_salt": envelope_salt(sealed.root_salt).hex(),
        "field_salt_band": field_salt(sealed.root_salt, "band").hex(),
        "value_bytes_band": canonical_json(sealed.values["band"]).hex(),
        "field_digest_band": sealed.envelope["fields"]["band"],
        "field_salt_total": field_salt(sealed.root_salt, "total").hex(),
        "value_bytes_total": canonical_json(sealed.values["total"]).hex(),
        "field_digest_total": sealed.envelope["fields"]["total"],
        "envelope": sealed.canonical.decode(),
        "envelope_bytes": sealed.canonical.hex(),
        "fingerprint": sealed.fingerprint.hex(),
        "redacted_copy_bytes": canonical_json(redact(sealed, ["band"])).hex(),
    }


def _act() -> Vector:
    sealed = example_act()
    payload = act_payload_of(sealed.envelope)
    return {
        "root_salt": sealed.root_salt.hex(),
        "values": dict(sealed.values),
        "signed": payload.decode(),
        "signed_bytes": payload.hex(),
        "signature": ed25519.sign(CLIENT_SEED, payload).hex(),
        "signature_value": sealed.envelope["signatures"][0]["value"],
        "envelope_bytes": sealed.canonical.hex(),
        "fingerprint": sealed.fingerprint.hex(),
    }


def _log() -> Vector:
    tree = log.Tree()
    entries = log_entries()
    tree.extend(entries)
    return {
        "entries": [entry.hex() for entry in entries],
        "leaf_hash_0": log.leaf_hash(entries[0]).hex(),
        "root_0": log.EMPTY_ROOT.hex(),
        "root_1": tree.root_at(1).hex(),
        "root_2": tree.root_at(2).hex(),
        "root_7": tree.root().hex(),
        "inclusion_1_of_7": [node.hex() for node in tree.inclusion(1, 7)],
        "consistency_2_to_7": [node.hex() for node in tree.consistency(2, 7)],
        "consistency_3_to_7": [node.hex() for node in tree.consistency(3, 7)],
    }


def _product() -> Vector:
    return {"broker": BROKER, "product_id": "FUND-1", "pseudonym": product_subject(BROKER, "FUND-1")}


def _map() -> Vector:
    subjects = example_map()
    alone = SubjectMap.build({SUBJECT: (2, example_act().fingerprint)})
    return {
        "leaf": alone.root.hex(),
        "root": subjects.root.hex(),
        "presence": subjects.prove(SUBJECT).to_json(),
        "absent_subject": seeded("a subject of nobody").hex(),
        "absence": subjects.prove(seeded("a subject of nobody")).to_json(),
    }


def _checkpoint() -> Vector:
    public = ed25519.public_key(MEMBER_SEED)
    note = sign_checkpoint(BROKER, 7, log.root(log_entries()), MEMBER_SEED)
    return {
        "key_id": key_id(BROKER, public).hex(),
        "verifier_key": verifier_key(BROKER, public),
        "note": note,
        "note_bytes": note.encode().hex(),
    }


def _promise() -> Vector:
    promise = example_promise()
    body = {name: value for name, value in promise.items() if name != "signature"}
    return {
        "signed_bytes": canonical_json(body).hex(),
        "signature": ed25519.sign(MEMBER_SEED, canonical_json(body)).hex(),
        "promise": canonical_json(promise).decode(),
        "promise_bytes": canonical_json(promise).hex(),
    }


def _receipt() -> Vector:
    tree = log.Tree()
    tree.extend(log_entries())
    receipt = build_receipt(
        promise=example_promise(),
        record=redact(example_act()),
        size=7,
        path=tree.inclusion(1, 7),
        checkpoint=sign_checkpoint(BROKER, 7, tree.root(), MEMBER_SEED),
        map_proof=example_map().prove(SUBJECT),
        anchor=AnchorPlace(
            chain_id=0x2A3F,
            contract="0x" + seeded("EvidenceAnchor")[:20].hex(),
            member=BROKER.rsplit(":", 1)[1],
            seq=1,
            map_root=example_map().root,
            block=9,
            block_hash="0x" + seeded("block 9").hex(),
            tx="0x" + seeded("transaction").hex(),
            log_index=0,
        ),
    )
    return {"receipt": canonical_json(receipt).decode(), "receipt_bytes": canonical_json(receipt).hex()}


def small_world() -> World:
    """Return the smallest world with a client's act: one admission, one key, two records, one anchor."""
    world = World()
    world.chain.add_block([world.admit(world.member, world.broker_seed)])
    world.chain.add_block([world.set_key(ed25519.public_key(world.client_seed))])
    world.accept("LEVEL_RESULT", {"band": "C4", "total": 61})
    world.accept("LEVEL_CONFIRM", {"level": "C4"}, signed=True)
    world.anchor()
    return world


def _chain() -> Vector:
    world = small_world()
    anchor = world.anchors[-1]
    raw, receipts = world.chain.headers[anchor.block], world.chain.receipts[anchor.block]
    header, kind = KEPT_HEADERS.parse(raw, "header"), KEPT_PROOFS
    logs = kind.open_all(header, receipts)
    event = decode_event(logs[-1].log)
    return {
        "header_bytes": raw.hex(),
        "header_hash": header.hash.hex(),
        "number": header.number,
        "timestamp": header.timestamp,
        "receipts_root": header.commitment.hex(),
        "receipts": [receipt.hex() for receipt in receipts],
        "proof_of_receipt_1": [node.hex() for node in kind.prove_one(receipts, 1)],
        "member": world.member,
        "bloom_bits_of_member": [bit for bit in range(2048) if bloom_bits(address_topic(world.member)) >> bit & 1],
        "event": {} if event is None else {name: _shown(value) for name, value in event.args.items()},
    }


def _shown(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else value


def _trust() -> Vector:
    data = small_world().trust()
    return {"sha256": hashlib.sha256(data).hexdigest(), "trust": data.decode(), "trust_bytes": data.hex()}


def _bundle() -> Vector:
    world = small_world()
    body = world.bundle().body()
    data = world.seal(body)
    report = verify_bundle(data, world.trust())
    return {
        "signing_seed": world.broker_seed.hex(),
        "signed_sha256": hashlib.sha256(canonical_json(body)).hexdigest(),
        "sha256": hashlib.sha256(data).hexdigest(),
        "verdict": report.verdict,
        "bundle": data.decode(),
        "bundle_bytes": data.hex(),
    }


def outputs() -> dict[Path, str]:
    """Return every file that this script owns a part of, with its text."""
    values = vectors()
    page = page_with(PAGE.read_text(encoding="utf-8"), values, VECTORS)
    return {**vector_files(VECTORS, values), PAGE: page}


if __name__ == "__main__":
    sys.exit(write_or_check(outputs()))
