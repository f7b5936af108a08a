"""Who checked the growth of the map behind a bundle: what witnesses cosigned reaches the verdict."""

from __future__ import annotations

import pytest

from replay.verification import verify_history
from tests.world.clock import Clock
from tests.world.headers import HeaderChain
from tests.world.members import ROLES, Members
from tests.world.replays import replay, word

ROLE_NUMBERS = {"broker": 1, "regulator": 2}


@pytest.fixture
def members(tmp_path):
    clock = Clock(step_ms=1000)
    chain = HeaderChain(clock)
    for name, role in ROLES.items():
        chain.admit(name, role=ROLE_NUMBERS[role])
    chain.deploy()
    members = Members(tmp_path, chain, clock=clock)
    north = members["north"]
    north.install()
    members.client = north.enrol("client one")
    north.assess(members.client)
    north.anchor()
    yield members
    members.close()


def verified(members, **more):
    north, regulator = members["north"], members["regulator"]
    made = replay(north.node, {"did": members.client.did, "case": "2026-17", "reason": "as the client asks"})
    said = word(regulator.node)
    return verify_history(made["bundle"].encode(), said.file, trust_keys=[said.key], **more).report.reach


def test_nobody_was_asked_yet_and_the_verdict_says_so(members):
    assert verified(members).witnesses == ()


def test_whoever_cosigned_is_named(members):
    members.down = {"south"}
    members.cosign("north")
    found = verified(members, witnesses=1)
    assert found.witnesses == (members["regulator"].did,)
    assert found.members == 2
    members.down = set()
    members.clock.sleep(5)
    members.cosign("north")
    assert set(verified(members, witnesses=2).witnesses) == {members["south"].did, members["regulator"].did}
