"""The chain process's sign of life: a small file that it writes anew many times a second, and web processes read.

It is no matter for the database: it is worth nothing after a moment, and must never wait for a lock. Its times are
milliseconds of the monotonic clock, which every process of this machine shares and which nobody can set; `boot` names
the start of the machine that they belong to.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

LIFE_FILE = "chain.life"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_MAX_BYTES = 4096


@dataclass(frozen=True)
class SignOfLife:
    """What the chain process says of itself; times in ms of the monotonic clock.

    Attributes:
        boot: which start of the machine the times belong to.
        pid: the chain process's process.
        seen: when it last did something.
        answered: when the chain last answered and the index stood level with it; None before the first time.
        chain_ahead: what to add to the monotonic clock to get the chain's time (ms since the epoch); None when unknown.
        chain_told: when the chain last told its time to the second or so, by a new block or a pending one.
        in_flight: since when an anchor waits to become final; None when none does.
        anchor_took: how long an anchor took lately, from being built to being final.
    """

    boot: str
    pid: int
    seen: int
    answered: int | None = None
    chain_ahead: int | None = None
    chain_told: int | None = None
    in_flight: int | None = None
    anchor_took: int = 0


def boot_id() -> str:
    """Return what names this start of the machine; empty where the system does not say."""
    try:
        return _BOOT_ID.read_text("ascii").strip()
    except OSError:
        return ""


def write_sign(home: Path, sign: SignOfLife) -> None:
    """Replace the sign of life of a node's directory; a reader sees the old one or the new one.

    A full disk is passed over: a sign that grows old says enough.
    """
    file = home / LIFE_FILE
    fresh = file.with_suffix(".new")
    try:
        fresh.write_text(json.dumps(asdict(sign)), "ascii")
        os.replace(fresh, file)
    except OSError:
        return


def read_sign(home: Path) -> SignOfLife | None:
    """Return the sign of life of a node's directory; None when there is none, or none of this start of the machine."""
    try:
        text = (home / LIFE_FILE).read_text("ascii")
        sign = SignOfLife(**json.loads(text[:_MAX_BYTES]))
    except (OSError, ValueError, TypeError):
        return None
    return sign if sign.boot == boot_id() else None
