"""Making a node's directory: keys, tokens, database and settings. The use case behind `bonafides node init`.

A founder's keys must exist before the contracts do, so the chain part of the settings may be filled in later
(`configure`); until then the node refuses to start, naming what is missing.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from node_adapter.keys.keystore import Keystore
from node_adapter.keys.member_keys import Entropy
from node_adapter.loopback_ports import FIRST_PORT, LOOPBACK_HOSTS, reserve_port
from node_adapter.private_files import replace_private, write_private
from node_adapter.settings import (
    MEMBER_ROLES,
    PEM_FILES_OF,
    SETTINGS_FILE,
    Settings,
    read_settings_table,
    render_settings,
)
from node_adapter.store import identity
from node_adapter.store.engine import open_store
from node_adapter.store.migrate import make_in_empty, require_empty, upgrade
from node_adapter.store.place import DatabaseUrl, Place, place_of, save_database_url
from node_adapter.workflows.identity.staff_tokens import DEFAULT_DAYS, TOKEN_ROLES, make_token, token_file
from primitives.address import NO_ADDRESS
from primitives.errors import CouldNotCheck, InvalidInput, Refused
from primitives.suite import SigningSuite
from primitives.suites import DEFAULT

ANY_PORT = 0
DEFAULT_ANCHORING: Mapping[str, float | int] = {
    "period_seconds": 60,
    "promise_seconds": 600,
    "heartbeat_seconds": 3600,
    "max_batch": 10_000,
}


@dataclass(frozen=True)
class NewNode:
    """What `init_node` made: the directory, the public keys to hand to the consortium, and the port, if it is known."""

    home: Path
    keys: Mapping[str, str]
    port: int | None


def init_node(
    home: Path,
    *,
    name: str,
    role: str,
    password: str,
    settings: Mapping[str, Mapping[str, Any]],
    suite: SigningSuite = DEFAULT,
    entropy: Entropy = secrets.token_bytes,
    now_ms: int | None = None,
    database: DatabaseUrl | None = None,
) -> NewNode:
    """Make the directory of a new node.

    Args:
        home: the directory; it must not hold a node yet.
        name: the member's name.
        role: broker, regulator or operator.
        password: seals the keystore.
        settings: further sections of `node.toml` (chain, http, anchoring, peers), as far as they are known. The port 0
            of a loopback host stands for a free one, which is held for this directory from now on.
        suite: by which its records are made and signed, for good.
        entropy: gives random bytes.
        database: an empty database of PostgreSQL; a file of SQLite is made where none is named here or by
            BONAFIDES_DATABASE_URL.
        now_ms: the time, from which the first tokens are valid; this machine's, if it is not given.

    Raises:
        InvalidInput: a name, role, password or setting is malformed.
        Refused: `node-exists`; `store-taken`, `store-foreign`: the database is not empty.
        CouldNotCheck: the directory cannot be written; `suite-not-installed`, and nothing was made.
    """
    if role not in MEMBER_ROLES:
        raise InvalidInput("member.role", "one-of", f"must be one of {', '.join(MEMBER_ROLES)}")
    if (home / SETTINGS_FILE).exists():
        raise Refused("node-exists", f"{home} already holds a node")
    place = database or place_of(home)
    require_empty(place)
    keys = Keystore.generate(entropy, suite)
    table: dict[str, dict[str, Any]] = {
        "member": {"address": keys.address, "name": name, "role": role},
        "anchoring": dict(DEFAULT_ANCHORING),
    }
    _merge(table, settings)
    is_any_port = _stand_in_for_any_port(table)
    _check(table, home)
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in ("tokens", "logs"):
            (home / folder).mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise CouldNotCheck("node-unwritable", f"{home}: {error.strerror}") from error
    if is_any_port:
        table["http"]["port"] = reserve_port(home)
    keys.save(home / "keystore", password)
    if database is not None:
        save_database_url(home, database)
    _begin(home, place, keys.address, role, entropy, time.time_ns() // 1_000_000 if now_ms is None else now_ms)
    _write_settings(home, table)
    return NewNode(home, keys.public_json(), table.get("http", {}).get("port"))


def configure(home: Path, settings: Mapping[str, Mapping[str, Any]]) -> Settings | None:
    """Set or change entries of a node's settings; return them once they are complete.

    Raises:
        InvalidInput: an entry is unknown or malformed, or names a file that is not there or is no PEM; the file of the
            settings stays as it was.
    """
    for section, names in PEM_FILES_OF.items():
        given = settings.get(section, {})
        for name in (name for name in names if name in given):
            _require_pem(home, f"{section}.{name}", given[name])
    table: dict[str, dict[str, Any]] = read_settings_table(home / SETTINGS_FILE)
    _merge(table, settings)
    complete = _check(table, home)
    _write_settings(home, table)
    return complete


def _require_pem(home: Path, field: str, name: object) -> None:
    """Check a file that an operator names for the chain's node; an empty name takes the entry back."""
    if not isinstance(name, str) or not name or "\0" in name:
        return  # the settings say what is wrong with it
    try:
        text = (home / name).read_bytes()
    except OSError as error:
        raise InvalidInput(field, "file", f"{home / name}: {error.strerror}") from error
    if b"-----BEGIN " not in text:
        raise InvalidInput(field, "pem", f"{home / name} holds no PEM")


