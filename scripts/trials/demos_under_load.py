"""Run the demo many times in a row while busy loops take the processors; the first that fails ends it.

    .venv/bin/python scripts/trials/demos_under_load.py [--demos 20] [--loops 8] [-- --clients 60]

By hand: a run takes minutes. A demo that passes only on a free machine fails at the first broker who tries it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

COMMAND = Path(sys.executable).with_name("bonafides")
LOOP = "import os\nparent = os.getppid()\nwhile os.getppid() == parent:\n    sum(range(100_000))"  # ends with us


def main() -> int:
    """Return 0 when every demo passes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demos", type=int, default=20)
    parser.add_argument("--loops", type=int, default=8)
    parser.add_argument("arguments", nargs="*", help="what the demo gets")
    options = parser.parse_args()
    with _busy(options.loops):
        for number in range(1, options.demos + 1):
            begun = time.monotonic()
            with tempfile.TemporaryDirectory(prefix="bonafides-load-") as folder:
                command = [COMMAND, "demo", "--out", Path(folder) / "demo", *options.arguments]
                done = subprocess.run(command, capture_output=True, check=False)
            load = os.getloadavg()[0]
            print(
                f"demo {number}: exit {done.returncode}, {time.monotonic() - begun:.0f} s, load {load:.1f}", flush=True
            )
            if done.returncode != 0:
                print((done.stdout + done.stderr).decode("utf-8", "replace")[-4000:], file=sys.stderr)
                return 1
    return 0


@contextmanager
def _busy(loops: int) -> Iterator[None]:
    """Keep so many processes busy meanwhile."""
    running = [subprocess.Popen([sys.executable, "-c", LOOP]) for _ in range(loops)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


if __name__ == "__main__":
    sys.exit(main())
