"""A regulator's node takes the answer to an order: the bundle, verified under this node's own view of the chain.

That the order was answered, and when, is so no word of the broker's: the bundle holds by the chain that this node
follows itself, and it counts from when it came here (docs/spec/report.md, section 8).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from did.identifiers import parse_did
from evidence.verify.verdict import Check, VerificationReport
from evidence.version2.documents.bundle import Bundle, parse_bundle
from evidence.version2.state.headers import state_rule
from node_adapter.node import Node
from node_adapter.store import alarms
from node_adapter.store import replay_orders as store
from node_adapter.store.replay_orders import OrderRow
from node_adapter.workflows.replay.order_clock import order_json
from node_adapter.workflows.replay.trust_file import own_word
from primitives.errors import Refused, VerificationFailed
from replay.verification import verify_history


def take_answer(node: Node, order_id: str, data: bytes) -> dict[str, Any]:
    """Take a bundle as the answer to an order of this node's, whatever it finds; the first one counts.

    Raises:
        InvalidInput: it is no bundle of format 2.
        Refused: `order-not-found`; `order-other-regulator`, this node did not give it; `order-other-matter`, the bundle
            is of another broker, client or case; `order-older-bundle`, it shows the chain as it was before the order,
            or the order names no block.
        CouldNotCheck: this node's index has no such block (`block-unknown`).
        VerificationFailed: the first check that fails.
    """
    with node.store.read() as connection:
        order = _order(node, connection, order_id)
    bundle = parse_bundle(data)
    number = state_rule(bundle.header_rule).parse(bundle.header, "header").number
    with node.store.read() as connection:
        word = own_word(node, connection, number)
    report = verify_history(data, [word.file], trust_keys=[word.key], domains=node.domains).report
    _require_holds(report)
    _require_about(order, bundle, report)
    _require_since(order, number)
    now = node.clock.now_ms()
    answer = {"sha256": hashlib.sha256(data).hexdigest(), "block": number, "records": len(report.records)}
    with node.store.write() as connection:
        store.keep_answer(connection, order.id, json.dumps(answer), now)
        alarms.close_alarm(connection, alarms.ORDER_DUE, now, order.id)
        return order_json(_order(node, connection, order_id), now)


def _order(node: Node, connection: Connection, order_id: str) -> OrderRow:
    found = store.find_by_id(connection, order_id)
    if found is None:
        raise Refused("order-not-found", "id: there is no such order")
    if found.regulator != node.address:
        raise Refused("order-other-regulator", "id: another regulator gave this order, which takes the answer")
    return found


def _require_holds(report: VerificationReport) -> None:
    failed: Sequence[Check] = [check for check in report.checks if not check.ok]
    if failed:
        raise VerificationFailed(failed[0].name, failed[0].detail)
    if not report.ok:
        raise VerificationFailed("bundle", report.verdict)


def _require_about(order: OrderRow, bundle: Bundle, report: VerificationReport) -> None:
    stated = (parse_did(report.broker).address, report.client, bundle.case)
    wanted = (order.broker, order.did, order.case_number)
    for name, one, other in zip(("broker", "client", "case"), stated, wanted, strict=True):
        if one != other:
            raise Refused("order-other-matter", f"bundle.{name}: is {one}, and the order is about {other}")


def _require_since(row: OrderRow, block: int) -> None:
    """Check that a bundle shows what was anchored up to the order: its time is the chain's, not what anybody says."""
    ordered = None if row.message is None else json.loads(row.message)["body"].get("block")
    if ordered is None:
        raise Refused(
            "order-older-bundle", "id: the order is of an earlier release and names no block: give another one"
        )
    if block < ordered:
        raise Refused("order-older-bundle", f"bundle.header: is of block {block}, and the order of block {ordered}")
