"""Bitstring Status List (W3C Recommendation 1.0): one bit per credential, 131,072 credentials a list.

Bit 0 is the highest bit of the first byte. The list travels as `u` + base64url(gzip(bytes)).

A credential names its list by a DID URL, `<issuer>?serviceType=BonafidesNode&relativeRef=%2Fv1%2Fstatus-lists%2F<n>`:
where the issuer's node is, is asked when the list is read, so that a credential outlives a change of host or port. The
URLs of earlier credentials, `http(s)://<host>/v1/status-lists/<n>`, name the same list n of their issuer, on any host.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from typing import Any

from did.credentials.contexts import credential_contexts
from did.credentials.credential import BASE_TYPE, check_url
from primitives.encoding import decode_base64url, encode_base64url
from primitives.errors import InvalidInput, VerificationFailed
from primitives.timestamp import format_utc

NODE_SERVICE = "BonafidesNode"
LIST_PATH = "/v1/status-lists/"
LIST_BITS = 131_072
LIST_BYTES = LIST_BITS // 8
ENTRY_TYPE = "BitstringStatusListEntry"
LIST_TYPE = "BitstringStatusList"
LIST_CREDENTIAL_TYPE = "BitstringStatusListCredential"
REVOCATION = "revocation"

_GZIP_WINDOW = 31  # zlib: a gzip header and trailer around the largest window
_MAX_ENCODED_CHARACTERS = 32_768  # what 16 KiB of random bytes need, and room to spare
_MAX_INDEX_DIGITS = 6
_NUMBER = "([1-9][0-9]{0,8})"
MOST_LISTS = 999_999_999
_QUERY = f"?serviceType={NODE_SERVICE}&relativeRef=%2Fv1%2Fstatus-lists%2F"
_EARLIER = re.compile(r"https?://[^/?#]+(?:/[^?#]*)?" + LIST_PATH + _NUMBER)


def list_with(places: Iterable[int]) -> bytes:
    """Return a list in which the bits at these places are set, and no other.

    Raises:
        InvalidInput: `index`, a place that is not in a list.
    """
    bits = bytearray(LIST_BYTES)
    for place in places:
        _check_place(place)
        bits[place // 8] |= 1 << (7 - place % 8)
    return bytes(bits)


def get_bit(bits: bytes, index: int) -> bool:
    """Say whether a bit is set."""
    _check_size(bits)
    _check_place(index)
    return bool(bits[index // 8] >> (7 - index % 8) & 1)


def encode_list(bits: bytes) -> str:
    """Return the text form of a list; the same bits give the same text."""
    _check_size(bits)
    compressor = zlib.compressobj(level=9, wbits=_GZIP_WINDOW)
    return "u" + encode_base64url(compressor.compress(bits) + compressor.flush())


def decode_list(text: object, field: str = "encodedList") -> bytes:
    """Return the bits of a list.

    Raises:
        InvalidInput: no multibase prefix `u`, not base64url, not one gzip member, or not exactly 131,072 bits (what
            would decompress to more is never decompressed).
    """
    if not isinstance(text, str) or not text.startswith("u") or len(text) > _MAX_ENCODED_CHARACTERS:
        raise InvalidInput(field, "multibase", "must be multibase base64url (prefix u), of a bounded length")
    data = decode_base64url(text[1:], field)
    decompressor = zlib.decompressobj(wbits=_GZIP_WINDOW)
    try:
        bits = decompressor.decompress(data, LIST_BYTES + 1)  # the cap: a bomb ends here
    except zlib.error as error:
        raise InvalidInput(field, "gzip", "is not gzip") from error
    if len(bits) != LIST_BYTES or not decompressor.eof or decompressor.unused_data:
        raise InvalidInput(field, "list-bits", f"must be one gzip member of exactly {LIST_BITS} bits")
    return bits


def list_url(issuer: str, number: int) -> str:
    """Return the DID URL of one of an issuer's lists; they are numbered from 1."""
    return f"{issuer}{_QUERY}{number}"


def list_number(url: str, issuer: str) -> int:
    """Return which of an issuer's lists a URL names.

    Raises:
        VerificationFailed: check `status-list`; it names no list of this issuer.
    """
    own = re.fullmatch(re.escape(issuer + _QUERY) + _NUMBER, url)
    match = own or _EARLIER.fullmatch(url)
    if match is None:
        raise VerificationFailed("status-list", f"{url} names no status list of {issuer}")
    return int(match[1])


