"""Ways to forge a bundle of format 2, each by who can, with the answer that it gets (docs/spec/evidence-2.md, 19).

A way is a function that takes an honest world and returns what is handed on in it. Edits of a file anybody can make;
the broker signs the file again. The other ways need the broker's keys, its log, and its member's right to anchor.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from evidence.version2.log.checkpoint import read_anchor_checkpoint, sign_anchor_checkpoint
from evidence.version2.log.cosignature import cosign, witness_name
from evidence.version2.map.label_map import LabelMap
from evidence.version2.promise import sign_promises
from evidence.version2.record import SealedRecord, open_redacted, redact, seal
from primitives import ed25519
from primitives.canonical import canonical_json
from primitives.encoding import decode_base64url, encode_base64url
from primitives.errors import InvalidInput, VerificationFailed
from primitives.timestamp import format_time, parse_time
from scripts.trials.honest_worlds import Lived
from scripts.vectors.synthetic_consortium import Broker, Client, Fact, address, did, seed
from scripts.vectors.version2.bundles import RULE

OUTSIDER, BROKER = "outsider", "broker"
NOT_A_BUNDLE = "not a bundle"
ACCEPTED = "accepted, and said"  # nothing was lost: the report's notes name it
Body = dict[str, Any]


@dataclass(frozen=True)
class Forged:
    """What is handed on: a bundle with its block's header, what is held against it; `lived` gives the trust file."""

    lived: Lived
    bundle: bytes
    header: bytes
    asked: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Way:
    """A way to forge.

    Attributes:
        name: as in the table.
        by: `outsider`, who edits a file, or `broker`, who signs it again with its own key.
        answers: the failed check, one of those where there are several; the code of a finding; or `ACCEPTED`.
        forge: makes one out of an honest world, which it may spoil.
    """

    name: str
    by: str
    answers: tuple[str, ...]
    forge: Callable[[Lived], Forged]


# -- edits of a file: what is bent in its body


def _items(body: Body) -> list[Body]:
    items: list[Body] = body["history"]["records"]
    return items


def _shown(lived: Lived, body: Body) -> Body:
    """Return one of the engine's records that the bundle shows, with its fields."""
    items = [item for item in _items(body) if item["record"].get("fields") and not item["record"]["envelope"]["known"]]
    record: Body = lived.random.choice(items)["record"]
    return record


def _flipped(text: str) -> str:
    """Return hex or base64url with another first character."""
    return ("b" if text[0] == "a" else "a") + text[1:]


def _record_deleted(lived: Lived, body: Body) -> None:
    del _items(body)[lived.random.randrange(len(_items(body)) - 1)]
    _renumber_promises(body)


def _tail_truncated(lived: Lived, body: Body) -> None:
    del _items(body)[-1:]
    _renumber_promises(body)


def _records_swapped(lived: Lived, body: Body) -> None:
    items, at = _items(body), lived.random.randrange(len(_items(body)) - 1)
    items[at], items[at + 1] = items[at + 1], items[at]


def _record_back_dated(lived: Lived, body: Body) -> None:
    _shown(lived, body)["envelope"]["occurred_at"] = "2020-01-01T00:00:00.000+08:00"


def _record_replaced(lived: Lived, body: Body) -> None:
    record = _shown(lived, body)
    name = lived.random.choice(sorted(record["fields"]))
    salt = seed("another salt").hex()
    record["envelope"]["channel"] = "web"
    record["fields"].pop(name)
    record["envelope_salt"] = salt


def _ruleset_replaced(lived: Lived, body: Body) -> None:
    _shown(lived, body)["envelope"]["ruleset"] = f"suitability-demo@1:{seed('other rules').hex()}"


def _value_changed(lived: Lived, body: Body) -> None:
    fields = _shown(lived, body)["fields"]
    fields[lived.random.choice(sorted(fields))]["value"] = "another"


def _wrong_field_salt(lived: Lived, body: Body) -> None:
    fields = _shown(lived, body)["fields"]
    shown = fields[lived.random.choice(sorted(fields))]
    shown["salt"] = _flipped(shown["salt"])


def _wrong_envelope_salt(lived: Lived, body: Body) -> None:
    record = _shown(lived, body)
    record["envelope_salt"] = _flipped(record["envelope_salt"])


def _stub_without_erase(lived: Lived, body: Body) -> None:
    """Show no more than the stub of a record that no ERASE names; its promise goes with it."""
    erased = set(lived.erased)
    item = lived.random.choice([item for item in _items(body)[1:] if _seq(item) not in erased])
    envelope = item["record"]["envelope"]
    link = {name: envelope[name] for name in ("seq", "prev", "next")}
    item["record"] = {"erased": {**link, "fingerprint": open_redacted(item["record"]).fingerprint.hex()}}
    item["promise"] = None
    _renumber_promises(body)


