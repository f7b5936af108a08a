import pytest

from tests.world.broker import Broker
from tests.world.chain import Chain


@pytest.fixture
def chain():
    chain = Chain()
    chain.deploy()
    for name in ("north", "south"):
        chain.admit(name)
    chain.admit("regulator", role=2)
    return chain


@pytest.fixture
def broker(tmp_path, chain):
    """A broker's node with the packaged rule set."""
    broker = Broker(tmp_path / "north", chain)
    broker.install()
    yield broker
    broker.store.dispose()


@pytest.fixture
def client(broker):
    """An enrolled client whose key stands on the chain."""
    return broker.enrol("client one")
