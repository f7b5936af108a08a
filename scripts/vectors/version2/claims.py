"""What holds a broker to its word, of a synthetic consortium: receipts, contradicting promises, claims."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from evidence.version2.documents.claim import PlacedEntry, assemble_claim, counted_under
from evidence.version2.documents.contradiction import PromiseContradiction
from evidence.version2.documents.receipt import PinnedKeys, Successor, build_receipt, verify_receipt
from evidence.version2.links import label_of_secret
from evidence.version2.log.checkpoint import AnchorCheckpoint, sign_anchor_checkpoint
from evidence.version2.map.label_map import Absence
from evidence.version2.promise import PromiseDocument, parse_promise, promise_of, sign_promises
from evidence.version2.record import redact
from evidence.version2.shapes import hashes_text
from evidence.version2.verify.claim import verify_claim
from primitives import ed25519
from primitives.canonical import canonical_json
from primitives.encoding import encode_base64url
from primitives.suites import DEFAULT
from scripts.vectors.output import Vector
from scripts.vectors.synthetic_consortium import MINUTE_MS, Broker, Client, consortium, seed


def keys_of(broker: Broker) -> PinnedKeys:
    """Return the broker's present keys as a wallet pins them."""
    keys = broker.member.keys
    return PinnedKeys(keys.signing, keys.checkpoint)


def promise_document(broker: Broker, log_index: int) -> PromiseDocument:
    """Return the promise of a place in the log, as it was given."""
    promised = broker.promised[log_index]
    batch, broker_did = promised.batch, broker.did
    return {
        **promised.promise.body(),
        "batch": {"index": promised.index, "count": batch.count, "path": hashes_text(promised.path)},
        "signature": {
            "key": f"{broker_did}#signing",
            "alg": DEFAULT.alg,
            "value": encode_base64url(batch.signature),
        },
    }


def checkpoint_at(broker: Broker, seq: int) -> str:
    """Return the checkpoint that the broker made of an anchor, under its present key."""
    last = broker.leaves[seq - 2]
    root = broker.tree.root_at(seq)
    stated = AnchorCheckpoint(broker.did, seq, root, last.map_root, last.size_after, broker.wrong)
    return sign_anchor_checkpoint(stated, broker.member.secret)


def receipt_of(broker: Broker, client: Client, seq: int, reaches: int | None = None) -> dict[str, Any]:
    """Return the receipt of a client's record as of anchor `reaches`, by default the last one."""
    record, place = client.records[seq - 1], client.places[seq - 1]
    leaf = next(leaf for leaf in broker.leaves if leaf.size_before <= place < leaf.size_after)
    last = broker.leaves[-1].seq if reaches is None else reaches
    held = broker.maps[last]
    presence, following = held.prove(client.labels[seq - 1]), held.prove(record.next)
    if isinstance(presence, Absence):
        raise TypeError(presence)
    after = following if isinstance(following, Absence) else Successor(client.records[seq].link, following.path)
    return build_receipt(
        promise=promise_document(broker, place),
        record=redact(record),
        anchor=leaf,
        batch=broker.batches[leaf.seq].inclusion(place - leaf.size_before, leaf.added),
        size=last,
        path=broker.tree.inclusion(leaf.seq - 1, last),
        checkpoint=checkpoint_at(broker, last),
        presence=presence,
        following=after,
    )


def claim_of(broker: Broker, document: PromiseDocument, *, entry: bytes | None = None, **more: Any) -> Claimed:
    """Return the claim about a promise at the present block, with everything shown that members serve.

    Args:
        broker: who is accused.
        document: the promise.
        entry: what the batch holds at the promised place; by default the promised entry, b"" where it is not shown.
        more: what is shown otherwise, by the names of `assemble_claim`.
    """
    promise, _ = parse_promise(document)
    broker.world.block += 1
    chain = broker.world.material(broker.name, None)
    log = None if broker.opening is None else broker.log()
    covers = [leaf for leaf in broker.leaves if leaf.size_before <= promise.log_index < leaf.size_after]
    shown: dict[str, Any] = {}
    if covers:
        leaf = covers[0]
        placed = promise.entry if entry is None else entry
        at = promise.log_index - leaf.size_before
        path = tuple(broker.batches[leaf.seq].inclusion(at, leaf.added))
        shown = {"covering": leaf, "place": PlacedEntry(placed, path) if placed else None}
        shown["counted"] = counted_under(broker.maps[leaf.seq].top, promise.label)
    own = [item for item in chain.members if item.member == broker.did]
    data = assemble_claim(document, chain=chain, log=log, **{**shown, "members": () if covers else own, **more})
    return Claimed(data, broker.world.trust(chain.header))


@dataclass(frozen=True)
class Claimed:
    """The bytes of a claim, and of the trust file of its block."""

    claim: bytes
    trust: bytes


