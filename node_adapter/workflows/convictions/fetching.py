"""Fetching the documents that other members recorded, beside the loop of the chain process.

One member is asked for one document at a time: who recorded it first, then whoever else may have it. What is shown is
held against digest, member and kind, and verified as if a stranger had brought it. What nobody shows is asked for less
and less often, and stands as unseen until then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial

from sqlalchemy import Connection

from evidence.version2.verify.conviction import KINDS, conviction_digest, read_conviction
from node_adapter.beside import beside
from node_adapter.node import Node
from node_adapter.peers.messages import sign_message
from node_adapter.store import convictions
from node_adapter.store.chain import member_registry
from node_adapter.store.chain.conviction_registry import Statement, statements_against
from node_adapter.store.convictions import ConvictionRow
from node_adapter.workflows.anchoring.other_logs import address_of
from node_adapter.workflows.convictions.shown import MESSAGE, raise_convicted
from node_adapter.workflows.convictions.taking import keys_of_convicted, verified_row
from node_adapter.workflows.operation.endpoints import node_url
from primitives.errors import BonafidesError, CouldNotCheck, InvalidInput, Refused, VerificationFailed
from primitives.shapes import Anything, Fields

LOOK_EVERY_SECONDS, END_SECONDS = 0.5, 5.0
FIRST_WAIT_MS, LONGEST_WAIT_MS = 1_000, 3_600_000
_MOST_DOUBLINGS = 12
_ANSWER = Fields({"document": Anything()})


def note_recorded(connection: Connection, recorded: Iterable[Statement], now_ms: int) -> None:
    """Note what new blocks recorded, to be fetched, and raise the alarm about who is convicted."""
    against: Counter[str] = Counter()
    for said in recorded:
        convictions.note(connection, said.digest, said.convicted, said.kind, now_ms)
        against[said.convicted] += 1
    for convicted, count in against.items():  # once for all of them: a block may hold a flood of what nobody can show
        raise_convicted(connection, convicted, now_ms, count=count)


def fetch_next(node: Node) -> bool:
    """Ask one member for the document that is due; return whether there was one to ask for."""
    with node.store.read() as connection:
        row = convictions.next_due(connection, node.clock.now_ms())
        asked = [] if row is None else _who_may_have_it(node, connection, row)
    if row is None:
        return False
    try:
        if not asked:
            raise CouldNotCheck("peer-unknown", "no other active member is left to ask")
        fetched = _fetch(node, asked[row.tries % len(asked)], row)
    except (InvalidInput, VerificationFailed) as error:
        _settle(node, row, None, error)
    except BonafidesError as error:
        _put_off(node, row, error)
    else:
        _settle(node, row, fetched, None)
    return True


def _fetch(node: Node, member: str, row: ConvictionRow) -> ConvictionRow:
    """Return the document that a member shows, verified.

    Raises:
        InvalidInput, VerificationFailed: it is the document, and convicts nobody of what the chain says.
        CouldNotCheck, Refused: it was not shown.
    """
    with node.store.read() as connection:
        url = node_url(node, connection, member)
    if url is None:
        raise CouldNotCheck("peer-unreachable", f"where the node of {member} is, neither chain nor settings say")
    try:
        answer = node.send(url, sign_message(node, member, MESSAGE, {"digest": row.digest}))
        claim = read_conviction(_ANSWER.read(answer, "answer")["document"])
    except InvalidInput as error:  # whatever the digest is of, nobody has shown a document of it
        raise Refused("conviction-not-shown", f"{member} shows no such document: {error}") from error
    if conviction_digest(claim).hex() != row.digest:
        raise Refused("conviction-not-shown", f"{member} shows another document")
    if (address_of(node, claim.broker), KINDS[claim.to_json()["format"]]) != (row.convicted, row.kind):
        raise VerificationFailed("conviction", "the document is against another member, or of another kind")
    with node.store.read() as connection:
        convicted, keys = keys_of_convicted(node, connection, claim)
    return verified_row(node, claim, convicted, keys)


def _who_may_have_it(node: Node, connection: Connection, row: ConvictionRow) -> list[str]:
    said = [one.member for one in statements_against(connection, row.convicted, row.digest)]
    others = [address for address, member in member_registry.members(connection).items() if member.active]
    return [address for address in dict.fromkeys([*said, *others]) if address not in (node.address, row.convicted)]


def _settle(node: Node, row: ConvictionRow, found: ConvictionRow | None, error: BonafidesError | None) -> None:
    with node.store.write() as connection:
        if found is not None:
            convictions.keep(connection, found)
        else:
            convictions.refute(connection, row, str(error))
        raise_convicted(connection, row.convicted, node.clock.now_ms(), count=0)


def _put_off(node: Node, row: ConvictionRow, error: BonafidesError) -> None:
    wait = min(FIRST_WAIT_MS << min(row.tries, _MOST_DOUBLINGS), LONGEST_WAIT_MS)
    with node.store.write() as connection:
        convictions.put_off(connection, row, str(error), node.clock.now_ms() + wait)


@contextmanager
def fetching(node: Node) -> Iterator[None]:
    """Fetch documents beside whatever is done within."""
    with beside("convictions", partial(fetch_next, node), idle_seconds=LOOK_EVERY_SECONDS, end_seconds=END_SECONDS):
        yield
