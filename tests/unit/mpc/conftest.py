from itertools import count

import pytest

from tests.unit.mpc.masked_sum_kit import BLINDINGS, MEMBERS, exchange, make_spec, parties_of, session_of


@pytest.fixture
def spec():
    return make_spec()


@pytest.fixture
def vectors():
    numbers = count(10)
    return [tuple(next(numbers) for _ in range(5)) for _ in MEMBERS]


@pytest.fixture
def run(spec, vectors):
    """Three parties that have committed, the session, and their masked states after the exchange."""
    parties = parties_of(spec, vectors, BLINDINGS)
    session = session_of(spec, parties)
    return parties, session, exchange(spec, session, parties)
