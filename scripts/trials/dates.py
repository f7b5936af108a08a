"""Run the tests on other days, in other places, in another order: what holds the moment or the machine fails here.

    .venv/bin/python scripts/trials/dates.py [--only +365d,gbk] [-- TESTS AND OPTIONS OF PYTEST]

By hand: each trial takes as long as the tests do (the unit and HTTP tests, and those on a chain of what was made on one
day and goes on for years: some minutes). It needs a C compiler for the
shifted clock, which every process sees that a test starts, the chain's engine too; what measures durations stays as it
is. A trial whose locale this machine lacks is named and left out.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = ["tests/unit", "tests/integration/api", "tests/integration/replay", "tests/vectors", "tests/packaging"]
# What was made on a day and is tried on another, on a chain.
KEPT = [
    "tests/integration/chain/test_migration.py",
    "tests/integration/chain/test_migrated_node.py",
    "tests/integration/chain/test_migration_consortium.py",
    "tests/integration/cli/test_migrating_page.py",
]
OPTIONS = ["-n", "2", "-q", "-p", "no:cacheprovider", "--no-header"]
DEFAULT = [[*TESTS, "-m", "not chain and not slow", *OPTIONS], [*KEPT, *OPTIONS]]

# Shifts the wall clock alone. A library of the distribution's would shift what sleeping is measured with as well.
CLOCK = r"""
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static time_t shift(void) {
    const char *days = getenv("SHIFTED_DAYS");
    return days ? (time_t)atol(days) * 86400 : 0;
}
int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = (int)syscall(SYS_clock_gettime, clock, now);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += shift();
    return failed;
}
int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec exact;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &exact)) return -1;
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}
time_t time(time_t *where) {
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    if (where) *where = exact.tv_sec;
    return exact.tv_sec;
}
"""

# Whatever stands in a test for another: each test must find what it needs by itself.
REVERSED = """\
import pytest
@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    items.reverse()
"""

TRIALS: dict[str, dict[str, str]] = {
    "+1d": {"SHIFTED_DAYS": "1"},
    "+365d": {"SHIFTED_DAYS": "365"},
    "+1826d": {"SHIFTED_DAYS": "1826"},
    "c-locale": {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "gbk": {"LC_ALL": "zh_CN.GBK", "LANG": "zh_CN.GBK", "PYTHONUTF8": "0"},
    "shanghai": {"TZ": "Asia/Shanghai", "PYTHONHASHSEED": "1"},
    "kiritimati": {"TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "2"},
    "newfoundland": {"TZ": "America/St_Johns", "PYTHONHASHSEED": "4294967295"},
    "reversed": {"PYTEST_PLUGINS": "reversed_order"},
}


def main() -> int:
    """Return 0 when every trial passes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(TRIALS), help="names of trials, by commas")
    parser.add_argument("arguments", nargs="*", help=f"what pytest gets, else {DEFAULT}")
    options = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory(prefix="bonafides-dates-") as folder:
        for name in options.only.split(","):
            for arguments in [options.arguments] if options.arguments else DEFAULT:
                words = _trial(TRIALS[name], arguments, Path(folder))
                failed += words.startswith("FAILS")
                print(f"{name}: {words}", flush=True)
    return 1 if failed else 0


def _trial(settings: dict[str, str], arguments: list[str], folder: Path) -> str:
    """Run pytest under some settings; return what came of it, with the names of what failed."""
    environment = os.environ | settings
    if "LC_ALL" in settings and settings["LC_ALL"] != "C" and not _is_here(settings["LC_ALL"]):
        return "left out, this machine has no such locale (localedef -i zh_CN -f GBK zh_CN.GBK)"
    if "SHIFTED_DAYS" in settings:
        environment["LD_PRELOAD"] = str(_clock(folder))
    if "PYTEST_PLUGINS" in settings:
        (folder / "reversed_order.py").write_text(REVERSED, encoding="utf-8")
        environment["PYTHONPATH"] = str(folder)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments], cwd=ROOT, env=environment, capture_output=True, check=False
    )
    lines = (done.stdout + done.stderr).decode("utf-8", "replace").splitlines()
    last = lines[-1] if lines else ""
    if done.returncode == 0:
        return f"passes ({last})"
    named = [line for line in lines if re.match(r"(FAILED|ERROR) ", line)]
    return "\n    ".join([f"FAILS ({last})", *(named or lines[-20:])])


def _is_here(locale: str) -> bool:
    """Say whether this machine has a locale."""
    asked = subprocess.run(["locale", "charmap"], env=os.environ | {"LC_ALL": locale}, capture_output=True, check=False)
    return asked.stdout.strip() not in (b"", b"ANSI_X3.4-1968")


def _clock(folder: Path) -> Path:
    """Compile the library that shifts the clock; return it."""
    source, library = folder / "clock.c", folder / "clock.so"
    if not library.exists():
        source.write_text(CLOCK, encoding="utf-8")
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    return library


if __name__ == "__main__":
    sys.exit(main())
