"""What the demo knows of one synthetic person, whatever it was made from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from primitives.canonical import canonical_json
from suitability.vocabulary import RISKS

SYNTHETIC_REGION = "100000"  # no province begins with 10; a first digit 9 is a foreigner's
"""No administrative region has this code: a number that starts with it belongs to nobody."""

_CHECK_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK_DIGITS = "10X98765432"
_SURNAMES = (
    *(("王", "Wang"), ("李", "Li"), ("张", "Zhang"), ("刘", "Liu"), ("陈", "Chen"), ("杨", "Yang"), ("赵", "Zhao")),
    *(("黄", "Huang"), ("周", "Zhou"), ("吴", "Wu"), ("徐", "Xu"), ("孙", "Sun"), ("胡", "Hu"), ("朱", "Zhu")),
)
_GIVEN = (
    *(("伟", "Wei"), ("芳", "Fang"), ("敏", "Min"), ("静", "Jing"), ("磊", "Lei"), ("军", "Jun"), ("洋", "Yang")),
    *(("勇", "Yong"), ("艳", "Yan"), ("杰", "Jie"), ("娟", "Juan"), ("涛", "Tao"), ("明", "Ming"), ("超", "Chao")),
    *(("秀兰", "Xiulan"), ("霞", "Xia"), ("平", "Ping"), ("刚", "Gang"), ("桂英", "Guiying")),
)


@dataclass(frozen=True)
class Profile:
    """One person. Money is integer fen; `answers` are of the form individual-20@1; `number` is unique in its source."""

    number: int
    source: str
    name_zh: str
    name_en: str
    certificate: str
    age: int
    answers: Mapping[str, tuple[str, ...]]
    screen: Mapping[str, Any]
    duration_ms: int
    income_fen: int
    assets_fen: int
    debts_fen: int
    holdings_fen: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """Return the profile as a JSON object."""
        return {
            "number": self.number,
            "source": self.source,
            "synthetic": True,
            "name_zh": self.name_zh,
            "name_en": self.name_en,
            "certificate": self.certificate,
            "age": self.age,
            "answers": {item: list(options) for item, options in self.answers.items()},
            "screen": dict(self.screen),
            "duration_ms": self.duration_ms,
            "income_fen": self.income_fen,
            "assets_fen": self.assets_fen,
            "debts_fen": self.debts_fen,
            "holdings_fen": {risk: self.holdings_fen[risk] for risk in RISKS},
        }


def ndjson(values: Iterable[Mapping[str, Any]]) -> bytes:
    """Return one canonical JSON object a line."""
    return b"".join(canonical_json(value) + b"\n" for value in values)


def synthetic_name(number: int) -> tuple[str, str]:
    """Return a name in Chinese and in English that says itself that it is synthetic."""
    surname = _SURNAMES[number % len(_SURNAMES)]
    given = _GIVEN[number // len(_SURNAMES) % len(_GIVEN)]
    return f"{surname[0]}{given[0]}（合成）", f"{given[1]} {surname[1]} (synthetic)"


def synthetic_certificate(number: int, age: int, *, year: int) -> str:
    """Return a certificate number with a valid GB 11643 check digit and a region that does not exist.

    Args:
        number: of the person; below 28,000, so that no two persons share a number.
        age: in `year`.
        year: the calendar year of the demo's data.
    """
    birthday = f"{year - age:04}{1 + number % 12:02}{1 + number // 1000:02}"
    body = f"{SYNTHETIC_REGION}{birthday}{number % 1000:03}"
    return body + check_digit(body)


def check_digit(body: str) -> str:
    """Return the GB 11643 (ISO 7064 MOD 11-2) check digit of 17 digits."""
    return _CHECK_DIGITS[sum(weight * int(digit) for weight, digit in zip(_CHECK_WEIGHTS, body, strict=True)) % 11]
