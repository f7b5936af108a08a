"""One module of `mpc.engines` is one engine, found by walking the package."""

import textwrap

import pytest

from mpc import registry
from mpc.registry import engines, read_task, task_shape
from primitives.errors import InvalidInput
from tests.unit.mpc.masked_sum_kit import MEMBERS, task_json
from tests.world.second_engine import in_the_room


def count_task(**changes):
    task = task_json(**{"engine": "count/1", "question": "How many?", **changes})
    del task["statistics"]
    return task


def test_the_masked_sum_is_the_engine_of_the_product():
    assert list(engines()) == ["masked-sum/1"]


def test_another_one_is_found_where_it_lies(monkeypatch):
    with in_the_room(monkeypatch):
        assert list(engines()) == ["count/1", "masked-sum/1"]
    assert list(engines()) == ["masked-sum/1"]


def test_a_task_is_read_with_the_members_of_its_engine(monkeypatch):
    with in_the_room(monkeypatch):
        spec = read_task(count_task())
        assert (spec.engine, spec.program["question"]) == ("count/1", "How many?")
        assert spec.to_json() == count_task()
        assert spec.digest() != read_task(count_task(question="How few?")).digest()
        assert read_task(task_json()).program.names == ("clients", "holding_risk", "leverage")
        for task, field, rule in (
            (task_json(engine="count/1", question="q"), "task.statistics", "unknown-member"),
            ({**count_task(), "engine": "masked-sum/1"}, "task.question", "unknown-member"),
            (count_task(question=""), "task.question", "length"),
            ({**count_task(), "engine": "spu/1"}, "task.engine", "constant"),
            ({**count_task(), "engine": ["count/1"]}, "task.engine", "constant"),
        ):
            with pytest.raises(InvalidInput) as caught:
                read_task(task)
            assert (caught.value.field, caught.value.rule) == (field, rule)


def test_the_shape_for_the_description_takes_a_task_of_each_engine(monkeypatch):
    with in_the_room(monkeypatch):
        shape = task_shape()
        for task in (count_task(), task_json()):
            assert shape.read(task, "task")["owners"][0].member == MEMBERS[0]
        assert len(shape.parts()[0].json_schema()["anyOf"]) == 2


ONE = """
    from mpc.engines.masked_sum.engine import MaskedSum

    class Another(MaskedSum):
        name = {name!r}
        message_kinds = {kinds!r}

    ENGINE = Another()
"""


@pytest.mark.parametrize(
    ("source", "what"),
    [
        (ONE.format(name="masked-sum/1", kinds=()), "offered twice"),
        (ONE.format(name="Sum", kinds=()), "no name of an engine"),
        (ONE.format(name="sum/1", kinds=("sum/10",)), "begin with its name"),
        (ONE.format(name="sum/1", kinds=("masked-sum/1",)), "begin with its name"),
        ("ENGINE = None", "must offer its Engine as ENGINE"),
        ("", "must offer its Engine as ENGINE"),
    ],
)
def test_an_engine_that_takes_what_is_another_s_is_refused(monkeypatch, tmp_path, source, what):
    name = f"odd_{abs(hash(what + source))}"  # a module of its own: it stays imported
    (tmp_path / f"{name}.py").write_text(textwrap.dedent(source), "utf-8")
    with in_the_room(monkeypatch, tmp_path), pytest.raises((TypeError, ValueError), match=what):
        engines()
    assert registry.engines() == {"masked-sum/1": engines()["masked-sum/1"]}
