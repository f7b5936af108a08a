"""Make a populated node of release 1 on its own chain. Run it in a checkout of that release, as README.md says.

Everybody in it is synthetic. The node's directory, the chain's state and the network file go into one archive.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tarfile
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from evidence.documents.act import act_payload, field_digests
from evidence.documents.staff_signature import possession_digest
from node_adapter.chain import embedded
from node_adapter.patience import Patience
from node_adapter.store import anchors, outbox, records
from node_adapter.store.chain import blocks, member_registry
from node_adapter.store.snapshot import leave_wal
from node_adapter.workflows.identity.credentials import issue_credentials
from node_adapter.workflows.identity.keys_in_force import rotate
from node_adapter.workflows.identity.staff import enrol_person
from node_adapter.workflows.intake.accepted import Accepted
from node_adapter.workflows.intake.enrol_subject import enrol_subjects
from node_adapter.workflows.intake.facts import submit_facts
from node_adapter.workflows.intake.rulesets import install_ruleset
from node_adapter.workflows.replay.trust_file import trust_file
from primitives import ed25519
from primitives.encoding import encode_base64url
from primitives.timestamp import format_time
from tests.integration.conftest import _consortium
from tests.world.chain_case import COUNTER, NEW, OLD, Case
from tests.world.payloads import PAYLOADS, rating

ANCHORING = {"period_seconds": 0.05, "promise_seconds": 60, "heartbeat_seconds": 3600, "max_batch": 1000}
YEAR_MS = 365 * 86_400_000
OFFICER = hashlib.sha256(b"release 1: a synthetic officer").digest()


class Release(Case):
    """The first of two brokers, and the regulator."""

    def __init__(self, consortium, drive):
        super().__init__(consortium, drive)
        self.regulator = consortium.node(2)
        self.workers[1] = consortium.worker(self.regulator)


def hasty(node):
    """The same node, which promises more than it will keep."""
    anchoring = replace(node.settings.anchoring, promise_seconds=2.0)
    return replace(node, settings=replace(node.settings, anchoring=anchoring))


def drive(worker, until, *, seconds=60.0):
    patience = Patience(seconds)
    while not until():
        assert not patience.is_over(), "the condition never came true"
        if not worker.step():
            time.sleep(0.01)


def populate(case):
    node = case.broker
    [product] = enrol_subjects(node, [{"client_ref": "product fund-1", "product_id": "fund-1"}])
    officer = {"name": "Synthetic Officer", "role": "compliance", "broker": node.did}
    officer["key"] = ed25519.public_key(OFFICER).hex()
    proof = ed25519.sign(OFFICER, possession_digest(*(officer[name] for name in ("broker", "name", "role", "key"))))
    expires = format_time(node.clock.now_ms() + YEAR_MS)
    enrol_person(node, {**officer, "proof": encode_base64url(proof), "expires_at": expires})
    client, case.subject = case.subject, product["subject"]
    case.submit("PRODUCT_RATE", rating() | {"effective_from": format_time(node.clock.now_ms() - 1000)})
    case.subject = client
    case.assess(OLD)
    case.anchor()
    case.rotate()
    consent(case)
    case.submit("MATCH_OPINION", compute={"product_id": "fund-1"})
    buy = {"application_id": "a-1", "kind": "BUY", "product_id": "fund-1"}
    case.submit("BIZ_APPLY", {**buy, "amount_fen": 1_234_567})
    case.submit("BIZ_DECIDE", {**buy, "decision": "APPROVED", "checks": [], "reviewer": "synthetic", "reason": None})
    case.anchor()
    case.kept = case.replay()["bundle"]
    [paper] = enrol_subjects(node, [{"client_ref": "client on paper"}])
    case.subject, case.broker = paper["subject"], hasty(node)
    assert case.submit("ID_VERIFY", PAYLOADS["ID_VERIFY"]).promise is not None
    case.broker = node
    time.sleep(5)
    case.submit("INFO_COLLECT", PAYLOADS["INFO_COLLECT"])
    case.subject = client
    case.anchor()
    case.credentials = [issued(case)]  # by a key that has ended, and by the one in force
    rotated(case)
    case.credentials.append(issued(case))
    second_broker(case)
    with node.store.read() as connection:
        rows = records.of_subject(connection, client)
    case.promises = [json.loads(row.promise) for row in rows]


def issued(case):
    """Return a credential of the client's level, whose issue is anchored."""
    [credential] = issue_credentials(case.broker, [{"subject": case.subject}])
    case.anchor()
    return credential


def rotated(case):
    """The broker takes new keys."""
    rotate(case.broker)

    def done():
        with case.broker.store.read() as connection:
            return len(member_registry.registered_keys(connection, case.broker.address)) == 2

    case.drive(case.workers[0], done)
    case.drive(case.workers[0], lambda: not open_writes(case.broker))


