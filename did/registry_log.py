"""The history of a did:ethr from its registry's events (ERC-1056): owner, keys and document at any block.

Rules, as ethr-did-resolver reads them:
1. Events count in the order of (block, transaction, log); an event after the asked block does not exist yet.
2. `previousChange` of each event names the block of the change before; a gap means that an event is missing.
3. Every delegate event and every `did/pub/` attribute event takes the next number N of `#delegate-N`, also when it
   revokes or has expired: a key keeps its identifier for ever, and no identifier names two keys. So do the
   `did/svc/` attributes with N of `#service-N`.
4. The same name and value again replaces the earlier entry; an entry whose `validTo` is not later than the asked
   block's time does not hold (the contract's own rule; a revocation carries 0 or the block's own time).
5. An owner of zero deactivates the DID for good: no key holds after it, and later events do not count.
An owner change leaves attribute keys in force: revoke them one by one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from did.identifiers import Did, parse_did
from did.keys import contexts_of, verification_method
from primitives.address import NO_ADDRESS, check_address
from primitives.ed25519 import MAX_KEYS_IN_FORCE
from primitives.eip712 import ED25519_ATTRIBUTE
from primitives.errors import InvalidInput, VerificationFailed
from primitives.suite import SigningSuite
from primitives.suites import DEFAULT, SUITES, suite_of_alg

OWNER_CHANGED = "DIDOwnerChanged"
DELEGATE_CHANGED = "DIDDelegateChanged"
ATTRIBUTE_CHANGED = "DIDAttributeChanged"

_EVENT_NAMES = frozenset({OWNER_CHANGED, DELEGATE_CHANGED, ATTRIBUTE_CHANGED})
_SIGNING_KEY = re.compile(rf"did/pub/({'|'.join(suite.alg for suite in SUITES.values())})/(veriKey|sigAuth)/hex")
_SERVICE = b"did/svc/"
_DOCUMENT_CONTEXTS = (
    "https://www.w3.org/ns/did/v1",
    "https://w3id.org/security/suites/ed25519-2020/v1",
    "https://w3id.org/security/suites/secp256k1recovery-2020/v2",
)


@dataclass(frozen=True)
class DidEvent:
    """One event of the registry, decoded.

    Attributes:
        block: number of its block.
        tx_index: place of its transaction in the block.
        log_index: place of the log in the block.
        name: the event's name; names that ERC-1056 does not know are skipped.
        args: the event's arguments by their Solidity names; bytes as bytes or 0x hex, addresses as 0x hex.
        block_time: the block's time in seconds.
    """

    block: int
    tx_index: int
    log_index: int
    name: str
    args: Mapping[str, Any]
    block_time: int = 0

    @property
    def position(self) -> tuple[int, int, int]:
        """Its place in the chain."""
        return self.block, self.tx_index, self.log_index


@dataclass(frozen=True)
class VerificationMethod:
    """An entry of the document: a key or a delegate, and what it may do."""

    id: str
    name: str
    value: bytes
    authenticates: bool
    valid_to: int


@dataclass(frozen=True)
class Service:
    """A service endpoint of the document, set as the attribute `did/svc/<type>`."""

    id: str
    type: str
    endpoint: str


@dataclass(frozen=True)
class IdentityHistory:
    """Every change of one DID, in order and without gaps. Build it with `from_events`."""

    did: Did
    events: tuple[DidEvent, ...]

    @classmethod
    def from_events(cls, events: Iterable[DidEvent], *, did: Did | str, changed: int | None = None) -> IdentityHistory:
        """Order the events of one DID and check that none is missing.

        Args:
            events: all known events of the identity; other event names are skipped.
            did: whose history this is.
            changed: what the contract's `changed(identity)` says, when known.

        Raises:
            InvalidInput: an event of another identity, or one event twice.
            VerificationFailed: check `registry-history`; the `previousChange` list has a gap.
        """
        parsed = parse_did(did) if isinstance(did, str) else did
        ordered = tuple(sorted((e for e in events if e.name in _EVENT_NAMES), key=lambda e: e.position))
        for event in ordered:
            if str(event.args["identity"]).lower() != parsed.address:
                raise InvalidInput("events", "identity", f"the event at {event.position} is of another identity")
        check_previous_changes(ordered, changed)
        return cls(parsed, ordered)

    def owner_at(self, block: int) -> str:
        """Return the owner's address at the end of a block: the identity itself until the first change."""
        owner = self.did.address
        for event in self._until(block):
            if event.name == OWNER_CHANGED:
                owner = _address(event.args["owner"])
        return owner

    def deactivated_at(self, block: int) -> bool:
        """Say whether the DID is deactivated at the end of a block."""
        return self.owner_at(block) == NO_ADDRESS

    def version_at(self, block: int) -> int:
        """Return the block of the last change up to a block; 0 when there is none."""
        return max((event.block for event in self._until(block)), default=0)

    def methods_at(self, block: int, block_time: int) -> tuple[VerificationMethod, ...]:
        """Return the keys and delegates that hold at a block whose time (seconds) is `block_time`."""
        if self.deactivated_at(block):
            return ()
        entries: dict[tuple[str, bytes, bytes], VerificationMethod] = {}
        number = 0
        for event in self._until(block):
            entry = _entry(event)
            if entry is None:
                continue
            number += 1
            name, value, valid_to, authenticates = entry
            key = (event.name, name, value)
            entries.pop(key, None)
            if valid_to > block_time:
                method_id = self.did.url(f"delegate-{number}")
                text = name.rstrip(b"\0").decode("utf-8", errors="replace")
                entries[key] = VerificationMethod(method_id, text, value, authenticates, valid_to)
        return tuple(entries.values())

    def services_at(self, block: int, block_time: int) -> tuple[Service, ...]:
        """Return the services that hold at a block; the newest of a type stands last."""
        if self.deactivated_at(block):
            return ()
        entries: dict[tuple[bytes, bytes], Service] = {}
        number = 0
        for event in self._until(block):
            name = _bytes(event.args["name"]) if event.name == ATTRIBUTE_CHANGED else b""
            if not name.startswith(_SERVICE):
                continue
            number += 1
            value = _bytes(event.args["value"])
            entries.pop((name, value), None)
            if int(event.args["validTo"]) > block_time:
                kind, endpoint = (text.decode("utf-8", errors="replace") for text in (name[len(_SERVICE) :], value))
                entries[name, value] = Service(self.did.url(f"service-{number}"), kind.rstrip("\0"), endpoint)
        return tuple(entries.values())

    def keys_at(self, block: int, block_time: int, suite: SigningSuite = DEFAULT) -> dict[str, bytes]:
        """Return the keys of a suite's algorithm that hold at a block, by verification method.

        Only keys under the suite's attribute sign for a client; the offline verifier reads no other name, and no more
        than the newest `MAX_KEYS_IN_FORCE`. What the default suite gives are the keys of all that is Ed25519.
        """
        methods = [m for m in self.methods_at(block, block_time) if _is_key(m, suite)]
        return {method.id: method.value for method in methods[-MAX_KEYS_IN_FORCE:]}

    def act_keys_at(self, block: int, block_time: int, suite: SigningSuite) -> dict[str, bytes]:
        """Return those of `keys_at` under which evidence of version 2 takes an act of that block.

        A bundle proves of that block no time. So among the newest `MAX_KEYS_IN_FORCE` its reader counts each key that
        was not revoked, also one that has expired since, and does not look behind them.
        """
        counted: dict[bytes, None] = {}
        for event in self._until(block):
            entry = _entry(event) if event.name == ATTRIBUTE_CHANGED else None
            if entry is None or entry[0] != suite.attribute or len(entry[1]) != suite.public_key_bytes:
                continue
            counted.pop(entry[1], None)
            if entry[2] > event.block_time:
                counted[entry[1]] = None
        newest = set(list(counted)[-MAX_KEYS_IN_FORCE:])
        held = self.keys_at(block, block_time, suite)
        return {name: key for name, key in held.items() if key in newest}

    def ed25519_keys_ever(self) -> dict[bytes, int]:
        """Return every key of that name that was ever set, whatever became of it later, with the first block of it."""
        changes = [event for event in reversed(self.events) if event.name == ATTRIBUTE_CHANGED]
        entries = ((_entry(event), event.block) for event in changes)
        return {entry[1]: block for entry, block in entries if entry is not None and entry[0] == ED25519_ATTRIBUTE}

    def has_set(self, name: bytes, value: bytes) -> bool:
        """Say whether an attribute was ever set to a value, whatever became of it later."""
        entries = (_entry(event) for event in self.events if event.name == ATTRIBUTE_CHANGED)
        return any(entry is not None and entry[:2] == (name, value) for entry in entries)

    def document_at(self, block: int, block_time: int) -> dict[str, Any]:
        """Return the DID document at a block."""
        did = self.did
        document: dict[str, Any] = {"@context": list(_DOCUMENT_CONTEXTS), "id": did.text}
        if self.deactivated_at(block):
            return {**document, "verificationMethod": [], "authentication": [], "assertionMethod": []}
        methods = [_recovery_method(did, did.url("controller"), self.owner_at(block))]
        authentication = [did.url("controller")]
        for method in self.methods_at(block, block_time):
            rendered = _render(did, method)
            if rendered is not None:
                methods.append(rendered)
                authentication += [method.id] if method.authenticates else []
        services = [
            {"id": service.id, "type": service.type, "serviceEndpoint": service.endpoint}
            for service in self.services_at(block, block_time)
        ]
        return {
            **document,
            "@context": [*document["@context"], *contexts_of(methods)],
            "verificationMethod": methods,
            "authentication": authentication,
            "assertionMethod": [method["id"] for method in methods],
            **({"service": services} if services else {}),
        }

    def _until(self, block: int) -> Iterator[DidEvent]:
        for event in self.events:
            if event.block > block:
                return
            yield event
            if event.name == OWNER_CHANGED and _address(event.args["owner"]) == NO_ADDRESS:
                return  # rule 5


