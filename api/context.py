"""What a view may ask for: the node, and who is calling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from flask import current_app, g

from node_adapter.node import Node

EXTENSION = "bonafides"


@dataclass(frozen=True)
class Caller:
    """Who a guard let in.

    Attributes:
        role: what the caller may do.
        name: the person or system that the token names; the DID of a client, the address of another member.
        did: set for a client's session.
        member: set for another member.
    """

    role: str
    name: str
    did: str | None = None
    member: str | None = None


def current_node() -> Node:
    """Return the node that this application serves."""
    return cast("Node", current_app.extensions[EXTENSION])


def set_caller(caller: Caller) -> None:
    """Remember who the guard let in."""
    g.caller = caller


def current_caller() -> Caller:
    """Return whom the guard let in."""
    return cast("Caller", g.caller)
