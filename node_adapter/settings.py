"""A node's settings: `node.toml`, read strictly. What is unknown, missing or of another kind is refused by name.

The file and everything beside it stand in the node's own directory:

    node.toml  node.db  former.db (of a migrated node)  keystore/  tokens/<role>.token  logs/
"""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from node_adapter.chain.rpc_endpoint import PEM_FILES, RpcEndpoint, check_rpc_url
from node_adapter.peers.reachable import Network, read_networks
from node_adapter.store.place import SQLITE_FILE, Place, place_of
from primitives.errors import CouldNotCheck, InvalidInput
from primitives.shapes import MAX_SAFE_INTEGER

SETTINGS_FILE = "node.toml"
MEMBER_ROLES = ("broker", "regulator", "operator")
MAX_PORT = 65535
DEFAULT_MAX_FEE = 10**12  # wei for one unit of gas
_MAX_SETTINGS_BYTES = 64 * 1024
_ADDRESS = re.compile(r"0x[0-9a-f]{40}")
URL = re.compile(r"https?://[^\s/?#]+(?:/[^\s?#]*)?")
_MAX_NAME_CHARACTERS = 100
_LEAST_HOURS, _MOST_HOURS = 0.1, 8_784  # a year


@dataclass(frozen=True)
class MemberSettings:
    """Whose node this is."""

    address: str
    name: str
    role: str


@dataclass(frozen=True)
class ChainSettings:
    """The chain, and where our contracts begin on it. With `finality_depth` 1 a block is final when it is there.

    `rpc_url` may hold secrets. `ca_file`, `client_certificate` and `client_key` are paths of PEM files, from the node's
    directory on, or empty. `max_fee_per_gas` is the most that a transaction offers for a unit of gas, in wei.
    """

    rpc_url: str = dataclasses.field(repr=False)
    chain_id: int
    directory: str
    directory_block: int
    finality_depth: int
    max_fee_per_gas: int = DEFAULT_MAX_FEE
    ca_file: str = ""
    client_certificate: str = ""
    client_key: str = ""


@dataclass(frozen=True)
class HttpSettings:
    """Where the node's HTTP interface listens, and whom it may ask.

    Attributes:
        host: where it listens.
        port: the same.
        health_port: the loopback port on which it says how it fares; 0: any free one.
        peer_networks: where else than on the public internet a node may be whose address its member said on the chain.
    """

    host: str
    port: int
    health_port: int = 0
    peer_networks: tuple[Network, ...] = ()

    @property
    def url(self) -> str:
        """The base URL for a caller on this machine."""
        return f"http://{self.host}:{self.port}"


@dataclass(frozen=True)
class AnchoringSettings:
    """How often records are anchored, and by when a promise says that they are."""

    period_seconds: float
    promise_seconds: float
    heartbeat_seconds: float
    max_batch: int


@dataclass(frozen=True)
class TimestampSettings:
    """A time-stamp authority (RFC 3161) that is asked for tokens over checkpoints, and what it is known by.

    Attributes:
        url: where it answers.
        authority: the PEM file of its certificate, from the node's directory on; no other one counts.
        roots: the PEM file of what that is issued under.
        every_hours: how often at the most it is asked.
    """

    url: str
    authority: str
    roots: str
    every_hours: float = 24.0


@dataclass(frozen=True)
class RetentionSettings:
    """How many days the node keeps what no proof rests on (docs/adr/0091).

    Attributes:
        writes_days: signed transactions of chain writes that are final, by the chain's time.
        task_days: messages and an engine's state of joint tasks that have ended.
        alarms_days: alarms that are closed.
    """

    writes_days: int = 30
    task_days: int = 30
    alarms_days: int = 365


