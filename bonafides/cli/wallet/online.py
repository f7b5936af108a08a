"""The wallet at the broker's node: sessions opened by the identity's key, and what is fetched through them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from bonafides.cli.support.opened_wallet import opened
from bonafides.cli.support.options import FILE, password_option, verbatim, wallet_option
from bonafides.cli.support.output import Answers, read_document
from bonafides.cli.wallet.identities import wallet
from bonafides.cli.wallet.kept import promises_group, receipts_group, tell_contradiction
from bonafides.client import Client
from bonafides.wallet import promises as kept_promises
from bonafides.wallet import receipts as kept_receipts
from bonafides.wallet.broker_log import CHECKPOINT
from bonafides.wallet.hidden import hidden_records
from bonafides.wallet.keys import Identities, Identity
from bonafides.wallet.rotation import learn, state_of_resolution
from bonafides.wallet.session import answer_challenge
from bonafides.wallet.sync import follow_log, silence, withheld
from primitives.errors import BonafidesError, CouldNotCheck, InvalidInput, Refused
from primitives.shapes import Object

_url_option = click.option("--url", required=True, help="The broker's node.")
_broker_option = click.option("--broker", help="Only the identities at this broker (its DID).")
_client_option = click.option("--client-ref", help="Only this client.")


@receipts_group.command(
    "fetch", epilog=verbatim("Example:", "  bonafides wallet receipts fetch --wallet w --url http://127.0.0.1:8081")
)
@wallet_option
@password_option
@_url_option
@_broker_option
@_client_option
def fetch_receipts(
    wallet_dir: Path, password_file: Path | None, url: str, broker: str | None, client_ref: str | None
) -> int:
    """Fetch each client's receipts from the broker's node, check them and keep those that hold.

    Exit status 1 when a receipt does not hold, contradicts what is kept, or is given no longer.
    """
    return _for_each(wallet_dir, password_file, (url, broker, client_ref), _receipts)


@promises_group.command(
    "fetch", epilog=verbatim("Example:", "  bonafides wallet promises fetch --wallet w --url http://127.0.0.1:8081")
)
@wallet_option
@password_option
@_url_option
@_broker_option
@_client_option
def fetch_promises(
    wallet_dir: Path, password_file: Path | None, url: str, broker: str | None, client_ref: str | None
) -> int:
    """Fetch each client's promises from the broker's node, check and keep them; exit status 1 on a contradiction."""
    return _for_each(wallet_dir, password_file, (url, broker, client_ref), _promises)


@wallet.command(
    "sync",
    epilog=verbatim(
        'out  {"status": "followed", "broker", "anchors", "records", "since", "wrong"}: the log since the last sync',
        "     and lines as of `wallet promises add` and `wallet receipts add`",
        "",
        "Exit status: 0 all holds, 1 something does not, or the broker contradicts itself: `wallet contradictions`",
        "",
        "Example:",
        "  bonafides wallet sync --wallet w --url http://127.0.0.1:8081",
    ),
)
@wallet_option
@password_option
@_url_option
@_broker_option
@_client_option
def sync(wallet_dir: Path, password_file: Path | None, url: str, broker: str | None, client_ref: str | None) -> int:
    """Look at the broker's node: its log, each client's promises and receipts; hold all of it against what is kept.

    The log must have done nothing but grow since the last time; a receipt that was given before must be given again; no
    two promises, receipts or checkpoints may contradict each other. What a broker took back in the meantime is found
    here, and where its own signatures tell of it, becomes a document that convicts.
    """

    def fetch(identities: Identities, identity: Identity, client: Client) -> Iterator[Any]:
        yield from _promises(identities, identity, client)
        yield from _receipts(identities, identity, client)

    return _for_each(wallet_dir, password_file, (url, broker, client_ref), fetch, with_log=True)


@wallet.command("data-uses")
@wallet_option
@password_option
@_url_option
@_broker_option
@_client_option
def data_uses(
    wallet_dir: Path, password_file: Path | None, url: str, broker: str | None, client_ref: str | None
) -> int:
    """Show every use of each client's data that the broker recorded, and what it erased: a use may be among that."""

    def fetch(identities: Identities, identity: Identity, client: Client) -> Iterator[Any]:
        del identities
        answer, whose = client.data_uses(), {"client_ref": identity.client_ref, "did": identity.did}
        for use in _list_of(answer, "data_uses"):
            yield {**whose, **use}
        for gone in _list_of({"erased": [], **answer}, "erased"):  # an earlier node names none
            yield {**whose, "type": "ERASED", **gone}

    return _for_each(wallet_dir, password_file, (url, broker, client_ref), fetch)


