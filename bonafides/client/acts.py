"""The fact that reports an act which a client signed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from primitives.errors import InvalidInput


def fact_of_act(signed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fact that reports a client's signed act.

    Args:
        signed: a line of `wallet sign`, with the broker's `source_ref`, `channel` and `actor` beside; without them the
            signature names the fact, the channel is `app` and the actor is the client. The call of a consent that
            `wallet consent` put beside the act goes with it.

    Raises:
        InvalidInput: it is no signed act.
    """
    draft = signed.get("draft")
    if not isinstance(draft, Mapping) or not isinstance(signed.get("key"), str):
        raise InvalidInput("draft", "shape", "is no line of `wallet sign`")
    did = str(signed["key"]).partition("#")[0]
    act = {name: signed.get(name) for name in ("root_salt", "key", "known", "signature")}
    return {
        "source_ref": signed.get("source_ref") or f"act:{signed.get('signature')}",
        "subject": draft.get("subject"),
        "type": draft.get("type"),
        "occurred_at": signed.get("occurred_at"),
        "channel": signed.get("channel") or "app",
        "actor": signed.get("actor") or {"did": did, "role": "client"},
        "payload": draft.get("fields"),
        "attachments": signed.get("attachments") or [],
        "act": {**act, "document": draft.get("document"), "ruleset": draft.get("ruleset")},
        **({"consent": signed["consent"]} if "consent" in signed else {}),
    }
