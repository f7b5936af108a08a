"""Pairwise identities: one per client and broker, so that no two of a client's accounts share a key.

An identity has a secp256k1 controller (its did:ethr), Ed25519 keys (the newest that came into force signs; older ones
are kept, for what they signed still verifies) and the opening of a Pedersen commitment to a certificate number. Acts
are signed by a key of the broker's suite: where that is not the default one, the identity has keys of it beside the
others, which open sessions and sign consents and proofs at every broker. What holds on the chain, the wallet learns
from there (`rotation.learn`); by itself it only presumes that its first keys are in force.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bonafides.wallet.store import WalletStore
from primitives.address import ADDRESS_PATTERN
from primitives.canonical import parse_json
from primitives.certificate import check_certificate
from primitives.eip712 import set_attribute_typed_data, sign_typed
from primitives.encoding import decode_hex
from primitives.errors import CouldNotCheck, InvalidInput, Refused
from primitives.pedersen import ORDER, certificate_message, commit
from primitives.secp256k1 import address_of
from primitives.shapes import Fields, Integer, Line, Text
from primitives.suite import SigningSuite
from primitives.suites import DEFAULT, SUITES

KEY_VALIDITY_SECONDS = 10 * 365 * 24 * 3600
DEADLINE_SECONDS = 24 * 3600  # how long a member may wait before it relays a signed call
_KIND = "identity"
_BY_DID, _BY_SUBJECT = "identity-by-did", "identity-by-subject"
SEED_BYTES = 32
_BLINDING_BYTES = 48  # 384 bits reduced modulo a 255-bit order leave no bias to speak of
_MEMBER_DID = re.compile(r"did:ethr:0x([0-9a-f]+):0x[0-9a-f]{40}")
_MAX_TEXT = 200  # a reference, not a document
_MAX_NETWORK_BYTES = 64 * 1024
_LINE = Line(_MAX_TEXT)
_CERTIFICATE = Fields({"kind": _LINE, "number": _LINE})
_ADDRESS = Text(min=0, pattern=ADDRESS_PATTERN, rule="address")
_NETWORK = Fields(
    {
        "chain_id": Integer(1),
        "contracts": Fields({"DidRegistry": _ADDRESS, "ConsentRegistry": _ADDRESS}, open=True),
    },
    open=True,
)


@dataclass(frozen=True)
class Network:
    """The chain and the contracts that the wallet signs for: what `contracts deploy` writes."""

    chain_id: int
    did_registry: str
    consent_registry: str

    @classmethod
    def load(cls, file: Path) -> Network:
        """Read a network file.

        Raises:
            InvalidInput: an entry is missing or malformed.
            CouldNotCheck: `network-unreadable`.
        """
        try:
            data = file.read_bytes()
        except OSError as error:
            raise CouldNotCheck("network-unreadable", f"{file}: {error.strerror}") from error
        return cls.from_json(parse_json(data, field="network", max_bytes=_MAX_NETWORK_BYTES))

    @classmethod
    def from_json(cls, value: object) -> Network:
        """Read the part of a network file that a wallet needs."""
        network = _NETWORK.read(value, "network")
        contracts = network["contracts"]
        return cls(network["chain_id"], contracts["DidRegistry"], contracts["ConsentRegistry"])

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        contracts = {"DidRegistry": self.did_registry, "ConsentRegistry": self.consent_registry}
        return {"chain_id": self.chain_id, "contracts": contracts}


@dataclass(frozen=True)
class SigningKey:
    """One key of an identity, with its place among the identity's key events on the chain."""

    seed: bytes = field(repr=False)
    number: int  # the resolver names the N-th key event `#delegate-N`; presumed until it was learned
    revoked: bool = False  # it was in force once, and is no more
    suite: SigningSuite = DEFAULT

    @property
    def public(self) -> bytes:
        """The public key."""
        return self.suite.public_key(self.seed)


