"""What wallets keep: the promise of every record at once, and its receipt when it is anchored. Each one is checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bonafides.promise_rows import is_owed
from scripts.demo.consortium import Consortium
from scripts.demo.journey import Relation
from scripts.demo.surface import DemoError, Progress, wait_until

_BATCH = 2000


def keep_promises(consortium: Consortium, relations: Sequence[Relation], *, owed: bool = True) -> int:
    """Hand new promises to the clients' wallets: what a client holds if the broker should never anchor.

    An act that is signed afterwards names the last record that its wallet holds a promise of. Without `owed`, what a
    node owes for a moment is left for later.
    """
    rows = []
    for relation in relations:
        new = relation.answers[relation.kept :]
        if not owed and any(is_owed(answer) for answer in new):
            continue
        rows += _promised(consortium, relation, new)
        relation.kept = len(relation.answers)
    if not rows:
        return 0
    kept = consortium.command.lines("wallet", "promises", "add", "--wallet", str(consortium.wallet), rows=rows)
    bad = [answer for answer in kept if answer.get("status") in ("refused", "failed")]
    if bad or len(kept) != len(rows):
        raise DemoError(f"the wallet refused a promise: {bad[:1]}")
    return len(kept)


def _promised(consortium: Consortium, relation: Relation, answers: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the answers, with the promises that a node owed for a moment and made since."""
    owed = [answer for answer in answers if is_owed(answer)]
    if not owed:
        return list(answers)
    wait_until_anchored(consortium, relation.broker.name)
    system = consortium.members[relation.broker.name].as_role("broker-system")
    late = system.post_lines("/v1/promises", [{"record_id": answer["record_id"]} for answer in owed])
    return [answer for answer in answers if not is_owed(answer)] + list(late)


def deliver(consortium: Consortium, relations: Sequence[Relation], progress: Progress) -> int:
    """Fetch every client's receipts and have the wallet verify and keep them; return how many."""
    by_broker: dict[str, list[str]] = {}
    for relation in relations:
        by_broker.setdefault(relation.broker.name, []).extend(a["record_id"] for a in relation.answers)
    total, done = sum(len(ids) for ids in by_broker.values()), 0
    for name, ids in by_broker.items():
        wait_until_anchored(consortium, name)
        system = consortium.members[name].as_role("broker-system")
        for start in range(0, len(ids), _BATCH):
            rows = [{"record_id": record_id} for record_id in ids[start : start + _BATCH]]
            receipts = system.post_lines("/v1/receipts", rows)
            kept = consortium.command.lines(
                "wallet", "receipts", "add", "--wallet", str(consortium.wallet), rows=receipts
            )
            bad = [answer for answer in kept if answer.get("status") != "verified"]
            if bad:
                raise DemoError(f"the wallet refused a receipt of {name}: {bad[0]}")
            done += len(kept)
            progress.tick("receipts verified by wallets", done, total)
    return done


def wait_until_anchored(consortium: Consortium, name: str) -> None:
    """Wait until nothing that a broker accepted is still unanchored."""
    operator = consortium.members[name].as_role("operator")

    def anchored() -> bool:
        log = operator.get("/v1/status")["log"]
        return bool(log["size"] == log["anchored"])

    wait_until(anchored, what=f"the anchors of {name}", seconds=90)
