"""Everybody's keys, each from a public name: nothing here may ever guard anything."""

from __future__ import annotations

import hashlib
import itertools

import pytest

from node_adapter.keys.keystore import Keystore
from node_adapter.keys.member_keys import MemberKeys
from primitives.suites import DEFAULT, SUITES


def seed(name):
    return hashlib.sha256(b"tests/world " + name.encode()).digest()


def entropy_of(name):
    draws = itertools.count()

    def draw(count):
        return hashlib.shake_256(seed(name) + next(draws).to_bytes(8)).digest(count)

    return draw


both_suites = pytest.mark.parametrize("suite", SUITES.values(), ids=SUITES)
"""Runs a test under every suite, where what makes its world asks for `suite`."""


def keystore_of(name, suite=DEFAULT):
    return Keystore(seed(f"{name} sender"), _member_keys(name, suite))


def next_keys(name, suite=DEFAULT):
    """The generation of keys that comes after `keystore_of(name)`."""
    return _member_keys(f"{name} next", suite)


def _member_keys(name, suite):
    secrets = (seed(f"{name} {key}") for key in ("signing", "agreement", "compliance", "checkpoint"))
    return MemberKeys(*secrets, suite)