def read_number(text: str) -> int | None:
    """Return the number of a list from its one spelling; None when it is none."""
    return int(text) if re.fullmatch(_NUMBER, text) else None


def status_entry(url: str, index: int, purpose: str = REVOCATION) -> dict[str, Any]:
    """Return the `credentialStatus` of a credential that has a place in a list."""
    _check_place(index)
    return {
        "id": f"{check_url(url, 'statusListCredential')}#{index}",
        "type": ENTRY_TYPE,
        "statusPurpose": purpose,
        "statusListIndex": str(index),
        "statusListCredential": url,
    }


def status_list_credential(
    *, number: int, issuer: str, bits: bytes, valid_from: int, valid_until: int, purpose: str = REVOCATION
) -> dict[str, Any]:
    """Return the unsecured credential that publishes a list; times are in milliseconds.

    A list speaks of a short time only, so that nobody is shown one from before a revocation for long.
    """
    url = list_url(issuer, number)
    return {
        "@context": credential_contexts(),
        "id": url,
        "type": [BASE_TYPE, LIST_CREDENTIAL_TYPE],
        "issuer": issuer,
        "validFrom": format_utc(valid_from),
        "validUntil": format_utc(valid_until),
        "credentialSubject": {
            "id": f"{url}#list",
            "type": LIST_TYPE,
            "statusPurpose": purpose,
            "encodedList": encode_list(bits),
        },
    }


def entry_place(entry: dict[str, Any]) -> tuple[str, int, str]:
    """Return a status entry's list URL, index and purpose.

    Raises:
        InvalidInput: another entry type, an index that is not decimal text, or out of the list.
    """
    if entry.get("type") != ENTRY_TYPE:
        raise InvalidInput("credentialStatus.type", "status-type", f"must be {ENTRY_TYPE}")
    index, purpose = entry.get("statusListIndex"), entry.get("statusPurpose")
    if not isinstance(index, str) or not index.isascii() or not index.isdecimal() or len(index) > _MAX_INDEX_DIGITS:
        raise InvalidInput("credentialStatus.statusListIndex", "index", "must be a decimal number as text")
    if int(index) >= LIST_BITS or str(int(index)) != index:
        raise InvalidInput("credentialStatus.statusListIndex", "index", f"must be below {LIST_BITS}, no leading zeros")
    if not isinstance(purpose, str) or not purpose:
        raise InvalidInput("credentialStatus.statusPurpose", "text", "must name the purpose of the status")
    return (
        check_url(entry.get("statusListCredential"), "credentialStatus.statusListCredential"),
        int(index),
        purpose,
    )


def is_set(entry: dict[str, Any], list_credential: dict[str, Any], issuer: str) -> bool:
    """Say whether a credential's status bit is set in a list credential whose proof the caller has verified.

    Raises:
        InvalidInput: the entry or the list is ill-formed.
        VerificationFailed: check `status-list`; the list is another one, by another issuer or for another purpose.
    """
    url, index, purpose = entry_place(entry)
    subject = list_credential.get("credentialSubject")
    if not isinstance(subject, dict) or subject.get("type") != LIST_TYPE:
        raise InvalidInput("credentialSubject", "status-list", f"must be a {LIST_TYPE}")
    if list_credential.get("id") != list_url(issuer, list_number(url, issuer)):
        raise VerificationFailed("status-list", "the status list is not the one that the credential names")
    if list_credential.get("issuer") != issuer:
        raise VerificationFailed("status-list", "the status list is by somebody else than the credential's issuer")
    if subject.get("statusPurpose") != purpose:
        raise VerificationFailed("status-list", "the status list has another purpose than the credential's entry")
    return get_bit(decode_list(subject.get("encodedList")), index)


def _check_size(bits: bytes) -> None:
    if len(bits) != LIST_BYTES:
        raise InvalidInput("bits", "list-bits", f"must be {LIST_BITS} bits")


def _check_place(index: int) -> None:
    if not 0 <= index < LIST_BITS:
        raise InvalidInput("index", "index", f"must be between 0 and {LIST_BITS - 1}")
