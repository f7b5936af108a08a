"""A history of format 2 as a node and a wallet write it, under any suite."""

from __future__ import annotations

import hashlib
from typing import Any

from domain.opening import OPENING
from evidence.version2 import salts
from evidence.version2.act import known, sign_act
from evidence.version2.links import start
from evidence.version2.record import open_shown, redact, seal
from primitives.suite import SigningSuite

BROKER = "did:ethr:0x539:0x" + "b" * 40
CLIENT = "did:ethr:0x539:0x" + "c" * 40
SUBJECT = hashlib.sha256(b"a subject of tests").digest()
RULESET = "demo@1:" + "ab" * 32
AT = "2026-11-21T09:16:38.123+08:00"


def salt(name: object) -> bytes:
    return hashlib.sha256(f"salt of {name}".encode()).digest()


class Writer:
    """Writes one subject's records; `knew` of an act is the head that the wallet knew, the present one when None."""

    def __init__(self, suite: SigningSuite, subject: bytes = SUBJECT, kind: str | None = "client") -> None:
        self.suite, self.subject = suite, subject
        self.broker_secret, self.client_secret = salt("the broker's key"), salt("the client's key")
        self.records: list[Any] = []
        self.heads = [start(BROKER, subject)]
        if kind == "client":
            self.act(OPENING, {"kind": kind, "opens": CLIENT, "continues": None})
        elif kind == "unsigned-client":
            self.write(OPENING, {"kind": kind, "opens": None, "continues": None})

    @property
    def head(self):
        return self.heads[-1]

    def envelope(self, type_: str, **changes: Any) -> dict[str, Any]:
        seq = self.head.count + 1
        return {
            "suite": self.suite.name,
            "record_id": f"019aa3b1-0000-7000-8000-{seq:012x}",
            "type": type_,
            "schema": "1",
            "broker": BROKER,
            "subject": self.subject.hex(),
            "seq": seq,
            "prev": self.head.fingerprint.hex(),
            "occurred_at": AT,
            "recorded_at": AT,
            "accepted": {"block": 7, "hash": "0a" * 32},
            "channel": "app",
            "actor": {"did": BROKER, "role": "engine"},
            "ruleset": RULESET,
            "document": None,
            "attachments": [],
            "known": None,
            "signatures": [],
        } | changes

    def write(self, type_: str = "LEVEL_RESULT", values: dict[str, Any] | None = None, **changes: Any):
        values = {"band": "C4", "total": 61} if values is None else values
        return self.add(seal(self.envelope(type_, **changes), values, salt(self.head.count + 1)))

    def act(self, type_: str, values: dict[str, Any], *, knew=None, nonce: bytes | None = None, **changes: Any):
        knew = knew or self.head
        root = salt(self.head.count + 1)
        nonce = nonce or salt(f"nonce {self.head.count + 1}")[:16]
        draft = {
            **self.envelope(type_, actor={"did": CLIENT, "role": "client"}),
            "known": known(knew.count, knew.fingerprint, nonce),
            "fields": salts.field_digests(self.suite, values, root),
            **changes,
        }
        signature = sign_act(draft, self.client_secret, CLIENT, f"{CLIENT}#delegate-1")
        return self.add(seal({**draft, "signatures": [signature]}, values, root))

    def by_house(self, values: dict[str, Any]):
        root = salt(self.head.count + 1)
        draft = self.envelope(OPENING) | {"fields": salts.field_digests(self.suite, values, root)}
        signature = sign_act(draft, self.broker_secret, BROKER, f"{BROKER}#signing")
        return self.add(seal({**draft, "signatures": [signature]}, values, root))

    def erase(self, *places: int, rule: str = "retention-20-years", **changes: Any):
        erases = [{"seq": seq, "fingerprint": self.records[seq - 1].fingerprint.hex(), "rule": rule} for seq in places]
        return self.write("ERASE", {"erases": erases}, **changes)

    def add(self, record):
        self.records.append(record)
        self.heads.append(self.head.after(record.link))
        return record

    def shown(self, *erased: int):
        """Return the history as a bundle shows it, with the stubs of these records."""
        return [
            open_shown({"erased": record.link.to_json()} if record.envelope["seq"] in erased else redact(record))
            for record in self.records
        ]
