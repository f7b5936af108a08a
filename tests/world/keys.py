"""Everybody's keys, each from a public name: nothing here may ever guard anything."""

from __future__ import annotations

import hashlib
import itertools

from node_adapter.keys.keystore import Keystore
from node_adapter.keys.member_keys import MemberKeys


def seed(name):
    return hashlib.sha256(b"tests/world " + name.encode()).digest()


def entropy_of(name):
    draws = itertools.count()

    def draw(count):
        return hashlib.shake_256(seed(name) + next(draws).to_bytes(8)).digest(count)

    return draw


def keystore_of(name):
    sender, *keys = (seed(f"{name} {key}") for key in ("sender", "signing", "agreement", "compliance"))
    return Keystore(sender, MemberKeys(*keys))


def next_keys(name):
    """The generation of keys that comes after `keystore_of(name)`."""
    return MemberKeys(*(seed(f"{name} next {key}") for key in ("signing", "agreement", "compliance")))