@wallet.command(
    epilog=verbatim(
        'out  {"client_ref", "did", "key", "pending", "nonce", "block"}',
        "",
        "Example:",
        "  bonafides wallet resync --wallet w --url http://127.0.0.1:8081",
        "  bonafides did resolve --node n DID > did.json; bonafides wallet resync --wallet w --file did.json",
    )
)
@wallet_option
@password_option
@click.option("--url", help="The broker's node.")
@click.option("--file", type=FILE, help="What `did resolve` printed, where the wallet has no network.")
@_broker_option
@_client_option
def resync(
    wallet_dir: Path,
    password_file: Path | None,
    url: str | None,
    file: Path | None,
    broker: str | None,
    client_ref: str | None,
) -> int:
    """Learn how identities stand on the chain: which keys are in force, and the nonce of the next call."""
    if (url is None) == (file is None):
        raise InvalidInput("url", "one-of", "give either --url or --file")
    answers = Answers()
    with opened(wallet_dir, password_file) as identities:
        if file is not None:
            did, state = state_of_resolution(Object().read(read_document(file, "resolution"), "resolution"))
            states = {identities.by_did(did).did: state}
        else:
            chosen = _chosen(identities, broker, client_ref)
            states = {identity.did: _state_at(url or "", identity.did) for identity in chosen}
        for did, state in states.items():
            with identities.changing():
                answers.good(_standing(learn(identities, did, state)))
    return answers.status


def _state_at(url: str, did: str) -> dict[str, Any]:
    """Ask a node how an identity stands on the chain; it answers anybody."""
    with Client(url) as anonymous:
        challenge = anonymous.post("/v1/client/sessions/challenge", {"did": did})
    state = challenge.get("identity") if isinstance(challenge, dict) else None
    if not isinstance(state, dict):
        raise _no_answer("identity")
    return state


def _standing(identity: Identity) -> dict[str, Any]:
    line = identity.lines[-1]
    return {
        "client_ref": identity.client_ref,
        "did": identity.did,
        "key": identity.key_id(line.key),
        "pending": None if line.pending is None else line.pending.public.hex(),
        "nonce": identity.nonce,
        "block": identity.block,
    }


def open_session(identities: Identities, identity: Identity, url: str) -> Client:
    """Open a client's session at the broker's node.

    Raises:
        Refused: the node does not know the DID, or its key is not (yet) on the chain.
        CouldNotCheck: the node cannot be reached.
    """
    with Client(url) as anonymous:
        challenge = anonymous.post("/v1/client/sessions/challenge", {"did": identity.did})
        if not isinstance(challenge, dict):
            raise _no_answer("challenge")
        with identities.changing():
            answer = answer_challenge(identities, challenge)
        session = anonymous.post("/v1/client/sessions", answer)
    if not isinstance(session, dict) or not isinstance(session.get("token"), str):
        raise _no_answer("token")
    return Client(url, session["token"])


_NO_SESSION = "unauthenticated"  # a node's answer to a client that it does not know, or whose key does not count
_Look = Callable[[Identities, Identity, Client], Iterator[Any]]


def _log(identities: Identities, identity: Identity, client: Client) -> Iterator[Any]:
    def fetch(path: str) -> bytes:
        return client.checkpoint() if path == CHECKPOINT else client.log_tile(path.removeprefix("tile/"))

    try:
        with identities.changing():
            outcome: object = follow_log(identities, identity.broker, fetch)
    except BonafidesError as error:  # also what could not be checked: promises and receipts are fetched all the same
        outcome = error
    yield outcome


def _promises(identities: Identities, identity: Identity, client: Client) -> Iterator[Any]:
    del identity
    for page in _pages(client, "promises"):
        with identities.changing():
            outcomes = [_kept(identities, promise, kept_promises.add_promise) for promise in page["promises"]]
        yield from outcomes


