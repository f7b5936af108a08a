"""DIDs of this chain: resolve one from the index, and relay a client's signed registry calls through the outbox.

The client signs (EIP-712), the member pays. A call's nonce is not sent along: it is the number of this identity's
calls that this member has relayed, since a pairwise DID has one member.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from did.identifiers import Did, parse_did
from node_adapter.abi import encode_call
from node_adapter.node import Node
from node_adapter.store import chain_index, outbox, registry_index
from node_adapter.store.schema import outbox as outbox_table
from node_adapter.workflows.identities import history
from node_adapter.workflows.outcomes import Outcome, each
from primitives import eip712
from primitives.encoding import decode_hex
from primitives.errors import InvalidInput, Refused
from primitives.secp256k1 import SIGNATURE_BYTES, check_address
from primitives.timestamp import format_time

KIND = "did"
_MEMBERS = {
    "setAttribute": {"did", "call", "name", "value", "validity", "deadline", "signature"},
    "revokeAttribute": {"did", "call", "name", "value", "deadline", "signature"},
    "changeOwner": {"did", "call", "new_owner", "deadline", "signature"},
}
_WORD_BYTES = 32
_MAX_UINT = 2**53 - 1
_MAX_VALUE_BYTES = 1024
_MS = 1000


@dataclass(frozen=True)
class SponsoredCall:
    """A client's call that was read but not verified: how to sign it at a nonce, and its call data."""

    did: Did
    typed: Callable[[int, str, int], eip712.TypedData]  # (chain id, contract, nonce)
    data: bytes
    signature: bytes
    deadline: int


def resolve(node: Node, text: str) -> dict[str, Any]:
    """Return a DID's document at the last indexed block, as a resolution result.

    Raises:
        InvalidInput: no did:ethr of this chain.
    """
    did = parse_did(text)
    _require_chain(node, did)
    with node.store.read() as connection:
        block = registry_index.tip_block(connection)
        found = history(node, connection, did.text)
        member = chain_index.members(connection).get(did.address)
    document = found.document_at(block.number, block.timestamp)
    return {
        "didDocument": document,
        "didDocumentMetadata": {
            "versionId": str(found.version_at(block.number)),
            "deactivated": found.deactivated_at(block.number),
        },
        "didResolutionMetadata": {"block": block.number, "member": member is not None},
        "keys": {name: key.hex() for name, key in found.ed25519_keys_at(block.number, block.timestamp).items()},
    }


def relay_calls(node: Node, calls: Sequence[Mapping[str, Any]]) -> list[Outcome]:
    """Put clients' signed calls into the outbox; each gets its own outcome, in order."""
    with node.store.write() as connection:
        chain_index.require_active_member(connection, node.address)
        return each(calls, lambda call: _relay(node, connection, read_call(call)))


def _relay(node: Node, connection: Connection, call: SponsoredCall) -> dict[str, Any]:
    return {"status": "accepted", "did": call.did.text, "outbox": enqueue_call(node, connection, call)}


def read_call(value: Mapping[str, Any]) -> SponsoredCall:
    """Read the wire form of a sponsored call: {"did", "call", ..., "deadline", "signature"}; bytes are 0x hex."""
    call = value.get("call")
    if not isinstance(call, str) or call not in _MEMBERS:
        raise InvalidInput("call", "choice", f"must be one of {', '.join(_MEMBERS)}")
    for name in sorted(set(value) ^ _MEMBERS[call]):
        raise InvalidInput(name, "unknown-member" if name in value else "required", f"{call} has exactly its members")
    did = parse_did(value["did"])
    deadline, signature = read_deadline(value["deadline"]), read_signature(value["signature"])
    if call == "changeOwner":
        owner = check_address(value["new_owner"], "new_owner")
        return SponsoredCall(
            did,
            lambda chain, contract, nonce: eip712.change_owner_typed_data(
                chain, contract, did.address, owner, nonce, deadline
            ),
            encode_call("DidRegistry", "changeOwnerSponsored", did.address, owner, deadline, signature),
            signature,
            deadline,
        )
    attribute = hex_bytes(value["name"], "name", _WORD_BYTES)
    data = hex_bytes(value["value"], "value")
    if len(data) > _MAX_VALUE_BYTES:
        raise InvalidInput("value", "max-bytes", f"is longer than {_MAX_VALUE_BYTES} bytes")
    if call == "setAttribute":
        return set_attribute_call(
            did, attribute, data, read_integer(value["validity"], "validity"), deadline, signature
        )
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
        Refused: `did-signature`, the owner of the identity did not sign this call as its next one; `deadline-passed`.
    """
    _require_chain(node, call.did)
    prefix = f"{KIND}:{call.did.address}:"
    key = prefix + hashlib.sha256(call.data).hexdigest()[:32]
    if outbox.by_key(connection, key) is not None:
        return key
    require_in_time(node, call.deadline)
    contract = registry_index.contract_address(connection, "DidRegistry")
    block = registry_index.tip_block(connection)
    owner = history(node, connection, call.did.text).owner_at(block.number)
    nonce = _relayed(connection, prefix)
    typed = call.typed(node.settings.chain.chain_id, contract, nonce)
    if eip712.recover_typed(typed, call.signature) != owner:
        raise Refused(
            "did-signature", f"signature: is not by the owner of {call.did} over this call with the nonce {nonce}"
        )
    outbox.enqueue(connection, KIND, key, contract, call.data, node.clock.now_ms())
    return key


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


def read_deadline(value: object) -> int:
    """Take a Unix time in seconds."""
    return read_integer(value, "deadline")


def require_in_time(node: Node, deadline: int) -> None:
    """Refuse what the chain would refuse later.

    Raises:
        Refused: `deadline-passed`.
    """
    if deadline * _MS <= node.clock.now_ms():
        raise Refused("deadline-passed", "deadline: is over; the client must sign anew")


def read_integer(value: object, field: str) -> int:
    """Take an integer from 0 to 2^53-1."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MAX_UINT:
        raise InvalidInput(field, "integer", f"must be an integer from 0 to {_MAX_UINT}")
    return value


def read_signature(value: object) -> bytes:
    """Take an EIP-712 signature, 65 bytes as 0x hex."""
    return hex_bytes(value, "signature", SIGNATURE_BYTES)


def hex_bytes(value: object, field: str, length: int | None = None) -> bytes:
    """Take bytes as lower-case 0x hex."""
    if not isinstance(value, str) or not value.startswith("0x"):
        raise InvalidInput(field, "hex", "must be 0x and lower-case hexadecimal")
    return decode_hex(value[2:], field, length)


def _relayed(connection: Connection, prefix: str) -> int:
    statement = select(outbox_table.c.id).where(
        outbox_table.c.kind == KIND,
        outbox_table.c.key >= prefix,
        outbox_table.c.key < prefix[:-1] + ";",  # ";" follows ":": every key with this prefix, by the index
        outbox_table.c.state != outbox.FAILED,
    )
    return len(connection.execute(statement).all())


def _require_chain(node: Node, did: Did) -> None:
    if did.chain_id != node.settings.chain.chain_id:
        raise InvalidInput("did", "chain-id", f"is of chain {did.chain_id}, this is {node.settings.chain.chain_id}")
