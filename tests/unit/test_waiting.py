import subprocess
import sys

import pytest

from tests.waiting import wait_for_end, wait_until


def test_what_came_is_returned():
    looks = iter([None, "", "it came"])
    assert wait_until(lambda: next(looks), "it", every=0) == "it came"


def test_the_end_of_a_process_ends_the_wait_with_its_last_words(tmp_path):
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-c", "raise SystemExit('no such chain')"], stderr=output)
    with pytest.raises(AssertionError, match=r"in vain for the node \(ended with 1(.|\n)*no such chain"):
        wait_until(lambda: False, "the node", seconds=3600, processes=[process], logs=[log])


def test_a_wait_in_vain_says_what_is_known_at_its_end():
    with pytest.raises(AssertionError, match="in vain for 3 of 4 rows"):
        wait_until(lambda: False, lambda: "3 of 4 rows", seconds=0.01)


def test_a_process_that_does_not_end_is_killed():
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    with pytest.raises(AssertionError, match="in vain for the end"):
        wait_for_end(process, seconds=0.05)
    assert process.poll() == -9