def lived() -> tuple[Broker, Client]:
    """Return a broker with a client of three records under two anchors, and others beside."""
    broker = Broker(consortium(), "north")
    client = broker.client("ada")
    broker.record(client, "LEVEL_RESULT", {"band": "C4", "total": 61})
    broker.record(broker.client("bob"), "LEVEL_RESULT", {"band": "C1", "total": 12})
    broker.anchor()
    broker.record(client, "BIZ_APPLY", {"product_id": "FUND-1", "amount_fen": 1_234_567})
    broker.record(broker.client("eve"), "LEVEL_RESULT", {"band": "C2", "total": 25})
    broker.anchor()
    return broker, client


def _receipt() -> Vector:
    broker, client = lived()
    keys, receipts = keys_of(broker), [receipt_of(broker, client, seq) for seq in (2, 3)]
    found = verify_receipt(receipts[1], keys)
    return {
        "signing_key": keys.signing.hex(),
        "checkpoint_key": keys.checkpoint.hex(),
        "receipt_of_record_2": canonical_json(receipts[0]).decode(),
        "receipt_of_record_3": canonical_json(receipts[1]).decode(),
        "not_checked_of_record_3": found.not_checked(),
    }


def _contradiction() -> Vector:
    """Return the claim of a broker that promised record 4 under a label which record 3 does not name."""
    broker, client = lived()
    first = promise_document(broker, client.places[2])
    record = broker.record(client, "BIZ_DECIDE", {"decision": "ACCEPTED"})
    elsewhere = label_of_secret(seed("a label of nobody's"))
    bent = promise_of(record, label=elsewhere, log_index=broker.size - 1, anchor_by=broker.world.now + MINUTE_MS)
    [second] = sign_promises([bent], broker.member.secret)
    claim = PromiseContradiction(broker.did, first, second, client.records[2].link)
    return {"contradiction": canonical_json(claim.to_json()).decode()}


def late() -> tuple[Broker, PromiseDocument]:
    """Return a broker that anchored a record after the promised time."""
    broker, client = lived()
    broker.record(client, "BIZ_DECIDE", {"decision": "ACCEPTED"})
    broker.world.block += 100
    broker.anchor()
    return broker, promise_document(broker, client.places[-1])


def never() -> tuple[Broker, PromiseDocument]:
    """Return a broker that never anchored a record; a heartbeat came."""
    broker, client = lived()
    broker.record(client, "BIZ_DECIDE", {"decision": "ACCEPTED"})
    document = promise_document(broker, client.places[-1])
    waiting = broker.entries, broker.waiting, broker.size
    broker.entries, broker.waiting, broker.size = [], {}, broker.anchored
    broker.anchor()
    broker.entries, broker.waiting, broker.size = waiting
    return broker, document


def another_entry() -> tuple[Broker, PromiseDocument]:
    """Return a broker that anchored another entry in a record's place: `seed("another entry")`."""
    broker, client = lived()
    broker.record(client, "BIZ_DECIDE", {"decision": "ACCEPTED"})
    broker.entries[-1] = seed("another entry")
    broker.anchor()
    return broker, promise_document(broker, client.places[-1])


def not_counted() -> tuple[Broker, PromiseDocument]:
    """Return a broker that anchored a record, and put nothing into the map."""
    broker, client = lived()
    broker.record(client, "BIZ_DECIDE", {"decision": "ACCEPTED"})
    broker.anchor(into_map=False)
    return broker, promise_document(broker, client.places[-1])


def named_wrong() -> tuple[Broker, PromiseDocument]:
    """Return a broker that names the anchor of a record as wrong, in the checkpoint of its last anchor."""
    broker, client = lived()
    broker.wrong = (2,)
    return broker, promise_document(broker, client.places[1])


def _claims() -> Vector:
    made = {
        "late": claim_of(*late()),
        "never": claim_of(*never()),
        "another-entry": claim_of(*another_entry(), entry=seed("another entry"), counted=None),
        "not-counted": claim_of(*not_counted()),
    }
    broker, document = named_wrong()
    of_the_last = {"checkpoint": broker.checkpoint(), "also": [3]}
    made["named-wrong"] = claim_of(broker, document, entry=b"", counted=None, **of_the_last)
    broker, client = lived()
    made["kept"] = claim_of(broker, promise_document(broker, client.places[1]))
    key = ed25519.public_key(broker.world.members["regulator"].secret)
    reports = {name: verify_claim(one.claim, [one.trust], {key}) for name, one in made.items()}
    return {
        "trust_key": key.hex(),
        "verdicts": {name: report.verdict for name, report in reports.items()},
        "checks_of_late": [f"{check.name}: {check.detail}" for check in reports["late"].checks],
        "bytes": {name: len(one.claim) for name, one in made.items()},
        "trusts": {name: one.trust.decode() for name, one in made.items()},
        "claims": {name: one.claim.decode() for name, one in made.items()},
    }


def vectors() -> dict[str, Vector]:
    """Return the vectors by name."""
    return {"receipt": _receipt(), "promise-contradiction": _contradiction(), "claim": _claims()}