def check_previous_changes(events: Iterable[DidEvent], changed: int | None = None) -> None:
    """Check that ordered events of one identity are all there: each names the block of the change before it.

    Raises:
        InvalidInput: one event twice.
        VerificationFailed: check `registry-history`; an event is missing.
    """
    last_block, last_position = 0, (-1, -1, -1)
    for event in events:
        if event.position == last_position:
            raise InvalidInput("events", "duplicate", f"the event at {event.position} occurs twice")
        if event.args["previousChange"] != last_block:
            raise VerificationFailed(
                "registry-history",
                f"block {event.block} follows a change in block {event.args['previousChange']}, which is missing",
            )
        last_block, last_position = event.block, event.position
    if changed is not None and changed != last_block:
        raise VerificationFailed("registry-history", f"the last change is in block {changed}, which is missing")


def _entry(event: DidEvent) -> tuple[bytes, bytes, int, bool] | None:
    if event.name == DELEGATE_CHANGED:
        kind = _bytes(event.args["delegateType"]).ljust(32, b"\0")
        return kind, _bytes(event.args["delegate"]), int(event.args["validTo"]), kind.startswith(b"sigAuth\0")
    if event.name == ATTRIBUTE_CHANGED:
        name = _bytes(event.args["name"])
        if name.startswith(b"did/pub/"):
            return name, _bytes(event.args["value"]), int(event.args["validTo"]), b"/sigAuth/" in name
    return None


