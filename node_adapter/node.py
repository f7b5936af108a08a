"""The context that every workflow gets: one member's node, with its clock and its entropy as values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from did.identifiers import SIGNING_FRAGMENT, member_did
from did.member_log import ed25519_fragment
from domain.domains import Domains
from node_adapter.grouping import Grouping
from node_adapter.keys.keystore import Keystore
from node_adapter.life import SignOfLife
from node_adapter.ports import AskPeer, Clock, Entropy, PeerAnswer, StateSource, TakenState
from node_adapter.settings import Settings
from node_adapter.store.engine import Store
from node_adapter.store.label_map import LabelMapStore
from node_adapter.store.until_commit import UntilCommit
from node_adapter.views import Views
from primitives.errors import CouldNotCheck
from primitives.suite import SigningSuite
from replay.installed import INSTALLED

MOST_FACTS = 256  # of one transaction: what comes then waits no longer than they take
Fetch = Callable[[str], Any]  # URL of another member's public document -> its JSON, parsed
Send = Callable[[str, Mapping[str, Any]], Any]  # (URL of a peer, message) -> the peer's answer, parsed


def _no_sign() -> SignOfLife | None:
    return None


def _no_state(_wanted: Mapping[str, Sequence[bytes]]) -> TakenState:
    raise CouldNotCheck("state-not-proved", "this process takes no proofs of the chain's state")


def _no_fetch(url: str) -> Any:
    raise CouldNotCheck("peer-unreachable", f"{url}: this process reads nothing from other members")


def _no_ask(url: str, content: bytes, content_type: str, *, max_bytes: int) -> PeerAnswer:
    del content, content_type, max_bytes
    raise CouldNotCheck("peer-unreachable", f"{url}: this process asks nothing of other members")


@dataclass(frozen=True)
class Watched:
    """What tells how a node fares, without its keys; the attributes are those of `Node`."""

    settings: Settings
    store: Store
    clock: Clock
    sign_of_life: Callable[[], SignOfLife | None] = _no_sign

    @property
    def address(self) -> str:
        """The member's founding account."""
        return self.settings.member.address


@dataclass(frozen=True)
class Node:
    """One member's node. A workflow reads time and entropy from here and nowhere else.

    Attributes:
        settings: what `node.toml` says.
        store: the node's own database.
        keys: the member's keys, opened.
        clock: the time.
        entropy: random bytes.
        send: posts a signed message to another member.
        fetch: reads a public document of another member.
        ask: posts bytes to another member's node and gives whatever it answers.
        sign_of_life: reads what the chain process last said of itself; None when it said nothing since the machine's
            start.
        state: takes proofs of the chain's state; not to be asked inside a write transaction.
        domains: what knows the record types.
        label_map: the map of this member's log, of which one process keeps the upper levels in memory.
        views: what is derived from the store and kept in memory; each entry names the state that it was made from.
    """

    settings: Settings
    store: Store
    keys: Keystore = field(repr=False)
    clock: Clock
    entropy: Entropy
    send: Send
    fetch: Fetch = _no_fetch
    ask: AskPeer = _no_ask
    sign_of_life: Callable[[], SignOfLife | None] = _no_sign
    state: StateSource = _no_state
    domains: Domains = INSTALLED
    label_map: LabelMapStore = field(default_factory=LabelMapStore, repr=False)
    views: Views = field(default_factory=Views, repr=False)

    @cached_property
    def submissions(self) -> Grouping[Any]:
        """The facts of this process that wait to be stored, which go in together (`workflows.intake.submitting`)."""
        return Grouping(MOST_FACTS)

    @cached_property
    def recent(self) -> UntilCommit:
        """What was read of the store since the last commit."""
        return UntilCommit(self.store)

    @cached_property
    def did(self) -> str:
        """The member's DID."""
        return member_did(self.settings.chain.chain_id, self.settings.member.address)

    @property
    def address(self) -> str:
        """The member's founding account: its name in the consortium."""
        return self.settings.member.address

    @cached_property
    def suite(self) -> SigningSuite:
        """The suite by which this member makes records and signs what belongs to them."""
        return self.keys.suite

    @cached_property
    def signing_key_id(self) -> str:
        """The verification method of the member's key of its suite."""
        return f"{self.did}#{SIGNING_FRAGMENT}"

    @cached_property
    def ed25519_key_id(self) -> str:
        """The verification method of the member's Ed25519 key."""
        return f"{self.did}#{ed25519_fragment(self.suite.algorithm)}"
