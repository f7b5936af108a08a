"""A client's own act: what the wallet signs (docs/spec/evidence-2.md, section 3).

The signed bytes hold digests only, so they still verify when fields are redacted. `known` names the last record that
the wallet has a promise or receipt of, so that each act witnesses the history before it; its nonce is used once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from evidence.version2.envelope import ActSignature, Envelope, KnownBefore
from primitives.canonical import canonical_json
from primitives.encoding import decode_base64url, encode_base64url
from primitives.errors import VerificationFailed
from primitives.suite import SIGNATURE_BYTES
from primitives.suites import SUITES, require_alg, suite_named

ACT_FORMAT = "bonafides.act/2"
CLIENT_SIGNATURE = "client-signature"

_SIGNED = ("suite", "type", "broker", "subject", "occurred_at", "document", "ruleset", "fields", "known")


def known(count: int, fingerprint: bytes, nonce: bytes) -> KnownBefore:
    """Return what an act says of the history before it: the last record that the wallet knows, and 16 random bytes."""
    return {"count": count, "fingerprint": fingerprint.hex(), "nonce": nonce.hex()}


def act_payload(stated: Mapping[str, Any]) -> bytes:
    """Return the bytes that are signed.

    Args:
        stated: an envelope, or of it at least `suite`, `type`, `broker`, `subject`, `occurred_at`, `document`,
            `ruleset`, `fields` (the digests in hex) and `known`, which is None where the broker signs.
    """
    return canonical_json({"version": ACT_FORMAT, **{name: stated[name] for name in _SIGNED}})


def sign_act(stated: Mapping[str, Any], secret: bytes, did: str, key: str) -> ActSignature:
    """Sign an act by the suite that it names; `key` is the verification method of the DID."""
    suite = suite_named(stated["suite"])
    value = encode_base64url(suite.sign(secret, act_payload(stated)))
    return {"did": did, "key": key, "alg": suite.alg, "value": value}


def verify_act(stated: Mapping[str, Any], signature: ActSignature, public_key: bytes) -> None:
    """Check one signature of an envelope, or of what `act_payload` takes, against one key.

    Raises:
        VerificationFailed: check `client-signature`.
        CouldNotCheck: the library of its suite is not installed.
    """
    suite = SUITES[stated["suite"]]
    require_alg(suite, signature["alg"], "signature.alg")
    value = decode_base64url(signature["value"], "signature.value", SIGNATURE_BYTES)
    try:
        suite.verify(public_key, act_payload(stated), value)
    except VerificationFailed as error:
        raise VerificationFailed(CLIENT_SIGNATURE, f"{stated['type']}: {error.detail}") from error


def check_known(envelope: Envelope, fingerprints: Sequence[bytes]) -> None:
    """Check that what an act says of the history before it is so.

    Args:
        envelope: of a record of the history.
        fingerprints: of the records of its subject, in their order, the erased ones with them.

    Raises:
        VerificationFailed: check `client-signature`; the history is not the one that the client knew.
    """
    stated = envelope["known"]
    if stated is None or stated["count"] == 0:
        return
    count, where = stated["count"], f"record {envelope['seq']}"
    if count >= envelope["seq"] or count > len(fingerprints):
        raise VerificationFailed(CLIENT_SIGNATURE, f"{where}: the client knew {count} records before it")
    if fingerprints[count - 1].hex() != stated["fingerprint"]:
        raise VerificationFailed(CLIENT_SIGNATURE, f"{where}: the client knew another record {count}")


def check_nonces(envelopes: Iterable[Envelope]) -> None:
    """Check that no act of one subject was used twice.

    Raises:
        VerificationFailed: check `client-signature`.
    """
    used: dict[str, int] = {}
    for envelope in envelopes:
        if envelope["known"] is not None:
            first = used.setdefault(envelope["known"]["nonce"], envelope["seq"])
            if first != envelope["seq"]:
                raise VerificationFailed(
                    CLIENT_SIGNATURE, f"record {envelope['seq']} uses the client's act of record {first} again"
                )
