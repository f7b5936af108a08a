"""Tests run at the interpreter's own recursion limit, whatever library a test file loads."""

from __future__ import annotations

import subprocess
import sys

import py_ecc.bls  # noqa: F401 - raises the limit a hundredfold as it is loaded


def test_a_library_that_raises_the_limit_raises_it_for_no_test():
    shown = subprocess.run(
        [sys.executable, "-c", "import sys; print(sys.getrecursionlimit())"], capture_output=True, check=True
    )
    assert sys.getrecursionlimit() == int(shown.stdout)
