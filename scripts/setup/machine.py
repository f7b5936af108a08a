"""What set-up needs of the machine it runs on, and one sentence with its mend for each way in which one can lack it.

Written for any Python from 3.6 on, and in ASCII: a machine that is wrong in other ways still gets its sentence.
"""

import contextlib
import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[2]
NEEDED_BYTES = 1200 * 2**20  # all that set-up makes takes 700 MiB, and installers unpack beside it
OLDEST_GLIBC = (2, 35)  # what the chain engine is linked against
_SHOWN_LINES = 12

# What an installer says when it fails, what that means, and the mend. The first that matches is told.
_TROUBLES = (
    (r"No space left on device|ENOSPC|Disk quota exceeded", "the disk is full", "make room and run this again"),
    (
        r"CERTIFICATE_VERIFY_FAILED|SELF_SIGNED_CERT|UNABLE_TO_(GET|VERIFY)|self.signed certificate|CERT_UNTRUSTED",
        "the registry's certificate is not trusted here (a proxy with an authority of its own?)",
        "name the authority's file in PIP_CERT and in NODE_EXTRA_CA_CERTS (or `cert` in pip.conf, `cafile` in .npmrc)",
    ),
    (
        r"Tunnel connection failed|ProxyError|Cannot connect to proxy|407 Proxy|ERR_SOCKET.*proxy|proxy config",
        "the proxy does not let the installer through",
        "check HTTPS_PROXY and NO_PROXY (and `proxy` in pip.conf and .npmrc)",
    ),
    (
        r"DO NOT MATCH THE HASHES|EINTEGRITY",
        "the registry served a package whose digest is not the locked one; nothing of it was used",
        "check which registry is configured (pip config list, npm config get registry)",
    ),
    (
        r"Read-only file system|EROFS|Permission denied|EACCES|EPERM",
        "a file or folder may not be written",
        "run this as the user who owns the checkout, in a folder that can be written",
    ),
    (r"EBADENGINE|Unsupported engine", "this Node.js or npm is too old", "install Node.js 20.17 or newer with npm"),
    (
        r"Name or service not known|name resolution|NameResolutionError|ENOTFOUND|EAI_AGAIN|unreachable|ENETUNREACH|"
        r"Connection refused|ECONNREFUSED|ECONNRESET|[Tt]imed out|ETIMEDOUT|NewConnectionError|Max retries",
        "no package registry answers",
        "set-up needs the network once; behind a proxy set HTTPS_PROXY, with a mirror PIP_INDEX_URL and npm's registry",
    ),
    (
        r"No matching distribution|ETARGET|E404|404 Not Found",
        "the registry does not have a locked version",
        "use a registry that has it (pip config list, npm config get registry)",
    ),
)


class SetUpError(Exception):
    """What is wrong in one sentence, and how to mend it."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what, mend)
        self.what, self.mend = what, mend


def run_alone(work: "Callable[[], None]") -> int:
    """Do a part of the set-up while no other set-up works in this checkout; return the exit status.

    The lock lies on the checkout's folder itself and ends with the process and the installers that it started, so
    that a killed set-up leaves nothing behind and its orphans are waited for.
    """
    try:
        with _lock():
            work()
    except SetUpError as error:
        print(f"set-up: {error.what}\n        {error.mend}", file=sys.stderr)
        return 2
    return 0


@contextlib.contextmanager
def _lock() -> "Iterator[None]":
    descriptor = os.open(str(ROOT), os.O_RDONLY)
    os.set_inheritable(descriptor, True)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("set-up: waiting for another set-up of this checkout ...", flush=True)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError:
            pass  # a file system without locks
        yield
    finally:
        os.close(descriptor)


def check_machine() -> None:
    """Refuse a machine on which nothing of ours runs.

    Raises:
        SetUpError: another system, processor or C library, a folder that cannot be written, a disk that is full.
    """
    if sys.platform != "linux" or platform.machine() not in ("x86_64", "AMD64"):
        what = f"this machine is {platform.system()} on {platform.machine()}"
        raise SetUpError(what, "use Linux on x86-64, for example in a virtual machine")
    try:
        library = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (OSError, ValueError):
        library = ""
    if not library.startswith("glibc"):
        raise SetUpError("this Linux has no glibc", "use a distribution with it: Debian or Ubuntu, not Alpine")
    if tuple(int(part) for part in re.findall(r"\d+", library)[:2]) < OLDEST_GLIBC:
        mend = "use a newer distribution: Debian 12, Ubuntu 22.04 or later have {}.{}".format(*OLDEST_GLIBC)
        raise SetUpError(f"the C library is {library}", mend)
    try:
        with tempfile.TemporaryFile(dir=str(ROOT)):
            pass
    except OSError as error:
        what = f"the checkout {str(ROOT)!a} cannot be written ({error.strerror})"
        raise SetUpError(what, "clone it into a folder of your own") from error
    free = shutil.disk_usage(str(ROOT)).free
    if free < NEEDED_BYTES:
        what = f"the disk has {free >> 20} MiB left, set-up needs {NEEDED_BYTES >> 20}"
        raise SetUpError(what, "make room and run this again")


def install(
    command: "list[str]", failure: str, *, folder: Path = ROOT, environment: "dict[str, str] | None" = None
) -> None:
    """Run an installer; when it fails show its last words and say in a sentence what they mean.

    Args:
        command: the program and its arguments.
        failure: what could not be done, as a sentence.
        folder: where it runs.
        environment: its environment, else ours.

    Raises:
        SetUpError: it failed.
    """
    with tempfile.TemporaryFile() as output:
        # Inheriting the lock: an installer that outlives us is not run into by the next set-up.
        done = subprocess.run(
            command,
            cwd=str(folder),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            close_fds=False,
            check=False,
        )
        output.seek(0)
        words = output.read().decode("utf-8", "replace")
    if done.returncode != 0:
        lines = [line for line in words.splitlines() if line.strip()][-_SHOWN_LINES:]
        for line in lines:
            print(line.encode("ascii", "backslashreplace").decode(), file=sys.stderr)
        raise explained(words, failure)


def explained(words: str, failure: str) -> SetUpError:
    """Return the error that an installer's words mean."""
    for pattern, meaning, mend in _TROUBLES:
        if re.search(pattern, words):
            return SetUpError(f"{failure}: {meaning}", mend)
    return SetUpError(failure, "read the message above; `make clean` starts afresh")


def stamp_of(*parts: "Path | str") -> str:
    """Return the stamp of a finished set-up: a digest over files, and the place of the checkout."""
    digest = hashlib.sha256(str(ROOT).encode("utf-8", "surrogateescape"))
    for part in parts:
        data = part.read_bytes() if isinstance(part, Path) else part.encode()
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()


def has_stamp(file: Path, stamp: str) -> bool:
    """Say whether a set-up with this very stamp has finished."""
    try:
        return file.read_bytes() == stamp.encode()
    except OSError:
        return False


def withdraw(file: Path) -> None:
    """Take a stamp away before anything is removed: a removal that is cut short must not look finished."""
    if file.exists():
        file.unlink()


def remove(path: Path) -> None:
    """Remove a folder that set-up made, or the link that stands for it."""
    if path.is_symlink():
        path.unlink()
    elif path.exists():
        shutil.rmtree(str(path))
