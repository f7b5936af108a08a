"""Signing a client's own act, from the draft that a broker prepared.

The wallet trusts the draft in nothing: it shows the text, digests that text itself, and refuses when the digest in the
draft is another one, when the text does not show the fields' values, when the act is not this client's, or when the
type is none that a client signs. It draws the root salt and sets the time; so the signature covers every field, and no
unsalted payload is ever signed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bonafides.wallet.keys import Identities, Identity
from bonafides.wallet.texts import check_text
from evidence.documents.act import ACT_FORMAT, ROOT_SALT_BYTES, act_payload, field_digests
from primitives import ed25519
from primitives.encoding import encode_base64url
from primitives.errors import InvalidInput, Refused
from primitives.shapes import Constant, Fields, Nullable, Object, OneOf, Text
from primitives.timestamp import format_time
from replay.installed import INSTALLED
from replay.wire.consent_call import GIVE, WITHDRAW

Show = Callable[[Identity, "Draft"], bool]

_ANY_TEXT = Text(min=0, controls=True)
_DRAFT = Fields(
    {
        "version": Constant(ACT_FORMAT),
        "type": OneOf(*sorted(INSTALLED.client_acts), rule="client-act"),
        "broker": _ANY_TEXT,
        "subject": _ANY_TEXT,
        "document": Nullable(_ANY_TEXT),
        "ruleset": Nullable(_ANY_TEXT),
        "fields": Object(),
        "text": Fields({"lang": _ANY_TEXT, "body": Text(controls=True)}),
    }
)
_ACT_KIND = "act"
MAX_TEXT_BYTES = 128 * 1024


@dataclass(frozen=True)
class Draft:
    """A draft that was checked: its text is the one that its fields name."""

    type: str
    broker: str
    subject: str
    document: str | None
    ruleset: str | None
    fields: Mapping[str, Any]
    lang: str
    body: str


def parse_draft(value: object) -> Draft:
    """Check a draft.

    Raises:
        InvalidInput: it is no draft, or names a type that a client does not sign.
        Refused: `wallet-text-digest`, the text is not the one whose digest would be signed; `wallet-document` and
            `wallet-text-fields`, it does not show what the fields hold.
    """
    draft = _DRAFT.read(value, "draft")
    lang, body = _checked_text(draft["text"], draft["fields"])
    check_text(draft["type"], draft["document"], lang, body, draft["fields"])
    return Draft(
        type=draft["type"],
        broker=draft["broker"],
        subject=draft["subject"],
        document=draft["document"],
        ruleset=draft["ruleset"],
        fields=draft["fields"],
        lang=lang,
        body=body,
    )


def sign_act(identities: Identities, value: object, *, now_ms: int, show: Show) -> dict[str, Any]:
    """Sign any act but those about consents, which are made with more than an act: see `sign_draft`.

    Raises:
        Refused: `wallet-consent`, it is about a consent.
    """
    if isinstance(value, dict) and value.get("type") in (GIVE, WITHDRAW):
        raise Refused("wallet-consent", f"{value['type']} is signed by `wallet consent grant` or `withdraw`")
    return sign_draft(identities, value, now_ms=now_ms, show=show)


def sign_draft(identities: Identities, value: object, *, now_ms: int, show: Show) -> dict[str, Any]:
    """Show a draft, and sign it when the client agrees; call it inside `Identities.changing`.

    Args:
        identities: the wallet.
        value: the draft.
        now_ms: when the client acts.
        show: shows the text and the fields; returns whether the client agrees.

    Raises:
        InvalidInput, Refused: see `parse_draft`.
        Refused: `wallet-foreign` for another client's or broker's act, `wallet-declined`.
    """
    draft = parse_draft(value)
    identity = identities.by_subject(draft.broker, draft.subject)
    if not show(identity, draft):
        raise Refused("wallet-declined", "the client did not agree; nothing was signed")
    root_salt = identities.store.entropy(ROOT_SALT_BYTES)
    occurred_at = format_time(now_ms)
    digests = field_digests(draft.fields, root_salt)
    payload = act_payload(draft.type, draft.broker, draft.subject, occurred_at, draft.document, draft.ruleset, digests)
    signature = encode_base64url(ed25519.sign(identity.key.seed, payload))
    signed = {
        "draft": value,
        "occurred_at": occurred_at,
        "root_salt": root_salt.hex(),
        "key": identity.key_id(identity.key),
        "signature": signature,
    }
    kept = {**signed, "digests": digests, "did": identity.did}
    identities.store.put(kept, _ACT_KIND, signature)
    return signed


def kept_act(identities: Identities, signature: str) -> dict[str, Any] | None:
    """Return what this wallet signed under a signature, or None."""
    value: dict[str, Any] | None = identities.store.get(_ACT_KIND, signature)
    return value


def _checked_text(text: Mapping[str, str], fields: Mapping[str, Any]) -> tuple[str, str]:
    lang, body = text["lang"], text["body"]
    if not body.strip():
        raise InvalidInput("draft.text.body", "length", "must be text that is not empty")
    try:
        encoded = body.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidInput("draft.text.body", "unicode", "holds a lone surrogate") from error
    if len(encoded) > MAX_TEXT_BYTES:
        raise InvalidInput("draft.text.body", "max-bytes", f"is longer than {MAX_TEXT_BYTES} bytes")
    if fields.get("text_sha256") != hashlib.sha256(encoded).hexdigest():
        raise Refused("wallet-text-digest", "the draft names the digest of another text than the one it shows")
    if fields.get("lang", lang) != lang:
        raise Refused("wallet-text-digest", "the draft names another language than that of the text it shows")
    return lang, body