@dataclass(frozen=True)
class Settings:
    """One node's settings, and the paths that follow from where they lie."""

    home: Path
    member: MemberSettings
    chain: ChainSettings
    http: HttpSettings
    anchoring: AnchoringSettings
    peers: Mapping[str, str]
    timestamps: TimestampSettings | None = None
    retention: RetentionSettings = RetentionSettings()

    @classmethod
    def load(cls, path: Path | str) -> Settings:
        """Read the settings of a node's directory (or of its `node.toml`).

        Raises:
            InvalidInput: an entry is unknown, missing, or of another kind; `field` is its dotted name.
            CouldNotCheck: `settings-unreadable`, the file cannot be read.
        """
        file = Path(path)
        if file.is_dir() or file.suffix != ".toml":
            file = file / SETTINGS_FILE
        return cls.from_table(_read_toml(file), home=file.parent.resolve())

    @classmethod
    def from_table(cls, table: Mapping[str, Any], *, home: Path) -> Settings:
        """Check a parsed `node.toml`; see `load`."""
        _no_unknown(table, "", {*_SECTIONS, TIMESTAMPS, RETENTION, "peers"})
        values = {name: _section(table, name, fields) for name, fields in _SECTIONS.items()}
        anchoring = AnchoringSettings(**values["anchoring"])
        if anchoring.promise_seconds <= anchoring.period_seconds:  # an anchor also takes time: none could be promised
            raise InvalidInput("anchoring.promise_seconds", "range", "must be longer than anchoring.period_seconds")
        return cls(
            home=home,
            member=MemberSettings(**values["member"]),
            chain=ChainSettings(**values["chain"]),
            http=HttpSettings(**values["http"]),
            anchoring=anchoring,
            peers=_peers(table.get("peers", {})),
            timestamps=TimestampSettings(**_section(table, TIMESTAMPS, _TIMESTAMPS)) if TIMESTAMPS in table else None,
            retention=RetentionSettings(**_section({RETENTION: {}, **table}, RETENTION, _RETENTION)),
        )

    @property
    def named_urls(self) -> Mapping[str, str]:
        """Where the operator lets this node ask, wherever that lies, by what it is: other members, the authority."""
        return self.peers if self.timestamps is None else {**self.peers, TIMESTAMPS: self.timestamps.url}

    @property
    def rpc_endpoint(self) -> RpcEndpoint:
        """Where the chain's node is.

        Raises:
            InvalidInput: `file`, a certificate that [chain] names is not there.
        """
        chain = self.chain
        ca_file, certificate, key = (
            self.home / name if name else None for name in (chain.ca_file, chain.client_certificate, chain.client_key)
        )
        return RpcEndpoint(chain.rpc_url, ca_file, certificate, key)

    @property
    def database_path(self) -> Path:
        """The node's SQLite file, where that is its database."""
        return self.home / SQLITE_FILE

    @property
    def database(self) -> Place:
        """Where the node's database is.

        Raises:
            InvalidInput, CouldNotCheck: as `node_adapter.store.place.place_of`.
        """
        return place_of(self.home)

    @property
    def former_path(self) -> Path:
        """The database of format 1 that a migration left behind; there is none where the node began with format 2."""
        return self.home / "former.db"

    @property
    def keystore_path(self) -> Path:
        """The directory of the encrypted keys."""
        return self.home / "keystore"

    @property
    def tokens_path(self) -> Path:
        """The directory of the staff's tokens."""
        return self.home / "tokens"

    @property
    def logs_path(self) -> Path:
        """The directory of the processes' logs."""
        return self.home / "logs"


def read_settings_table(path: Path) -> dict[str, Any]:
    """Read a `node.toml` that may still lack entries, as `bonafides node init` leaves it before the contracts stand."""
    return _read_toml(path)


def render_settings(table: Mapping[str, Mapping[str, Any]]) -> str:
    """Write a settings table as TOML text; strings and numbers only, so that a reader gets back what went in."""
    lines: list[str] = []
    for section, entries in table.items():
        lines.append(f"[{section}]")
        lines.extend(f"{_toml_key(key)} = {_toml_value(value)}" for key, value in entries.items())
        lines.append("")
    return "\n".join(lines)


def _toml_key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z_]+", key) else _toml_value(key)


def _toml_value(value: object) -> str:
    if isinstance(value, str):
        return '"' + "".join(_toml_character(character) for character in value) + '"'
    return str(value)


def _toml_character(character: str) -> str:
    if character in '\\"':
        return "\\" + character
    return character if character.isprintable() else f"\\U{ord(character):08x}"


def require_directory(home: Path) -> None:
    """Check that a node's directory is there, before anything is made in it.

    Raises:
        CouldNotCheck: `settings-unreadable`.
    """
    if not home.is_dir():
        raise CouldNotCheck("settings-unreadable", f"{home}: there is no such directory of a node")


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise CouldNotCheck("settings-unreadable", f"{file}: {error.strerror}") from error
    if len(data) > _MAX_SETTINGS_BYTES:
        raise InvalidInput(SETTINGS_FILE, "max-bytes", f"is longer than {_MAX_SETTINGS_BYTES} bytes")
    try:
        return tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(SETTINGS_FILE, "toml", f"is not UTF-8 TOML: {error}") from error


def _no_unknown(table: Mapping[str, Any], prefix: str, known: set[str]) -> None:
    for name in table:
        if name not in known:
            raise InvalidInput(f"{prefix}{name}", "unknown-member", "is not a setting of this version")


def _section(table: Mapping[str, Any], name: str, fields: Mapping[str, Callable[[object, str], Any]]) -> dict[str, Any]:
    section = table.get(name)
    if section is None:
        raise InvalidInput(name, "required", f"the section [{name}] is missing")
    if not isinstance(section, dict):
        raise InvalidInput(name, "object", "must be a table")
    _no_unknown(section, f"{name}.", set(fields))
    values = {}
    for field, check in fields.items():
        if field not in section and f"{name}.{field}" in _OPTIONAL:
            continue
        if field not in section:
            raise InvalidInput(f"{name}.{field}", "required", "is missing")
        values[field] = check(section[field], f"{name}.{field}")
    return values


