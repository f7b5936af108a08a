"""What several files of tests begin with: a populated node of release 1 on its chain, the same migrated, a killer."""

from __future__ import annotations

import pytest

from tests.world.kills import Killer
from tests.world.migrated import Continuing, Release1, migrated


@pytest.fixture
def release(tmp_path):
    release = Release1(tmp_path).up()
    yield release
    release.down()


@pytest.fixture
def case(release, drive):
    network = release.continued()
    answer = migrated(release, network)
    case = Continuing(release, network, drive)
    case.answer = answer
    yield case
    case.consortium.close()


@pytest.fixture
def killer_of():
    """What makes a killer of a node's processes, which is closed at the end."""
    killers = []

    def make(*arguments):
        killers.append(Killer(*arguments))
        return killers[-1]

    yield make
    for killer in killers:
        killer.close()
