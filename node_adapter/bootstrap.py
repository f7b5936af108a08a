"""Wiring: the only module that knows the workflows' context and the adapters that fill it."""

from __future__ import annotations

import secrets
import time
from functools import partial
from pathlib import Path

from node_adapter.keys.keystore import Keystore
from node_adapter.life import read_sign
from node_adapter.node import Node, Watched
from node_adapter.peers.client import ask_peer, get_document, post_message
from node_adapter.requested_state import RequestedState
from node_adapter.settings import Settings
from node_adapter.store import records
from node_adapter.store.engine import Store, open_store
from node_adapter.store.place import require_made
from primitives.errors import InvalidInput

WATCH_BUSY_SECONDS = 3.0


class SystemClock:
    """The machine's clocks."""

    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch."""
        return time.time_ns() // 1_000_000

    def monotonic_ms(self) -> int:
        """Milliseconds of the clock that nobody can set."""
        return time.monotonic_ns() // 1_000_000

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


def open_node(home: Path, password: str) -> Node:
    """Open the node of a directory.

    Raises:
        InvalidInput: `node.toml` is not a node's settings, or the keystore belongs to another member.
        Refused: `keystore-password`; `format-1-records`.
        CouldNotCheck: a file cannot be read; `store-missing` when the database was never made.
    """
    settings = _settings_of(home)
    keystore = Keystore.open(settings.keystore_path, password)
    store = open_store(settings.database)
    with store.read() as connection:
        records.require_format_2(connection)
    return assemble(settings, store, keystore)


def open_watched(home: Path) -> Watched:
    """Open what tells how the node of a directory fares: no key, and little patience with a busy store.

    Raises:
        InvalidInput, CouldNotCheck: as `open_node`.
    """
    settings = _settings_of(home)
    store = open_store(settings.database, busy_timeout_seconds=WATCH_BUSY_SECONDS)
    return Watched(settings, store, SystemClock(), partial(read_sign, settings.home))


def _settings_of(home: Path) -> Settings:
    settings = Settings.load(home)
    require_made(settings.database)
    return settings


def assemble(settings: Settings, store: Store, keystore: Keystore) -> Node:
    """Put a node together from its opened parts, with the machine's clock and entropy."""
    if keystore.address != settings.member.address:
        raise InvalidInput("member.address", "keystore", "is not the account of the keystore")
    clock = SystemClock()
    return Node(
        settings=settings,
        store=store,
        keys=keystore,
        clock=clock,
        entropy=secrets.token_bytes,
        send=post_message,
        fetch=partial(get_document, known=settings.peers, networks=settings.http.peer_networks),
        ask=partial(ask_peer, known=settings.named_urls, networks=settings.http.peer_networks),
        sign_of_life=partial(read_sign, settings.home),
        state=RequestedState(store, clock, secrets.token_bytes),
    )
