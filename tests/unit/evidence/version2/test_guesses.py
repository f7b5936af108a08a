"""Nobody who sees hashes guesses a level better than by chance, or which leaves are of one client."""

from __future__ import annotations

from random import Random

import pytest

from scripts.trials.guesses import (
    LEVELS,
    SIGMAS,
    clients,
    interval,
    leaves_of_clients,
    linked_by,
    member,
    public,
    salted,
    share_guessed,
    unsalted,
)
from scripts.vectors.synthetic_consortium import seed

CLIENTS = 400


@pytest.mark.parametrize("view", [public, member])
def test_a_level_is_guessed_no_better_than_by_chance(view):
    found = share_guessed(list(clients(CLIENTS, Random(7), salted)), view)
    assert abs(found - 1 / len(LEVELS)) <= interval(CLIENTS)


@pytest.mark.parametrize("view", [public, member])
def test_without_a_salt_every_level_is_guessed(view):
    assert share_guessed(list(clients(50, Random(7), unsalted)), view) == 1


def test_two_leaves_of_one_client_are_as_far_apart_as_those_of_strangers():
    pairs = leaves_of_clients(CLIENTS)
    assert abs(linked_by(pairs)) <= SIGMAS
    halves = [leaf[at : at + 32] for pair in pairs for leaf in pair for at in (0, 32)]
    assert len(set(halves)) == len(halves) == 4 * CLIENTS


def test_leaves_that_name_the_pseudonym_would_be_linked():
    naive = [(seed(f"subject {n}") + bytes(31) + b"\1", seed(f"subject {n}") + bytes(31) + b"\2") for n in range(50)]
    assert linked_by(naive) > SIGMAS
