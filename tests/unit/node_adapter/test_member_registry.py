"""What the index says of members' keys, in the form of today's events and in that of an earlier release."""

from types import SimpleNamespace

import pytest

from node_adapter.store import migrate
from node_adapter.store.chain import member_registry
from node_adapter.store.engine import open_store
from tests.world.chain import Chain
from tests.world.keys import keystore_of, next_keys

NORTH = keystore_of("north")


@pytest.fixture
def chain(tmp_path):
    migrate.upgrade(tmp_path / "node.db")
    store = open_store(tmp_path / "node.db")
    chain = Chain()
    chain.deploy()
    chain.join(SimpleNamespace(store=store))
    yield chain
    store.dispose()


def read(chain, question, *arguments):
    with chain.nodes[0].store.read() as connection:
        return question(connection, *arguments)


def test_a_members_keys_are_read_in_both_forms(chain):
    keys = NORTH.newest
    before = {
        "signing": "0x" + keys.signing_public.hex(),
        "agreement": "0x" + keys.agreement_public.hex(),
        "compliance": keys.compliance_address,
    }
    admitted = {"member": NORTH.address, "role": 1, "name": "north", **before}
    chain.change("MemberRegistry", "MemberAdmitted", NORTH.address, admitted)
    member = read(chain, member_registry.members)[NORTH.address]
    assert (member.role, member.name, member.active) == ("broker", "north", True)
    assert (member.held.algorithm, member.held.signing, member.held.agreement) == (
        1,
        keys.signing_public,
        keys.agreement_public,
    )
    assert member.held.checkpoint == keys.signing_public  # it signed checkpoints too
    point = "0x04" + "ab" * 64
    by_suite = {
        **before,
        "algorithm": 2,
        "signing": point,
        "checkpoint": "0x" + next_keys("north").signing_public.hex(),
    }
    chain.change("MemberRegistry", "MemberKeysChanged", NORTH.address, {"member": NORTH.address, **by_suite})
    first, second = read(chain, member_registry.registered_keys, NORTH.address)
    assert first == member.held
    assert (second.algorithm, second.signing) == (2, bytes.fromhex(point[2:]))
    assert second.checkpoint == next_keys("north").signing_public
    member = read(chain, member_registry.members)[NORTH.address]
    assert (member.name, member.held) == ("north", second)


def test_a_suspended_member_keeps_its_latest_keys(chain):
    chain.admit("north")
    chain.rotate("north", next_keys("north"))
    chain.suspend("north")
    member = read(chain, member_registry.members)[NORTH.address]
    assert not member.active
    assert member.held.signing == next_keys("north").signing_public