def _seq(item: Body) -> int:
    record = item["record"]
    seq: int = (record["erased"] if "erased" in record else record["envelope"])["seq"]
    return seq


def _renumber_promises(body: Body) -> None:
    promised = [item["promise"] for history in (body["history"], *body["references"]) for item in history["records"]]
    used = sorted({promise["batch"] for promise in promised if promise})
    body["promises"] = [body["promises"][number] for number in used]
    for promise in promised:
        if promise:
            promise["batch"] = used.index(promise["batch"])


def _log_index_moved(lived: Lived, body: Body) -> None:
    item = lived.random.choice(_items(body))
    item["log_index"] += 10**6


def _promise_of_another_term(lived: Lived, body: Body) -> None:
    promise = lived.random.choice([item for item in _items(body) if item["promise"]])["promise"]
    promise["anchor_by"] = format_time(parse_time(promise["anchor_by"], "anchor_by") + 1)


def _promise_of_a_stranger(lived: Lived, body: Body) -> None:
    lived.random.choice(body["promises"])["value"] = encode_base64url(ed25519.sign(seed("stranger"), b"promise"))


def _anchor_back_dated(lived: Lived, body: Body) -> None:
    lived.random.choice(body["log"]["anchors"])["time"] -= 86_400


def _log_opened_otherwise(lived: Lived, body: Body) -> None:
    body["log"]["opening"]["former_size"] += 1


def _checkpoint_forged(lived: Lived, body: Body) -> None:
    head, _, _ = body["checkpoint"].partition("\n\n")
    size, root = head.split("\n")[1:3]
    other = root.replace(root[0], "B" if root[0] == "A" else "A", 1)
    body["checkpoint"] = body["checkpoint"].replace(f"\n{size}\n{root}\n", f"\n{size}\n{other}\n")


def _cosignature_forged(lived: Lived, body: Body) -> None:
    """Put a line under a member's name and key id, signed by another key."""
    broker = lived.broker
    name = witness_name(did("south"))
    text, _, signatures = body["checkpoint"].partition("\n\n")
    note = f"{text}\n\n{signatures.splitlines()[0]}\n"
    line = cosign(note, name, broker.world.time, broker.world.members["south"].secret)
    start, _, value = line.rstrip("\n").rpartition(" ")
    middle = len(value) // 2
    body["checkpoint"] = f"{note}{start} {value[:middle]}{_flipped(value[middle:])}\n"


def _member_of_another_role(lived: Lived, body: Body) -> None:
    lived.random.choice(body["members"])["role"] = 3


def _key_set_replaced(lived: Lived, body: Body) -> None:
    lived.random.choice(body["keys"])["signing"] = ed25519.public_key(seed("stranger")).hex()


def _key_change_left_out(lived: Lived, body: Body) -> None:
    del body["did"][0]


def _client_exchanged(lived: Lived, body: Body) -> None:
    body["client"] = did("bob")


def _directory_entry_left_out(lived: Lived, body: Body) -> None:
    del body["directory"][lived.random.randrange(len(body["directory"]))]


def _state_node_changed(lived: Lived, body: Body) -> None:
    at = lived.random.randrange(len(body["nodes"]))
    node = bytearray(decode_base64url(body["nodes"][at], "node"))
    node[lived.random.randrange(len(node))] ^= 1
    body["nodes"][at] = encode_base64url(bytes(node))


def _map_proof_changed(lived: Lived, body: Body) -> None:
    body["map"]["walk"] = body["map"]["walk"].replace("f", "0", 1)


EDITS: Mapping[Callable[[Lived, Body], None], tuple[str, ...]] = {
    _record_deleted: ("subject-chain",),
    _tail_truncated: ("subject-completeness",),
    _records_swapped: ("subject-chain",),
    _record_back_dated: ("inclusion",),
    _record_replaced: ("inclusion",),
    _ruleset_replaced: ("inclusion",),
    _value_changed: ("fingerprint",),
    _wrong_field_salt: ("fingerprint",),
    _wrong_envelope_salt: ("inclusion",),
    _stub_without_erase: ("subject-chain",),
    _log_index_moved: ("structure",),
    _promise_of_another_term: ("promise",),
    _promise_of_a_stranger: ("promise",),
    _anchor_back_dated: ("log-head",),
    _log_opened_otherwise: ("log-head",),
    _checkpoint_forged: ("checkpoint-signature",),
    _cosignature_forged: ("checkpoint-signature",),
    _member_of_another_role: ("member-keys",),
    _key_set_replaced: ("member-keys",),
    _key_change_left_out: ("client-keys",),
    _client_exchanged: ("opening",),
    _directory_entry_left_out: ("state-proof",),
    _state_node_changed: ("state-proof",),
    _map_proof_changed: ("subject-completeness",),
}


