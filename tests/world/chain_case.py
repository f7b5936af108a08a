"""A broker with a client on a real chain, and a regulator who follows: facts, anchors, replays, verification."""

from __future__ import annotations

import hashlib
import itertools
from functools import partial

from did.identifiers import ethr_did
from evidence.version2.act import act_payload, known
from evidence.version2.salts import field_digests
from node_adapter.chain.state_proofs import take_proofs
from node_adapter.replay_worker import ReplayWorker
from node_adapter.store import anchors, records
from node_adapter.store.chain import blocks
from node_adapter.workflows.identity.dids import relay_calls
from node_adapter.workflows.identity.identities import history
from node_adapter.workflows.intake.accepted import Accepted
from node_adapter.workflows.intake.enrol_subject import enrol_subjects
from node_adapter.workflows.intake.rulesets import install_ruleset
from node_adapter.workflows.intake.submitting import submit_facts
from node_adapter.workflows.replay.asked import ask_replay, show_replay
from primitives import ed25519
from primitives.eip712 import (
    ED25519_ATTRIBUTE,
    revoke_attribute_typed_data,
    set_attribute_typed_data,
    sign_typed,
)
from primitives.encoding import encode_base64url
from primitives.secp256k1 import address_of
from primitives.suites import DEFAULT
from primitives.timestamp import format_time
from tests.world.payloads import PAYLOADS
from tests.world.replays import block_of, report_on, texts_of

VALIDITY = 10 * 365 * 86_400
OLD, NEW = (hashlib.sha256(name.encode()).digest() for name in ("offline trust: old key", "offline trust: new key"))
CONTROLLER = hashlib.sha256(b"offline trust: controller").digest()
COUNTER = itertools.count()
OLD_KEY, NEW_KEY = ed25519.public_key(OLD), ed25519.public_key(NEW)


