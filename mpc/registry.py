"""The engines of this version, by the name that a task gives, and the reader of a task."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from mpc import engines as room
from mpc.engine import Engine
from mpc.spec import TaskSpec, require_contributors, task_fields
from primitives.registry import by_key, offered
from primitives.shapes import AnyOf, Constant, Fields, Named, OneOf, Shape

AnyEngine = Engine[Any]  # each has a program of its own: only the engine itself knows which
AnyTask = TaskSpec[Any]
_NAME = re.compile(r"[a-z][a-z0-9-]*/[1-9][0-9]*")


@cache
def engines() -> Mapping[str, AnyEngine]:
    """Return every engine by its name: one of each module of `mpc.engines`, in the modules' order.

    Raises:
        TypeError: a module has no engine.
        ValueError: an engine takes a name that is another's or none, or messages of a kind that is not its own.
    """
    offers = offered(room, "ENGINE", Engine)  # type: ignore[type-abstract] # what is offered is an instance
    found = by_key(offers, lambda engine: engine.name)
    for name, engine in found.items():
        if _NAME.fullmatch(name) is None:
            raise ValueError(f"{name} is no name of an engine")
        if [kind for kind in engine.message_kinds if kind != name and not kind.startswith(f"{name}/")]:
            raise ValueError(f"{name}: the kinds of its messages must begin with its name")
    return found


def engine_of(spec: AnyTask) -> AnyEngine:
    """Return the engine of a task that was read."""
    return engines()[spec.engine]


def read_task(value: object) -> AnyTask:
    """Read the JSON form of a task.

    Raises:
        InvalidInput: a member is missing, unknown or breaks its rule.
    """
    known = engines()
    name = next(iter(known))
    if isinstance(value, Mapping) and "engine" in value:
        name = _name_shape().read(value["engine"], "task.engine")
    engine = known[name]
    task = _shape(engine).read(value, "task")
    spec = TaskSpec(
        task_id=task["task_id"],
        purpose=task["purpose"],
        program=engine.program({member: task[member] for member in engine.program_fields}),
        owners=task["owners"],
        receivers=task["receivers"],
        policy=task["policy"],
        deadline_ms=task["deadline"],
        engine=name,
    )
    engine.check(spec)
    require_contributors(spec)
    return spec


def task_shape() -> Shape[Any]:
    """Return the shape of a task for the description of the interface: that of any engine."""
    shapes = [_shape(engine) for engine in engines().values()]
    shape = shapes[0] if len(shapes) == 1 else AnyOf(*shapes)
    return Named("TaskSpec", shape.note("docs/spec/joint-statistics.md, section 2."))


def _shape(engine: AnyEngine) -> Fields:
    return task_fields(engine.program_fields, Constant(engine.name))


def _name_shape() -> Shape[str]:
    names = tuple(engines())
    return Constant(names[0]) if len(names) == 1 else OneOf(*names, rule="constant")
