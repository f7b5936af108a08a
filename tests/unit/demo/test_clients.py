"""Households and generated clients: totals are kept, names and numbers are marked, levels spread as documented."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from primitives.certificate import check_certificate
from primitives.errors import InvalidInput
from scripts.demo.generate import MAX_CLIENTS, generate
from scripts.demo.households import HOLDINGS, fen, to_profile
from scripts.demo.profile import SYNTHETIC_REGION, Profile, check_digit, ndjson, synthetic_certificate
from scripts.demo.spread import CONSENT_SHARE, divide, folded_shares, select, spread
from scripts.demo.stream import Stream
from scripts.demo.survey import read_households
from suitability.questionnaire import Screen, score
from suitability.records import check_payload
from suitability.ruleset import packaged_rulesets

DATA = Path(__file__).parents[3] / "scripts" / "demo" / "data" / "scf2019.csv.gz"
RULES = packaged_rulesets()["sac-bands@1"]


@pytest.fixture(scope="module")
def rows() -> list:
    return read_households(DATA.read_bytes())


@pytest.fixture(scope="module")
def households(rows: list) -> list[Profile]:
    return [to_profile(row) for row in rows]


@pytest.fixture(scope="module")
def generated() -> list[Profile]:
    return generate(2000, 7)


def levels(profiles: list[Profile]) -> dict[str, float]:
    found = Counter(
        score(
            RULES,
            "individual-20@1",
            {item: list(options) for item, options in profile.answers.items()},
            Screen(**profile.screen),
            duration_ms=profile.duration_ms,
        ).level
        for profile in profiles
    )
    return {level: 100 * found[level] / len(profiles) for level in ("C1-min", "C1", "C2", "C3", "C4", "C5")}


def test_the_mapping_keeps_every_total_of_the_survey(rows: list, households: list[Profile]) -> None:
    assert sum(profile.debts_fen for profile in households) == sum(fen(row["DEBT"]) for row in rows)
    assert sum(profile.assets_fen for profile in households) == sum(fen(row["ASSET"]) for row in rows)
    for risk, names in HOLDINGS.items():
        expected = sum(fen(sum((max(row[name], Decimal(0)) for name in names), Decimal(0))) for row in rows)
        assert sum(profile.holdings_fen[risk] for profile in households) == expected


def test_no_household_holds_more_than_it_owns(households: list[Profile]) -> None:
    rounding = 5
    assert all(sum(profile.holdings_fen.values()) <= profile.assets_fen + rounding for profile in households)


def test_joint_sums_stay_far_below_two_to_the_64(households: list[Profile]) -> None:
    weighted = sum(int(risk[1]) * value for profile in households for risk, value in profile.holdings_fen.items())
    assert weighted < 2**56


def test_levels_of_the_households(households: list[Profile]) -> None:
    found = levels(households)
    assert 0.5 < found["C1-min"] < 2
    assert 15 < found["C2"] < 30
    assert 40 < found["C3"] < 55
    assert 20 < found["C4"] < 40
    assert found["C5"] < 2


def test_levels_of_the_generator_follow_the_published_margins(generated: list[Profile]) -> None:
    expected = {"C1-min": (1, 3.5), "C1": (0, 1), "C2": (10, 20), "C3": (20, 32), "C4": (40, 54), "C5": (7, 15)}
    found = levels(generated)
    for level, (low, high) in expected.items():
        assert low <= found[level] <= high, found


def test_amounts_of_the_generator_follow_the_published_margins(generated: list[Profile]) -> None:
    accounts = sorted(sum(profile.holdings_fen.values()) / 10**6 for profile in generated)
    assert 11 < accounts[len(accounts) // 2] < 18  # median 14.1 (in 10,000 yuan)
    assert 0.3 < sum(value < 10 for value in accounts) / len(accounts) < 0.5  # 40.9 % below 100,000 yuan
    assert 36 < sum(profile.age for profile in generated) / len(generated) < 43


def test_the_generator_is_seeded_and_its_beginning_does_not_depend_on_the_count() -> None:
    assert generate(5, 1) == generate(9, 1)[:5]
    assert generate(5, 1) != generate(5, 2)
    for count in (0, MAX_CLIENTS + 1):
        with pytest.raises(InvalidInput):
            generate(count, 1)


def test_profiles_are_marked_as_synthetic_and_make_valid_records(
    households: list[Profile], generated: list[Profile]
) -> None:
    for profile in [*households[::97], *generated[::97]]:
        assert profile.name_zh.endswith("（合成）")
        assert profile.name_en.endswith("(synthetic)")
        assert profile.certificate.startswith(SYNTHETIC_REGION)
        check_certificate("resident-id", profile.certificate)
        assert profile.to_json()["synthetic"] is True
        check_payload(
            "Q_SUBMIT",
            {
                "form": "individual-20@1",
                "answers": profile.to_json()["answers"],
                "screen": profile.screen,
                "duration_ms": profile.duration_ms,
                "declaration": True,
            },
        )


def test_certificate_numbers_are_valid_and_nobody_shares_one(
    households: list[Profile], generated: list[Profile]
) -> None:
    assert check_digit("11010519491231002") == "X"  # the worked example of GB 11643-1999
    for profiles in (households, generated):
        numbers = [profile.certificate for profile in profiles]
        assert len(set(numbers)) == len(numbers)
        assert all(number[17] == check_digit(number[:17]) for number in numbers)
    assert synthetic_certificate(27_999, 40, year=2026)[6:14] == "19860428"


def test_ndjson_is_one_object_a_line(generated: list[Profile]) -> None:
    data = ndjson(profile.to_json() for profile in generated[:3])
    assert data.count(b"\n") == 3
    assert data == ndjson(profile.to_json() for profile in generated[:3])


def test_selection_covers_the_whole_input(households: list[Profile]) -> None:
    chosen = select(households, 300)
    assert len({profile.number for profile in chosen}) == 300
    assert select(households, len(households)) == households
    for count in (0, len(households) + 1):
        with pytest.raises(InvalidInput) as raised:
            select(households, count)
        assert raised.value.field == "clients"


def test_accounts_follow_the_shares_and_add_up(households: list[Profile]) -> None:
    chosen = select(households, 300)
    accounts = spread(chosen, 3)
    by_client = Counter(account.profile.number for account in accounts)
    assert Counter(by_client.values()) == {1: 198, 2: 72, 3: 30}
    assert len({(account.profile.number, account.broker) for account in accounts}) == len(accounts)
    for profile in chosen:
        own = [account for account in accounts if account.profile is profile]
        assert sum(account.assets_fen for account in own) == profile.assets_fen
        assert sum(account.debts_fen for account in own) == profile.debts_fen
        for risk, value in profile.holdings_fen.items():
            assert sum(account.holdings_fen[risk] for account in own) == value
        assert len({(account.consents, account.withdraws) for account in own}) == 1
    per_broker = Counter(account.broker for account in accounts)
    assert max(per_broker.values()) - min(per_broker.values()) <= 2
    willing = {account.profile.number for account in accounts if account.consents}
    assert len(willing) == round(CONSENT_SHARE * len(chosen))
    leaving = {account.profile.number for account in accounts if account.withdraws}
    assert 0 < len(leaving) < 20
    assert leaving < willing
    assert spread(chosen, 3) == accounts
    assert spread(chosen, 3, seed=1) != accounts
    assert accounts[0].to_json()["ref"] == accounts[0].ref


def test_shares_fold_to_the_brokers_that_there_are() -> None:
    assert folded_shares(1) == (1.0,)
    assert folded_shares(2) == pytest.approx((0.66, 0.34))
    assert folded_shares(3) == pytest.approx((0.66, 0.24, 0.10))
    assert folded_shares(9) == pytest.approx((0.66, 0.24, 0.08, 0.02))
    with pytest.raises(InvalidInput):
        folded_shares(0)


@given(st.integers(0, 2**52), st.sampled_from([(100,), (65, 35), (55, 30, 15), (50, 25, 15, 10)]))
def test_divided_amounts_add_up(amount: int, parts: tuple[int, ...]) -> None:
    shares = divide(amount, parts)
    assert sum(shares) == amount
    assert all(share >= 0 for share in shares)


def test_the_stream_stays_inside_its_ranges() -> None:
    stream = Stream(1, "test")
    numbers = [stream.uniform() for _ in range(200)]
    assert all(0 < number < 1 for number in numbers)
    assert 0.4 < sum(numbers) / 200 < 0.6
    assert all(0 <= stream.below(3) < 3 for _ in range(50))
    assert all(0 < stream.beta(1.6, 4.6) < 1 for _ in range(20))
    assert {stream.choose("ab", (0.5, 0.5)) for _ in range(50)} == {"a", "b"}
    assert Stream(1, "a").uniform() != Stream(1, "b").uniform()
