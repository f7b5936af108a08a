"""The Python client of a Bonafides node: a method for each route, typed requests, answers and errors.

    with Client("http://127.0.0.1:8080", token) as node:
        for answer in node.submit_facts(facts):
            ...

What a method takes and gives is in `bonafides.client.types`, built from the description of the interface. A method that
takes lines sends them in requests of BULK_LINES and gives one answer for each, in order: a line that is refused is an
answer, not an error. A request as a whole that is refused raises InvalidInput, Refused, VerificationFailed or
CouldNotCheck, whichever the problem's `type` names; `type_of(error)` is that type again.
"""

from __future__ import annotations

from bonafides.client.acts import fact_of_act
from bonafides.client.clients import Clients
from bonafides.client.compliance import Compliance
from bonafides.client.credentials import Credentials
from bonafides.client.identities import Identities
from bonafides.client.nodes import Nodes
from bonafides.client.records import Records
from bonafides.client.tasks import Tasks
from bonafides.client.transport import BULK_LINES, Transport, route
from primitives.problem_types import error_of_problem, type_of

__all__ = ["BULK_LINES", "Client", "Transport", "error_of_problem", "fact_of_act", "route", "type_of"]


class Client(Nodes, Records, Identities, Credentials, Compliance, Clients, Tasks):
    """A connection to one node, with one role's token, and a method for each of its routes."""
