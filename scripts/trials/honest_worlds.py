"""Honest worlds at random: a broker, its clients, anchors, changes of keys, erasures, witnesses; a bundle of each.

All chance comes from one generator, so that a seed names a world for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from evidence.verify.verdict import VerificationReport
from evidence.version2.record import redact
from evidence.version2.verify.bundle import VerificationRequest, verify_bundle
from primitives import ed25519
from scripts.vectors.synthetic_consortium import PERIOD, Broker, Client, Fact, consortium
from scripts.vectors.version2.bundles import RULE, SIGNING, TWENTY_YEARS

WITNESSES = ("south", "west", "regulator")


@dataclass
class Lived:
    """A broker with a history: the client of whom a bundle is asked, the others, what stands beside in the bundle."""

    random: Random
    broker: Broker
    client: Client
    others: list[Client]
    product: Client | None
    witnesses: Sequence[str]
    erased: list[int] = field(default_factory=list)

    def bundle(self, client: Client | None = None, **more: Any) -> tuple[bytes, bytes]:
        """Return the bundle of a client as the broker gives it, and the header of its block."""
        asked = self.client if client is None else client
        references = [self.product] if self.product is not None else []
        return self.broker.bundle(asked, references=references, witnesses=self.witnesses, **more)

    def verify(self, bundle: bytes, header: bytes, **asked: Any) -> VerificationReport:
        """Verify a bundle under the word of the regulator of this world."""
        world = self.broker.world
        key = ed25519.public_key(world.members["regulator"].secret)
        return verify_bundle(bundle, [world.trust(header)], {key}, VerificationRequest(SIGNING, **asked))


def live(random: Random) -> Lived:
    """Let a broker live: at least five records of the client, the last of them an engine's, all of them anchored."""
    broker = Broker(consortium(), "north")
    client = broker.client("ada")
    others = [broker.client(name) for name in ("bob", "eve")[: random.randrange(3)]]
    product = broker.product("FUND-1") if random.random() < 0.5 else None
    broker.record(client, "LEVEL_RESULT", {"band": "C4", "total": random.randrange(100)})
    for _ in range(random.randint(3, 9)):
        _something(random, broker, random.choice([client, client, *others]))
    if random.random() < 0.5:
        broker.anchor()
    broker.act(client, "LEVEL_CONFIRM", {"level": "C4"})
    broker.record(client, "MATCH_OPINION", {"opinion": "MATCH"})
    broker.anchor()
    lived = Lived(random, broker, client, others, product, random.sample(WITNESSES, random.randrange(4)))
    if random.random() < 0.25:
        _erase(lived)
    broker.record(client, "BIZ_APPLY", {"amount_fen": random.randrange(10**9), "channel": "app"})
    broker.anchor()
    if random.random() < 0.3:
        last = client.records[-1]
        client.shown[last.link.seq] = redact(last, ["amount_fen"])
    return lived


def _something(random: Random, broker: Broker, client: Client) -> None:
    choice = random.randrange(6)
    if choice == 0:
        broker.anchor()
        if random.random() < 0.3:
            broker.rotate()
    elif choice == 1:
        broker.act(client, "CONSENT_GIVE", {"scope": random.randrange(9)})
    elif choice == 2:
        facts = [Fact("BIZ_APPLY", {"amount_fen": random.randrange(10**6)}), Fact("BIZ_DECIDE", {"decision": "DONE"})]
        broker.request(client, facts)
    else:
        broker.record(client, "BIZ_APPLY", {"amount_fen": random.randrange(10**6)})


def _erase(lived: Lived) -> None:
    """Let twenty years pass, and erase an engine's record."""
    broker, client = lived.broker, lived.client
    broker.world.block += TWENTY_YEARS // PERIOD
    seq = lived.random.choice([record.link.seq for record in client.records if not record.envelope["signatures"]])
    named = {"seq": seq, "fingerprint": client.records[seq - 1].fingerprint.hex(), "rule": RULE}
    broker.record(client, "ERASE", {"erases": [named], "reason": "time"})
    broker.anchor()
    broker.erase(client, seq)
    lived.erased.append(seq)
