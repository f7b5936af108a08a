"""DIDs of this chain: resolve one from the index, and relay a client's signed registry calls through the outbox.

The client signs (EIP-712), the member pays. A call's nonce is not sent along: it is the number of calls that the
registry's events show, and of those that are on their way. A call that failed counts nothing: the client signs anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from did.identifiers import Did, parse_did
from did.member_document import with_member_keys
from node_adapter.chain.abi import encode_call
from node_adapter.node import Node
from node_adapter.store import outbox, restored
from node_adapter.store.chain import blocks, did_registry, directory, member_registry
from node_adapter.store.outbox import OutboxRow
from node_adapter.workflows.identity.identities import history
from node_adapter.workflows.intake.outcomes import Outcome, each
from primitives import eip712
from primitives.errors import InvalidInput, Refused
from primitives.shapes import AnyOf, Bytes, Constant, Fields, Integer, Named, OneOf
from primitives.suite import SigningSuite
from primitives.suites import SUITES
from primitives.timestamp import format_time
from replay.wire.shapes import ADDRESS, DEADLINE, EIP712_SIGNATURE, PARSED_DID

KIND = "did"
_MAX_VALUE_BYTES = 1024
_MS = 1000


def _bounded(data: bytes, where: str) -> bytes:
    if len(data) > _MAX_VALUE_BYTES:
        raise InvalidInput(where, "max-bytes", f"is longer than {_MAX_VALUE_BYTES} bytes")
    return data


_CALL = {"did": PARSED_DID, "deadline": DEADLINE, "signature": EIP712_SIGNATURE}
_ATTRIBUTE = {"name": Bytes(32, "0x"), "value": Bytes(None, "0x").then(_bounded)}
_CALLS = {
    "setAttribute": Fields(
        {**_CALL, "call": Constant("setAttribute"), **_ATTRIBUTE, "validity": Integer().note("Seconds.")}
    ),
    "revokeAttribute": Fields({**_CALL, "call": Constant("revokeAttribute"), **_ATTRIBUTE}),
    "changeOwner": Fields({**_CALL, "call": Constant("changeOwner"), "new_owner": ADDRESS}),
}
_KIND_OF_CALL = Fields({"call": OneOf(*_CALLS)}, open=True)
SPONSORED_CALL = Named("SponsoredCall", AnyOf(*_CALLS.values()).note("A call of DidRegistry that a client signed."))


@dataclass(frozen=True)
class SponsoredCall:
    """A client's call that was read but not verified: how to sign it at a nonce, and its call data."""

    did: Did
    typed: Callable[[int, str, int], eip712.TypedData]  # (chain id, contract, nonce)
    data: bytes
    signature: bytes
    deadline: int


def resolve(node: Node, text: str) -> dict[str, Any]:
    """Return a DID's document at the last indexed block, as a resolution result, and how its sponsored calls stand.

    Raises:
        InvalidInput: no did:ethr of this chain.
    """
    did = parse_did(text)
    _require_chain(node, did)
    with node.store.read() as connection:
        block = blocks.tip(connection)
        result = _resolution(node, connection, did, block)
        state, underway = chain_state(node, connection, did), len(_in_flight(connection, did))
    return {
        **result,
        "keys": state["keys"],
        "sponsored": {
            "block": block.number,
            "nonce": state["nonce"],
            "in_flight": underway,
            "next_nonce": state["nonce"] + underway,
        },
    }


def resolve_member(node: Node, text: str, at_block: int | None = None) -> dict[str, Any]:
    """Return a member's DID document at a block, the last indexed one when none is named: what anybody may know.

    Raises:
        InvalidInput: no did:ethr of this chain.
        Refused: `member-unknown`.
        CouldNotCheck: `block-unknown`.
    """
    did = parse_did(text)
    _require_chain(node, did)
    with node.store.read() as connection:
        block = blocks.tip(connection)
        if at_block is not None:
            named = blocks.block_at(connection, at_block)
            block = blocks.Block(named.number, named.hash, named.timestamp)
        if did.address not in member_registry.member_histories(connection):
            raise Refused("member-unknown", f"did: {did} was never a member of the consortium")
        return _resolution(node, connection, did, block)


