"""A client of a broker: the person's keys, what they register, and the acts that they sign."""

from __future__ import annotations

from dataclasses import dataclass

from did.identifiers import ethr_did
from evidence.documents.act import act_payload, field_digests
from primitives import ed25519
from primitives.eip712 import ED25519_ATTRIBUTE, set_attribute_typed_data, sign_typed
from primitives.encoding import encode_base64url
from primitives.secp256k1 import address_of
from primitives.timestamp import format_time
from tests.world.chain import CHAIN_ID, CONTRACTS, VALIDITY
from tests.world.clock import START
from tests.world.keys import seed


@dataclass
class Client:
    """A person's keys for one broker."""

    name: str
    broker: str
    number: int = 1
    subject: str = ""
    reference: str = ""

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
    def key(self):
        return f"{self.did}#delegate-{self.number}"

    def registration(self, *, days=1):
        deadline = START // 1000 + days * 86_400
        typed = set_attribute_typed_data(
            CHAIN_ID, CONTRACTS["DidRegistry"], self.address, ED25519_ATTRIBUTE, self.public, VALIDITY, 0, deadline
        )
        return {
            "client_ref": self.reference,
            "did": self.did,
            "registration": {
                "signing_key": self.public.hex(),
                "validity": VALIDITY,
                "deadline": deadline,
                "signature": "0x" + sign_typed(self.controller, typed).hex(),
            },
        }

    def act(self, draft, occurred_ms, *, key_seed=None, salt=None):
        """Sign a draft as the wallet does and return the fact."""
        root_salt = salt or seed(f"{self.name} salt {occurred_ms} {draft['type']}")
        occurred_at = format_time(occurred_ms)
        payload = act_payload(
            draft["type"],
            draft["broker"],
            draft["subject"],
            occurred_at,
            draft["document"],
            draft["ruleset"],
            field_digests(draft["fields"], root_salt),
        )
        signature = encode_base64url(ed25519.sign(key_seed or self.key_seed, payload))
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
                "key": self.key,
                "signature": signature,
                "document": draft["document"],
                "ruleset": draft["ruleset"],
            },
        }
