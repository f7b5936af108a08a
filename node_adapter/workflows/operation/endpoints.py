"""Where members' nodes are, as each member has said on the chain: the service `BonafidesNode` of its DID.

A node's address may change; the DID does not. So a credential names the DID, and the address is looked up when it is
needed. What the chain says goes before our settings, which an operator may not have followed up.
"""

from __future__ import annotations

import secrets
from functools import partial

from sqlalchemy import Connection

from did.credentials.issuers import ChainSnapshot
from did.credentials.status_list import NODE_SERVICE
from did.identifiers import ethr_did, member_did
from did.registry_log import IdentityHistory
from node_adapter.chain.abi import encode_call
from node_adapter.node import Node
from node_adapter.settings import URL, Settings
from node_adapter.store import outbox
from node_adapter.store.chain import blocks, directory
from node_adapter.workflows.identity.identities import histories, history, read_history
from primitives.errors import InvalidInput

KIND = "endpoint"
_CONTRACT = "DidRegistry"
_ATTRIBUTE = f"did/svc/{NODE_SERVICE}".encode().ljust(32, b"\0")
_VALIDITY_SECONDS = 100 * 365 * 86_400


def node_endpoints(node: Node, connection: Connection, chain: ChainSnapshot) -> dict[str, str]:
    """Return where each active member has said that its node is, by address; the newest word counts."""
    active = [address for address, member in chain.members.items() if member.now is not None]
    found = histories(node, connection, [ethr_did(chain.chain_id, address).text for address in active])
    endpoints: dict[str, str] = {}
    for known in found.values():
        for endpoint in _endpoints(known, chain.block, chain.block_time):
            if _is_node_url(endpoint):
                endpoints[known.did.address] = endpoint.rstrip("/")
    return endpoints


def node_url(node: Node, connection: Connection, address: str) -> str | None:
    """Return where a member's node is: as it has said on the chain, else as our settings say; None if nobody does.

    Raises:
        CouldNotCheck: `index-empty`.
    """
    block = blocks.tip(connection)
    known = history(node, connection, member_did(node.settings.chain.chain_id, address))
    said = [url for url in _endpoints(known, block.number, block.timestamp) if _is_node_url(url)]
    return said[-1].rstrip("/") if said else node.settings.peers.get(address)


def publish_endpoint(settings: Settings, connection: Connection, url: str, now_ms: int) -> str:
    """Put the calls into the outbox that make a URL this member's endpoint and end its earlier ones; return the key.

    Raises:
        InvalidInput: not a URL of a node.
        CouldNotCheck: the chain was not read yet.
    """
    if not _is_node_url(url):
        raise InvalidInput("url", "url", "must be an http or https URL without user, query and fragment")
    address = settings.member.address
    target = directory.contract_address(connection, _CONTRACT)
    block = blocks.tip(connection)
    known = read_history(connection, member_did(settings.chain.chain_id, address))
    once = secrets.token_hex(8)  # the same address may be left and come back
    enqueue = partial(outbox.enqueue, connection, KIND)
    for number, earlier in enumerate(_endpoints(known, block.number, block.timestamp)):
        data = encode_call(_CONTRACT, "revokeAttribute", address, _ATTRIBUTE, earlier.encode())
        enqueue(f"{KIND}:{once}:end-{number}", target, data, now_ms)
    key = f"{KIND}:{once}:set"
    data = encode_call(_CONTRACT, "setAttribute", address, _ATTRIBUTE, url.encode(), _VALIDITY_SECONDS)
    enqueue(key, target, data, now_ms)
    return key


def _endpoints(known: IdentityHistory, block: int, block_time: int) -> list[str]:
    return [service.endpoint for service in known.services_at(block, block_time) if service.type == NODE_SERVICE]


def _is_node_url(text: str) -> bool:
    return URL.fullmatch(text) is not None and "@" not in text
