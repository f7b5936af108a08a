import pytest

from tests.world.broker import Broker
from tests.world.chain import Chain
from tests.world.keys import keystore_of


@pytest.fixture
def chain(suite):
    chain = Chain()
    chain.deploy()
    chain.admit("north", keys=keystore_of("north", suite))
    chain.admit("south")
    chain.admit("regulator", role=2)
    return chain


@pytest.fixture
def broker(tmp_path, chain, suite):
    """A broker's node with the packaged rule set."""
    broker = Broker(tmp_path / "north", chain, suite=suite)
    broker.install()
    yield broker
    broker.store.dispose()


@pytest.fixture
def client(broker):
    """An enrolled client whose key stands on the chain."""
    return broker.enrol("client one")