def _resolution(node: Node, connection: Connection, did: Did, block: blocks.Block) -> dict[str, Any]:
    found = history(node, connection, did.text)
    member = member_registry.member_histories(connection).get(did.address)
    document = found.document_at(block.number, block.timestamp)
    deactivated = found.deactivated_at(block.number)
    if member is not None and not deactivated:
        document = with_member_keys(document, did, member.at_block(block.number))
    return {
        "didDocument": document,
        "didDocumentMetadata": {"versionId": str(found.version_at(block.number)), "deactivated": deactivated},
        "didResolutionMetadata": {"block": block.number, "member": member is not None},
    }


def chain_state(node: Node, connection: Connection, did: Did) -> dict[str, Any]:
    """Return how an identity stands at the last indexed block, from which a wallet learns where it stands.

    {"block", "keys": {method: hex, of the keys of every suite that hold}, "nonce": of the next sponsored call}
    """
    block = blocks.tip(connection)
    known = history(node, connection, did.text)
    found = [known.keys_at(block.number, block.timestamp, suite) for suite in SUITES.values()]
    keys = {name: key.hex() for held in found for name, key in held.items()}
    return {"block": block.number, "keys": keys, "nonce": did_registry.spent_calls(connection, did.address)}


def relay_calls(node: Node, calls: Sequence[Mapping[str, Any]]) -> list[Outcome]:
    """Put clients' signed calls into the outbox; each gets its own outcome, in order."""
    with node.store.write() as connection:
        restored.require_caught_up(connection)
        member_registry.require_active_member(connection, node.address)
        return each(calls, lambda call: _relay(node, connection, read_call(call)))


def _relay(node: Node, connection: Connection, call: SponsoredCall) -> dict[str, Any]:
    return {"status": "accepted", "did": call.did.text, "outbox": enqueue_call(node, connection, call)}


def read_call(value: Mapping[str, Any]) -> SponsoredCall:
    """Read the wire form of a sponsored call: {"did", "call", ..., "deadline", "signature"}; bytes are 0x hex."""
    call = _KIND_OF_CALL.read(value, "")["call"]
    value = _CALLS[call].read(value, "")
    did, deadline, signature = value["did"], value["deadline"], value["signature"]
    if call == "changeOwner":
        owner = value["new_owner"]
        return SponsoredCall(
            did,
            lambda chain, contract, nonce: eip712.change_owner_typed_data(
                chain, contract, did.address, owner, nonce, deadline
            ),
            encode_call("DidRegistry", "changeOwnerSponsored", did.address, owner, deadline, signature),
            signature,
            deadline,
        )
    attribute, data = value["name"], value["value"]
    if call == "setAttribute":
        return set_attribute_call(did, attribute, data, value["validity"], deadline, signature)
    return SponsoredCall(
        did,
        lambda chain, contract, nonce: eip712.revoke_attribute_typed_data(
            chain, contract, did.address, attribute, data, nonce, deadline
        ),
        encode_call("DidRegistry", "revokeAttributeSponsored", did.address, attribute, data, deadline, signature),
        signature,
        deadline,
    )


def set_attribute_call(
    did: Did, name: bytes, value: bytes, validity: int, deadline: int, signature: bytes
) -> SponsoredCall:
    """Return a call that sets an attribute."""
    return SponsoredCall(
        did,
        lambda chain, contract, nonce: eip712.set_attribute_typed_data(
            chain, contract, did.address, name, value, validity, nonce, deadline
        ),
        encode_call("DidRegistry", "setAttributeSponsored", did.address, name, value, validity, deadline, signature),
        signature,
        deadline,
    )


