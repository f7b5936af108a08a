"""A regulator's orders that looks at originals refer to, checked with the key of whoever gave them.

A bundle shows no key history of a regulator: the key comes from the regulator, or from another member's node.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from domain.second_person import ORDER
from evidence.shapes import did_parts
from evidence.verify.verdict import VerificationReport
from primitives import ed25519
from primitives.canonical import canonical_json
from primitives.encoding import decode_base64url, decode_hex
from primitives.errors import InvalidInput, VerificationFailed
from replay.records import Record

CHECK = "order"


def check_orders(records: Iterable[Record], report: VerificationReport, key: object) -> list[str]:
    """Check every order that a shown record holds; returns a sentence on each.

    Args:
        records: the records of a verified bundle.
        report: what the verification said.
        key: the regulator's signing key, hex.

    Raises:
        InvalidInput: `regulator_key` is no key.
        VerificationFailed: check `order`; the signature is another's, or the order is about another client or case.
    """
    public = decode_hex(key, "regulator_key", ed25519.PUBLIC_KEY_BYTES)
    notes = []
    for record in records:
        if ORDER in record.values:
            _check(record, record.values[ORDER], report, public)
            notes.append(f"{record.label}: the order of {record.values[ORDER]['sender']} holds")
    return notes


def _check(record: Record, order: Any, report: VerificationReport, public: bytes) -> None:
    try:
        unsigned = {name: value for name, value in order.items() if name != "signature"}
        stated = (order["receiver"], order["body"]["did"], order["body"]["case"])
        ed25519.verify(public, canonical_json(unsigned), decode_base64url(order["signature"], "signature"))
    except (AttributeError, KeyError, TypeError, InvalidInput) as error:
        raise VerificationFailed(CHECK, f"{record.label}: holds no order") from error
    except VerificationFailed as error:
        raise VerificationFailed(CHECK, f"{record.label}: the order is not signed with this key") from error
    if stated != (did_parts(report.broker)[1], report.client, record.values.get("case")):
        raise VerificationFailed(CHECK, f"{record.label}: the order is about another broker, client or case")
