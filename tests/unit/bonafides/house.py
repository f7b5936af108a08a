"""A client's broker in memory: it takes what the wallet signed, records, anchors, and gives promises and receipts."""

import copy
from dataclasses import replace

from eth_hash.auto import keccak

from evidence.version2.links import HistoryHead, start
from evidence.version2.log.tiles import encode_entries, parse_tile_path, render_tile
from evidence.version2.promise import promise_of, sign_promises
from evidence.version2.record import seal
from primitives.suites import DEFAULT
from primitives.timestamp import format_time
from primitives.uuid7 import uuid7
from scripts.vectors.synthetic_consortium import MINUTE_MS, Broker, Client, consortium, seed
from scripts.vectors.version2.claims import keys_of, promise_document, receipt_of


class House:
    """The broker of one client, whose identity the wallet holds. Whatever a test bends, it bends in `broker`."""

    def __init__(self, identity, broker=None):
        self.identity = identity
        self.broker = broker or Broker(consortium(), "north")
        subject = bytes.fromhex(identity.subject)
        self.client = Client(self.broker, subject, None, start(self.broker.did, subject))

    @property
    def keys(self):
        return keys_of(self.broker)

    def fork(self):
        """Return the same broker as it goes on elsewhere: what one of the two records, the other does not know."""
        other = House(self.identity, copy.deepcopy(self.broker))
        names = ("head", "records", "places", "labels")
        other.client = replace(other.client, **{name: copy.copy(getattr(self.client, name)) for name in names})
        return other

    def act(self, signed, **changes):
        """Record what the wallet signed; `changes` bend the envelope."""
        made = signed["draft"]
        signature = {"did": self.identity.did, "key": signed["key"], "alg": "Ed25519", "value": signed["signature"]}
        stated = {name: made[name] for name in ("suite", "type", "document", "ruleset")}
        stated |= {"occurred_at": signed["occurred_at"], "known": signed["known"], "signatures": [signature]}
        who = {"did": self.identity.did, "role": "client"}
        return self._take({**stated, "actor": who, **changes}, made["fields"], bytes.fromhex(signed["root_salt"]))

    def record(self, type_="LEVEL_RESULT", values=None, **changes):
        """Record something of the broker's own."""
        values = {"band": "C4", "total": 61} if values is None else values
        stated = {"suite": DEFAULT.name, "type": type_, "document": None, "ruleset": None, "known": None}
        stated |= {"occurred_at": format_time(self.broker.world.now), "signatures": []}
        who = {"did": self.broker.did, "role": "engine"}
        return self._take({**stated, "actor": who, **changes}, values, seed(f"salt of {self.client.head}"))

    def _take(self, stated, values, root_salt):
        world, head = self.broker.world, self.client.head
        envelope = {
            "record_id": uuid7(world.now + self.broker.size, seed(f"id {head}")[:10]),
            "schema": "1",
            "broker": self.broker.did,
            "subject": self.client.subject.hex(),
            "seq": head.count + 1,
            "prev": head.fingerprint.hex(),
            "recorded_at": format_time(world.now),
            "accepted": {"block": world.block, "hash": keccak(b"%d" % world.block).hex()},
            "channel": "app",
            "attachments": [],
            **stated,
        }
        record = seal(envelope, values, root_salt)
        self.broker.accept(self.client, record)
        return record

    def others(self, *names):
        """Record something about other clients, so that log and map hold more than one history."""
        for name in names:
            other = self.broker.client(f"{name} {self.broker.size}")
            self.broker.record(other, "LEVEL_RESULT", {"band": "C1", "total": 12})

    def anchor(self):
        return self.broker.anchor()

    def promise(self, seq=None):
        """Return the promise of a record, by default of the last one."""
        return promise_document(self.broker, self.client.places[(seq or len(self.client.records)) - 1])

    def promised(self, of=None, **changes):
        """Return another promise of a record, by default of the last one, as the broker may sign it."""
        of = of or len(self.client.records)
        place = self.client.places[of - 1]
        stated = promise_of(
            self.client.records[of - 1],
            label=self.client.labels[of - 1],
            log_index=place,
            anchor_by=self.broker.promised[place].promise.recorded_at + MINUTE_MS,
        )
        [document] = sign_promises([replace(stated, **changes)], self.broker.member.secret)
        return document

    def receipt(self, seq=None, reaches=None):
        """Return the receipt of a record, by default of the last one, as of anchor `reaches`, by default the last."""
        return copy.deepcopy(receipt_of(self.broker, self.client, seq or len(self.client.records), reaches))

    def forget(self, count):
        """Go on as if only the first `count` records had been: what came after is in no later map."""
        records = self.client.records
        self.client.head = HistoryHead(count, records[count - 1].fingerprint, records[count - 1].next)
        self.client.records, self.client.places = records[:count], self.client.places[:count]
        self.client.labels = self.client.labels[:count]

    def served(self):
        """Return what the node serves of its log, by path below the log's prefix."""
        return Served(self.broker)


class Served:
    """A broker's public log, read by path."""

    def __init__(self, broker):
        self.broker = broker
        self.asked = []

    def __call__(self, path):
        self.asked.append(path)
        if path == "checkpoint":
            return self.broker.checkpoint().encode()
        tile = parse_tile_path(path)
        if tile.level is not None:
            return render_tile(tile, self.broker.tree.node)
        leaves = [self.broker.opening, *self.broker.leaves]
        return encode_entries(leaf.encode() for leaf in leaves[tile.first : tile.first + tile.width])
