"""What people read and sign: inputs, record, act, links, opening, promise and erasure of one worked history.

The client opens it by record 1 and confirms by record 3 what the engine wrote in record 2; records 2 and 3 come in one
request. Twenty years later record 4 erases record 2.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from domain.erasure import ERASE
from domain.opening import OPENING
from evidence.version2 import salts
from evidence.version2.act import act_payload, known, sign_act
from evidence.version2.links import HistoryHead, start, u64
from evidence.version2.opening import house_subject
from evidence.version2.promise import Promise, SignedBatch, batch_payload, parse_promise, promise_of, sign_promises
from evidence.version2.record import SealedRecord, redact, seal
from primitives.canonical import canonical_json
from primitives.digest import tag_bytes
from primitives.encoding import decode_base64url
from primitives.suites import SUITES
from primitives.timestamp import parse_time
from replay.reports import reports_matter, reports_subject
from scripts.vectors.evidence import BROKER, CLIENT, CLIENT_SEED, MEMBER_SEED, SUBJECT, seeded
from scripts.vectors.output import Vector

SUITE = SUITES["sha256-ed25519/1"]
RULESET = "suitability-demo@1:" + seeded("rule set").hex()
OPENED = {"kind": "client", "opens": CLIENT, "continues": None}
RESULT = {"band": "C4", "total": 61}
CONFIRMED = {"level": "C4", "text_sha256": hashlib.sha256("您的等级为 C4".encode()).hexdigest()}
DAY_MS = 24 * 3600 * 1000
RULE = "retention-20-years"


def root_salt(seq: int) -> bytes:
    """Return the root salt of a worked record."""
    return seeded(f"version 2 root salt {seq}")


def envelope(
    head: HistoryHead, *, type_: str, block: int, at: str = "2026-11-21T09:16:3", **members: Any
) -> dict[str, Any]:
    """Return the next envelope of the worked history, but for what `seal` sets."""
    seq = head.count + 1
    return {
        "suite": SUITE.name,
        "record_id": f"019aa3b1-5c10-7000-8000-{seq:012x}",
        "type": type_,
        "schema": "1",
        "broker": BROKER,
        "subject": SUBJECT.hex(),
        "seq": seq,
        "prev": head.fingerprint.hex(),
        "occurred_at": f"{at}{seq}.123+08:00",
        "recorded_at": f"{at}{seq}.456+08:00",
        "accepted": {"block": block, "hash": seeded(f"block {block}").hex()},
        "channel": "app",
        "actor": {"did": BROKER, "role": "engine"},
        "ruleset": None,
        "document": None,
        "attachments": [],
        "known": None,
        "signatures": [],
        **members,
    }


def act(head: HistoryHead, values: Mapping[str, Any], knew: HistoryHead, **members: Any) -> SealedRecord:
    """Return the next record, signed by the client, whose wallet knew the history up to a head."""
    seq = head.count + 1
    stated = envelope(
        head,
        actor={"did": CLIENT, "role": "client"},
        fields=salts.field_digests(SUITE, values, root_salt(seq)),
        known=known(knew.count, knew.fingerprint, seeded(f"nonce {seq}")[:16]),
        **members,
    )
    signature = sign_act(stated, CLIENT_SEED, CLIENT, f"{CLIENT}#delegate-1")
    return seal({**stated, "signatures": [signature]}, values, root_salt(seq))


def history() -> tuple[list[SealedRecord], list[HistoryHead]]:
    """Return the worked records, and the head before each and after the last."""
    heads, records = [start(BROKER, SUBJECT)], []

    def add(record: SealedRecord) -> None:
        records.append(record)
        heads.append(heads[-1].after(record.link))

    add(act(heads[0], OPENED, heads[0], type_=OPENING, block=7))
    add(seal(envelope(heads[1], type_="LEVEL_RESULT", block=8, ruleset=RULESET), RESULT, root_salt(2)))
    add(
        act(
            heads[2],
            CONFIRMED,
            heads[1],
            type_="LEVEL_CONFIRM",
            block=8,
            ruleset=RULESET,
            document="level-notice@1",
        )
    )
    erases = [{"seq": 2, "fingerprint": records[1].fingerprint.hex(), "rule": RULE}]
    add(
        seal(
            envelope(heads[3], type_=ERASE, block=126_230_408, at="2046-11-21T09:16:3"),
            {"erases": erases},
            root_salt(4),
        )
    )
    return records, heads


def promises() -> list[Promise]:
    """Return what is promised of records 2 and 3."""
    records, heads = history()
    return [
        promise_of(
            records[at],
            label=heads[at].label,
            log_index=at,
            anchor_by=parse_time(records[at].envelope["recorded_at"], "recorded_at") + DAY_MS,
        )
        for at in (1, 2)
    ]


def vectors() -> dict[str, Vector]:
    """Return the worked values by name."""
    return {
        "inputs": _inputs(),
        "record": _record(),
        "links": _links(),
        "erasure": _erasure(),
        "act": _act(),
        "opening": _opening(),
        "promise": _promise(),
    }


def _inputs() -> Vector:
    return {
        "member_seed": MEMBER_SEED.hex(),
        "member_public_key": SUITE.public_key(MEMBER_SEED).hex(),
        "client_seed": CLIENT_SEED.hex(),
        "client_public_key": SUITE.public_key(CLIENT_SEED).hex(),
        "broker": BROKER,
        "client": CLIENT,
        "subject": SUBJECT.hex(),
    }


def _record() -> Vector:
    sealed = history()[0][1]
    salt = sealed.root_salt
    return {
        "root_salt": salt.hex(),
        "values": dict(sealed.values),
        "envelope_salt": salts.envelope_salt(SUITE, salt).hex(),
        "field_salt_band": salts.field_salt(SUITE, salt, "band").hex(),
        "value_bytes_band": canonical_json(sealed.values["band"]).hex(),
        "field_digest_band": sealed.envelope["fields"]["band"],
        "secret_of_next": SUITE.tagged_hmac(salt, "bonafides/record/2/next", SUBJECT + u64(3)).hex(),
        "next": sealed.next.hex(),
        "envelope": sealed.canonical.decode(),
        "envelope_bytes": sealed.canonical.hex(),
        "fingerprint": sealed.fingerprint.hex(),
        "redacted_copy_bytes": canonical_json(redact(sealed, ["band"])).hex(),
    }


def _links() -> Vector:
    records, heads = history()
    link = records[1].link
    return {
        "label_1_bytes": (tag_bytes("bonafides/label/2") + BROKER.encode() + SUBJECT).hex(),
        "labels": [head.label.hex() for head in heads],
        "entry_2_bytes": (tag_bytes("bonafides/entry/2") + u64(2) + link.prev + link.next + link.fingerprint).hex(),
        "entries": [record.entry.hex() for record in records],
    }


def _erasure() -> Vector:
    records, _ = history()
    return {
        "stub_2": canonical_json(records[1].link.to_json()).decode(),
        "entry_2": records[1].entry.hex(),
        "erases": canonical_json(records[3].values["erases"]).decode(),
        "copy_4": canonical_json(redact(records[3])).decode(),
        "fingerprint_4": records[3].fingerprint.hex(),
    }


def _act() -> Vector:
    sealed = history()[0][2]
    payload = act_payload(sealed.envelope)
    return {
        "root_salt": sealed.root_salt.hex(),
        "values": dict(sealed.values),
        "signed": payload.decode(),
        "signed_bytes": payload.hex(),
        "signature": SUITE.sign(CLIENT_SEED, payload).hex(),
        "signature_value": sealed.envelope["signatures"][0]["value"],
        "envelope_bytes": sealed.canonical.hex(),
        "fingerprint": sealed.fingerprint.hex(),
    }


def _opening() -> Vector:
    sealed = history()[0][0]
    return {
        "values": dict(sealed.values),
        "signed": act_payload(sealed.envelope).decode(),
        "copy": canonical_json(redact(sealed)).decode(),
        "fingerprint": sealed.fingerprint.hex(),
        "house": "ruleset:sac-bands",
        "house_subject": house_subject(BROKER, "ruleset:sac-bands"),
        "reports": reports_matter(sealed.envelope["subject"]),
        "reports_subject": reports_subject(BROKER, sealed.envelope["subject"]),
    }


def _promise() -> Vector:
    promised = promises()
    documents = sign_promises(promised, MEMBER_SEED)
    signed: SignedBatch = parse_promise(documents[0])[1]
    return {
        "body_bytes": canonical_json(promised[0].body()).hex(),
        "leaves": [promise.leaf.hex() for promise in promised],
        "root": signed.root.hex(),
        "signed": batch_payload(SUITE.name, BROKER, 8, 2, signed.root).decode(),
        "signature": decode_base64url(documents[0]["signature"]["value"], "value").hex(),
        "promises": [canonical_json(document).decode() for document in documents],
    }
