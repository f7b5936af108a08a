"""A populated node of release 1 on its chain, and the same migrated: what several files of tests begin with."""

from __future__ import annotations

import pytest

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
