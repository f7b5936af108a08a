"""A conviction on the chain: an earlier consortium gets the contract by its vote, and one block shows all."""

import pytest

from evidence.version2.state.heads import CONVICTION_HISTORY, Change, event_digest, head_of
from evidence.version2.state.slots import CONVICTION_CHANGES, CONVICTION_HEAD
from evidence.version2.state.trie import StateProof
from node_adapter.chain import deploy
from node_adapter.chain.abi import CONVICTIONS
from node_adapter.chain.errors import ContractReverted
from node_adapter.store.chain import event_log
from primitives.errors import Refused
from tests.world.format_2 import Network

pytestmark = pytest.mark.chain
DIGESTS = [bytes([number]) * 32 for number in range(1, 4)]


@pytest.fixture
def network(anvil, tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(deploy, "KNOWN", [name for name in deploy.KNOWN if name != CONVICTIONS])
        network = Network(anvil, tmp_path)
    yield network
    network.close()


def test_the_members_add_the_contract_and_a_state_proof_shows_what_stands_against_one(network):
    names = {found.name for found in deploy.contract_status(network.rpc, network.directory)}
    assert "EvidenceLog" in names
    assert CONVICTIONS not in names
    assert not network.contracts.is_named(CONVICTIONS)
    sender = network.members["regulator"].signer
    made = deploy.deploy_convictions(network.rpc, sender, network.directory)
    network.name_contract(CONVICTIONS, made.address)
    with pytest.raises(Refused, match=network.directory):
        deploy.deploy_convictions(network.rpc, sender, network.directory)

    south, north = (network.members[name].signer for name in ("south", "north"))
    for signer, kind, digest in ((sender, 3, DIGESTS[0]), (south, 1, DIGESTS[1]), (sender, 2, DIGESTS[2])):
        network.send(signer, CONVICTIONS, "record", north.address, kind, digest)
    with pytest.raises(ContractReverted, match="ConvictionRegistryAlreadyRecorded"):
        network.send(south, CONVICTIONS, "record", north.address, 1, DIGESTS[1])
    network.follow()

    with network.store.read() as connection:
        told = event_log.events(connection, contract=CONVICTIONS)
    assert [(event.args["member"], event.args["kind"]) for event in told] == [
        (sender.address, 3),
        (south.address, 1),
        (sender.address, 2),
    ]
    changes = [
        Change(
            event.block,
            event.timestamp,
            event_digest(event.name, {**event.args, "digest": event_log.raw(event.args["digest"])}),
        )
        for event in told
    ]
    slots = [variable.slot(north.address) for variable in (CONVICTION_HEAD, CONVICTION_CHANGES)]
    taken = network.state({made.address: slots})
    proof = StateProof(taken.header.state_root, taken.nodes)
    head, count = (proof.word(proof.account(made.address), slot) for slot in slots)
    assert CONVICTION_CHANGES.number(count) == len(told) == 3
    assert head == head_of(CONVICTION_HISTORY, changes)
    assert head_of(CONVICTION_HISTORY, changes[:2]) != head  # none of them can be left out