def _is_key(method: VerificationMethod, suite: SigningSuite) -> bool:
    return method.name.encode() == suite.attribute.rstrip(b"\0") and len(method.value) == suite.public_key_bytes


def _shown_as(method: VerificationMethod) -> SigningSuite | None:
    """Return the suite of whose algorithm a key is, also one that only authenticates; None of another kind."""
    match = _SIGNING_KEY.fullmatch(method.name)
    suite = None if match is None else suite_of_alg(match.group(1))
    return suite if suite is not None and len(method.value) == suite.public_key_bytes else None


def _render(did: Did, method: VerificationMethod) -> dict[str, Any] | None:
    suite = _shown_as(method)
    if suite is not None:
        return verification_method(method.id, did.text, suite.algorithm, method.value)
    if method.name in ("veriKey", "sigAuth"):
        return _recovery_method(did, method.id, "0x" + method.value.hex())
    return None  # a key kind that the product does not use: counted, not shown


def _recovery_method(did: Did, method_id: str, address: str) -> dict[str, Any]:
    return {
        "id": method_id,
        "type": "EcdsaSecp256k1RecoveryMethod2020",
        "controller": did.text,
        "blockchainAccountId": f"eip155:{did.chain_id}:{address}",
    }


def _address(value: object) -> str:
    return check_address(str(value).lower(), "owner")


def _bytes(value: object) -> bytes:
    if isinstance(value, bytes):
        return bytes(value)
    if not isinstance(value, str) or not value.startswith("0x"):
        raise InvalidInput("events", "bytes", "must be bytes or 0x hex")
    try:
        return bytes.fromhex(value[2:])
    except ValueError as error:
        raise InvalidInput("events", "bytes", "must be bytes or 0x hex") from error
