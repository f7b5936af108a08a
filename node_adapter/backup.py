"""A node's backup while it runs, and its restoring: one tar archive, for its owner's eyes only.

    manifest.json        {"format", "made_at", "member", "chain", "revision", "log_size", "anchors", "block",
                          "files": [{"name", "bytes", "sha256"}]}
    node.db              one snapshot of the database, a file of SQLite whatever the node's own is
    former.db            the database of format 1 that a migration left behind, of a node that was migrated
    node.toml
    keystore/*.json      sealed as they lie in the node
    (others)             what the settings name inside the directory: certificates to reach the chain

The database is copied before the keystore: keys are sealed before the database hears of them, so that the archive holds
every key that its database names. Tokens' texts are not in it; their digests stand in the database.

A restored database is marked (`store.restored`): its node signs nothing before it has read the chain up to its head.
Its tokens count for nothing before the operator confirms them (`store.tokens`): one may have been revoked since.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

from evidence.version2.log.anchors import FIRST_ANCHOR
from node_adapter.private_files import sync_directory, write_private
from node_adapter.settings import PEM_FILES_OF, SETTINGS_FILE, read_settings_table
from node_adapter.store import anchors, former, records, restored, tokens
from node_adapter.store.chain import blocks
from node_adapter.store.copying import copy_to_file, copy_to_server
from node_adapter.store.engine import open_store
from node_adapter.store.migrate import HEAD, require_empty, revisions, upgrade
from node_adapter.store.place import DatabaseUrl, Place, place_of, require_made, save_database_url
from node_adapter.store.snapshot import copy_database, integrity, leave_wal
from primitives.canonical import canonical_json, parse_json
from primitives.errors import CouldNotCheck, InvalidInput, Refused, VerificationFailed
from primitives.timestamp import format_time

FORMAT = "bonafides.backup/1"
MANIFEST = "manifest.json"
DATABASE, FORMER = "node.db", "former.db"
_DATABASES = (DATABASE, FORMER)
_NAME = re.compile(r"node\.db|former\.db|node\.toml|keystore/(?:sender|keys|keys-[1-9][0-9]{0,3})\.json")
# Files of the operator's own beside them, which the settings name: authorities and certificates to reach the chain.
_OWN_NAME = re.compile(
    r"(?!(?:tokens|logs|keystore|node|former)[./])[A-Za-z0-9][A-Za-z0-9_-]*(?:[./][A-Za-z0-9][A-Za-z0-9_-]*)*"
)
_CHUNK_BYTES = 1024 * 1024
_MAX_MANIFEST_BYTES = 1024 * 1024
_MAX_SMALL_BYTES = 1024 * 1024  # of settings and key files

Progress = Callable[[str, int, int], None]  # what is copied, how much of it, out of how much


def _silent(_what: str, _done: int, _total: int) -> None:
    return None


@dataclass(frozen=True)
class Backup:
    """An archive that was made or restored, as its manifest describes it."""

    file: Path
    manifest: Mapping[str, Any]


def back_up(
    home: Path, target: Path, *, now_ms: int, progress: Progress = _silent, without_former: bool = False
) -> Backup:
    """Write a backup of a node's directory; the node may run.

    Args:
        home: the node's directory.
        target: the archive to make, or a directory to make it in.
        now_ms: the time.
        progress: told of each step.
        without_former: make it although the node was migrated, and has lost its database of format 1.

    Raises:
        Refused: `backup-exists`; `former-not-found`.
        CouldNotCheck: `store-missing`, `backup-unwritable`, or the database cannot be read.
    """
    place = place_of(home)
    require_made(place)
    member = read_settings_table(home / SETTINGS_FILE).get("member", {})
    if target.is_dir():
        stamp = format_time(now_ms)[:19].replace(":", "")
        target = target / f"bonafides-{str(member.get('address'))[2:10]}-{stamp}.tar"
    if target.exists():
        raise Refused("backup-exists", f"{target} exists; a backup is never overwritten")
    unfinished = target.with_name(f".{target.name}.new")
    places = _databases_of(home, place)
    copies = {name: target.with_name(f".{target.name}.{name}") for name in places}
    try:
        with _removed_at_last(*copies.values(), unfinished):
            for name, copy in copies.items():
                _copy(places[name], copy, partial(progress, name))
            manifest = _manifest(home, copies, now_ms, without_former=without_former)
            _write_archive(home, copies, unfinished, manifest, progress)
            unfinished.replace(target)
            sync_directory(target.parent)
    except OSError as error:
        raise CouldNotCheck("backup-unwritable", f"{target}: {error.strerror}") from error
    return Backup(target, manifest)


def restore(
    archive: Path, home: Path, *, now_ms: int, progress: Progress = _silent, database: DatabaseUrl | None = None
) -> Backup:
    """Make a node's directory of a backup; nothing is there before everything was checked.

    Args:
        archive: what `back_up` wrote, or the directory of a node that stands still, such as a copy of its files.
        home: the directory to make; it must not exist.
        now_ms: the time, for the mark of a restored database.
        progress: told of each step.
        database: an empty database of PostgreSQL, into which the node's goes; else it is a file of SQLite.

    Raises:
        Refused: `node-exists`; `former-not-found`, the copy of a directory lacks the database of format 1;
            `store-taken`, `store-foreign`, the server's database is not empty.
        InvalidInput: it is no backup.
        VerificationFailed: check `backup`: a file is not what the manifest says, or the database is damaged.
        CouldNotCheck: `backup-unreadable`, `node-unwritable`; `store-too-new`, a later version made it.
    """
    if home.exists():
        raise Refused("node-exists", f"{home} exists; restore into a directory that does not")
    if database is not None:
        require_empty(database)
    unfinished = home.with_name(f".{home.name}.restoring")
    try:
        shutil.rmtree(unfinished, ignore_errors=True)  # of an attempt that was killed
        unfinished.mkdir(mode=0o700, parents=True)
        take = _take_directory if archive.is_dir() else _read_archive
        manifest = take(archive, unfinished, progress)
        for folder in ("tokens", "logs"):
            (unfinished / folder).mkdir(mode=0o700)
        _mark(unfinished / DATABASE, now_ms)
        if (unfinished / FORMER).exists():
            upgrade(unfinished / FORMER)
            leave_wal(unfinished / FORMER)
        if database is not None:
            copy_to_server(unfinished / DATABASE, database, partial(progress, DATABASE))
            save_database_url(unfinished, database)
            (unfinished / DATABASE).unlink()
        for name in _DATABASES:
            for file in _beside(unfinished / name):
                file.unlink(missing_ok=True)
        sync_directory(unfinished)
        unfinished.rename(home)
        sync_directory(home.parent)
    except OSError as error:
        raise CouldNotCheck("node-unwritable", f"{home}: {error.strerror}") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return Backup(archive, manifest)


def _databases_of(home: Path, place: Place) -> dict[str, Place]:
    former = home / FORMER
    return {DATABASE: place, **({FORMER: former} if former.is_file() else {})}


def _copy(place: Place, target: Path, progress: Callable[[int, int], None]) -> None:
    if isinstance(place, Path):
        copy_database(place, target, progress)
    else:
        copy_to_file(place, target, progress)


def _manifest(home: Path, copies: Mapping[str, Path], now_ms: int, *, without_former: bool = False) -> dict[str, Any]:
    table, snapshot = read_settings_table(home / SETTINGS_FILE), copies[DATABASE]
    store = open_store(snapshot)
    try:
        with store.read() as connection:
            newest = anchors.latest(connection)
            tip = blocks.find_tip(connection)
            if former.find_log(connection) is not None and not without_former:
                former.require_former(copies.get(FORMER, home / FORMER))
            stands = {
                "log_size": records.log_size(connection),
                "anchors": 0 if newest is None else newest.seq - FIRST_ANCHOR + 1,
                "block": None if tip is None else tip.number,
            }
    finally:
        store.dispose()
    for copy in copies.values():
        leave_wal(copy)
    others = [home / SETTINGS_FILE, *sorted((home / "keystore").glob("*.json")), *_own_files(home, table)]
    files = {**copies, **{file.relative_to(home).as_posix(): file for file in others}}
    return {
        "format": FORMAT,
        "made_at": format_time(now_ms),
        "member": {name: table.get("member", {}).get(name) for name in ("address", "name", "role")},
        "chain": {name: table.get("chain", {}).get(name) for name in ("chain_id", "directory")},
        "revision": revisions(snapshot)[0],
        **stands,
        "files": [_described(file, name) for name, file in files.items()],
    }


def _own_files(home: Path, table: Mapping[str, Any]) -> list[Path]:
    """Return the files inside the directory that the settings name."""
    named = [str(table.get(section, {}).get(name, "")) for section, names in PEM_FILES_OF.items() for name in names]
    return [home / name for name in dict.fromkeys(named) if _OWN_NAME.fullmatch(name) and (home / name).is_file()]


def _described(file: Path, name: str) -> dict[str, Any]:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return {"name": name, "bytes": file.stat().st_size, "sha256": digest.hexdigest()}


def _write_archive(
    home: Path, copies: Mapping[str, Path], target: Path, manifest: Mapping[str, Any], progress: Progress
) -> None:
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream, tarfile.open(fileobj=stream, mode="w|") as archive:
        data = canonical_json(dict(manifest))
        _add(archive, MANIFEST, len(data), io.BytesIO(data))
        for entry in manifest["files"]:
            name = entry["name"]
            progress(name, 0, entry["bytes"])
            with copies.get(name, home / name).open("rb") as file:
                _add(archive, name, entry["bytes"], file)
            progress(name, entry["bytes"], entry["bytes"])
        archive.close()
        stream.flush()
        os.fsync(stream.fileno())


def _add(archive: tarfile.TarFile, name: str, size: int, data: IO[bytes]) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o600
    archive.addfile(entry, data)


def _read_archive(file: Path, target: Path, progress: Progress) -> dict[str, Any]:
    try:
        with file.open("rb") as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
            entries = iter(archive)
            manifest = _read_manifest(archive, next(entries, None))
            wanted = {entry["name"]: entry for entry in manifest["files"]}
            for entry in entries:
                described = wanted.pop(entry.name, None)
                if described is None or not entry.isreg():
                    raise VerificationFailed("backup", f"{entry.name} is not in the manifest")
                _extract(archive, entry, described, target / entry.name, progress)
    except tarfile.TarError as error:
        raise InvalidInput("backup", "tar", f"{file} is no whole tar archive: {error}") from error
    except FileNotFoundError as error:
        raise CouldNotCheck("backup-unreadable", f"{file}: {error.strerror}") from error
    if wanted:
        raise VerificationFailed("backup", f"the archive lacks {', '.join(sorted(wanted))}")
    return manifest


def _take_directory(source: Path, target: Path, progress: Progress) -> dict[str, Any]:
    """Copy the parts of a node's directory; what its write-ahead log holds is read, tokens and logs stay behind."""
    place = place_of(source)
    own_database = (DATABASE,) if isinstance(place, Path) else ()
    for name in (*own_database, SETTINGS_FILE, "keystore/sender.json", "keystore/keys.json"):
        if not (source / name).is_file():
            raise CouldNotCheck("backup-unreadable", f"{source / name} does not exist")
    places = _databases_of(source, place)
    copies = {name: target / name for name in places}
    for name, copy in copies.items():
        _copy(places[name], copy, partial(progress, name))
    (target / "keystore").mkdir(mode=0o700)
    own = [
        file.relative_to(source).as_posix() for file in _own_files(source, read_settings_table(source / SETTINGS_FILE))
    ]
    for name in own:
        (target / name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in (
        *own,
        SETTINGS_FILE,
        *(f"keystore/{file.name}" for file in sorted((source / "keystore").glob("*.json"))),
    ):
        write_private(target / name, (source / name).read_text("utf-8"))
    newest = place if isinstance(place, Path) else source / SETTINGS_FILE
    return _manifest(target, copies, int(newest.stat().st_mtime * 1000))


def _read_manifest(archive: tarfile.TarFile, entry: tarfile.TarInfo | None) -> dict[str, Any]:
    stream = archive.extractfile(entry) if entry is not None and entry.name == MANIFEST and entry.isreg() else None
    if stream is None:
        raise InvalidInput("backup", "manifest", f"its first file is not {MANIFEST}")
    manifest = parse_json(stream.read(_MAX_MANIFEST_BYTES), field=MANIFEST)
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise InvalidInput(f"{MANIFEST}.format", "constant", f"is not {FORMAT}")
    files = manifest.get("files")
    names = (
        [entry.get("name") if isinstance(entry, dict) else None for entry in files] if isinstance(files, list) else []
    )
    if any(
        not isinstance(name, str) or not (_NAME.fullmatch(name) or _OWN_NAME.fullmatch(name)) for name in names
    ) or len(set(names)) != len(names):
        raise InvalidInput(f"{MANIFEST}.files", "unknown-member", "names something that is no part of a node")
    missing = {DATABASE, SETTINGS_FILE, "keystore/sender.json", "keystore/keys.json"} - set(names)
    if missing:
        raise InvalidInput(f"{MANIFEST}.files", "required", f"lacks {', '.join(sorted(missing))}")
    if isinstance(manifest.get("revision"), str) and manifest["revision"] > HEAD:
        raise CouldNotCheck("store-too-new", f"the backup has revision {manifest['revision']}, this version {HEAD}")
    return manifest


def _extract(
    archive: tarfile.TarFile, entry: tarfile.TarInfo, described: Mapping[str, Any], target: Path, progress: Progress
) -> None:
    if entry.size != described.get("bytes") or (entry.name not in _DATABASES and entry.size > _MAX_SMALL_BYTES):
        raise VerificationFailed("backup", f"{entry.name} has {entry.size} bytes")
    stream = archive.extractfile(entry)
    if stream is None:
        raise VerificationFailed("backup", f"{entry.name} is no file")
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest, done = hashlib.sha256(), 0
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as output:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
            output.write(chunk)
            done += len(chunk)
            progress(entry.name, done, entry.size)
        output.flush()
        os.fsync(output.fileno())
    if digest.hexdigest() != described.get("sha256"):
        raise VerificationFailed("backup", f"{entry.name} is not what was backed up: its digest differs")


def _mark(database: Path, now_ms: int) -> None:
    upgrade(database)  # commands may need this version's schema before the node is started
    store = open_store(database)
    try:
        with store.write() as connection:
            found = integrity(connection)
            if found != "ok":
                raise VerificationFailed("backup", f"the database is damaged: {found}")
            restored.mark(connection, now_ms)
            tokens.suspend_all(connection, now_ms)  # also of a copy that was marked when it was made, and confirmed
    finally:
        store.dispose()
    leave_wal(database)


def _beside(file: Path) -> list[Path]:
    """Return what SQLite, and the turn of its writers (`store.turn`), keep beside a database's file."""
    return [file.with_name(file.name + end) for end in ("-wal", "-shm", "-journal", "-next", "-turn")]


@contextmanager
def _removed_at_last(*files: Path) -> Iterator[None]:
    try:
        yield
    finally:
        for file in files:
            for name in (file, *_beside(file)):
                name.unlink(missing_ok=True)