@dataclass(frozen=True)
class KeyLine:
    """The keys of one suite that an identity has had, in their order; the last one signs."""

    keys: tuple[SigningKey, ...]
    pending: SigningKey | None = None  # a key that was made to follow, and that nobody has seen on the chain

    @property
    def key(self) -> SigningKey:
        """The key that signs now."""
        return self.keys[-1]

    @property
    def suite(self) -> SigningSuite:
        """Of its keys."""
        return self.key.suite

    def to_json(self) -> dict[str, Any]:
        """Return what is sealed in the wallet."""
        pending = None if self.pending is None else _key_json(self.pending)
        return {"keys": [_key_json(key) for key in self.keys], "pending": pending}

    @classmethod
    def from_json(cls, value: Mapping[str, Any], suite: SigningSuite) -> KeyLine:
        """Read what `to_json` wrote, also as an earlier version of the wallet did."""
        pending = value.get("pending")
        return cls(tuple(_read_key(key, suite) for key in value["keys"]), pending and _read_key(pending, suite))


@dataclass(frozen=True)
class Opening:
    """A certificate number and the blinding of the commitment to it."""

    kind: str
    number: str = field(repr=False)
    blinding: int = field(repr=False)

    @property
    def message(self) -> int:
        """The scalar that the commitment holds."""
        return certificate_message(self.kind, self.number)

    @property
    def commitment(self) -> bytes:
        """The commitment, 48 bytes."""
        return commit(self.message, self.blinding)


