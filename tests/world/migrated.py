"""A populated node of release 1 on its own chain, unpacked for one test (release_1/README.md says what is in it).

What it was given ends one day: a consent, an officer, credentials. Chain and test live a day after its last block.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

from did.identifiers import ethr_did
from evidence.version2.act import act_payload, known
from evidence.version2.salts import field_digests
from node_adapter.chain import embedded
from node_adapter.chain.deploy import Deployment, deploy
from node_adapter.chain.former_network import read_former_network
from node_adapter.chain.rpc import HttpRpc
from node_adapter.chain.state_proofs import take_proofs
from node_adapter.init import configure
from node_adapter.keys.keystore import Keystore
from node_adapter.migration import migrate_node
from node_adapter.settings import Settings
from node_adapter.store import subjects
from node_adapter.workflows.intake.accepted import Accepted
from node_adapter.workflows.intake.enrol_subject import enrol_subjects, find_subject
from node_adapter.workflows.intake.submitting import submit_facts
from node_adapter.workflows.replay.export import export_subject
from primitives import ed25519
from primitives.encoding import encode_base64url
from primitives.secp256k1 import address_of
from primitives.timestamp import format_time
from tests.integration.conftest import Consortium
from tests.world.chain_case import CONTROLLER, COUNTER, OLD, OLD_KEY, Case
from tests.world.payloads import PAYLOADS, rating
from tests.world.replays import replay
from tests.world.then import Then

ARCHIVE = Path(__file__).with_name("release_1") / "node.tar.xz"
PASSWORD = "a password of the tests"
BROKER, SECOND, REGULATOR = "node-0", "node-1", "node-2"
MEMBERS = (BROKER, SECOND, REGULATOR)
_LATER_SECONDS = 86_400


class Release1:
    """The directories of two brokers' and of a regulator's node, and the chain's; `up` starts that one."""

    def __init__(self, root):
        self.root = root
        with tarfile.open(ARCHIVE) as archive:
            archive.extractall(root, filter="data")
        self.chain = self.rpc = self.then = None

    def up(self):
        """Start the chain where the release left it, and live at its time."""
        self.chain = embedded.up(self.root / "network")
        self.rpc = HttpRpc(self.chain.rpc_url)
        last = int(self.rpc.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
        self.then = Then(last + _LATER_SECONDS)
        self.rpc.call("evm_setTime", last + _LATER_SECONDS)
        for name in MEMBERS:
            configure(self.root / name, {"chain": {"rpc_url": self.chain.rpc_url}})
        return self

    def down(self):
        """Stop the chain, and live at the machine's time again."""
        self.then.end()
        self.rpc.close()
        embedded.down(self.root / "network")

    def kept(self, name):
        """What others hold of it: `network`, `bundle`, `credentials`, `promises` or `trust`."""
        return json.loads((self.root / f"{name}-1.json").read_bytes())

    def settings(self, name=BROKER):
        return Settings.load(self.root / name)

    @property
    def old(self):
        """The old Directory, and the first block of the old contracts."""
        network = self.kept("network")
        return network["directory"], network["directory_block"]

    def continued(self):
        """Deploy the contracts that continue it; return the network file."""
        former = read_former_network(self.rpc, *self.old)
        made = deploy(self.rpc, Keystore.generate().signer(), former.members, veto_blocks=0, former=former)
        return as_network(made)


def as_network(made, **changes):
    """Return the network file of a deployment."""
    network = {name: getattr(made, name) for name in ("chain_id", "directory", "directory_block")}
    return {**network, "contracts": {contract.name: contract.address for contract in made.contracts}, **changes}


def migrated(release, network, names=(BROKER, REGULATOR)):
    """Migrate nodes, those of the first broker and of the regulator; return what the first one's migration answered."""
    now = time.time_ns() // 1_000_000
    answers = [migrate_node(release.settings(name), release.rpc, network, now) for name in names]
    return answers[0]


class Continuing(Case):
    """The migrated broker and regulator, and the client of release 1 who goes on there."""

    def __init__(self, release, network, drive):
        self.release, self.drive = release, drive
        deployed = Deployment(network["chain_id"], network["directory"], network["directory_block"], ())
        homes = [release.root / name for name in (BROKER, REGULATOR)]
        self.consortium = Consortium(release.root / "network", release.chain, deployed, homes, release.rpc)
        self.broker, self.regulator = self.consortium.node(0), self.consortium.node(1)
        self.workers = [self.consortium.worker(node) for node in (self.broker, self.regulator)]
        self.registry = self.consortium.contracts.address_of("DidRegistry")
        self.chain_id = release.chain.chain_id
        self.did = ethr_did(self.chain_id, address_of(CONTROLLER)).text
        self.deadline = self.broker.clock.now_ms() // 1000 + 3600
        for worker in self.workers:
            worker._anchoring.load()
        self.drive(self.workers[0], lambda: self._is_level(self.broker))
        self.subject = find_subject(self.broker, "client")["subject"]

    def _is_level(self, node):
        head = int(self.release.rpc.call("eth_blockNumber"), 16)
        return (self._tip(node) or 0) >= head

    def regulator_follows(self):
        """Let the regulator's node read what the chain holds."""
        self.drive(self.workers[1], partial(self._is_level, self.regulator))

    def publish_key(self):
        """The client's key is registered anew: the same request as at the enrolment, signed for the new registry."""
        [answer] = enrol_subjects(self.broker, [self._registration()])
        assert answer["subject"] == self.subject
        self.drive(self.workers[0], lambda: OLD_KEY in self.keys().values())

    def submit(self, type_, payload=None, **more):
        """As at any node; the references of release 1 are used up."""
        return super().submit(type_, payload, **{"source_ref": f"again {next(COUNTER)}", **more})

    def opening(self, continues):
        """The fact by which the client opens the history at the migrated node."""
        fields = {"kind": "client", "opens": self.did, "continues": continues}
        return self.signed("OPENING", fields)

    def signed(self, type_, fields, document=None):
        with self.broker.store.read() as connection:
            subject = subjects.find_by_pid(connection, self.subject)
        occurred_at = format_time(self.broker.clock.now_ms())
        salt, nonce = (hashlib.sha256(f"{what} {next(COUNTER)}".encode()).digest() for what in ("salt", "nonce"))
        [key] = [name for name, public in self.keys().items() if public == OLD_KEY]
        act = {"document": document, "ruleset": None, "known": known(subject.count, subject.head, nonce[:16])}
        stated = {
            **act,
            "suite": self.broker.suite.name,
            "type": type_,
            "broker": self.broker.did,
            "subject": self.subject,
            "occurred_at": occurred_at,
            "fields": field_digests(self.broker.suite, fields, salt),
        }
        value = encode_base64url(ed25519.sign(OLD, act_payload(stated)))
        return {
            "source_ref": f"act {value}",
            "subject": self.subject,
            "type": type_,
            "occurred_at": occurred_at,
            "channel": "app",
            "actor": {"did": self.did, "role": "client"},
            "payload": fields,
            "act": {**act, "root_salt": salt.hex(), "key": key, "signature": value},
        }

    def hand_in(self, fact):
        [outcome] = submit_facts(self.broker, [fact])
        return outcome

    def enrol_again(self):
        """What comes before a level: the house's rating is anew, and so is what the client says."""
        for type_ in ("ID_VERIFY", "INFO_COLLECT", "DUTY_NOTICE", "Q_SUBMIT"):
            self.submit(type_, PAYLOADS[type_])

    def rate_again(self, product):
        """The house rates a product anew: its history goes on under the derived pseudonym."""
        told = {"client_ref": f"product {product}", "product_id": product}
        [enrolled] = enrol_subjects(self.broker, [told])
        before = format_time(self.broker.clock.now_ms() - 1000)
        rated = rating(product) | {"effective_from": before}
        self.submit("PRODUCT_RATE", rated, subject=enrolled["subject"])

    def confirm_level(self, level):
        shown = {"level_ref": level.fingerprint, "level": level.payload["level"]}
        confirmed = self.hand_in(self.signed("LEVEL_CONFIRM", {**shown, "lang": "en", "text_sha256": "ab" * 32}, "x@1"))
        assert isinstance(confirmed, Accepted), confirmed

    def exported(self):
        """The lines of an export of the client."""
        asked = {"did": self.did, "case": "CASE-2", "reason": "test"}
        with export_subject(self._proving(), asked) as stream:
            return stream.readlines()

    def replayed(self, **who):
        """A replay of the client, or of another one, as the thread of the chain process makes it."""
        return replay(self._proving(), {**(who or {"did": self.did}), "case": "CASE-1", "reason": "test"})

    def _proving(self):
        """The broker's node with proofs from the chain."""
        self.release.rpc.call("evm_mine")  # proofs are of a block that is not the head
        for worker, node in zip(self.workers, (self.broker, self.regulator), strict=True):
            self.drive(worker, partial(self._is_level, node))
        return replace(self.broker, state=partial(take_proofs, self.release.rpc))