def open_writes(node):
    with node.store.read() as connection:
        return outbox.next_open(connection)


def second_broker(case):
    """Another member of the consortium, with a client on paper of its own."""
    node = case.consortium.node(1)
    worker = case.consortium.worker(node)

    def level():
        with node.store.read() as connection:
            tip = blocks.find_tip(connection)
        return tip is not None and tip.number >= int(case.consortium.rpc.call("eth_blockNumber"), 16) - 1

    def anchored():
        with node.store.read() as connection:
            last = anchors.latest(connection)
            return last and last.block is not None and last.size == records.log_size(connection)

    case.drive(worker, level)
    install_ruleset(node, {"packaged": "sac-bands@1"})
    [client] = enrol_subjects(node, [{"client_ref": "client of the second"}])
    for type_ in ("ID_VERIFY", "INFO_COLLECT"):
        fact = {
            "source_ref": f"second {type_}",
            "subject": client["subject"],
            "type": type_,
            "occurred_at": format_time(node.clock.now_ms()),
            "channel": "app",
            "actor": {"did": node.did, "role": "staff"},
            "payload": PAYLOADS[type_],
        }
        [outcome] = submit_facts(node, [fact])
        assert isinstance(outcome, Accepted), outcome
    case.drive(worker, anchored)
    case.drive(worker, level)
    case.drive(case.workers[0], lambda: case._tip(case.broker) >= case._tip(node))
    case.drive(case.workers[1], lambda: case._tip(case.regulator) >= case._tip(node))


def consent(case):
    """A consent that the client signed; the chain was told of it by nobody."""
    now = case.broker.clock.now_ms()
    fields = {
        "consent_id": "c0" * 32,
        "purpose": "MARKET_RISK",
        "receivers": [case.broker.did],
        "contact": "office",
        "method": "masked sum",
        "data_kinds": ["holdings"],
        "expires_at": format_time(now + YEAR_MS),
        "separate": True,
        "lang": "en",
        "text_sha256": "ab" * 32,
    }
    salt, occurred_at = hashlib.sha256(b"%d" % next(COUNTER)).digest(), format_time(now)
    stated = ("CONSENT_GIVE", case.broker.did, case.subject, occurred_at, None, None)
    signed = act_payload(*stated, field_digests(fields, salt))
    [key] = [name for name, public in case.keys().items() if public == ed25519.public_key(NEW)]
    value = encode_base64url(ed25519.sign(NEW, signed))
    act = {"root_salt": salt.hex(), "key": key, "signature": value, "document": None, "ruleset": None}
    case.submit("CONSENT_GIVE", fields, occurred_at=occurred_at, act=act)


def keep(root, case, deployment, chain_id):
    """Write what others hold: the network file, a bundle of the client's, its promises, the regulator's trust file."""
    network = {
        "chain_id": chain_id,
        "directory": deployment.directory,
        "directory_block": deployment.directory_block,
        "contracts": {contract.name: contract.address for contract in deployment.contracts},
    }
    (root / "network-1.json").write_text(json.dumps(network, indent=1) + "\n", "utf-8")
    (root / "bundle-1.json").write_text(case.kept, "utf-8")
    (root / "credentials-1.json").write_text(json.dumps(case.credentials), "utf-8")
    (root / "promises-1.json").write_text(json.dumps(case.promises), "utf-8")
    (root / "trust-1.json").write_bytes(trust_file(case.regulator))


def pack(root, archive):
    file = root / "network" / "network.json"
    file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), "port": None, "pid": None}), "utf-8")
    names = [f"{name}-1.json" for name in ("network", "bundle", "credentials", "promises", "trust")]
    names += ["network/network.json", "network/state.json"]
    for home in ("node-0", "node-1", "node-2"):
        leave_wal(root / home / "node.db")
        names += [f"{home}/node.db", f"{home}/node.toml"]
        names += sorted(f"{home}/keystore/{key.name}" for key in (root / home / "keystore").iterdir())
    with tarfile.open(archive, "w:xz", preset=9) as made:
        for name in names:
            entry = tarfile.TarInfo(name)
            data = root / name
            entry.size, entry.mode = data.stat().st_size, 0o600
            with data.open("rb") as stream:
                made.addfile(entry, stream)


def main(archive):
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        chain = embedded.up(root / "network")
        try:
            with _consortium(root, chain, brokers=2, anchoring=ANCHORING, rpc_url=None) as consortium:
                case = Release(consortium, drive)
                populate(case)
                keep(root, case, consortium.deployment, chain.chain_id)
        finally:
            embedded.down(root / "network")
        pack(root, archive)
    sys.stdout.write(f"{datetime.now(UTC).isoformat()} {Path(archive).stat().st_size} bytes\n")


if __name__ == "__main__":
    main(sys.argv[1])
