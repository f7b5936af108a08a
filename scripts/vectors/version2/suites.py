"""One act under `sm3-sm2/1`, and what its root salt gives.

Signatures of SM2 are not deterministic, and not every machine has the library that makes them: key and signature here
were made once, and a test checks them.
"""

from __future__ import annotations

from typing import Any

from evidence.version2 import salts
from evidence.version2.act import act_payload, known
from evidence.version2.links import start
from evidence.version2.record import redact, seal
from primitives.canonical import canonical_json
from primitives.encoding import encode_base64url
from primitives.suite import SigningSuite
from primitives.suites import SUITES
from scripts.vectors.evidence import BROKER, CLIENT, SUBJECT, seeded
from scripts.vectors.output import Vector
from scripts.vectors.version2.documents import CONFIRMED, RULESET, envelope, root_salt

SM = SUITES["sm3-sm2/1"]
PUBLIC_KEY = (
    "0409597261ae5c193420df52e2329cf83a0fc718b11f158b875145c948edc31c92b14fdbadfb475fcbe317354e2a34a5d378"
    "38dcf44a67de52e8fd53ce82d2c147"
)
SIGNATURE = (
    "9ca5ee38f1eda4a9900e4d34f06204de6935f65a8b5390757b79192b5548e03dc0a5dd08d96d9bfb26bda9d88fcbb22de88c"
    "ab453c4de94c00be416ef8f673f8"
)


def confirmation(suite: SigningSuite) -> tuple[dict[str, Any], bytes]:
    """Return an act as its client signs it, who knew nothing before it, and its root salt."""
    head, salt = start(BROKER, SUBJECT), root_salt(1)
    stated = envelope(
        head,
        suite=suite.name,
        type_="LEVEL_CONFIRM",
        block=8,
        actor={"did": CLIENT, "role": "client"},
        ruleset=RULESET,
        document="level-notice@1",
        fields=salts.field_digests(suite, CONFIRMED, salt),
        known=known(head.count, head.fingerprint, seeded("nonce 1")[:16]),
    )
    return stated, salt


def vectors() -> dict[str, Vector]:
    """Return the worked act."""
    stated, salt = confirmation(SM)
    signature = {
        "did": CLIENT,
        "key": f"{CLIENT}#delegate-1",
        "alg": SM.alg,
        "value": encode_base64url(bytes.fromhex(SIGNATURE)),
    }
    sealed = seal({**stated, "signatures": [signature]}, CONFIRMED, salt)
    payload = act_payload(stated)
    return {
        "sm": {
            "root_salt": salt.hex(),
            "values": CONFIRMED,
            "envelope_salt": salts.envelope_salt(SM, salt).hex(),
            "field_salt_level": salts.field_salt(SM, salt, "level").hex(),
            "field_digest_level": sealed.envelope["fields"]["level"],
            "next": sealed.next.hex(),
            "public_key": PUBLIC_KEY,
            "signed_bytes": payload.hex(),
            "signature": SIGNATURE,
            "fingerprint": sealed.fingerprint.hex(),
            "entry": sealed.entry.hex(),
            "copy": canonical_json(redact(sealed)).decode(),
        }
    }