def sealed(broker: Broker, body: Body) -> bytes:
    """Return a bundle of any body under the broker's own signature."""
    value = encode_base64url(ed25519.sign(broker.member.secret, canonical_json(body)))
    return canonical_json({**body, "signature": {"key": f"{broker.did}#signing", "alg": "Ed25519", "value": value}})


def _edited(edit: Callable[[Lived, Body], None], by: str) -> Callable[[Lived], Forged]:
    def forge(lived: Lived) -> Forged:
        bundle, header = lived.bundle()
        body = json.loads(bundle)
        signature = body.pop("signature")
        edit(lived, body)
        forged = sealed(lived.broker, body) if by == BROKER else canonical_json({**body, "signature": signature})
        return Forged(lived, forged, header)

    return forge


def _byte_flipped(lived: Lived) -> Forged:
    bundle, header = lived.bundle()
    changed = bytearray(bundle)
    changed[lived.random.randrange(len(changed))] ^= 1 << lived.random.randrange(8)
    return Forged(lived, bytes(changed), header)


def _of_another_chain(lived: Lived) -> Forged:
    """Hand on a bundle of another block than the trusted one."""
    bundle, _ = lived.bundle()
    _, header = lived.bundle()
    return Forged(lived, bundle, header)


# -- what the broker does before it makes the file


def _of(lived: Lived, **asked: Any) -> Forged:
    bundle, header = lived.bundle()
    return Forged(lived, bundle, header, asked)


def _map_rolled_back(lived: Lived) -> Forged:
    broker = lived.broker
    broker.map = LabelMap()
    broker.record(lived.client, "BIZ_APPLY", {"amount_fen": 1})
    broker.anchor()
    return _of(lived)


def _record_not_counted(lived: Lived) -> Forged:
    lived.broker.record(lived.client, "BIZ_APPLY", {"amount_fen": 1})
    lived.broker.anchor(into_map=False)
    return _of(lived)


def _twin_history(lived: Lived) -> Forged:
    """Log two records for one place, count one, and show the other."""
    broker, client = lived.broker, lived.client
    twin = replace(client, records=[*client.records], places=[*client.places], labels=[*client.labels])
    broker.record(client, "BIZ_APPLY", {"amount_fen": 1})
    waiting = dict(broker.waiting)
    shown = broker.record(twin, "BIZ_APPLY", {"amount_fen": 2}, channel="web")
    broker.waiting = {**waiting, seed("a label of nobody's"): shown.entry}
    broker.anchor()
    bundle, header = lived.bundle(twin)
    return Forged(lived, bundle, header)


def _with_next(broker: Broker, client: Client, label: bytes) -> None:
    """Record something whose `next` is any label: no reader can tell, since the root salt is the broker's own."""
    record = broker.sealed(client, Fact("BIZ_APPLY", {"amount_fen": 3}))
    envelope: Any = {**record.envelope, "next": label.hex()}
    print_ = open_redacted({**redact(record), "envelope": envelope}).fingerprint
    canonical = canonical_json(envelope)
    broker.accept(client, SealedRecord(envelope, print_, canonical, record.root_salt, record.values))


def _two_records_under_one_label(lived: Lived) -> Forged:
    """Let the histories of a client and of a product go on under one label, where the map holds the product's record.

    Which record the client's history has there would then be the broker's choice in the dispute.
    """
    broker, client = lived.broker, lived.client
    lived.product = lived.product or broker.product("FUND-2")
    label = seed("one label for two")
    _with_next(broker, client, label)
    _with_next(broker, lived.product, label)
    broker.record(client, "BIZ_DECIDE", {"decision": "REFUSED"})
    broker.record(lived.product, "PRODUCT_RATE", {"risk": "R5"})  # the later one stands in the map
    broker.anchor()
    return _of(lived)


def _act_repeated(lived: Lived) -> Forged:
    """Let a client's act serve once more, as it was signed."""
    client = lived.client
    act = next(record for record in client.records if record.envelope["type"] == "LEVEL_CONFIRM")
    link = lived.broker.sealed(client, Fact("BIZ_APPLY", {})).envelope
    own = {name: link[name] for name in ("seq", "prev", "record_id", "recorded_at", "accepted")}
    stated = {name: value for name, value in act.envelope.items() if name != "next"}
    lived.broker.accept(client, seal({**stated, **own}, act.values, act.root_salt))
    lived.broker.anchor()
    return _of(lived)