@dataclass(frozen=True)
class Identity:
    """One client at one broker."""

    client_ref: str
    broker: str
    network: Network
    controller: bytes = field(repr=False)
    lines: tuple[KeyLine, ...]  # the Ed25519 one, and that of the broker's suite where it is another
    nonce: int  # of the next sponsored call, as far as is known
    block: int = 0  # at which the chain was last seen; what is older is no news
    subject: str | None = None
    opening: Opening | None = None

    @property
    def address(self) -> str:
        """The controller's account."""
        return address_of(self.controller)

    @property
    def did(self) -> str:
        """The pairwise DID."""
        return f"did:ethr:0x{self.network.chain_id:x}:{self.address}"

    @property
    def key(self) -> SigningKey:
        """The Ed25519 key that signs now: sessions, consents, proofs."""
        return self.lines[0].key

    @property
    def act_key(self) -> SigningKey:
        """The key that signs acts now."""
        return self.lines[-1].key

    @property
    def suite(self) -> SigningSuite:
        """The suite of its acts: that of the broker's records."""
        return self.lines[-1].suite

    def key_id(self, key: SigningKey) -> str:
        """Return the verification method of a key."""
        return f"{self.did}#delegate-{key.number}"

    def to_json(self) -> dict[str, Any]:
        """Return what is sealed in the wallet."""
        opening = self.opening
        return {
            "client_ref": self.client_ref,
            "broker": self.broker,
            "network": self.network.to_json(),
            "controller": self.controller.hex(),
            **self.lines[0].to_json(),
            "acts": None if self.suite is DEFAULT else {"suite": self.suite.name, **self.lines[-1].to_json()},
            "nonce": self.nonce,
            "block": self.block,
            "subject": self.subject,
            "opening": opening
            and {"kind": opening.kind, "number": opening.number, "blinding": opening.blinding.to_bytes(32).hex()},
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Identity:
        """Read what `to_json` wrote, also in an earlier version; the seal proves that nobody else wrote it."""
        opening, acts = value["opening"], value.get("acts")
        own = [] if acts is None else [KeyLine.from_json(acts, SUITES[acts["suite"]])]
        return cls(
            client_ref=value["client_ref"],
            broker=value["broker"],
            network=Network.from_json(value["network"]),
            controller=bytes.fromhex(value["controller"]),
            lines=(KeyLine.from_json(value, DEFAULT), *own),
            nonce=value["nonce"],
            block=value.get("block", 0),
            subject=value["subject"],
            opening=opening and Opening(opening["kind"], opening["number"], int(opening["blinding"], 16)),
        )


class Identities:
    """The identities of a wallet, found by client and broker, by DID, or by subject."""

    def __init__(self, store: WalletStore) -> None:
        """Read and write through an opened wallet."""
        self.store = store

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Keep all changes inside, or none."""
        with self.store.transaction():
            yield

    def save(self, identity: Identity) -> None:
        """Store an identity and the ways to find it; call it inside `changing`."""
        name = (identity.client_ref, identity.broker)
        self.store.put(identity.to_json(), _KIND, *name)
        self.store.put(list(name), _BY_DID, identity.did)
        if identity.subject is not None:
            self.store.put(list(name), _BY_SUBJECT, identity.broker, identity.subject)

    def find(self, client_ref: str, broker: str) -> Identity | None:
        """Return the identity of a client at a broker, or None."""
        value = self.store.get(_KIND, client_ref, broker)
        return None if value is None else Identity.from_json(value)

    def by_did(self, did: object) -> Identity:
        """Return the identity of a DID.

        Raises:
            Refused: `wallet-foreign`, it is none of this wallet's.
        """
        return self._named(self.store.get(_BY_DID, _LINE.read(did, "did")), f"{did} is no identity of this wallet")

    def by_subject(self, broker: object, subject: object) -> Identity:
        """Return the identity that a broker knows under a pseudonym.

        Raises:
            Refused: `wallet-foreign`, the pair was never bound to an identity of this wallet.
        """
        name = self.store.get(_BY_SUBJECT, _LINE.read(broker, "broker"), _LINE.read(subject, "subject"))
        return self._named(name, f"subject {subject} of {broker} is no identity of this wallet")

    def all(self) -> list[Identity]:
        """Return every identity, by client and broker."""
        found = [Identity.from_json(value) for value in self.store.all(_KIND)]
        return sorted(found, key=lambda identity: (identity.client_ref, identity.broker))

    def _named(self, name: list[str] | None, message: str) -> Identity:
        identity = None if name is None else self.find(name[0], name[1])
        if identity is None:
            raise Refused("wallet-foreign", message)
        return identity


def new_identity(
    identities: Identities,
    *,
    client_ref: str,
    broker: str,
    network: Network,
    certificate: object = None,
    suite: SigningSuite = DEFAULT,
) -> Identity:
    """Return the identity of a client at a broker, and make it where there is none; call it inside `changing`.

    One that no broker has given a pseudonym yet takes the suite that is asked for.

    Args:
        identities: the wallet.
        client_ref: the client.
        broker: its DID.
        network: the chain and its contracts.
        certificate: {"kind", "number"}, or None.
        suite: of the broker's records.

    Raises:
        InvalidInput: the broker's DID or the certificate is malformed, or the DID is of another chain.
        Refused: `wallet-identity-exists`, for another network or suite, or with another certificate.
        CouldNotCheck: `suite-not-installed`.
    """
    match = _MEMBER_DID.fullmatch(_LINE.read(broker, "broker"))
    if match is None or int(match.group(1), 16) != network.chain_id:
        raise InvalidInput("broker", "did-ethr", f"must be a did:ethr of the chain {network.chain_id}")
    entropy = identities.store.entropy
    opening = None if certificate is None else _opening(certificate, entropy(_BLINDING_BYTES))
    known = identities.find(_LINE.read(client_ref, "client_ref"), broker)
    if known is not None:
        fits = known.suite is suite or known.subject is None
        if known.network != network or not fits or not _same_certificate(known.opening, opening):
            detail = f"client {client_ref} has another identity at {broker}: of another network, suite or certificate"
            raise Refused("wallet-identity-exists", detail)
        return known if known.suite is suite else _with_suite(identities, known, suite)
    identity = Identity(
        client_ref=client_ref,
        broker=broker,
        network=network,
        controller=_controller(entropy(SEED_BYTES)),
        lines=(KeyLine((SigningKey(entropy(SEED_BYTES), 1),)),),
        nonce=1,
        opening=opening,
    )
    return _with_suite(identities, identity, suite)


def registration(identity: Identity, now_ms: int) -> dict[str, Any]:
    """Return the body of `POST /v1/subjects`: the DID, and the first keys under the controller's EIP-712 signature.

    It may be made again at any time: when the first came too late, or to find out the pseudonym.
    """
    stated = [_registered(identity, line.keys[0], nonce, now_ms) for nonce, line in enumerate(identity.lines)]
    body = {"client_ref": identity.client_ref, "did": identity.did, "registration": stated[0]}
    if identity.suite is DEFAULT:
        return body
    return {**body, "act_registration": {"suite": identity.suite.name, **stated[1]}}


def _registered(identity: Identity, key: SigningKey, nonce: int, now_ms: int) -> dict[str, Any]:
    call = set_call(identity, key, nonce=nonce, deadline=now_ms // 1000 + DEADLINE_SECONDS)
    return {"signing_key": key.public.hex(), **{name: call[name] for name in ("validity", "deadline", "signature")}}


def set_call(identity: Identity, key: SigningKey, *, nonce: int, deadline: int) -> dict[str, Any]:
    """Return the sponsored call that puts a key into force: a body of `POST /v1/dids/sponsored`."""
    typed = set_attribute_typed_data(
        identity.network.chain_id,
        identity.network.did_registry,
        identity.address,
        key.suite.attribute,
        key.public,
        KEY_VALIDITY_SECONDS,
        nonce,
        deadline,
    )
    return signed_call(identity, "setAttribute", key, typed, validity=KEY_VALIDITY_SECONDS, deadline=deadline)


def signed_call(identity: Identity, call: str, key: SigningKey, typed: dict[str, Any], **terms: int) -> dict[str, Any]:
    """Return a sponsored call about a key of an identity, signed by its controller.

    Args:
        identity: whose DID it is.
        call: `setAttribute` or `revokeAttribute`.
        key: the key.
        typed: the typed data of that call.
        terms: its further members, as the typed data has them.
    """
    return {
        "did": identity.did,
        "call": call,
        "name": "0x" + key.suite.attribute.hex(),
        "value": "0x" + key.public.hex(),
        **terms,
        "signature": "0x" + sign_typed(identity.controller, typed).hex(),
    }


def bind(identities: Identities, did: object, subject: object) -> Identity:
    """Keep the pseudonym that the broker gave an identity; call it inside `changing`.

    Raises:
        Refused: `wallet-bound`, the identity is bound to another pseudonym: a broker gives one and keeps it.
    """
    identity = identities.by_did(did)
    pid = decode_hex(subject, "subject", 32).hex()
    if identity.subject not in (None, pid):
        raise Refused("wallet-bound", f"{did} is bound to another subject")
    bound = replace(identity, subject=pid)
    identities.save(bound)
    return bound


def _key_json(key: SigningKey) -> dict[str, Any]:
    return {"seed": key.seed.hex(), "number": key.number, "revoked": key.revoked}


def _read_key(value: dict[str, Any], suite: SigningSuite) -> SigningKey:
    return SigningKey(bytes.fromhex(value["seed"]), value["number"], value["revoked"], suite)


def _with_suite(identities: Identities, identity: Identity, suite: SigningSuite) -> Identity:
    """Keep an identity that no broker knows with a key for acts of a suite, where the default one's is not enough."""
    of_acts = suite.draw_secret(identities.store.entropy) if suite is not DEFAULT else None
    lines = (
        identity.lines[:1] if of_acts is None else (identity.lines[0], KeyLine((SigningKey(of_acts, 2, suite=suite),)))
    )
    made = replace(identity, lines=lines, nonce=len(lines))
    identities.save(made)
    return made


def _same_certificate(kept: Opening | None, given: Opening | None) -> bool:
    return given is None or (kept is not None and (kept.kind, kept.number) == (given.kind, given.number))


def _controller(entropy: bytes) -> bytes:
    address_of(entropy)  # refuses the one draw in 2^128 that is no key
    return entropy


def _opening(certificate: object, entropy: bytes) -> Opening:
    read = _CERTIFICATE.read(certificate, "certificate")
    kind, number = read["kind"], read["number"]
    opening = Opening(kind, number, 1 + int.from_bytes(entropy) % (ORDER - 1))
    check_certificate(kind, number)  # refuses a malformed number now, and not at the first proof
    return opening
