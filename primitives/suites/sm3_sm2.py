"""`sm3-sm2/1`: SM3 (GB/T 32905), HMAC-SM3, and SM2 with SM3 (GB/T 32918.2) under the signer id 1234567812345678.

SM3 comes with `cryptography`, everywhere. SM2 comes with `tongsuopy`, which has no build for some machines (Linux and
Windows on ARM): records and promises are read and opened there, and whatever needs a signature could not be checked.

A signature is r || s, 32 bytes each. The library draws its nonce, so that two signatures of one message differ.
"""

from __future__ import annotations

from functools import lru_cache

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hmac import HMAC

from primitives.errors import CouldNotCheck, InvalidInput, VerificationFailed
from primitives.suite import SIGNATURE_BYTES, SigningSuite

try:
    from tongsuopy.crypto import hashes as tongsuo_hashes
    from tongsuopy.crypto.asymciphers import ec
    from tongsuopy.crypto.exceptions import InvalidSignature
    from tongsuopy.crypto.serialization import Encoding, PublicFormat
except ImportError:  # no build for this machine
    ec = None

NAME = "sm3-sm2/1"
NOT_INSTALLED = "suite-not-installed"
PUBLIC_KEY_BYTES = 65
ORDER = 0xFFFFFFFE_FFFFFFFF_FFFFFFFF_FFFFFFFF_7203DF6B_21C6052B_53BBF409_39D54123
_HALF = SIGNATURE_BYTES // 2
_UNCOMPRESSED = b"\x04"
_SM3 = hashes.SM3()


def _hash(data: bytes) -> bytes:
    try:
        context = hashes.Hash(_SM3)
    except UnsupportedAlgorithm as error:
        raise CouldNotCheck(NOT_INSTALLED, f"{NAME}: the library `cryptography` was built without SM3") from error
    context.update(data)
    return context.finalize()


def _hmac(key: bytes, data: bytes) -> bytes:
    try:
        context = HMAC(key, _SM3)
    except UnsupportedAlgorithm as error:
        raise CouldNotCheck(NOT_INSTALLED, f"{NAME}: the library `cryptography` was built without SM3") from error
    context.update(data)
    return context.finalize()


def _require_library() -> None:
    if ec is None:
        raise CouldNotCheck(NOT_INSTALLED, f"{NAME}: SM2 takes the library `tongsuopy`, which is not installed")


def _public_key(secret: bytes) -> bytes:
    encoded: bytes = _private(secret).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return encoded


def _sign(secret: bytes, data: bytes) -> bytes:
    r, s = decode_dss_signature(_private(secret).sign(data, _algorithm()))
    return r.to_bytes(_HALF) + s.to_bytes(_HALF)


def _verify(public: bytes, data: bytes, signature: bytes) -> None:
    _require_library()
    key = _point(public)
    if key is None:
        raise VerificationFailed("signature", "the SM2 key is no point of the curve in its one spelling")
    r, s = int.from_bytes(signature[:_HALF]), int.from_bytes(signature[_HALF:])
    if len(signature) != SIGNATURE_BYTES or not (0 < r < ORDER and 0 < s < ORDER):
        raise VerificationFailed("signature", "the SM2 signature is not two numbers below the group's order")
    try:
        key.verify(encode_dss_signature(r, s), data, _algorithm())
    except InvalidSignature as error:
        raise VerificationFailed("signature", "the SM2 signature does not verify") from error


def _is_key(public: bytes) -> bool:
    _require_library()
    return _point(public) is not None


def _algorithm() -> ec.ECDSA:
    return ec.ECDSA(tongsuo_hashes.SM3())  # so it is called there; on a key of this curve it is SM2


@lru_cache(maxsize=4)  # opening a secret costs as much as a signature, and a node signs thousands with one
def _private(secret: bytes) -> ec.EllipticCurvePrivateKey:
    _require_library()
    if len(secret) != _HALF:
        raise InvalidInput("secret", "length", f"must be {_HALF} bytes, not {len(secret)}")
    value = int.from_bytes(secret)
    if not 0 < value < ORDER - 1:  # 1 + secret must have an inverse: with order - 1 the library would sign for ever
        raise InvalidInput("secret", "range", "is no secret key of SM2")
    return ec.derive_private_key(value, ec.SM2())


@lru_cache(maxsize=65_536)
def _point(public: bytes) -> ec.EllipticCurvePublicKey | None:
    if len(public) != PUBLIC_KEY_BYTES or not public.startswith(_UNCOMPRESSED):
        return None
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SM2(), public)
    except ValueError:
        return None


SUITE = SigningSuite(
    name=NAME,
    alg="SM2",
    algorithm=2,
    public_key_bytes=PUBLIC_KEY_BYTES,
    attribute=b"did/pub/SM2/veriKey/hex".ljust(32, b"\0"),
    hash=_hash,
    hmac=_hmac,
    public_key=_public_key,
    sign=_sign,
    verify=_verify,
    is_key=_is_key,
)