def _act_without_its_client(lived: Lived) -> Forged:
    lived.broker.record(lived.client, "LEVEL_CONFIRM", {"level": "C5"})
    lived.broker.anchor()
    return _of(lived)


def _act_that_knew_another_history(lived: Lived) -> Forged:
    false = {"count": 2, "fingerprint": seed("another record 2").hex(), "nonce": "cd" * 16}
    lived.broker.act(lived.client, "LEVEL_CONFIRM", {"level": "C5"}, known=false)
    lived.broker.anchor()
    return _of(lived)


def _act_by_an_ended_key(lived: Lived) -> Forged:
    broker, client = lived.broker, lived.client
    broker.world.block += 1
    broker.world.set_key("ada", ed25519.public_key(client.secret), valid_to=0)
    broker.world.block += 1
    broker.act(client, "LEVEL_CONFIRM", {"level": "C5"})
    broker.anchor()
    return _of(lived)


def _paper(lived: Lived, name: str) -> Client:
    broker = lived.broker
    paper = broker.client(name, opens=False)
    broker.record(paper, "OPENING", {"kind": "unsigned-client", "opens": None, "continues": None})
    return paper


def _paper_history_in_a_clients_name(lived: Lived) -> Forged:
    """Hand on a history that nobody signed as that of a DID."""
    lived.client = _paper(lived, "zoe")
    lived.broker.record(lived.client, "LEVEL_RESULT", {"band": "C5"})
    lived.broker.anchor()
    return _of(lived)


def _history_opened_by_nobody(lived: Lived) -> Forged:
    lived.client = lived.broker.client("zoe", opens=False)
    lived.broker.record(lived.client, "LEVEL_RESULT", {"band": "C5"})
    lived.broker.anchor()
    return _of(lived)


def _history_opened_again(lived: Lived) -> Forged:
    opening = {"kind": "client", "opens": did("ada"), "continues": None}
    lived.broker.act(lived.client, "OPENING", opening)
    lived.broker.anchor()
    return _of(lived)


def _second_pseudonym(lived: Lived) -> Forged:
    """Put a sale under a pseudonym of which the bundle shows nothing; the client holds its promise."""
    other = _paper(lived, "ada once more")
    lived.broker.record(other, "BIZ_APPLY", {"amount_fen": 1})
    held = sign_promises([lived.broker.promised[other.places[-1]].promise], lived.broker.member.secret)
    lived.broker.anchor()
    return _of(lived, promises=held)


def _promised_and_left_out(lived: Lived) -> Forged:
    """Promise a record and never log it."""
    broker, client = lived.broker, lived.client
    kept = replace(client, records=[*client.records], places=[*client.places], labels=[*client.labels])
    state = (broker.size, list(broker.entries), dict(broker.waiting))
    broker.record(client, "BIZ_APPLY", {"amount_fen": 1})
    held = sign_promises([broker.promised[client.places[-1]].promise], broker.member.secret)
    broker.size, broker.entries, broker.waiting = state
    lived.client = kept
    broker.record(kept, "BIZ_APPLY", {"amount_fen": 2}, channel="web")
    broker.anchor()
    return _of(lived, promises=held)


def _erase_last(lived: Lived, blocks: int) -> int:
    broker, client = lived.broker, lived.client
    last = client.records[-1].link
    broker.world.block += blocks
    named = {"seq": last.seq, "fingerprint": last.fingerprint.hex(), "rule": RULE}
    broker.record(client, "ERASE", {"erases": [named], "reason": "time"})
    broker.anchor()
    return last.seq


def _erased_too_early(lived: Lived) -> Forged:
    lived.broker.erase(lived.client, _erase_last(lived, lived.random.randrange(126_000_000)))
    return _of(lived)


def _erased_record_put_back(lived: Lived) -> Forged:
    _erase_last(lived, 126_230_400)
    return _of(lived)


def _under_an_anchor_named_wrong(lived: Lived) -> Forged:
    lived.broker.anchor()
    lived.broker.wrong = (lived.broker.leaves[-2].seq,)
    return _of(lived)


def _checkpoint_of_another_key(lived: Lived) -> Forged:
    bundle, header = lived.bundle()
    body = json.loads(bundle)
    del body["signature"]
    stated = read_anchor_checkpoint(body["checkpoint"].partition("\n\n")[0] + "\n")
    body["checkpoint"] = sign_anchor_checkpoint(stated, seed("a key of nobody's"))
    return Forged(lived, sealed(lived.broker, body), header)


