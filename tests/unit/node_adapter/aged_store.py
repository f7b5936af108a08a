"""A node's database after many days: other clients' rows, ended tasks, final chain writes, and a client of today."""

from __future__ import annotations

import hashlib
import json

from sqlalchemy import insert

from evidence.version2.log.anchor_tree import Peaks
from evidence.version2.log.anchors import AnchorLeaf
from node_adapter.store import migrate, schema
from node_adapter.store.chain import log_trees
from node_adapter.store.chain.event_log import address_topic
from node_adapter.store.chain.log_leaves import LogLeaves
from node_adapter.store.engine import open_store
from node_adapter.store.label_map import LabelMapStore

NOW = 1_000_000_000
CLIENT = "aa" * 32
BUSY = "bb" * 32  # a client who is there all the time: every third record is of this one
CONSENT, TASK = "cc" * 32, "dd" * 32
DID, MEMBER = "did:ethr:0x1:0x" + "11" * 20, "0x" + "22" * 20
ADDRESS = "0x" + "11" * 20
LABEL = b"\x55" * 32  # a label of the map
OWN_RECORDS = 5
_REPLAYED = {**dict.fromkeys(("relation", "bundle", "report_html", "report"), ""), "number": 0, "standing": "{}"}


def digest(*parts):
    return hashlib.sha256(repr(parts).encode()).digest()


def record(index, pid, seq, type_="INFO_COLLECT", **more):
    name = f"{index}"
    values = {"log_index": index, "record_id": name, "source_ref": f"ref {name}", "pid": pid, "seq": seq}
    values |= {"request_digest": b"", "type": type_, "envelope": b"{}", "payload": "{}", "root_salt": bytes(32)}
    values |= {"fingerprint": digest("record", index), "act_signature": f"act {name}", "accepted_at": index, "block": 1}
    values |= {
        "nonce": digest("nonce", index)[:16],
        **{name: digest(name, index) for name in ("label", "next", "entry")},
    }
    house = type_ in ("PRODUCT_RATE", "STAFF_ENROL")
    return {**values, "anchor_by": NOW, "promise": "{}", "house": house, **more}


def anchor(seq, size, block):
    roots = dict.fromkeys(("batch_root", "map_root", "block_hash", "tx_hash"), bytes(32))
    times = {"built_at": seq, "log_position": 0, "block_time": seq, "block": block}
    return {"seq": seq, "size_before": size - 1, "size": size, "checkpoint": "note", **roots, **times}


def block(number):
    hashes = {"hash": digest("block", number), "parent_hash": digest("block", number - 1)}
    return {"number": number, **hashes, "timestamp": number, "header": b"header", "receipts": "[]"}


def chain_event(number, contract, name, topic, args):
    place = {"block": number, "log_index": 0, "tx_index": 0, "log_position": 0, "tx_hash": digest("tx", number)}
    return {**place, "address": ADDRESS, "contract": contract, "name": name, "topic1": topic, "args": args}


def anchored(number):
    """An anchor of ours on the chain, in the block of that day."""
    roots = dict.fromkeys(("root", "prevRoot", "mapRoot"), "0x" + "00" * 32)
    args = json.dumps({"member": MEMBER, "seq": number, "size": number, **roots})
    event = chain_event(100 + number, "EvidenceAnchor", "Anchored", address_topic(MEMBER), args)
    return event | {"log_index": 1}


def logged(number):
    """An anchor of format 2 in the block of that day; the first one opens the log before."""
    roots = dict.fromkeys(("batchRoot", "mapRoot", "keysDigest"), "0x" + "00" * 32)
    sizes = {"sizeBefore": number, "sizeAfter": number + 1}
    args = json.dumps({"member": MEMBER, "seq": number + 2, **roots, **sizes, "time": number, "keyVersion": 1})
    event = chain_event(100 + number, "EvidenceLog", "Anchored", address_topic(MEMBER), args)
    return event | {"log_index": 3}


def opened():
    """Leaf 1 of the log."""
    roots = dict.fromkeys(("formerRoot", "formerMapRoot"), "0x" + "00" * 32)
    args = json.dumps({"member": MEMBER, "former": ADDRESS, "formerSeq": 0, "formerSize": 0, **roots, "time": 0})
    return chain_event(100, "EvidenceLog", "LogOpened", address_topic(MEMBER), args) | {"log_index": 2}


def write(number, key, state="final"):
    values = {"kind": "did", "key": key, "target": ADDRESS, "data": b"", "state": state, "nonce": number}
    where = {"raw": b"raw", "tx_hash": digest("tx", number), "block": number, "block_hash": b"", "gas_used": 1}
    return {**values, **where, "created_at": number, "updated_at": number}


