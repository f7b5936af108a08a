"""A seeded generator of synthetic clients, calibrated to published margins of Chinese retail investors.

Independent answers give a distribution of levels without tails. Three latent segments (cautious, ordinary, bold) shift
wealth, experience and appetite together, which gives levels as brokers see them; docs/demo-data.md has the table.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from primitives.errors import InvalidInput
from scripts.demo.profile import Profile, synthetic_certificate, synthetic_name
from scripts.demo.stream import Stream
from suitability.vocabulary import RISKS

SOURCE = "generated"
MAX_CLIENTS = 27_999  # synthetic certificate numbers are unique below this
GENERATOR_YEAR = 2026

ASSETS_MU, ASSETS_SIGMA = 2.648, 1.502  # log of account assets in 10,000 yuan
_FEN_PER_WAN = 10_000 * 100
_ACCOUNT_SHARE = (1.6, 4.6)  # Beta: the account's share of the family's assets
_MIN_ACCOUNT_SHARE = 0.02
_MIN_CLASS_SHARE = 0.015
_NO_DEBT_SHARE = 0.35
_MAX_DEBT_RATIO = 0.6
_NOISE = 0.7
_WEALTH_MEAN, _WEALTH_SD = 0.064, 1.229  # of the mixture below, to bring it back to a standard normal


@dataclass(frozen=True)
class Segment:
    """A latent group: its share, and by how much it shifts each trait."""

    share: float
    wealth: float
    experience: float
    appetite: float


SEGMENTS = (Segment(0.20, -1.0, -2.0, -2.2), Segment(0.58, 0.0, 0.1, 0.0), Segment(0.22, 1.2, 2.0, 2.2))

_AGES = ((18, 29, 0.277), (30, 44, 0.388), (45, 59, 0.258), (60, 80, 0.077))
_EDUCATION = (("A", 0.102), ("B", 0.147), ("C", 0.554), ("D", 0.197))
_INCOME_WAN = ((1, 5, 0.145), (5, 10, 0.318), (10, 50, 0.453), (50, 300, 0.072), (300, 900, 0.012))


@dataclass(frozen=True)
class _Traits:
    wealth: float
    experience: float
    appetite: float


def generate(count: int, seed: int) -> list[Profile]:
    """Return `count` synthetic clients; the first n of a longer run with the same seed are the same.

    Raises:
        InvalidInput: `count` is not between 1 and MAX_CLIENTS.
    """
    if not 1 <= count <= MAX_CLIENTS:
        raise InvalidInput("clients", "range", f"must lie between 1 and {MAX_CLIENTS}")
    return [_client(number, Stream(seed, f"client/{number}")) for number in range(1, count + 1)]


def _client(number: int, stream: Stream) -> Profile:
    segment = stream.choose(SEGMENTS, [entry.share for entry in SEGMENTS])
    traits = _Traits(
        segment.wealth + stream.normal(), segment.experience + stream.normal(), segment.appetite + stream.normal()
    )
    age = _between(stream, _AGES)
    standard = (traits.wealth - _WEALTH_MEAN) / _WEALTH_SD
    account = round(math.exp(ASSETS_MU + ASSETS_SIGMA * standard) * _FEN_PER_WAN)
    assets = round(account / max(_MIN_ACCOUNT_SHARE, stream.beta(*_ACCOUNT_SHARE)))
    debts = 0 if stream.uniform() < _NO_DEBT_SHARE else round(assets * _MAX_DEBT_RATIO * stream.uniform())
    name_zh, name_en = synthetic_name(number)
    return Profile(
        number=number,
        source=SOURCE,
        name_zh=name_zh,
        name_en=name_en,
        certificate=synthetic_certificate(number, age, year=GENERATOR_YEAR),
        age=age,
        answers=_answers(stream, traits, age=age, account_fen=account, debts=debts),
        screen={
            "age": age,
            "incapacity": stream.uniform() < _MIN_CLASS_SHARE,
            "no_loss": traits.appetite < -2.5,
        },
        duration_ms=90_000 + stream.below(510_000),
        income_fen=_between(stream, _INCOME_WAN) * _FEN_PER_WAN,
        assets_fen=assets,
        debts_fen=debts,
        holdings_fen=_holdings(stream, account, traits.appetite),
    )


def _answers(stream: Stream, traits: _Traits, *, age: int, account_fen: int, debts: int) -> dict[str, tuple[str, ...]]:
    wealth, experience, appetite = traits.wealth, traits.experience, traits.appetite
    letters = [
        _pick(stream, wealth, "EDCBA", (-2.2, -1.9, -1.4, -0.6)),
        _pick(stream, wealth, "ABCDE", (-1.8, -1.0, 0.0, 1.2)),
        "A" if debts == 0 else _pick(stream, wealth, "DCB", (-2.0, -0.4)),
        "ABCD"[sum(account_fen >= limit * _FEN_PER_WAN for limit in (50, 300, 1000))],
        _pick(stream, experience, "DCBA", (0.9, 1.6, 2.4)),
        _pick(stream, experience, "ABCD", (-1.0, 0.6, 2.0)),
        _pick(stream, experience, "ABCD", (-1.0, 0.3, 1.5)),
        _pick(stream, experience, "ABCD", (-0.2, 0.9, 1.7)),
        "ABCDE"[: 1 + _rank(stream, experience, (-2.0, -0.6, 1.2, 2.4))],
        _pick(stream, experience, "EABCD", (-2.6, -0.6, 0.4, 1.4)),
        _pick(stream, appetite, "ABC", (-1.6, -0.3)),
        "ABCDE"[: 1 + _rank(stream, appetite, (-1.4, 0.6, 2.0, 3.2))],
        _pick(stream, appetite, "ABCDE", (-1.8, -0.4, 0.8, 2.2)),
        _pick(stream, appetite, "ABCD", (-1.8, -0.2, 1.4)),
        _pick(stream, appetite, "ABCD", (-1.5, 0.3, 2.5)),
        _pick(stream, wealth, "EDCBA", (-1.6, -0.9, -0.2, 0.5)),
        "ABCDE"[sum(age >= limit for limit in (31, 41, 51, 61))],
        _pick(stream, wealth, "CBA", (-2.0, -0.6)),
        stream.choose([option for option, _ in _EDUCATION], [weight for _, weight in _EDUCATION]),
        _pick(stream, wealth, "EDCBA", (-1.8, -0.9, 0.2, 1.5)),
    ]
    return {f"Q{number}": tuple(letter) for number, letter in enumerate(letters, 1)}


def _rank(stream: Stream, trait: float, limits: Sequence[float]) -> int:
    noisy = trait + _NOISE * stream.normal()
    return sum(noisy >= limit for limit in limits)


def _pick(stream: Stream, trait: float, options: str, limits: Sequence[float]) -> str:
    """Return the option whose place a trait (with noise) reaches; `options` run from a low trait to a high one."""
    return options[_rank(stream, trait, limits)]


def _between(stream: Stream, ranges: Sequence[tuple[int, int, float]]) -> int:
    low, high, _ = stream.choose(ranges, [weight for _, _, weight in ranges])
    return low + stream.below(high - low + 1)


def _holdings(stream: Stream, total: int, appetite: float) -> dict[str, int]:
    """Split an amount over the risk levels, the centre moving with the appetite for risk; the parts add up."""
    centre = 2.0 + appetite
    weights = [math.exp(-((rank - centre) ** 2) / 3.0) * (0.2 + stream.uniform()) for rank in range(len(RISKS))]
    parts = [int(total * weight / sum(weights)) for weight in weights]
    parts[0] += total - sum(parts)
    return dict(zip(RISKS, parts, strict=True))
