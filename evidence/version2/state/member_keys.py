"""A member's keys, and the digest under which the chain keeps them (docs/spec/evidence-2.md, section 9.3)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from evidence import shapes
from primitives.digest import tag_bytes
from primitives.errors import InvalidInput
from primitives.shapes import Bytes, Fields, Integer
from primitives.suites import DEFAULT, SUITES

KEY_BYTES = {suite.algorithm: suite.public_key_bytes for suite in SUITES.values()}
"""How long a signing key is, by the number of its algorithm (section 1.1)."""

_TAG = "bonafides/member-keys/2"
_ED25519_BYTES, _X25519_BYTES = 32, 32
_SHORT_BYTES = 2


@dataclass(frozen=True)
class MemberKeySet:
    """Keys of a member.

    Attributes:
        algorithm: of the signing key.
        signing: signs promises, records and bundles.
        checkpoint: Ed25519, signs checkpoints and cosignatures.
        agreement: X25519.
        compliance: the 0x address of the account that approves for the member.
    """

    algorithm: int
    signing: bytes
    checkpoint: bytes
    agreement: bytes
    compliance: str

    @classmethod
    def of_one_key(cls, signing: bytes, agreement: bytes, compliance: str) -> MemberKeySet:
        """Return the keys of a member of the default suite, whose signing key signs checkpoints, too."""
        return cls(DEFAULT.algorithm, signing, signing, agreement, compliance)

    @property
    def ed25519(self) -> bytes:
        """The key of what is Ed25519 under every suite, but for checkpoints: credentials, messages, orders."""
        return self.signing if self.algorithm == DEFAULT.algorithm else self.checkpoint

    def digest(self) -> bytes:
        """Return the keys digest: what the registry and the leaves of the log hold."""
        return hashlib.sha256(
            tag_bytes(_TAG)
            + self.algorithm.to_bytes(_SHORT_BYTES)
            + len(self.signing).to_bytes(_SHORT_BYTES)
            + self.signing
            + self.checkpoint
            + self.agreement
            + bytes.fromhex(self.compliance.removeprefix("0x"))
        ).digest()

    def to_json(self) -> dict[str, Any]:
        """Return KEYS, the wire form."""
        return {
            "algorithm": self.algorithm,
            "signing": self.signing.hex(),
            "checkpoint": self.checkpoint.hex(),
            "agreement": self.agreement.hex(),
            "compliance": self.compliance,
        }


def _keys(members: dict[str, Any], where: str) -> MemberKeySet:
    keys = MemberKeySet(**members)
    expected = KEY_BYTES.get(keys.algorithm)
    if expected is None:
        raise InvalidInput(f"{where}.algorithm", "one-of", "must be the number of an algorithm")
    if len(keys.signing) != expected:
        raise InvalidInput(f"{where}.signing", "length", f"must be {expected} bytes")
    return keys


KEYS = Fields(
    {
        "algorithm": Integer(1, 0xFFFF),
        "signing": Bytes(),
        "checkpoint": Bytes(_ED25519_BYTES),
        "agreement": Bytes(_X25519_BYTES),
        "compliance": shapes.ADDRESS,
    }
).then(_keys)
"""KEYS of a bundle, read as `MemberKeySet`."""
