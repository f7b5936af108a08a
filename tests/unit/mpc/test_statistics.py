from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpc.statistics import ClientFacts, Holding, decimal_text, local_totals, result_document
from primitives.errors import InvalidInput
from tests.unit.mpc.masked_sum_kit import make_spec

AMOUNT = st.integers(0, 10**12)
CLIENTS = st.lists(
    st.builds(
        ClientFacts, st.lists(st.builds(Holding, st.integers(1, 5), AMOUNT), max_size=4).map(tuple), AMOUNT, AMOUNT
    ),
    max_size=12,
)


@given(CLIENTS)
def test_local_totals_are_the_plain_sums(clients):
    holdings = [holding for client in clients for holding in client.holdings]
    assert local_totals(make_spec().program, clients) == (
        len(clients),
        sum(holding.risk * holding.value_fen for holding in holdings),
        sum(holding.value_fen for holding in holdings),
        sum(client.debts_fen for client in clients),
        sum(client.assets_fen for client in clients),
    )


def test_only_the_task_s_columns_are_added_up():
    client = ClientFacts((Holding(3, 100),), 7, 50)
    assert local_totals(make_spec(statistics=["leverage"]).program, [client] * 2) == (2, 14, 100)


def test_a_total_of_two_to_the_64_is_refused():
    largest = ClientFacts((), 2**64 - 1, 0)
    assert local_totals(make_spec().program, [largest])[3] == 2**64 - 1
    with pytest.raises(InvalidInput) as caught:
        local_totals(make_spec().program, [largest, ClientFacts((), 1, 0)])
    assert (caught.value.field, caught.value.rule) == ("debts", "value-range")


FINANCE = {
    "source": "client",
    "assets_fen": 900,
    "debts_fen": 10,
    "income_fen": 3,
    "holdings_fen": {"R1": 0, "R2": 500, "R3": 0, "R4": 0, "R5": 1},
}


def test_facts_are_read_from_a_payload():
    facts = ClientFacts.from_payload({"basics": {}, "finance": FINANCE})
    assert (facts.debts_fen, facts.assets_fen) == (10, 900)
    assert sum(holding.risk * holding.value_fen for holding in facts.holdings) == 2 * 500 + 5


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"holdings_fen": None}, "finance.holdings_fen"),
        ({"holdings_fen": {"R6": 1}}, "finance.holdings_fen.R6"),
        ({"holdings_fen": {"R1": -1}}, "finance.holdings_fen.R1"),
        ({"holdings_fen": {"R1": True}}, "finance.holdings_fen.R1"),
        ({"debts_fen": 1.5}, "finance.debts_fen"),
        ({"debts_fen": -1}, "finance.debts_fen"),
        ({"assets_fen": 2**64}, "finance.assets_fen"),
        ({"assets_fen": None}, "finance.assets_fen"),
    ],
)
def test_a_malformed_payload_names_the_field(change, field):
    with pytest.raises(InvalidInput) as caught:
        ClientFacts.from_payload({"finance": {**FINANCE, **change}})
    assert caught.value.field == field


def test_a_payload_without_finance_is_refused():
    with pytest.raises(InvalidInput):
        ClientFacts.from_payload({})


@given(st.integers(0, 2**70), st.integers(1, 2**70))
def test_decimal_text_is_the_quotient_rounded_half_up(numerator, denominator):
    shown = Fraction(decimal_text(numerator, denominator))
    error = Fraction(numerator, denominator) - shown
    assert -Fraction(1, 2_000_000) <= error < Fraction(1, 2_000_000)


def test_decimal_text_of_corner_cases():
    assert decimal_text(0, 5) == "0.000000"
    assert decimal_text(1, 2_000_000) == "0.000001"
    assert decimal_text(20, 3) == "6.666667"
    assert decimal_text(5, 0) is None


def test_the_result_holds_exact_numbers():
    result = result_document(make_spec(), b"\7" * 32, (40, 2**65, 2**64, 0, 0))
    assert result["totals"]["risk_value"] == str(2**65)
    assert result["statistics"]["clients"] == 40
    assert result["statistics"]["holding_risk"] == {
        "numerator": str(2**65),
        "denominator": str(2**64),
        "decimal": "2.000000",
    }
    assert result["statistics"]["leverage"]["decimal"] is None


def test_only_the_named_statistics_are_released():
    result = result_document(make_spec(statistics=["leverage"]), b"\7" * 32, (40, 1, 3))
    assert list(result["statistics"]) == ["leverage"]
