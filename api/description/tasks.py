"""Data sets and joint tasks."""

from __future__ import annotations

from api.description.common import MANY, TEXT
from api.description.operation import Operation
from api.resources.tasks import DATASET_REQUEST, RUN_REQUEST
from mpc.registry import task_shape
from primitives.shapes import Fields, ListOf, Named, Object
from replay.wire.shapes import DIGEST

DATASET = Named("Dataset", Fields({"dataset": DIGEST, "outbox": TEXT}))
TASK = Named(
    "Task", Object().note("A task: its spec, how far each owner is, and the result once every owner confirmed it.")
)
TASKS = Named("Tasks", Fields({"tasks": ListOf(TASK, 0, MANY)}))

OPERATIONS = (
    Operation("POST", "/v1/datasets", "tasks", "Register a data set.", request=DATASET_REQUEST, answers={201: DATASET}),
    Operation("POST", "/v1/tasks", "tasks", "Propose a joint computation.", request=task_shape(), answers={201: TASK}),
    Operation("GET", "/v1/tasks", "tasks", "Every task, in short.", answers={200: TASKS}),
    Operation(
        "POST",
        "/v1/tasks/{task_id}/runs",
        "tasks",
        "Order the chain process to run an approved task.",
        request=RUN_REQUEST,
        required=False,
        answers={202: TASK},
    ),
    Operation(
        "POST", "/v1/tasks/{task_id}/approvals", "tasks", "Approve a task with the compliance key.", answers={201: TASK}
    ),
    Operation("GET", "/v1/tasks/{task_id}", "tasks", "One task.", answers={200: TASK}),
)
