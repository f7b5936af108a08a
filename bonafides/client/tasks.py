"""Data sets and joint computations."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from bonafides.client.operation import operation
from bonafides.client.transport import Transport, route

if TYPE_CHECKING:  # a wallet that signs need not build them
    from bonafides.client import types


class Tasks(Transport):
    """What members compute together."""

    @operation("post_datasets")
    def register_dataset(self, dataset: types.DatasetRequest, *, idempotency_key: str | None = None) -> types.Dataset:
        """Register a data set."""
        return cast("types.Dataset", self.post("/v1/datasets", dataset, idempotency_key=idempotency_key))

    @operation("post_tasks")
    def propose_task(self, task: types.TaskSpec, *, idempotency_key: str | None = None) -> types.Task:
        """Propose a joint computation."""
        return cast("types.Task", self.post("/v1/tasks", task, idempotency_key=idempotency_key))

    @operation("get_tasks")
    def tasks(self) -> types.Tasks:
        """List every task, in short."""
        return cast("types.Tasks", self.get("/v1/tasks"))

    @operation("post_tasks_task_id_runs")
    def run_task(self, task_id: str, order: types.RunRequest, *, idempotency_key: str | None = None) -> types.Task:
        """Order an approved task to run."""
        return cast("types.Task", self.post(route("tasks", task_id, "runs"), order, idempotency_key=idempotency_key))

    @operation("post_tasks_task_id_approvals")
    def approve_task(self, task_id: str, *, idempotency_key: str | None = None) -> types.Task:
        """Approve a task with the compliance key."""
        return cast("types.Task", self.post(route("tasks", task_id, "approvals"), idempotency_key=idempotency_key))

    @operation("get_tasks_task_id")
    def task(self, task_id: str) -> types.Task:
        """Show one task."""
        return cast("types.Task", self.get(route("tasks", task_id)))
