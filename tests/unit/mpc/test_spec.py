import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpc.registry import read_task
from mpc.spec import Purpose, TaskSpec
from mpc.statistics import Statistics
from primitives.errors import InvalidInput
from tests.unit.mpc.masked_sum_kit import MEMBERS, make_spec, task_json


def test_json_round_trip_keeps_the_digest():
    spec = make_spec()
    again = read_task(spec.to_json())
    assert again == spec
    assert again.digest() == spec.digest()
    assert again.to_json() == task_json()


@given(
    st.sampled_from(list(Purpose)),
    st.integers(10, 10**6),
    st.sets(st.sampled_from(["clients", "holding_risk", "leverage"]), min_size=1),
    st.integers(0, 4_000_000_000_000),
)
def test_every_well_formed_task_round_trips(purpose, clients, statistics, deadline):
    spec = TaskSpec(
        b"\1" * 32,
        purpose,
        Statistics(tuple(name for name in ("clients", "holding_risk", "leverage") if name in statistics)),
        make_spec().owners,
        MEMBERS,
        type(make_spec().policy)(3, clients),
        deadline,
        "masked-sum/1",
    )
    assert read_task(spec.to_json()) == spec


@pytest.mark.parametrize(
    "changes",
    [
        {"purpose": "AML_JOINT"},
        {"task_id": "ac" * 32},
        {"statistics": ["clients"]},
        {"policy": {"min_contributors": 3, "min_clients": 11}},
        {"deadline": "2026-11-21T12:00:00.001+08:00"},
    ],
)
def test_every_field_moves_the_digest(changes):
    assert make_spec(**changes).digest() != make_spec().digest()


@pytest.mark.parametrize("code", ["MARKETING", "CUSTOMER_ACQUISITION", "market_risk", "", None, 4])
def test_the_list_of_purposes_is_closed(code):
    with pytest.raises(InvalidInput, match=r"task\.purpose"):
        make_spec(purpose=code)


def test_no_purpose_code_is_marketing():
    assert not [code for code in Purpose.__members__ if "MARKET" in code and code != "MARKET_RISK"]
    assert len(Purpose) == 6


def owners(*members):
    return [{"member": member, "dataset": "00" * 32} for member in members]


@pytest.mark.parametrize(
    ("changes", "field", "rule"),
    [
        ({"format": "bonafides.task/2"}, "task.format", "constant"),
        ({"engine": "spu/1"}, "task.engine", "constant"),
        ({"task_id": "AB" * 32}, "task.task_id", "hex"),
        ({"task_id": "ab" * 31}, "task.task_id", "length"),
        ({"statistics": []}, "task.statistics", "length"),
        ({"statistics": ["leverage", "clients"]}, "task.statistics", "statistics"),
        ({"statistics": ["clients", "clients"]}, "task.statistics", "statistics"),
        ({"statistics": ["median"]}, "task.statistics[0]", "one-of"),
        ({"statistics": "clients"}, "task.statistics", "list"),
        ({"owners": owners(*MEMBERS[:2])}, "task.owners", "length"),
        ({"owners": owners(*reversed(MEMBERS))}, "task.owners", "ascending"),
        ({"owners": owners(MEMBERS[0], *MEMBERS[:2])}, "task.owners", "ascending"),
        ({"owners": owners("0x" + "AA" * 20, *MEMBERS[1:])}, "task.owners[0].member", "address"),
        ({"owners": [{"member": MEMBERS[0]}, *owners(*MEMBERS[1:])]}, "task.owners[0].dataset", "required"),
        ({"receivers": list(MEMBERS[:2])}, "task.receivers", "receivers"),
        ({"receivers": [*MEMBERS, "0x" + "ff" * 20]}, "task.receivers", "receivers"),
        ({"policy": {"min_contributors": 2, "min_clients": 10}}, "task.policy.min_contributors", "range"),
        ({"policy": {"min_contributors": 4, "min_clients": 10}}, "task.policy.min_contributors", "range"),
        ({"policy": {"min_contributors": 3, "min_clients": 9}}, "task.policy.min_clients", "range"),
        ({"policy": {"min_contributors": 3, "min_clients": True}}, "task.policy.min_clients", "integer"),
        ({"policy": {"min_contributors": 3}}, "task.policy.min_clients", "required"),
        ({"deadline": "2026-11-21"}, "task.deadline", "record-time"),
        ({"audience": "sales"}, "task.audience", "unknown-member"),
    ],
)
def test_a_broken_rule_is_named(changes, field, rule):
    with pytest.raises(InvalidInput) as caught:
        make_spec(**changes)
    assert (caught.value.field, caught.value.rule) == (field, rule)


@pytest.mark.parametrize("value", [None, [], "task", 3])
def test_a_task_is_an_object(value):
    with pytest.raises(InvalidInput, match="must be an object"):
        read_task(value)


def test_a_missing_member_is_named():
    task = task_json()
    del task["purpose"]
    with pytest.raises(InvalidInput) as caught:
        read_task(task)
    assert caught.value.field == "task.purpose"


def test_columns_follow_the_statistics():
    assert make_spec(statistics=["leverage"]).program.columns == ("clients", "debts", "assets")
    assert make_spec(statistics=["clients"]).program.columns == ("clients",)
    assert make_spec().program.columns == ("clients", "risk_value", "value", "debts", "assets")