def _older_file_in_a_later_block(lived: Lived) -> Forged:
    """Show what was complete once, under the present block."""
    old = json.loads(lived.bundle()[0])
    lived.broker.record(lived.client, "BIZ_APPLY", {"amount_fen": 1})
    lived.broker.anchor()
    bundle, header = lived.bundle()
    body = json.loads(bundle)
    del body["signature"]
    body.update({name: old[name] for name in ("log", "checkpoint", "history", "references", "map", "promises", "keys")})
    return Forged(lived, sealed(lived.broker, body), header)


def _log_begun_anew(lived: Lived) -> Forged:
    """Begin a second log in a contract that did not take the first one over."""
    world = lived.broker.world
    world.block += 1
    world.name("EvidenceLog", address("a new log"))
    again = Broker(world, "north")
    lived.broker, lived.product = again, None
    lived.client = again.client("ada")
    again.anchor()
    return _of(lived)


def _version_1_log_left_out(lived: Lived) -> Forged:
    """Open a log that continues nothing where the Directory named a contract of version 1."""
    world = lived.broker.world
    world.directory.insert(0, replace(world.directory[0], name="EvidenceAnchor", target=address("version 1")))
    world.name("DidRegistry", address("DidRegistry"))
    return _of(lived)


def _recorded_late(lived: Lived) -> Forged:
    """Record today what is said to have happened years ago."""
    lived.broker.record(lived.client, "BIZ_APPLY", {"amount_fen": 1}, occurred_at="2020-01-01T00:00:00.000+08:00")
    lived.broker.anchor()
    return _of(lived)


def _anchored_late(lived: Lived) -> Forged:
    """Anchor after the promised time."""
    lived.broker.record(lived.client, "BIZ_APPLY", {"amount_fen": 1})
    lived.broker.world.block += 1_000
    lived.broker.anchor()
    return _of(lived)


ACTS: Mapping[Callable[[Lived], Forged], tuple[str, ...]] = {
    _map_rolled_back: ("subject-completeness",),
    _record_not_counted: ("subject-completeness",),
    _twin_history: ("subject-completeness",),
    _two_records_under_one_label: ("subject-completeness",),
    _act_repeated: ("client-signature",),
    _act_without_its_client: ("client-signature",),
    _act_that_knew_another_history: ("client-signature",),
    _act_by_an_ended_key: ("client-signature",),
    _paper_history_in_a_clients_name: ("opening",),
    _history_opened_by_nobody: ("opening",),
    _history_opened_again: ("opening",),
    _second_pseudonym: ("held-promises",),
    _promised_and_left_out: ("held-promises",),
    _erased_too_early: ("erasure",),
    _erased_record_put_back: (ACCEPTED,),
    _under_an_anchor_named_wrong: ("inclusion",),
    _checkpoint_of_another_key: ("checkpoint-signature",),
    _older_file_in_a_later_block: ("log-head",),
    _log_begun_anew: ("state-proof",),
    _version_1_log_left_out: ("log-head",),
    _recorded_late: ("ANCHORED_LATE",),
    _anchored_late: ("PROMISE_LATE",),
}


def _name(function: Callable[..., Any]) -> str:
    return function.__name__.strip("_").replace("_", "-")


WAYS: tuple[Way, ...] = (
    Way("byte-flipped", OUTSIDER, ("bundle-signature", NOT_A_BUNDLE), _byte_flipped),
    Way("of-another-chain", OUTSIDER, ("trust",), _of_another_chain),
    *(Way(_name(edit), OUTSIDER, answers, _edited(edit, OUTSIDER)) for edit, answers in EDITS.items()),
    *(Way(_name(edit), BROKER, answers, _edited(edit, BROKER)) for edit, answers in EDITS.items()),
    *(Way(_name(act), BROKER, answers, act) for act, answers in ACTS.items()),
)


def answers_of(forged: Forged) -> frozenset[str]:
    """Return what a bundle is answered with: the failed checks; of one that holds its findings, and what is said."""
    try:
        report = forged.lived.verify(forged.bundle, forged.header, **forged.asked)
    except InvalidInput:
        return frozenset({NOT_A_BUNDLE})
    except VerificationFailed as error:
        return frozenset({error.check})
    if not report.ok:
        return frozenset(report.failed)
    said = {finding.code for finding in report.findings}
    return frozenset(said | {ACCEPTED} if report.reach is not None and report.reach.put_back else said)
