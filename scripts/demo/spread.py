"""Spread clients over brokers: who has accounts where, and which part of the holdings lies in each.

Shares and counts are exact, not drawn: with the same input every run gives the same accounts, and over all brokers a
client's amounts add up to what the input says, to the fen. So the demo can compare a joint statistic with a plain sum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from primitives.digest import tagged_sha256
from primitives.errors import InvalidInput
from scripts.demo.profile import Profile
from suitability.vocabulary import RISKS

BROKER_COUNTS = (0.66, 0.24, 0.08, 0.02)
"""Share of clients with accounts at one, two, three, and four or more brokers."""

CONSENT_SHARE = 0.62
WITHDRAW_SHARE = 0.05
"""Of those who consented. The yearly rate is 3 %; a demo of minutes shows a few at once."""

_PARTS: Mapping[int, tuple[int, ...]] = {1: (100,), 2: (65, 35), 3: (55, 30, 15), 4: (50, 25, 15, 10)}


@dataclass(frozen=True)
class Account:
    """One client at one broker. `broker` counts from 0; amounts are this account's part, in fen."""

    profile: Profile
    broker: int
    assets_fen: int
    debts_fen: int
    holdings_fen: Mapping[str, int]
    consents: bool
    withdraws: bool

    @property
    def ref(self) -> str:
        """Return the broker's own reference of the client."""
        return f"synthetic-{self.profile.source}-{self.profile.number:05}"

    def to_json(self) -> dict[str, Any]:
        """Return the account as a JSON object, the person's data included."""
        return {
            **self.profile.to_json(),
            "ref": self.ref,
            "broker": self.broker,
            "assets_fen": self.assets_fen,
            "debts_fen": self.debts_fen,
            "holdings_fen": {risk: self.holdings_fen[risk] for risk in RISKS},
            "consents": self.consents,
            "withdraws": self.withdraws,
        }


def select(profiles: Sequence[Profile], count: int) -> list[Profile]:
    """Return `count` profiles evenly spaced over the input, so that a small run still sees all of it.

    Raises:
        InvalidInput: more than there are, or less than one.
    """
    if not 1 <= count <= len(profiles):
        raise InvalidInput("clients", "range", f"must lie between 1 and {len(profiles)}")
    return [profiles[index * len(profiles) // count] for index in range(count)]


def folded_shares(brokers: int) -> tuple[float, ...]:
    """Return the share of clients by number of accounts; shares for more brokers than there are fall to the largest."""
    if brokers < 1:
        raise InvalidInput("brokers", "range", "must be at least 1")
    kept = min(brokers, len(BROKER_COUNTS))
    return (*BROKER_COUNTS[: kept - 1], sum(BROKER_COUNTS[kept - 1 :]))


def spread(profiles: Sequence[Profile], brokers: int, *, seed: int = 0) -> list[Account]:
    """Return the accounts of all clients, client by client, the one with the largest part first.

    Args:
        profiles: the clients, each with a number of its own.
        brokers: how many brokers there are.
        seed: changes who has several accounts and who consents.
    """
    wanted = _apportion(folded_shares(brokers), len(profiles))
    order = sorted(profiles, key=lambda profile: _lot(seed, "accounts", profile.number))
    numbers = iter(count for count, clients in enumerate(wanted, 1) for _ in range(clients))
    counts = {profile.number: next(numbers) for profile in order}
    places = {profile.number: place for place, profile in enumerate(order)}
    willing = _chosen(profiles, CONSENT_SHARE, seed, "consent")
    leaving = _chosen([profile for profile in profiles if profile.number in willing], WITHDRAW_SHARE, seed, "withdraw")
    return [
        account
        for profile in profiles
        for account in _accounts(
            profile, counts[profile.number], places[profile.number], brokers, willing=willing, leaving=leaving
        )
    ]


def divide(amount: int, parts: Sequence[int]) -> list[int]:
    """Split an amount by parts of a hundred; what rounding leaves falls to the first."""
    shares = [amount * part // 100 for part in parts]
    shares[0] += amount - sum(shares)
    return shares


def _accounts(
    profile: Profile, count: int, place: int, brokers: int, *, willing: set[int], leaving: set[int]
) -> list[Account]:
    parts = _PARTS[count]
    assets, debts = divide(profile.assets_fen, parts), divide(profile.debts_fen, parts)
    holdings = {risk: divide(profile.holdings_fen[risk], parts) for risk in RISKS}
    return [
        Account(
            profile=profile,
            broker=(place + index) % brokers,
            assets_fen=assets[index],
            debts_fen=debts[index],
            holdings_fen={risk: holdings[risk][index] for risk in RISKS},
            consents=profile.number in willing,
            withdraws=profile.number in leaving,
        )
        for index in range(count)
    ]


def _chosen(profiles: Sequence[Profile], share: float, seed: int, purpose: str) -> set[int]:
    ranked = sorted(profiles, key=lambda profile: _lot(seed, purpose, profile.number))
    return {profile.number for profile in ranked[: round(share * len(ranked))]}


def _apportion(shares: Sequence[float], total: int) -> list[int]:
    """Largest remainders: whole numbers that add up to `total`."""
    counts = [int(share * total) for share in shares]
    by_remainder = sorted(range(len(shares)), key=lambda index: (counts[index] - shares[index] * total, index))
    for index in by_remainder[: total - sum(counts)]:
        counts[index] += 1
    return counts


def _lot(seed: int, purpose: str, number: int) -> bytes:
    return tagged_sha256("bonafides/demo/spread/1", f"{seed}/{purpose}/{number}".encode())
