"""The name of a process that no other one ever has, and whether that process still runs.

    <start of the machine>:<process id>:<start of the process, in ticks since then>

A process id alone is given again to another one.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from node_adapter.life import boot_id

_START = 22 - 3  # as fields of /proc/PID/stat are counted, of those behind the name


def own_identity() -> str:
    """Return the name of this process."""
    return _identity_of(os.getpid())


@lru_cache(maxsize=1)
def _identity_of(pid: int) -> str:
    return f"{boot_id()}:{pid}:{_start_of(pid)}"


def is_running(identity: str) -> bool:
    """Say whether the process of that name still runs on this machine."""
    boot, _, rest = identity.rpartition(":")[0].rpartition(":")
    started = identity.rpartition(":")[2]
    return boot == boot_id() and rest.isdigit() and started != "" and _start_of(int(rest)) == started


def _start_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()[_START]
    except (OSError, IndexError):
        return ""