def _stand_in_for_any_port(table: dict[str, dict[str, Any]]) -> bool:
    """Put a port in the place of 0, which asks for any, until there is a directory to reserve one for."""
    http = table.get("http", {})
    if http.get("port") != ANY_PORT or http.get("host") not in LOOPBACK_HOSTS:
        return False
    http["port"] = FIRST_PORT
    return True


def _begin(home: Path, place: Place, address: str, role: str, entropy: Entropy, now_ms: int) -> None:
    """Say whose database it is, and make the first tokens, one for each role.

    People and systems get theirs by `bonafides token add`.
    """
    if isinstance(place, Path):
        upgrade(place)
    store = open_store(place)
    try:
        with store.write() as connection:
            if not isinstance(place, Path):
                make_in_empty(connection, place)  # another `node init` may have come first since we looked
            identity.put(connection, "member", address)  # from here on the database is this member's, and no other's
            for token_role in TOKEN_ROLES[role]:
                made = make_token(
                    connection,
                    name=f"first {token_role}",
                    role=token_role,
                    member_role=role,
                    days=DEFAULT_DAYS,
                    entropy=entropy,
                    now_ms=now_ms,
                )
                write_private(token_file(home, token_role), made.text + "\n")
    finally:
        store.dispose()


def _merge(table: dict[str, dict[str, Any]], changes: Mapping[str, Mapping[str, Any]]) -> None:
    for section, entries in changes.items():
        table.setdefault(section, {}).update(entries)


def _check(table: dict[str, dict[str, Any]], home: Path) -> Settings | None:
    """Check what is there; a missing entry is no error yet, everything else is."""
    try:
        return Settings.from_table(table, home=home)
    except InvalidInput as error:
        if error.rule != "required":
            raise
    # Something is missing: check the rest by filling the gaps, so that a malformed entry is refused now and not later.
    filled = {section: {**entries, **table.get(section, {})} for section, entries in _FILL.items()}
    filled.update({section: entries for section, entries in table.items() if section not in filled})
    Settings.from_table(filled, home=home)
    return None


_FILL: dict[str, dict[str, Any]] = {
    "chain": {
        "rpc_url": "http://127.0.0.1:1",
        "chain_id": 1,
        "directory": NO_ADDRESS,
        "directory_block": 0,
        "finality_depth": 1,
    },
    "http": {"host": "127.0.0.1", "port": 1},
}


def _write_settings(home: Path, table: Mapping[str, Mapping[str, Any]]) -> None:
    replace_private(home / SETTINGS_FILE, render_settings(table))