def _receipts(identities: Identities, identity: Identity, client: Client) -> Iterator[Any]:
    hidden: list[dict[str, Any]] = []
    shown: set[str] = set()
    for page in _pages(client, "receipts"):
        with identities.changing():
            outcomes = [_kept(identities, receipt, kept_receipts.add_receipt) for receipt in page["receipts"]]
        yield from outcomes
        hidden += _list_of({"not_shown": [], **page}, "not_shown")  # an earlier node names none
        shown |= {str(_promise_of(receipt).get("record_id")) for receipt in page["receipts"]}
    yield from hidden_records(identities, identity, hidden)  # the ERASE that names one comes after it
    yield from withheld(identities, identity, shown | {str(entry.get("record_id")) for entry in hidden})


def _promise_of(receipt: dict[str, Any]) -> dict[str, Any]:
    promise = receipt.get("promise")
    return promise if isinstance(promise, dict) else {}


def _for_each(
    wallet_dir: Path,
    password_file: Path | None,
    where: tuple[str, str | None, str | None],
    fetch: _Look,
    *,
    with_log: bool = False,
) -> int:
    """Fetch for each chosen identity; `with_log` looks at its broker's log before the first of them and at the end.

    What is given in between may reach further than the log did at first.
    """
    url, broker, client_ref = where
    outcomes, answered = _Outcomes(), dict[str, Identity]()  # the first of each broker whose node this is
    with opened(wallet_dir, password_file) as identities:
        for identity in _chosen(identities, broker, client_ref):
            try:
                with open_session(identities, identity, url) as client:
                    if with_log and identity.broker not in answered:
                        outcomes.take(_log(identities, identity, client))
                    answered.setdefault(identity.broker, identity)
                    outcomes.take(fetch(identities, identity, client))
            except CouldNotCheck:
                raise
            except BonafidesError as error:
                outcomes.take([error])
                if with_log and error.code == _NO_SESSION:  # the log is public: it is looked at all the same
                    answered.setdefault(identity.broker, identity)
                    told = silence(identities, identity)
                    outcomes.take([] if told is None else [told])
        with Client(url) as anonymous:
            for identity in answered.values() if with_log else ():
                outcomes.take(_log(identities, identity, anonymous))
    return outcomes.status


class _Outcomes:
    """Writes what came out, an error as a refused line, and tells of contradictions."""

    def __init__(self) -> None:
        self._answers, self._contradicted = Answers(), False

    def take(self, outcomes: Iterable[Any]) -> None:
        for outcome in outcomes:
            if isinstance(outcome, BonafidesError):
                self._answers.refused(outcome)
            else:
                self._answers.good(outcome)
                self._contradicted |= tell_contradiction(outcome)

    @property
    def status(self) -> int:
        return 1 if self._contradicted else self._answers.status


def _chosen(identities: Identities, broker: str | None, client_ref: str | None) -> list[Identity]:
    found = [
        identity
        for identity in identities.all()
        if broker in (None, identity.broker) and client_ref in (None, identity.client_ref)
    ]
    if not found and (broker, client_ref) != (None, None):
        raise Refused("wallet-foreign", "no identity of this wallet has that --broker and --client-ref")
    return found


def _pages(client: Client, name: str) -> Iterator[dict[str, Any]]:
    after = 0
    while True:
        page = client.get(f"/v1/client/{name}", after=after)
        _list_of(page, name)
        yield page
        following = page.get("next_after")
        if following is None:
            return
        empty = not page[name] and not page.get("not_shown")
        if not isinstance(following, int) or following <= after or empty:  # or a node could keep us turning for ever
            raise _no_answer("next_after")
        after = following


def _list_of(answer: object, name: str) -> list[Any]:
    found = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise _no_answer(name)
    return found


def _no_answer(name: str) -> CouldNotCheck:
    return CouldNotCheck("node-answer", f"{name} is missing from the node's answer, or is not what it must be")


def _kept(identities: Identities, value: object, add: Callable[[Identities, Any], object]) -> object:
    try:
        with identities.changing():  # what is written before a refusal is undone with it
            return add(identities, value)
    except CouldNotCheck:
        raise
    except BonafidesError as error:
        return error
