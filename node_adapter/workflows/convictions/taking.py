"""Taking a document that convicts another member: verified from this node's index alone, kept, and recorded.

Specification: docs/spec/evidence-2.md, section 15.2. Anybody may bring one: the convicted member's own signatures are
the guard. They are checked under every key that the registry ever held of it, whatever times the document states.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from evidence.version2.documents.receipt import PinnedKeys
from evidence.version2.verify.contradictions import Conviction
from evidence.version2.verify.conviction import (
    KINDS,
    conviction_digest,
    matter_of,
    parse_conviction,
    verify_conviction,
)
from node_adapter.chain.abi import CONVICTIONS, encode_call
from node_adapter.node import Node
from node_adapter.store import convictions, outbox
from node_adapter.store.chain import blocks, directory, member_registry
from node_adapter.store.convictions import VERIFIED, ConvictionRow
from node_adapter.workflows.anchoring.other_logs import address_of
from node_adapter.workflows.convictions.shown import KIND, shown
from primitives.canonical import canonical_json
from primitives.errors import Refused


def take_conviction(node: Node, data: bytes) -> dict[str, Any]:
    """Verify and keep a document, and put the call that records it into the outbox; again: the same answer.

    One about a matter of which a document is kept changes nothing: that one is answered.

    Raises:
        InvalidInput: it is no such document.
        VerificationFailed: it convicts nobody, by the name of the check that fails.
        Refused: `member-not-found`, the registry never held a key of whom it is against; `conviction-own`, that is this
            member; `contract-not-named`, the members have named no contract for it; `member-suspended`.
        CouldNotCheck: `index-empty`; `node-restored`; the library of a suite is not installed.
    """
    claim = parse_conviction(data)
    with node.store.read() as connection:
        convicted, keys = keys_of_convicted(node, connection, claim)
        if convicted == node.address:
            raise Refused("conviction-own", "broker: a member does not record a document against itself")
        row = verified_row(node, claim, convicted, keys)
        target = _contract(connection)
        kept = _kept(connection, row)
    if kept is None:
        with node.store.write() as connection:
            member_registry.require_active_member(connection, node.address)
            kept = _kept(connection, row)  # another request may have been faster
            if kept is None:
                call = encode_call(CONVICTIONS, "record", row.convicted, row.kind, bytes.fromhex(row.digest))
                outbox.enqueue(connection, KIND, f"{KIND}:{row.digest}", target, call, node.clock.now_ms())
                convictions.keep(connection, row)
    with node.store.read() as connection:
        return shown(node, connection, kept or row)


def keys_of_convicted(node: Node, connection: Connection, claim: Conviction) -> tuple[str, list[PinnedKeys]]:
    """Return the account of whom a document is against, and every pair of keys that the registry ever held of it.

    Raises:
        Refused: `member-not-found`.
        CouldNotCheck: `index-empty`.
    """
    address = address_of(node, claim.broker)
    held = [] if address is None else member_registry.registered_keys(connection, address)
    if address is None or not held:
        blocks.tip(connection)
        raise Refused("member-not-found", f"broker: {claim.broker} was never a member of this consortium")
    return address, [PinnedKeys(keys.signing, keys.checkpoint) for keys in held]


def verified_row(node: Node, claim: Conviction, convicted: str, keys: list[PinnedKeys]) -> ConvictionRow:
    """Verify a document and return what is kept of it.

    Raises:
        InvalidInput, VerificationFailed, CouldNotCheck: as `verify_conviction`.
    """
    verify_conviction(claim, keys)
    document = claim.to_json()
    return ConvictionRow(
        digest=conviction_digest(claim).hex(),
        convicted=convicted,
        kind=KINDS[document["format"]],
        state=VERIFIED,
        noted_at=node.clock.now_ms(),
        matter=canonical_json(list(matter_of(claim))).decode(),
        document=canonical_json(document).decode(),
    )


def _kept(connection: Connection, row: ConvictionRow) -> ConvictionRow | None:
    """Return the document that is kept of the same matter; one that others recorded is recorded already."""
    return convictions.of_matter(connection, row.convicted, row.matter or "")


def _contract(connection: Connection) -> str:
    target = directory.find_address(connection, CONVICTIONS)
    if target is None:
        blocks.tip(connection)
        raise Refused("contract-not-named", f"the Directory names no {CONVICTIONS}: the members may vote for one")
    return target
