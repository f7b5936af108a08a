"""What brokers gave in format 1: it is still taken and kept, and held against the log that goes on.

That log has ended, with a last anchor that leaf 1 of the new one names. Whatever was promised or shown of it has to lie
inside; what does not, any member that was migrated proves broken (`promise check`).
"""

from __future__ import annotations

from functools import partial
from typing import Any

from bonafides.wallet.held import of_format_1
from bonafides.wallet.keys import Identities
from bonafides.wallet.pinned import pinned_keys
from evidence.documents.promise import parse_promise, verify_promise
from evidence.documents.receipt import RECEIPT_FORMAT, verify_receipt
from evidence.log.checkpoint import Checkpoint, open_checkpoint
from evidence.version2.documents.receipt import PinnedKeys, by_any
from evidence.version2.log.anchors import AnchorLeaf, OpeningLeaf
from primitives.canonical import canonical_json
from primitives.digest import tagged_sha256
from primitives.errors import VerificationFailed

CHECK = "log-former"
_PROMISE_KIND, _RECEIPT_KIND = "kept-promise", "receipt"
_TAG = "bonafides/wallet/1/kept-promise"


def is_former_receipt(value: object) -> bool:
    """Say whether something is given out as a receipt of format 1."""
    return isinstance(value, dict) and value.get("format") == RECEIPT_FORMAT


def add_former_promise(identities: Identities, value: object) -> dict[str, Any]:
    """Check a promise of format 1 and keep it; call it inside `Identities.changing`.

    Raises:
        InvalidInput: it is no promise.
        Refused: `wallet-foreign`; `wallet-broker-unknown`.
        VerificationFailed: `promise-signature`.
    """
    stated = parse_promise(value)
    identity = identities.by_subject(stated.broker, stated.subject.hex())
    pinned = pinned_keys(identities, identity.broker)
    promise = by_any(pinned, lambda keys: verify_promise(value, keys.signing))
    name = tagged_sha256(_TAG, canonical_json(value)).hex()
    identities.store.put({"promise": value, "did": identity.did}, _PROMISE_KIND, identity.broker, name)
    return {
        "status": "kept",
        "format": 1,
        "did": identity.did,
        "record_id": promise.record_id,
        "fingerprint": promise.fingerprint.hex(),
        "log_index": promise.log_index,
    }


def add_former_receipt(identities: Identities, value: dict[str, Any]) -> dict[str, Any]:
    """Check a receipt of format 1 and keep it, never in place of one that shows more; inside `Identities.changing`.

    Raises:
        InvalidInput: it is no receipt.
        Refused: `wallet-foreign`; `wallet-broker-unknown`.
        VerificationFailed: what `evidence.documents.receipt.verify_receipt` checks.
    """
    stated = parse_promise(value.get("promise"), "receipt.promise")
    identity = identities.by_subject(stated.broker, stated.subject.hex())
    pinned = pinned_keys(identities, identity.broker)
    receipt = verify_receipt(value, *dict.fromkeys(keys.signing for keys in pinned))
    place = (_RECEIPT_KIND, identity.broker, receipt.promise.record_id)
    before = identities.store.get(*place)
    keeps = before is None or len(before["receipt"]["record"]["fields"]) <= len(receipt.record.values)
    if keeps:
        identities.store.put({"receipt": value, "did": identity.did}, *place)
    envelope = receipt.record.envelope
    return {
        "status": "verified",
        "format": 1,
        "did": identity.did,
        "record_id": envelope["record_id"],
        "type": envelope["type"],
        "seq": envelope["seq"],
        "kept": keeps,
    }


def hold_former(identities: Identities, broker: str, opening: OpeningLeaf | AnchorLeaf) -> None:
    """Check that the log that goes on names all that the wallet holds of the one of format 1.

    Args:
        identities: the wallet.
        broker: its DID.
        opening: leaf 1 of its log.

    Raises:
        VerificationFailed: check `log-former`; a promise or a receipt is of what that leaf leaves out, or of another
            log.
    """
    size, root = (opening.former_size, opening.former_root) if isinstance(opening, OpeningLeaf) else (0, b"")
    told = f"the log of {broker} goes on from {size} records of format 1"
    for promise in of_format_1(identities, "promise"):
        if promise["broker"] == broker and promise["log_index"] >= size:
            where = f"place {promise['log_index']} to record {promise['record_id']}"
            raise VerificationFailed(CHECK, f"{told}, and it promised {where}: any member proves it by `promise check`")
    for receipt in of_format_1(identities, "receipt"):
        if receipt["promise"]["broker"] == broker:
            note = receipt["checkpoint"]
            shown = by_any(pinned_keys(identities, broker), partial(_opened, note, broker))
            if shown.size > size or (shown.size == size and shown.root != root):
                raise VerificationFailed(CHECK, f"{told}, and it signed for another one of {shown.size}")


def _opened(note: str, broker: str, keys: PinnedKeys) -> Checkpoint:
    return open_checkpoint(note, broker, keys.signing)
