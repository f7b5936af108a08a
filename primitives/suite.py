"""The seam of a suite: how what people read and sign is hashed and signed (docs/spec/evidence-2.md, section 1.1).

A suite is a file of `primitives.suites` that offers a `SigningSuite` as SUITE; that package finds it by its name.
Trees, labels and maps are SHA-256 whatever the suite: they hash values that say nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from primitives.digest import tag_bytes
from primitives.errors import InvalidInput

SIGNATURE_BYTES = 64  # of every suite
SECRET_BYTES = 32  # of every suite


@dataclass(frozen=True)
class SigningSuite:
    """A hash, its HMAC and a signature. Where its library is not installed, each raises CouldNotCheck.

    Attributes:
        name: as records and bundles state it.
        alg: `alg` of its signatures.
        algorithm: the number of its signature's algorithm in the member registry.
        public_key_bytes: the length of a public key.
        attribute: the 32 bytes of the attribute under which a client's DID keeps its keys of this algorithm.
        hash: data -> 32 bytes.
        hmac: (key, data) -> the 32 bytes of HMAC (RFC 2104) with this hash.
        public_key: the secret of 32 bytes -> its public key.
        sign: (secret, data) -> a signature of 64 bytes.
        verify: (public key, data, signature) -> nothing, or VerificationFailed `signature`: the key is none of this
            suite, or the signature is not of this key and data.
        is_key: whether bytes are a public key that this suite verifies under, in its one spelling.
    """

    name: str
    alg: str
    algorithm: int
    public_key_bytes: int
    attribute: bytes
    hash: Callable[[bytes], bytes]
    hmac: Callable[[bytes, bytes], bytes]
    public_key: Callable[[bytes], bytes]
    sign: Callable[[bytes, bytes], bytes]
    verify: Callable[[bytes, bytes, bytes], None]
    is_key: Callable[[bytes], bool]

    def draw_secret(self, entropy: Callable[[int], bytes]) -> bytes:
        """Draw a secret key; `entropy` gives so many random bytes.

        Raises:
            CouldNotCheck: the suite's library is not installed.
        """
        while True:  # of SM2 one draw in four milliards is no key, of Ed25519 none
            secret = entropy(SECRET_BYTES)
            try:
                self.public_key(secret)
            except InvalidInput:
                continue
            return secret

    def tagged_hmac(self, key: bytes, tag: str, data: bytes = b"") -> bytes:
        """Return HMAC(key, length of the tag as one byte || tag || data)."""
        return self.hmac(key, tag_bytes(tag) + data)

    def check_public_key(self, public: bytes, field: str) -> None:
        """Check that bytes are a public key of this suite.

        Raises:
            InvalidInput: `length`, or `point`.
        """
        if len(public) != self.public_key_bytes:
            raise InvalidInput(field, "length", f"must be {self.public_key_bytes} bytes, not {len(public)}")
        if not self.is_key(public):
            raise InvalidInput(field, "point", f"is no public key of {self.name}")