def own(number):
    where = {"block": number, "block_hash": b"", "block_time": number}
    return {"nonce": number, "tx_hash": digest("tx", number), **where, "succeeded": True, "gas_used": 1}


def day(number):
    """What one more client leaves behind, by table."""
    pid, task_id, consent_id = (digest(kind, number).hex() for kind in ("pid", "task", "consent"))
    value = json.dumps({"value": "0x" + digest("key", number).hex()})
    topic, did = address_topic("0x" + pid[:40]), f"did:ethr:0x1:0x{pid[:40]}"
    nonce = {"nonce": f"n{number}", "use": "proof", "holder": did, "purpose": "p", "expires_at": NOW, "used_at": None}
    session = {"digest": digest("token", number), "name": did, "role": "client", "did": did, "expires_at": NOW}
    answer = {"key": f"k{number}", "route": "r", "request_digest": b"", "status": 200, "response": b"", "owner": ""}
    alarm = {"kind": "resend-blocked", "about": pid, "detail": "", "count": 1, "first_at": 0, "last_at": 0}
    consent = {"consent_id": consent_id, "pid": pid, "purpose": "p", "receivers": "[]", "expires_at": 1}
    given = {"type_": "CONSENT_GIVE", "payload": json.dumps({"consent_id": consent_id})} if number % 3 == 1 else {}
    task = {"task_id": task_id, "spec": "{}", "state": "completed", "run_requested": True, "updated_at": number}
    order = {"id": pid, "case_number": f"{number}", "regulator": "", "broker": "", "did": did, "ordered_at": number}
    credential = {"id": f"c{number}", "pid": pid, "type": "T", "body": "{}", "issued_at": 0}
    subject = {"pid": pid, "client_ref": f"ref {number}", "did": did, "created_at": 0, "count": 1, "head": b""}
    subject |= {"label": b""}
    return {
        "subject": {**subject, "state": "{}"},
        "subject_entry": {"pid": pid, "key": "suitability/tracks/P1", "value": "{}"},
        "record": record(OWN_RECORDS + number, *((pid, 1) if number % 3 else (BUSY, number // 3 + 1)), **given),
        "finding": {"record_id": f"{OWN_RECORDS + number}", "code": "CODE", "rule": "r", "detail": ""},
        "erasure": {"log_index": OWN_RECORDS + number, "pid": pid, "done_at": 1},
        "log_anchor": anchor(2 + number, OWN_RECORDS + number, 100 + number),
        "outbox": write(100 + number, f"did:{pid}:1"),
        "outbox_attempt": {
            "tx_hash": digest("tx", 100 + number), "row_id": number, "nonce": number, "max_fee": 1, "raw": b"",
            "signed_at": 0,
        },
        "own_transaction": own(100 + number),
        "chain_block": block(100 + number),
        "chain_event": chain_event(100 + number, "DidRegistry", "DIDAttributeChanged", topic, value),
        "credential": {**credential, "status_index": number + 1, "revoked_at": None},
        "consent": {**consent, "credential": "{}", "given_at": 0, "withdrawn_at": None if number % 2 else 1},
        "proof_nonce": nonce,
        "token": {**session, "created_at": number, "revoked_at": None},
        "idempotency": {**answer, "content_type": "", "created_at": NOW},
        "replay_order": order,
        "replay": {"id": f"r{number:06}", "state": "done", "asked": "{}", "asked_at": NOW, "done_at": NOW},
        "replay_document": {**_REPLAYED, "replay": f"r{number:06}", "subject": pid},
        "state_request": {"id": f"s{number:06}", "wanted": "{}", "asked_at": NOW, "answer": "{}"},
        "task": task,
        "task_client": {"task_id": task_id, "pid": pid, "consent_id": consent_id},
        "task_message": {"task_id": task_id, "sender": MEMBER, "kind": "k", "body": "{}", "received_at": 0},
        "alarm": {**alarm, "closed_at": 1},
    }  # fmt: skip


def today():
    """The rows that queries of today are about."""
    member = {"member": MEMBER, "role": 1, "name": "m", "signing": "0x00", "agreement": "0x00", "compliance": ADDRESS}
    named = {"name": "0x" + b"DidRegistry".hex(), "target": ADDRESS, "fromBlock": 1}
    subject = {
        "pid": CLIENT,
        "client_ref": "today",
        "did": DID,
        "created_at": 0,
        "count": 1,
        "head": b"",
        "state": "{}",
        "label": b"",
    }
    return {
        "subject": [subject],
        "record": [record(0, CLIENT, 1, "PRODUCT_RATE"), record(1, CLIENT, 2, "STAFF_ENROL")]
        + [record(index, CLIENT, index + 1) for index in range(2, OWN_RECORDS)],
        "chain_block": [block(number) for number in range(1, 100)],
        "chain_event": [
            chain_event(1, "Directory", "AddressSet", "0x", json.dumps(named)),
            chain_event(2, "MemberRegistry", "MemberAdmitted", address_topic(MEMBER), json.dumps(member)),
            chain_event(3, "DidRegistry", "DIDCallSponsored", address_topic(ADDRESS), '{"nonce": 0}'),
            chain_event(
                5, "Directory", "AddressSet", "0x", json.dumps({**named, "name": "0x" + b"MemberRegistry".hex()})
            ),
            chain_event(4, "ConsentRegistry", "ConsentGranted", "0x" + CONSENT, "{}"),
        ],
        "erasure": [{"log_index": 3, "pid": CLIENT, "done_at": None}],
        "outbox": [write(5, "did:today:1"), write(6, "did:today:2", "sent"), write(7, "did:today:3", "failed")],
    }


def leaf(seq):
    """A leaf of the tree of anchors."""
    hashes = [digest(kind, seq) for kind in ("batch", "map", "keys")]
    return AnchorLeaf(seq, hashes[0], seq, seq + 1, hashes[1], seq, seq, hashes[2], 1)


def log_rows(days):
    """The tree of anchors, one a day, and what is kept of as many other logs."""
    peaks, nodes = Peaks(), []
    for seq in range(1, days + 1):
        peaks, made = peaks.append(leaf(seq).hash())
        nodes += [{"level": level, "position": position, "hash": value} for (level, position), value in made]
    state = {"seq": 9, "root": bytes(32), "map_root": bytes(32), "size": 9, "wrong": "3 7", "note": "note"}
    return {
        "log_leaf": [{"seq": seq, "leaf": leaf(seq).encode()} for seq in range(1, days + 1)],
        "log_node": nodes,
        "log_growth": [{"seq": seq, "walk": "h", "hashes": bytes(32)} for seq in range(2, days + 1)],
        "cosignature": [{"seq": seq, "witness": ADDRESS, "line": "line"} for seq in range(days - 100, days + 1)],
        "conviction": [
            {
                "digest": f"{number:064x}",
                "convicted": ADDRESS,
                "kind": 1,
                "state": "verified",
                "noted_at": number,
                "tries": 0,
            }
            | {"matter": str(number), "document": "{}"}
            for number in range(days)
        ],
        "witnessed": [{"broker": f"did:ethr:0x1:0x{number:040x}", **state} for number in range(days)],
    }


def aged_store(path, days):
    """Return the open store of a node that has served so many more clients."""
    migrate.upgrade(path)
    store = open_store(path)
    with store.write() as connection:
        for name, rows in today().items():
            connection.execute(insert(schema.metadata.tables[name]), rows)
        filler = [day(number) for number in range(days)]
        connection.execute(insert(schema.chain_event), [anchored(number) for number in range(days)])
        connection.execute(insert(schema.chain_event), [opened(), *(logged(number) for number in range(days))])
        for name in filler[0]:
            connection.execute(insert(schema.metadata.tables[name]), [rows[name] for rows in filler])
        for name, rows in log_rows(days).items():
            connection.execute(insert(schema.metadata.tables[name]), rows)
        last = OWN_RECORDS + days
        tail = [record(last, CLIENT, 90), record(last + 1, CLIENT, 91, promise=None, anchor_by=None)]
        connection.execute(insert(schema.record), tail)
        connection.execute(insert(schema.record), [record(last + 2, CLIENT, 92) | {"broken_at": 1}])
        label_map = LabelMapStore()
        label_map.insert(connection, 1, {digest("label", number): digest("entry") for number in range(days)})
        label_map.insert(connection, 2, {LABEL: digest("entry")})
        while not log_trees.extend(LogLeaves(connection, MEMBER, [ADDRESS], 98 + days)):
            pass  # all but the anchor of the last day
    return store


class Steps:
    """Counts what SQLite's engine does on a connection, in steps of its virtual machine."""

    GRAIN = 10

    def __init__(self, connection):
        self._driver = connection.connection.driver_connection
        self.taken = 0

    def __enter__(self):
        self._driver.set_progress_handler(self._tick, self.GRAIN)
        return self

    def __exit__(self, *_):
        self._driver.set_progress_handler(None, self.GRAIN)

    def _tick(self):
        self.taken += self.GRAIN
