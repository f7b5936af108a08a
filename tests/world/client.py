"""A client of a broker: the person's keys, what they register, and the acts that they sign."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

from did.identifiers import ethr_did
from evidence.version2.act import act_payload, known
from evidence.version2.salts import field_digests
from primitives import ed25519
from primitives.eip712 import set_attribute_typed_data, sign_typed
from primitives.encoding import encode_base64url
from primitives.secp256k1 import address_of
from primitives.suite import SigningSuite
from primitives.suites import DEFAULT
from primitives.timestamp import format_time
from tests.world.chain import CHAIN_ID, CONTRACTS, VALIDITY
from tests.world.clock import START
from tests.world.keys import seed

NOTHING = (0, bytes(32))
OPENED = ("opened-already",)
_NONCES = itertools.count()


@dataclass
class Client:
    """A person's keys for one broker. `hand_in` takes a fact to it; by it the first act is preceded by the opening."""

    name: str
    broker: str
    number: int = 1
    subject: str = ""
    reference: str = ""
    hand_in: Callable | None = None
    opened: bool = False
    suite: SigningSuite = DEFAULT

    def __post_init__(self):
        self.reference = self.reference or f"ref {self.name}"
        self.controller = seed(f"{self.name} controller")
        self.address = address_of(self.controller)
        self.did = ethr_did(CHAIN_ID, self.address).text
        self.key_seed = seed(f"{self.name} key")

    @property
    def public(self):
        return ed25519.public_key(self.key_seed)

    @property
    def act_seed(self):
        return self.key_seed if self.suite is DEFAULT else seed(f"{self.name} key of acts")

    @property
    def keys(self):
        """The public keys that the registration sets, with their suites."""
        own = [(DEFAULT, self.public)]
        return own if self.suite is DEFAULT else [*own, (self.suite, self.suite.public_key(self.act_seed))]

    @property
    def key(self):
        return f"{self.did}#delegate-{self.number}"

    @property
    def act_key(self):
        """The key of its acts: of another suite than the default it is the second one of the DID."""
        return self.key if self.suite is DEFAULT else f"{self.did}#delegate-{self.number + 1}"

    def registration(self, *, days=1):
        deadline = START // 1000 + days * 86_400
        calls = [self._call(suite, public, nonce, deadline) for nonce, (suite, public) in enumerate(self.keys)]
        body = {"client_ref": self.reference, "did": self.did, "registration": calls[0]}
        return body if len(calls) == 1 else {**body, "act_registration": {"suite": self.suite.name, **calls[1]}}

    def _call(self, suite, public, nonce, deadline):
        registry = CONTRACTS["DidRegistry"]
        typed = set_attribute_typed_data(
            CHAIN_ID, registry, self.address, suite.attribute, public, VALIDITY, nonce, deadline
        )
        return {
            "signing_key": public.hex(),
            "validity": VALIDITY,
            "deadline": deadline,
            "signature": "0x" + sign_typed(self.controller, typed).hex(),
        }

    def opening(self, occurred_ms, **more):
        """Return the fact that opens this client's history at its broker."""
        fields = {"kind": "client", "opens": self.did, "continues": None}
        draft = {"type": "OPENING", "broker": self.broker, "subject": self.subject, "document": None, "ruleset": None}
        return self.sign({**draft, "fields": fields}, occurred_ms, **more)

    def act(self, draft, occurred_ms, **more):
        """Sign a draft as the wallet does and return the fact; before the first, open the history."""
        if not self.opened and self.hand_in is not None:
            outcome = self.hand_in(self.opening(occurred_ms))
            self.opened = getattr(outcome, "code", None) in (None, *OPENED)  # what is refused, the act is refused for
        return self.sign(draft, occurred_ms, **more)

    def sign(self, draft, occurred_ms, *, key_seed=None, salt=None, knows=NOTHING, nonce=None, suite=None):
        """Sign a draft as the wallet does and return the fact; `knows` is (count, fingerprint) of the last record."""
        suite = suite or self.suite
        root_salt = salt or seed(f"{self.name} salt {occurred_ms} {draft['type']}")
        occurred_at = format_time(occurred_ms)
        before = known(*knows, nonce or seed(f"nonce {next(_NONCES)}")[:16])
        stated = {
            **{name: draft[name] for name in ("type", "broker", "subject", "document", "ruleset")},
            "suite": suite.name,
            "occurred_at": occurred_at,
            "fields": field_digests(suite, draft["fields"], root_salt),
            "known": before,
        }
        signature = encode_base64url(self.suite.sign(key_seed or self.act_seed, act_payload(stated)))
        return {
            "source_ref": f"act {signature}",
            "subject": draft["subject"],
            "type": draft["type"],
            "occurred_at": occurred_at,
            "channel": "app",
            "actor": {"did": self.did, "role": "client"},
            "payload": draft["fields"],
            "act": {
                "root_salt": root_salt.hex(),
                "key": self.act_key,
                "signature": signature,
                "document": draft["document"],
                "ruleset": draft["ruleset"],
                "known": before,
            },
        }
