"""The evidence in a report: the list of records, what shows that none is missing, signatures, keys and attachments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evidence.verify.verdict import KeyChange
from primitives.timestamp import format_time, parse_time
from replay.report_material import Material, ShownRecord
from replay.standing import standing_json

_MS = 1000


def record_json(shown: ShownRecord) -> dict[str, Any]:
    """Return where a record lies, and how long after its acceptance which anchor covered it."""
    record, anchor, place = shown.record, shown.anchor, None
    if anchor is not None:
        place = {
            "seq": anchor.seq,
            "block": anchor.block,
            "time": format_time(anchor.time),
            "delay_ms": anchor.time - shown.accepted_at,
            "late": shown.anchor_by is not None and anchor.time > shown.anchor_by,
            "batch_root": anchor.batch_root,
            "path_hashes": anchor.path_hashes,
        }
    return {
        "seq": record.seq,
        "type": record.type,
        "record_id": record.record_id,
        "occurred_at": record.envelope["occurred_at"],
        "recorded_at": record.envelope["recorded_at"],
        "fingerprint": record.fingerprint,
        "log_index": record.log_index,
        "anchor_by": None if shown.anchor_by is None else format_time(shown.anchor_by),
        "anchor": place,
        "altered": list(shown.altered),
    }


def completeness_json(material: Material) -> dict[str, Any]:
    """Return how many records there are, which is the last, and as of which block that is all."""
    inside, last = material.anchored, material.last_anchor
    as_of = standing_json(material)["as_of"]
    seqs = [shown.record.seq for shown in inside]
    erased = () if material.verified.reach is None else material.verified.reach.erased  # of these the links are shown
    return {
        "records": len(seqs),
        "first": seqs[0],
        "last": seqs[-1],
        "gaps": sorted(set(range(1, seqs[-1] + 1)) - {*seqs, *erased}),
        "head": inside[-1].record.fingerprint,
        "pending": material.pending,
        "log_size": last.log_size,
        "anchor_seq": last.seq,
        **as_of,
        "references": [{"subject": pid, "records": len(chain)} for pid, chain in material.references],
    }


def key_json(change: KeyChange) -> dict[str, Any]:
    """Return a change of a key, as the registry's event tells it."""
    args = change.args
    return {
        "contract": change.registry,
        "event": change.event,
        "block": change.block,
        "time": format_time(change.time * _MS),
        "key": next((str(args[name]) for name in ("signing", "value", "owner", "delegate") if name in args), None),
        "revoked": args.get("validTo") is not None and int(args["validTo"]) <= change.time,
    }


def erased_json(shown: ShownRecord) -> dict[str, Any]:
    """Name a gap: what stood here is proved, and what it said is gone."""
    record = shown.record
    return {
        "seq": record.seq,
        "record_id": record.record_id,
        "type": record.type,
        "occurred_at": record.envelope["occurred_at"],
        "fingerprint": record.fingerprint,
        "anchored": shown.anchor is not None,
    }


def signatures_json(records: Sequence[ShownRecord]) -> list[dict[str, Any]]:
    """Name who signed which record, by which key, and the block against which the key was looked up."""
    return [
        {
            "seq": shown.record.seq,
            "record_id": shown.record.record_id,
            "type": shown.record.type,
            "did": signature["did"],
            "key": signature["key"],
            "alg": signature["alg"],
            "block": _accepted_block(shown, signature),
        }
        for shown in records
        for signature in shown.record.envelope["signatures"]
    ]


def _accepted_block(shown: ShownRecord, signature: Mapping[str, Any]) -> int | None:
    """Return the block at which the broker says to have accepted it: format 1 states it with the signature."""
    accepted = shown.record.envelope.get("accepted")
    found = signature.get("block") if accepted is None else accepted["block"]
    return None if found is None else int(found)


def attachments_json(records: Sequence[ShownRecord]) -> list[dict[str, Any]]:
    """Name every attachment by digest; the files themselves are no part of a bundle."""
    return [
        {"seq": shown.record.seq, "type": shown.record.type, **attachment}
        for shown in records
        for attachment in shown.record.envelope["attachments"]
    ]


def sources_json(records: Sequence[ShownRecord]) -> dict[str, Any]:
    """Count where the records came from before the chain held them: through which channel, by whom, how fast.

    Delays are in milliseconds: from the event to its record, and from the broker's acceptance to the anchor.
    """
    channels: dict[str, int] = {}
    roles: dict[str, int] = {}
    for shown in records:
        envelope = shown.record.envelope
        channels[envelope["channel"]] = channels.get(envelope["channel"], 0) + 1
        roles[envelope["actor"]["role"]] = roles.get(envelope["actor"]["role"], 0) + 1
    return {
        "channels": channels,
        "roles": roles,
        "signed_by_client": sum(bool(shown.record.envelope["signatures"]) for shown in records),
        "record_delay_ms": _spread([_recorded_after(shown) for shown in records]),
        "anchor_delay_ms": _spread([shown.anchor.time - shown.accepted_at for shown in records if shown.anchor]),
    }


def _recorded_after(shown: ShownRecord) -> int:
    envelope = shown.record.envelope
    return parse_time(envelope["recorded_at"], "recorded_at") - parse_time(envelope["occurred_at"], "occurred_at")


def _spread(delays: Sequence[int]) -> dict[str, int]:
    ordered = sorted(delays)
    return {"median": ordered[len(ordered) // 2], "most": ordered[-1]}
