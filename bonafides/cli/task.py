"""`bonafides task`: joint computations that every data owner and its compliance officer must approve."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bonafides.cli.support.node_options import calls_node
from bonafides.cli.support.options import FILE, verbatim
from bonafides.cli.support.output import read_document, write_json
from bonafides.client import Client


@click.group()
def task() -> None:
    """Propose, approve, run and show joint computations."""


@task.command("dataset", epilog=verbatim("Example:", "  bonafides task dataset --node n holdings-2026q3"))
@click.argument("name")
@click.option("--schema", type=FILE, help="A JSON description of the columns.")
@calls_node("operator")
def dataset(client: Client, name: str, schema: Path | None) -> None:
    """Register a data set of this broker; only its schema's digest goes to the chain."""
    body: dict[str, Any] = {"name": name, "schema": {} if schema is None else read_document(schema, "schema")}
    write_json(client.post("/v1/datasets", body))


@task.command("propose", epilog=verbatim("Example:", "  bonafides task propose --node n spec.json"))
@click.argument("spec", type=FILE)
@calls_node("operator")
def propose(client: Client, spec: Path) -> None:
    """Propose a task: its digest to the chain, its text to the other owners."""
    write_json(client.post("/v1/tasks", read_document(spec, "spec")))


@task.command("approve")
@click.argument("task_id", metavar="TASK")
@calls_node("compliance")
def approve(client: Client, task_id: str) -> None:
    """Approve a task as an owner, under the compliance key."""
    write_json(client.approve_task(task_id))


@task.command("run")
@click.argument("task_id", metavar="TASK")
@click.option(
    "--client", "clients", multiple=True, help="Only this client (by its reference); may be given many times."
)
@calls_node("operator")
def run(client: Client, task_id: str, clients: tuple[str, ...]) -> None:
    """Order the node's task process to take part in an approved task."""
    write_json(client.run_task(task_id, {"clients": list(clients)} if clients else {}))


@task.command("show")
@click.argument("task_id", metavar="[TASK]", required=False)
@calls_node("operator")
def show(client: Client, task_id: str | None) -> None:
    """Show one task, or list all."""
    write_json(client.tasks() if task_id is None else client.task(task_id))
