"""Persons of a broker's staff with real keys, as `bonafides staff` makes them in a wallet."""

from dataclasses import dataclass

from domain.second_person import FIELD
from evidence.documents.staff_signature import act_digest, possession_digest
from evidence.log.roster import did_key
from evidence.version2.salts import field_digests
from primitives import ed25519
from primitives.encoding import encode_base64url
from primitives.timestamp import format_time
from tests.world.keys import seed

YEAR = 365 * 86_400_000


@dataclass
class Person:
    """One person with one key for one role."""

    name: str
    role: str = "reviewer"
    secret: str = ""
    own_seed: bytes = b""

    @property
    def seed(self):
        return self.own_seed or seed(f"staff {self.secret or self.name}")

    @property
    def key(self):
        return ed25519.public_key(self.seed).hex()

    @property
    def did(self):
        return did_key(self.key)

    def request(self, broker, **change):
        """What `staff new` prints, with an expiry."""
        stated = {"name": self.name, "role": self.role, "broker": broker.did, "key": self.key, **change}
        proof = ed25519.sign(
            self.seed, possession_digest(stated["broker"], stated["name"], stated["role"], stated["key"])
        )
        return {"proof": encode_base64url(proof), "expires_at": format_time(broker.clock.now + YEAR), **stated}

    def enrol(self, broker, **change):
        return broker.post("/v1/staff", self.request(broker, **change), role="operator")

    def sign(self, broker, fact):
        """Add this person's signature to a fact, as `staff sign` does."""
        payload = {name: value for name, value in fact["payload"].items() if name != FIELD}
        salt = bytes.fromhex(fact.get("root_salt", "5c" * 32))
        digest = act_digest(
            {"broker": broker.did, "attachments": [], **fact}, field_digests(broker.suite, payload, salt)
        )
        signature = {"key": self.key, "value": encode_base64url(ed25519.sign(self.seed, digest))}
        signed = [*fact["payload"].get(FIELD, []), signature]
        return {**fact, "payload": {**payload, FIELD: signed}, "root_salt": salt.hex()}


def enrolled(broker, name, role="reviewer", secret=""):
    """Return an enrolled person."""
    person = Person(name, role, secret)
    answer = person.enrol(broker)
    assert answer.status_code == 201, answer.get_json()
    return person