def enqueue_call(node: Node, connection: Connection, call: SponsoredCall) -> str:
    """Verify a call's signature and put it into the outbox; the same call again gives the same key.

    Raises:
        Refused: `did-signature`, the owner of the identity did not sign this call as its next one;
            `did-call-in-flight`, it is signed in place of one that is on its way; `deadline-passed`.
    """
    _require_chain(node, call.did)
    key = _key_prefix(call.did) + hashlib.sha256(call.data).hexdigest()[:32]
    there = outbox.by_key(connection, key)
    if there is not None and there.state != outbox.FAILED:
        return key
    require_in_time(node, call.deadline)
    spent, underway = did_registry.spent_calls(connection, call.did.address), _in_flight(connection, call.did)
    nonce = spent + len(underway)
    if not is_signed(node, connection, call, nonce):
        for row, taken in zip(underway, range(spent, nonce), strict=True):
            if is_signed(node, connection, call, taken):
                raise Refused("did-call-in-flight", f"signature: the nonce {taken} is that of {row.key}, on its way")
        raise Refused(
            "did-signature", f"signature: is not by the owner of {call.did} over this call with the nonce {nonce}"
        )
    contract = directory.contract_address(connection, "DidRegistry")
    outbox.enqueue_again(connection, KIND, key, contract, call.data, node.clock.now_ms())
    return key


def enqueue_registration(
    node: Node, connection: Connection, call: SponsoredCall, suite: SigningSuite, value: bytes, nonce: int
) -> str | None:
    """Put one of the first calls of a known client into the outbox, once: it may be signed again as often as one likes.

    Args:
        node: this node.
        connection: a connection inside the caller's write transaction.
        call: sets the identity's first key of a suite.
        suite: the suite.
        value: that key.
        nonce: of the call.

    Returns:
        The key of the outbox row that makes it or made it; None when the chain holds the key by another.

    Raises:
        Refused: as `enqueue_call`.
    """
    underway = _in_flight(connection, call.did)
    if not is_signed(node, connection, call, nonce):
        return enqueue_call(node, connection, call)
    if history(node, connection, call.did.text).has_set(suite.attribute, value):
        done = outbox.under(connection, _key_prefix(call.did), (outbox.FINAL,))
        return done[min(nonce, len(done) - 1)].key if done else None
    place = nonce - did_registry.spent_calls(connection, call.did.address)
    if 0 <= place < len(underway):
        return underway[place].key
    return enqueue_call(node, connection, call)


def is_signed(node: Node, connection: Connection, call: SponsoredCall, nonce: int) -> bool:
    """Say whether the owner of the identity signed this call with a nonce."""
    contract = directory.contract_address(connection, "DidRegistry")
    owner = history(node, connection, call.did.text).owner_at(blocks.tip(connection).number)
    typed = call.typed(node.settings.chain.chain_id, contract, nonce)
    return eip712.recover_typed(typed, call.signature) == owner


def outbox_state(node: Node, key: str) -> dict[str, Any]:
    """Return how far a chain write is.

    Raises:
        Refused: `outbox-not-found`.
    """
    with node.store.read() as connection:
        row = outbox.by_key(connection, key)
    if row is None:
        raise Refused("outbox-not-found", "key: the outbox holds nothing under this key")
    return {
        "key": row.key,
        "kind": row.kind,
        "state": row.state,
        "tx": None if row.tx_hash is None else "0x" + row.tx_hash.hex(),
        "block": row.block,
        "gas_used": row.gas_used,
        "error": row.error,
        "updated_at": format_time(row.updated_at),
    }


def require_in_time(node: Node, deadline: int) -> None:
    """Refuse what the chain would refuse later.

    Raises:
        Refused: `deadline-passed`.
    """
    if deadline * _MS <= node.clock.now_ms():
        raise Refused("deadline-passed", "deadline: is over; the client must sign anew")


def _key_prefix(did: Did) -> str:
    return f"{KIND}:{did.address}:"


def _in_flight(connection: Connection, did: Did) -> list[OutboxRow]:
    """Return an identity's calls that are neither final nor failed, in the order in which they were signed."""
    return outbox.under(connection, _key_prefix(did), (outbox.NEW, outbox.SIGNED, outbox.SENT))


def _require_chain(node: Node, did: Did) -> None:
    if did.chain_id != node.settings.chain.chain_id:
        raise InvalidInput("did", "chain-id", f"is of chain {did.chain_id}, this is {node.settings.chain.chain_id}")
