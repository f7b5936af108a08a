"""A staff person's own keys, and what they sign: records that take a second person (docs/spec/staff.md).

The keys lie in a wallet of the person's, sealed as a client's are. The signature covers the whole content of the fact
under a root salt that the first person who signs draws; the fact is shown before it is signed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bonafides.wallet.store import WalletStore
from did.identifiers import parse_did
from domain.erasure import ERASE
from domain.second_person import FIELD
from evidence.documents.staff_signature import act_digest, possession_digest
from evidence.log.roster import check_name
from evidence.version2.salts import ROOT_SALT_BYTES, field_digests
from primitives import ed25519
from primitives.encoding import decode_hex, encode_base64url
from primitives.errors import InvalidInput, Refused
from primitives.suite import SigningSuite
from primitives.suites import DEFAULT, SUITES
from replay.installed import INSTALLED
from replay.wire.fact import read_fact, read_node_fact
from suitability.records.staff import STAFF_ROLES

_KIND = "staff-key"
_SEED_BYTES = 32
_NEEDED = ("subject", "type", "occurred_at", "channel", "actor", "payload")

Show = Callable[["HeldStaffKey", Mapping[str, Any]], bool]


@dataclass(frozen=True)
class HeldStaffKey:
    """One key of a person, for one role at one broker. It is Ed25519; the fields that it signs are of the suite."""

    broker: str
    name: str
    role: str
    seed: bytes = field(repr=False)
    suite: SigningSuite = DEFAULT

    @property
    def public(self) -> str:
        """The public key, hex."""
        return ed25519.public_key(self.seed).hex()


def check_person(broker: str, name: str, role: str) -> None:
    """Check for whom a key is to be, before a wallet is made for it.

    Raises:
        InvalidInput: `broker`, `name` or `role` is malformed.
    """
    if role not in STAFF_ROLES:
        raise InvalidInput("role", "one-of", f"must be one of {', '.join(STAFF_ROLES)}")
    parse_did(broker, "broker")
    check_name(name)


def new_key(
    store: WalletStore, *, broker: str, name: str, role: str, suite: SigningSuite | None = None, renew: bool = False
) -> dict[str, Any]:
    """Make a key, or return the enrolment request of the one that is there; call it inside `store.transaction`.

    Args:
        store: the person's wallet.
        broker: its DID.
        name: the person's.
        role: for which the key is.
        suite: of the broker's records; None for what is kept of a key that is there, else the default one.
        renew: puts a new key in the place of the old one, which signs no more.

    Raises:
        InvalidInput: `broker`, `name` or `role` is malformed.
    """
    check_person(broker, name, role)
    kept = store.get(_KIND, broker, name, role)
    before = None if kept is None else _held(kept)
    seed = store.entropy(_SEED_BYTES) if before is None or renew else before.seed
    key = HeldStaffKey(broker, name, role, seed, suite or (DEFAULT if before is None else before.suite))
    if key != before:
        value = {"broker": broker, "name": name, "role": role, "seed": seed.hex(), "suite": key.suite.name}
        store.put(value, _KIND, broker, name, role)
    proof = ed25519.sign(seed, possession_digest(broker, name, role, key.public))
    return {"name": name, "role": role, "broker": broker, "key": key.public, "proof": encode_base64url(proof)}


def keys_of(store: WalletStore) -> list[HeldStaffKey]:
    """Return the keys of a wallet."""
    return [_held(entry) for entry in store.all(_KIND)]


def _held(kept: Mapping[str, str]) -> HeldStaffKey:
    """Read a key, also of an earlier version of the wallet, which knew one suite."""
    suite = SUITES[kept.get("suite", DEFAULT.name)]
    return HeldStaffKey(kept["broker"], kept["name"], kept["role"], bytes.fromhex(kept["seed"]), suite)


def sign_fact(
    store: WalletStore, fact: Mapping[str, Any], *, name: str | None, broker: str | None, show: Show
) -> dict[str, Any]:
    """Show a fact, and add this person's signature to it when the person agrees.

    Args:
        store: the person's wallet.
        fact: what is to be reported (`POST /v1/facts`), perhaps signed by others.
        name: whose key, where the wallet holds several that may sign.
        broker: at which broker, likewise.
        show: shows key and fact; returns whether the person agrees.

    Raises:
        InvalidInput: it is no fact that takes a second person, or not to the letter what a node takes.
        Refused: `staff-no-key`, `staff-several-keys`; `staff-same-person`, it bears this key's signature;
            `wallet-declined`.
    """
    payload = _payload(fact)
    key = _key_for(store, str(fact["type"]), name, broker)
    signed = list(payload.get(FIELD, ()))
    if any(entry["key"] == key.public for entry in signed):
        raise Refused("staff-same-person", f"payload.{FIELD}: {key.name} has signed this already")
    root_salt = store.entropy(ROOT_SALT_BYTES)
    if "root_salt" in fact:
        root_salt = decode_hex(fact["root_salt"], "root_salt", ROOT_SALT_BYTES)
    elif signed:
        raise InvalidInput("root_salt", "together", f"is missing: it is given exactly where payload.{FIELD} is")
    if not show(key, fact):
        raise Refused("wallet-declined", "the person did not agree; nothing was signed")
    stated = {"attachments": [], **fact, "broker": key.broker}  # last: nothing that was handed in stands in its place
    digest = act_digest(stated, field_digests(key.suite, payload, root_salt))
    value = encode_base64url(ed25519.sign(key.seed, digest))
    return {
        **fact,
        "payload": {**payload, FIELD: [*signed, {"key": key.public, "value": value}]},
        "root_salt": root_salt.hex(),
    }


def _payload(fact: Mapping[str, Any]) -> dict[str, Any]:
    for name in _NEEDED:
        if name not in fact:
            raise InvalidInput(name, "required", "is missing")
    if not isinstance(fact["type"], str) or fact["type"] not in INSTALLED.staff_acts:
        raise InvalidInput("type", "second-person", f"must be one of {', '.join(INSTALLED.staff_acts)}")
    payload = INSTALLED.check_payload(fact["type"], fact["payload"])
    unsalted = {name: value for name, value in fact.items() if name != "root_salt" or FIELD in payload}
    read = read_node_fact if fact["type"] == ERASE else read_fact  # the node takes an ERASE by a door of its own
    read(unsalted)  # what the node would refuse, or read in another way, is shown to nobody
    return payload


def _key_for(store: WalletStore, type_: str, name: str | None, broker: str | None) -> HeldStaffKey:
    role = INSTALLED.staff_acts[type_].role
    fitting = [
        key for key in keys_of(store) if key.role == role and name in (None, key.name) and broker in (None, key.broker)
    ]
    if not fitting:
        raise Refused("staff-no-key", f"the wallet holds no such key of a {role}")
    if len(fitting) > 1:
        raise Refused("staff-several-keys", f"the wallet holds several keys of a {role}: say --name and --broker")
    return fitting[0]
