"""A member's node on a real database with real keys, on no network."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from node_adapter.node import Node
from node_adapter.settings import AnchoringSettings, ChainSettings, HttpSettings, MemberSettings, Settings
from node_adapter.store import migrate
from node_adapter.store.engine import open_store
from replay.installed import INSTALLED
from tests.world.chain import CHAIN_ID, CONTRACTS
from tests.world.databases import stand_for_databases


def empty_database():
    """What the file of an empty, migrated database holds; what stands for one of a server begins as its template."""
    return b"" if stand_for_databases() else _empty_file()


@cache
def _empty_file():
    """It is made once: the migration takes longer than most tests."""
    with TemporaryDirectory() as directory:
        path = Path(directory) / "node.db"
        migrate.upgrade(path)
        return path.read_bytes()


def settings_of(home, address, name, *, role="broker", first_block=1, promise_seconds=600.0, peers=None):
    return Settings(
        home=home,
        member=MemberSettings(address, name, role),
        chain=ChainSettings("http://127.0.0.1:1", CHAIN_ID, CONTRACTS["Directory"], first_block, 1),
        http=HttpSettings("127.0.0.1", 8080),
        anchoring=AnchoringSettings(1.0, promise_seconds, 3600.0, 10_000),
        peers=peers or {},
    )


def open_member(settings, keys, clock, entropy, send, domains=INSTALLED, **more):
    """Open a node on the database of its directory, or on an empty one; `more` are further values of the node."""
    settings.home.mkdir(parents=True, exist_ok=True)
    if not settings.database_path.exists():
        settings.database_path.write_bytes(empty_database())
    store = open_store(settings.database_path, busy_timeout_seconds=0.2)
    return Node(settings, store, keys, clock, entropy, send, sign_of_life=clock.sign_of_life, domains=domains, **more)
