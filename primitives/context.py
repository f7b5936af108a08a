"""The context of a zero-knowledge proof: for whom, by whom, when and for what it was made.

Every field enters the challenge, so a proof that is shown to another verifier, under another nonce, for another
purpose or on another chain does not verify. Nonces are the verifier's, used once; its store is not here (it is state).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from primitives.canonical import canonical_json
from primitives.encoding import decode_base64url, encode_base64url
from primitives.errors import InvalidInput, VerificationFailed
from primitives.shapes import Anything, Decimal, Fields, Text
from primitives.timestamp import CLOCK_LEEWAY_MS, MAX_TIME_MS

SUITE = "bonafides-zk-1"
MIN_NONCE_BYTES = 16

_MAX_TEXT = 256
_MAX_NONCE_BYTES = 64
_WORDS = Text(_MAX_TEXT, controls=True)
_CONTEXT = Fields(
    {
        "chainId": Decimal(),
        "aud": _WORDS,
        "holder": _WORDS,
        "verificationMethod": _WORDS,
        "nonce": Anything(),
        "purpose": _WORDS,
        "iat": Decimal(),
        "exp": Decimal(),
    }
)


@dataclass(frozen=True)
class ProofContext:
    """What a proof is bound to.

    Attributes:
        chain_id: the consortium chain's id.
        audience: DID of the verifier.
        holder: DID of the prover.
        verification_method: DID URL of the holder's key.
        nonce: 16 to 64 bytes, chosen by the verifier, used once.
        purpose: code of what the proof is for.
        issued_at: milliseconds.
        expires_at: milliseconds.
    """

    chain_id: int
    audience: str
    holder: str
    verification_method: str
    nonce: bytes
    purpose: str
    issued_at: int
    expires_at: int

    def __post_init__(self) -> None:
        """Refuse a context that binds nothing."""
        for name in ("audience", "holder", "verification_method", "purpose"):
            value = getattr(self, name)
            if not isinstance(value, str) or not 0 < len(value) <= _MAX_TEXT:
                raise InvalidInput(f"ctx.{name}", "text", f"must be a text of 1 to {_MAX_TEXT} characters")
        if not MIN_NONCE_BYTES <= len(self.nonce) <= _MAX_NONCE_BYTES:
            raise InvalidInput("ctx.nonce", "nonce", f"must be {MIN_NONCE_BYTES} to {_MAX_NONCE_BYTES} bytes")
        if not 0 < self.chain_id < 1 << 64:
            raise InvalidInput("ctx.chain_id", "chain-id", "must be the id of a chain")
        if not 0 <= self.issued_at <= self.expires_at <= MAX_TIME_MS:
            raise InvalidInput("ctx.expires_at", "period", "must not be before issued_at")

    def to_json(self) -> dict[str, str]:
        """Return the wire form: every value is text, integers in decimal."""
        return {
            "chainId": str(self.chain_id),
            "aud": self.audience,
            "holder": self.holder,
            "verificationMethod": self.verification_method,
            "nonce": "u" + encode_base64url(self.nonce),
            "purpose": self.purpose,
            "iat": str(self.issued_at),
            "exp": str(self.expires_at),
        }

    @classmethod
    def from_json(cls, value: object) -> ProofContext:
        """Read the wire form.

        Raises:
            InvalidInput: a field is missing, unknown or ill-formed.
        """
        context = _CONTEXT.read(value, "ctx")
        return cls(
            chain_id=context["chainId"],
            audience=context["aud"],
            holder=context["holder"],
            verification_method=context["verificationMethod"],
            nonce=decode_multibase(context["nonce"], "ctx.nonce"),
            purpose=context["purpose"],
            issued_at=context["iat"],
            expires_at=context["exp"],
        )

    def tag(self, proto: str, form: str, ciphersuite: str, statement: dict[str, Any]) -> bytes:
        """Return the application tag of a proof: protocol, form and suite in clear, then the hash of the context."""
        bound = {"suite": SUITE, "proto": proto, **self.to_json(), "statement": statement}
        digest = hashlib.sha256(canonical_json(bound)).hexdigest()
        return f"BONAFIDES-ZK-V1/{proto}/{form}-with-{ciphersuite}/{digest}".encode("ascii")


@dataclass(frozen=True)
class ExpectedContext:
    """What a verifier asks of a context: its own name, the nonce that it gave out, the purpose, and the time.

    Attributes:
        chain_id: the chain's id.
        audience: the verifier's DID.
        holder: the DID that must prove.
        nonce: the nonce given to it, which the caller uses up.
        purpose: the purpose it was given for.
        now: milliseconds.
    """

    chain_id: int
    audience: str
    holder: str
    nonce: bytes
    purpose: str
    now: int

    def check(self, context: ProofContext) -> None:
        """Compare.

        Raises:
            VerificationFailed: check `proof-context`, `proof-not-yet-valid` or `proof-expired`.
        """
        for name in ("chain_id", "audience", "holder", "nonce", "purpose"):
            if getattr(context, name) != getattr(self, name):
                raise VerificationFailed("proof-context", f"the proof was made for another {name}")
        if context.verification_method.partition("#")[0] != self.holder:
            raise VerificationFailed("proof-context", "the proof names a key of somebody else than its holder")
        if self.now + CLOCK_LEEWAY_MS < context.issued_at:
            raise VerificationFailed("proof-not-yet-valid", "the proof is dated later than now")
        if self.now > context.expires_at:
            raise VerificationFailed("proof-expired", "the proof has expired")


def decode_multibase(text: object, field: str, length: int | None = None) -> bytes:
    """Decode multibase base64url (prefix `u`, no padding)."""
    if not isinstance(text, str) or not text.startswith("u"):
        raise InvalidInput(field, "multibase", "must be multibase base64url (prefix u)")
    return decode_base64url(text[1:], field, length)
