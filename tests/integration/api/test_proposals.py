"""What there is to vote on, as the node has read it from the chain."""

from sqlalchemy import update

from node_adapter.store.chain.proposals import Proposal, open_proposals
from node_adapter.store.schema import chain_event
from tests.world.broker import Broker

NEWCOMER = "0x" + "c1" * 20


def propose(broker, number, kind, member):
    digest = "0x" + f"{number:02x}" * 32
    args = {"id": number, "kind": kind, "proposer": broker.node.address, "subject": member, "digest": digest}
    return say(broker, "ProposalCreated", number, **args)


def say(broker, name, number, **args):
    topic = "0x" + number.to_bytes(32).hex()
    return broker.chain.block(("MemberRegistry", name, topic, {"id": number, **args}))


def listed(broker):
    with broker.store.read() as connection:
        return open_proposals(connection)


def test_nothing_is_open_before_anybody_proposed(broker):
    assert listed(broker) == []


def test_a_proposal_is_listed_with_the_votes_that_count_until_it_is_over(broker, tmp_path):
    south = Broker(tmp_path / "south", broker.chain, name="south")
    block = propose(broker, 1, 0, NEWCOMER)
    propose(broker, 2, 1, south.node.address)
    propose(broker, 3, 2, "0x" + "00" * 20)
    say(broker, "ProposalVoted", 1, voter=broker.node.address)
    say(broker, "ProposalVoted", 1, voter=south.node.address)
    digest = "0x" + "01" * 32
    both = (broker.node.address, south.node.address)
    assert listed(broker)[0] == Proposal(1, "admission", NEWCOMER, digest, both[0], block, both, 2)
    assert [(one.id, one.kind, one.member, one.votes) for one in listed(broker)[1:]] == [
        (2, "suspension", both[1], ()),
        (3, "action", None, ()),
    ]
    broker.chain.suspend("south")
    assert (listed(broker)[0].votes, listed(broker)[0].votes_needed) == (both[:1], 1)
    say(broker, "ProposalExecuted", 1)
    say(broker, "ProposalVetoed", 2, regulator=broker.node.address)
    assert [one.id for one in listed(broker)] == [3]
    south.store.dispose()


def test_what_an_earlier_registry_was_asked_is_not_open(broker):
    propose(broker, 1, 0, NEWCOMER)
    with broker.store.write() as connection:
        connection.execute(update(chain_event).where(chain_event.c.name == "ProposalCreated").values(address=NEWCOMER))
    assert listed(broker) == []
    say(broker, "ProposalVoted", 1, voter=broker.node.address)