def _text(value: object, field: str) -> str:
    if not isinstance(value, str):
        raise InvalidInput(field, "text", "must be a string")
    if not 0 < len(value) <= _MAX_NAME_CHARACTERS:
        raise InvalidInput(field, "length", f"must have 1 to {_MAX_NAME_CHARACTERS} characters")
    return value


def _role(value: object, field: str) -> str:
    if value not in MEMBER_ROLES:
        raise InvalidInput(field, "one-of", f"must be one of {', '.join(MEMBER_ROLES)}")
    return str(value)


def _address(value: object, field: str) -> str:
    if not isinstance(value, str) or _ADDRESS.fullmatch(value) is None:
        raise InvalidInput(field, "address", "must be 0x and 40 lower-case hexadecimal digits")
    return value


def _url(value: object, field: str) -> str:
    if not isinstance(value, str) or URL.fullmatch(value) is None or not _has_host_and_port(value):
        raise InvalidInput(field, "url", "must be an http or https URL without query")
    return value.rstrip("/")


def _rpc_url(value: object, field: str) -> str:
    if not isinstance(value, str):
        raise InvalidInput(field, "text", "must be a string")
    return check_rpc_url(value, field)


def _path(value: object, field: str) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise InvalidInput(field, "text", "must be the path of a file")
    return value


def _networks(value: object, field: str) -> tuple[Network, ...]:
    if not isinstance(value, str):
        raise InvalidInput(field, "text", "must be a string")
    return read_networks(value, field)


def _has_host_and_port(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, a broken IPv6 address
        return False


def _integer(low: int, high: int) -> Callable[[object, str], int]:
    def check(value: object, field: str) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise InvalidInput(field, "integer", "must be an integer")
        if not low <= value <= high:
            raise InvalidInput(field, "range", f"must lie between {low} and {high}")
        return value

    return check


def _seconds(low: float, high: float) -> Callable[[object, str], float]:
    def check(value: object, field: str) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise InvalidInput(field, "number", "must be a number of seconds")
        if not low <= value <= high:  # also refuses NaN
            raise InvalidInput(field, "range", f"must lie between {low} and {high} seconds")
        return float(value)

    return check


def _hours(value: object, field: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise InvalidInput(field, "number", "must be a number of hours")
    if not _LEAST_HOURS <= value <= _MOST_HOURS:
        raise InvalidInput(field, "range", f"must lie between {_LEAST_HOURS} and {_MOST_HOURS} hours")
    return float(value)


def _peers(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        raise InvalidInput("peers", "object", "must be a table of member address = URL")
    return {_address(member, f"peers.{member}"): _url(url, f"peers.{member}") for member, url in value.items()}


_DAY_SECONDS = 86_400

_OPTIONAL = {  # entries that a file may lack: the class has their default
    "chain.max_fee_per_gas",
    "chain.ca_file",
    "chain.client_certificate",
    "chain.client_key",
    "http.health_port",
    "http.peer_networks",
    "timestamps.every_hours",
    "retention.writes_days",
    "retention.task_days",
    "retention.alarms_days",
}
_SECTIONS: dict[str, dict[str, Callable[[object, str], Any]]] = {
    "member": {"address": _address, "name": _text, "role": _role},
    "chain": {
        "rpc_url": _rpc_url,
        "chain_id": _integer(1, MAX_SAFE_INTEGER),
        "directory": _address,
        "directory_block": _integer(0, MAX_SAFE_INTEGER),
        "finality_depth": _integer(1, 10_000),
        "max_fee_per_gas": _integer(0, MAX_SAFE_INTEGER),
        "ca_file": _path,
        "client_certificate": _path,
        "client_key": _path,
    },
    "http": {
        "host": _text,
        "port": _integer(1, MAX_PORT),
        "health_port": _integer(0, MAX_PORT),
        "peer_networks": _networks,
    },
    "anchoring": {
        "period_seconds": _seconds(0.05, _DAY_SECONDS),
        "promise_seconds": _seconds(0.1, _DAY_SECONDS),  # a wallet refuses a promise of more than a day
        "heartbeat_seconds": _seconds(1, 30 * _DAY_SECONDS),
        "max_batch": _integer(1, 100_000),
    },
}
TIMESTAMPS = "timestamps"
PEM_FILES_OF = {"chain": PEM_FILES, TIMESTAMPS: ("authority", "roots")}
"""The entries of each section that name PEM files, from the node's directory on."""
_TIMESTAMPS: dict[str, Callable[[object, str], Any]] = {  # a file may lack this section, and the next
    "url": _url,
    "authority": _path,
    "roots": _path,
    "every_hours": _hours,
}
RETENTION = "retention"
_MOST_DAYS = 36_500
_RETENTION: dict[str, Callable[[object, str], Any]] = {
    "writes_days": _integer(7, _MOST_DAYS),  # a chain that is set back further is refused: see `store.retention`
    "task_days": _integer(1, _MOST_DAYS),
    "alarms_days": _integer(7, _MOST_DAYS),
}
