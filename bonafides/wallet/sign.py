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

from bonafides.wallet.continuing import read_continues
from bonafides.wallet.history import keep_opening, known_before, opening_of, require_opened
from bonafides.wallet.keys import Identities, Identity
from bonafides.wallet.texts import check_text
from domain.opening import CLIENT, OPENING
from evidence.version2 import act
from evidence.version2.envelope import RULESET
from evidence.version2.salts import ROOT_SALT_BYTES, field_digests
from primitives.errors import InvalidInput, Refused
from primitives.shapes import Constant, Fields, Nullable, Object, OneOf, Text
from primitives.suites import SUITE_NAME, SUITES
from primitives.timestamp import format_time
from replay.installed import INSTALLED
from replay.wire.consent_call import GIVE, WITHDRAW

Show = Callable[[Identity, "Draft"], bool]

_ANY_TEXT = Text(min=0, controls=True)
_DRAFT = Fields(
    {
        "version": Constant(act.ACT_FORMAT),
        "suite": SUITE_NAME,
        "type": OneOf(*sorted(INSTALLED.client_acts), rule="client-act"),
        "broker": _ANY_TEXT,
        "subject": _ANY_TEXT,
        "document": Nullable(_ANY_TEXT),
        "ruleset": Nullable(RULESET),
        "fields": Object(),
        "text": Fields({"lang": _ANY_TEXT, "body": Text(controls=True)}),
    }
)
_ACT_KIND = "act"
_OPENING_TEXT = """您将在 {broker} 开立自己的记录：此后的每一条记录都接在它之后。
You open your history at {broker}: every record about you there follows on it.
"""
_CONTINUES_TEXT = """它接续您此前的 {count} 条记录，最后一条的指纹为 {head}。
It continues the {count} records that there are of you, the last one with the fingerprint {head}.
"""
MAX_TEXT_BYTES = 128 * 1024


@dataclass(frozen=True)
class Draft:
    """A draft that was checked: its text is the one that its fields name."""

    suite: str
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
        suite=draft["suite"],
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
        Refused: `wallet-foreign` for another client's or broker's act, `wallet-suite` for an act of another suite than
            that of the client's key, `wallet-not-opened`, `wallet-declined`.
    """
    draft = parse_draft(value)
    identity = identities.by_subject(draft.broker, draft.subject)
    if SUITES[draft.suite] is not identity.suite:
        raise Refused("wallet-suite", f"the client's key signs acts of {identity.suite.name}, not of {draft.suite}")
    require_opened(identities, identity)
    if not show(identity, draft):
        raise Refused("wallet-declined", "the client did not agree; nothing was signed")
    return _sign(identities, identity, draft, value, now_ms)


def open_history(
    identities: Identities, did: object, *, now_ms: int, show: Show, continues: object = None
) -> dict[str, Any]:
    """Sign the act by which a client opens the history at the broker; call it inside `Identities.changing`.

    It is signed once: run again it gives the same act, which a node takes once, unless the client has another key now.

    Args:
        identities: the wallet.
        did: the identity, whose pseudonym the wallet was told.
        now_ms: when the client acts.
        show: shows what is signed; returns whether the client agrees.
        continues: the history of format 1 that this one continues, as the broker says it; None where there is none.

    Raises:
        InvalidInput: `continues` is malformed.
        Refused: `wallet-foreign`; `wallet-unbound`, the broker's pseudonym was not kept; `wallet-continues`, see
            `read_continues`; `wallet-declined`.
    """
    identity = identities.by_did(did)
    if identity.subject is None:
        raise Refused("wallet-unbound", f"{identity.did} has no pseudonym yet: run `wallet bind` first")
    signed = opening_of(identities, identity)
    if signed is not None and signed["key"] == identity.key_id(identity.act_key):
        return signed
    earlier = read_continues(identities, identity, continues)
    told = "" if earlier is None else _CONTINUES_TEXT.format(**earlier)
    opening = Draft(
        suite=identity.suite.name,
        type=OPENING,
        broker=identity.broker,
        subject=identity.subject,
        document=None,
        ruleset=None,
        fields={"kind": CLIENT, "opens": identity.did, "continues": earlier},
        lang="en",
        body=_OPENING_TEXT.format(broker=identity.broker) + told,
    )
    if not show(identity, opening):
        raise Refused("wallet-declined", "the client did not agree; nothing was signed")
    names = ("suite", "type", "broker", "subject", "document", "ruleset", "fields")
    value = {"version": act.ACT_FORMAT, **{name: getattr(opening, name) for name in names}}
    signed = _sign(identities, identity, opening, value, now_ms)
    keep_opening(identities, identity, signed)
    return signed


def _sign(identities: Identities, identity: Identity, draft: Draft, value: object, now_ms: int) -> dict[str, Any]:
    """Sign what was agreed to, keep it, and return it as it is handed in."""
    root_salt, occurred_at = identities.store.entropy(ROOT_SALT_BYTES), format_time(now_ms)
    digests, known = field_digests(identity.suite, draft.fields, root_salt), known_before(identities, identity)
    stated = {**vars(draft), "occurred_at": occurred_at, "fields": digests, "known": known}
    key = identity.key_id(identity.act_key)
    signature = act.sign_act(stated, identity.act_key.seed, identity.did, key)["value"]
    signed = {
        "draft": value,
        "occurred_at": occurred_at,
        "root_salt": root_salt.hex(),
        "key": key,
        "known": known,
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