class Case:
    """A broker with a client, and a regulator who follows the same chain."""

    def __init__(self, consortium, drive):
        self.consortium, self.drive, self.opened = consortium, drive, False
        consortium.rpc.call("anvil_setBlockTimestampInterval", 1)  # else blocks of one second have one time
        self.broker, self.regulator = consortium.node(0), consortium.node(1)
        self.workers = [consortium.worker(self.broker), consortium.worker(self.regulator)]
        self.registry = consortium.contracts.address_of("DidRegistry")
        self.chain_id = consortium.chain.chain_id
        self.did = ethr_did(self.chain_id, address_of(CONTROLLER)).text
        self.drive(self.workers[0], lambda: self._tip(self.broker) is not None)
        install_ruleset(self.broker, {"packaged": "sac-bands@1"})
        self.deadline = self.broker.clock.now_ms() // 1000 + 3600
        [answer] = enrol_subjects(self.broker, [self._registration()])
        self.subject = answer["subject"]
        own = self.suite.public_key(OLD)
        self.drive(self.workers[0], lambda: own in self.keys(self.suite).values())

    @property
    def suite(self):
        """Of the broker's records, and so of the client's acts."""
        return self.broker.suite

    def _tip(self, node):
        with node.store.read() as connection:
            found = blocks.find_tip(connection)
        return None if found is None else found.number

    def keys(self, suite=DEFAULT):
        with self.broker.store.read() as connection:
            tip = blocks.tip(connection)
            return history(self.broker, connection, self.did).keys_at(tip.number, tip.timestamp, suite)

    def _registration(self):
        body = {"client_ref": "client", "did": self.did, "registration": self._first_key(DEFAULT, 0)}
        if self.suite is DEFAULT:
            return body
        return {**body, "act_registration": {"suite": self.suite.name, **self._first_key(self.suite, 1)}}

    def _first_key(self, suite, nonce):
        public, who = suite.public_key(OLD), address_of(CONTROLLER)
        typed = set_attribute_typed_data(
            self.chain_id, self.registry, who, suite.attribute, public, VALIDITY, nonce, self.deadline
        )
        return {
            "signing_key": public.hex(),
            "validity": VALIDITY,
            "deadline": self.deadline,
            "signature": "0x" + sign_typed(CONTROLLER, typed).hex(),
        }

    def rotate(self):
        """The client sets a new key and revokes the old one."""
        base = {"did": self.did, "name": "0x" + ED25519_ATTRIBUTE.hex(), "deadline": self.deadline}
        who = (self.chain_id, self.registry, address_of(CONTROLLER), ED25519_ATTRIBUTE)
        set_typed = set_attribute_typed_data(*who, NEW_KEY, VALIDITY, 1, self.deadline)
        revoke_typed = revoke_attribute_typed_data(*who, OLD_KEY, 2, self.deadline)
        calls = [
            {"call": "setAttribute", "value": "0x" + NEW_KEY.hex(), "validity": VALIDITY, "signature": set_typed},
            {"call": "revokeAttribute", "value": "0x" + OLD_KEY.hex(), "signature": revoke_typed},
        ]
        for call in calls:
            call["signature"] = "0x" + sign_typed(CONTROLLER, call["signature"]).hex()
            [outcome] = relay_calls(self.broker, [{**base, **call}])
            assert outcome["status"] == "accepted", outcome
        self.drive(self.workers[0], lambda: list(self.keys().values()) == [NEW_KEY])

    def submit(self, type_, payload=None, **more):
        fact = {
            "source_ref": f"fact {next(COUNTER)}",
            "subject": self.subject,
            "type": type_,
            "occurred_at": format_time(self.broker.clock.now_ms()),
            "channel": "app",
            "actor": {"did": self.broker.did, "role": "staff"},
            **({} if payload is None else {"payload": payload}),
            **more,
        }
        [outcome] = submit_facts(self.broker, [fact])
        assert isinstance(outcome, Accepted), outcome
        return outcome

    def act(self, type_, values, document, seed):
        """An act of the client's, signed by one of the keys in force."""
        salt, occurred_at = hashlib.sha256(b"%d" % next(COUNTER)).digest(), format_time(self.broker.clock.now_ms())
        stated = {
            "type": type_,
            "broker": self.broker.did,
            "subject": self.subject,
            "document": document,
            "ruleset": None,
            "suite": self.suite.name,
            "occurred_at": occurred_at,
            "fields": field_digests(self.suite, values, salt),
            "known": known(0, bytes(32), salt[:16]),
        }
        held = self.keys(self.suite).items()
        [key] = [name for name, public in held if public == self.suite.public_key(seed)]
        act = {
            "root_salt": salt.hex(),
            "key": key,
            "signature": encode_base64url(self.suite.sign(seed, act_payload(stated))),
            **{name: stated[name] for name in ("document", "ruleset", "known")},
        }
        actor = {"did": self.did, "role": "client"}
        return self.submit(type_, values, occurred_at=occurred_at, act=act, actor=actor)

    def confirm(self, level, seed):
        """The client's signed confirmation of a level; before the first act the client opens the history."""
        if not self.opened:
            self.act("OPENING", {"kind": "client", "opens": self.did, "continues": None}, None, seed)
            self.opened = True
        values = {
            "level_ref": level.promise["fingerprint"],
            "level": level.payload["level"],
            "lang": "en",
            "text_sha256": "ab" * 32,
        }
        return self.act("LEVEL_CONFIRM", values, "x@1", seed)

    def assess(self, seed):
        for type_ in ("ID_VERIFY", "INFO_COLLECT", "DUTY_NOTICE", "Q_SUBMIT"):
            self.submit(type_, PAYLOADS[type_])
        self.confirm(self.submit("LEVEL_RESULT", compute={}), seed)

    def anchor(self):
        """Let the broker's worker anchor everything, and the regulator's follow."""

        def done():
            with self.broker.store.read() as connection:
                last = anchors.latest(connection)
                return last and last.block is not None and last.size == records.log_size(connection)

        self.drive(self.workers[0], done)
        self.drive(self.workers[1], lambda: (self._tip(self.regulator) or 0) >= self._tip(self.broker))

    def replay(self):
        """Ask for a replay, let it be made and return what it gave; that the look is anchored moves the chain."""
        number = ask_replay(self.broker, {"did": self.did, "case": "CASE-1", "reason": "test"})["id"]
        maker = ReplayWorker(self.broker, partial(take_proofs, self.consortium.rpc))

        def made():
            maker.step()
            return show_replay(self.broker, number)["state"] != "waiting"

        self.drive(self.workers[0], made)
        return texts_of(self.broker, number)

    def verify(self, bundle):
        """What the evidence of a bundle shows to one who takes the regulator's word for its block."""
        number = block_of(bundle)
        self.drive(self.workers[1], lambda: (self._tip(self.regulator) or 0) >= number)
        return report_on(self.regulator, bundle)
