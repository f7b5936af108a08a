"""Certificate numbers: which kinds there are, the one spelling of each number, and what can be checked of it.

A kind names the number, not the paper: a household register, a temporary card and the resident's card all show one
citizen number, and whoever shows one of them today and another next year must come to the same scalar.

| kind | paper | form and checks |
|---|---|---|
| resident-id | 居民身份证, 临时身份证, 户口簿 | GB 11643: 17 digits and a digit or X, a birth date, ISO 7064 MOD 11-2 |
| hmt-residence-permit | 港澳台居民居住证 | as resident-id, of the regions 810000, 820000 and 830000 |
| foreign-permanent-residence | 外国人永久居留身份证 | as resident-id, from 9; or earlier: 3 letters, 12 digits |
| passport | 护照 | 5 to 20 of A-Z 0-9 |
| hk-macao-permit | 港澳居民来往内地通行证 | H or M and 8 digits; earlier also 10, with renewals |
| taiwan-permit | 台湾居民来往大陆通行证 | 8 digits |
| officer-id, soldier-id, armed-police-id | 军官证, 士兵证, 武警证 | 1 to 4 Han characters, 字第, 4 to 8 digits, 号 |
| organisation-code | 统一社会信用代码 | GB 32100: 18 of its alphabet, check character modulo 31 |
"""

from __future__ import annotations

import re
from datetime import date

from primitives.errors import InvalidInput

RESIDENT_ID = "resident-id"
HMT_PERMIT = "hmt-residence-permit"
FOREIGN_PERMIT = "foreign-permanent-residence"
HK_MACAO_PERMIT = "hk-macao-permit"
ORGANISATION = "organisation-code"
SAME_NUMBER = {"household-register": RESIDENT_ID, "temporary-resident-id": RESIDENT_ID}  # papers that show it, too
_MILITARY = re.compile(r"[\u4e00-\u9fff]{1,4}字第[0-9]{4,8}号")
_SPELLING = {
    RESIDENT_ID: re.compile(r"[1-9][0-9]{16}[0-9X]"),
    HMT_PERMIT: re.compile(r"8[123]0000[0-9]{11}[0-9X]"),
    FOREIGN_PERMIT: re.compile(r"9[0-9]{16}[0-9X]|[A-Z]{3}[0-9]{12}"),
    "passport": re.compile(r"[A-Z0-9]{5,20}"),
    HK_MACAO_PERMIT: re.compile(r"[HM][0-9]{8}(?:[0-9]{2})?"),
    "taiwan-permit": re.compile(r"[0-9]{8}"),
    "officer-id": _MILITARY,
    "soldier-id": _MILITARY,
    "armed-police-id": _MILITARY,
    ORGANISATION: re.compile(r"[0-9A-HJ-NPQRTUWXY]{18}"),
}
KINDS = (*_SPELLING, *SAME_NUMBER)
_HK_MACAO_FORM = 9  # characters of a number that is taken in
_CITIZEN_FORM = 18  # characters of GB 11643
_OTHER_REGIONS = ("81", "82", "83", "9")  # first digits that residents' numbers do not have

_ISO_7064_RADIX = 2
_ISO_7064_MODULUS = 11
_CHECK_CHARACTERS = "0123456789X"
_CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT_RADIX = 3  # GB 32100: the weights are the powers of 3 modulo 31


def number_kind(kind: str) -> str:
    """Return the kind of the number that a paper shows.

    Raises:
        InvalidInput: field `kind`, rule `certificate-kind`.
    """
    found = SAME_NUMBER.get(kind, kind)
    if found not in _SPELLING:
        raise InvalidInput("kind", "certificate-kind", f"must be one of {', '.join(KINDS)}")
    return found


def check_spelling(kind: str, number: str) -> None:
    """Check the form of a number, its birth date and its check character of ISO 7064.

    Raises:
        InvalidInput: field `number`; rules `certificate-number`, `birth-date`, `check-digit`; never the number itself.
    """
    if _SPELLING[kind].fullmatch(number) is None:
        raise InvalidInput("number", "certificate-number", f"is not a number of the kind {kind} in its one spelling")
    if kind in (RESIDENT_ID, HMT_PERMIT, FOREIGN_PERMIT) and len(number) == _CITIZEN_FORM:
        _check_citizen_form(number)


def check_certificate(kind: str, number: str) -> None:
    """Check a number as it is taken in at the counter: `check_spelling`, and that it is of this kind and no other.

    Raises:
        InvalidInput: also `certificate-kind`, where the number belongs to another kind.
    """
    check_spelling(number_kind(kind), number)
    if number_kind(kind) == RESIDENT_ID and number.startswith(_OTHER_REGIONS):
        raise InvalidInput("kind", "certificate-kind", f"is the number of a {HMT_PERMIT} or a {FOREIGN_PERMIT}")
    if kind == HK_MACAO_PERMIT and len(number) != _HK_MACAO_FORM:  # with them, each renewal would be another person
        detail = "ends in two digits that count its renewals: give the letter and the 8 digits, which stay"
        raise InvalidInput("number", "certificate-number", detail)
    if kind == ORGANISATION and number[-1] != _credit_check_character(number[:-1]):
        raise InvalidInput("number", "check-digit", "does not have its GB 32100 check character")


def _check_citizen_form(number: str) -> None:
    try:
        date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError as error:
        raise InvalidInput("number", "birth-date", "holds no date of the calendar") from error
    if number[-1] != _check_character(number[:-1]):
        raise InvalidInput("number", "check-digit", "does not have its ISO 7064 MOD 11-2 check character")


def _check_character(digits: str) -> str:
    remainder = 0
    for digit in digits:  # ISO 7064, pure system recursive method
        remainder = (remainder + int(digit)) * _ISO_7064_RADIX % _ISO_7064_MODULUS
    return _CHECK_CHARACTERS[(1 - remainder) % _ISO_7064_MODULUS]


def _credit_check_character(body: str) -> str:
    modulus = len(_CREDIT_ALPHABET)
    weighted = sum(_CREDIT_ALPHABET.index(c) * pow(_CREDIT_RADIX, place, modulus) for place, c in enumerate(body))
    return _CREDIT_ALPHABET[-weighted % modulus]
