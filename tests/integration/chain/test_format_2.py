"""Format 2 end to end on a real chain: real contracts, real transactions, real state proofs, real keys.

What the chain says comes from the chain: leaves and histories from its events, heads from its storage, proofs from
`eth_getProof`. The verifier is given a bundle and the regulator's trust file, and nothing else.
"""

import hashlib
import json
from contextlib import contextmanager

import pytest
from sqlalchemy import delete, insert, select

from evidence.version2.log.anchor_tree import Peaks
from evidence.version2.log.anchors import NO_CONTRACT
from evidence.version2.verify.bundle import VerificationRequest, verify_bundle
from node_adapter.chain.abi import encode_call
from node_adapter.chain.deploy import send_and_wait
from node_adapter.store.schema import chain_event
from node_adapter.workflows.replay.chain_material import take_chain_material
from primitives.canonical import canonical_json
from primitives.encoding import encode_base64url
from primitives.errors import CouldNotCheck, VerificationFailed
from primitives.suites import DEFAULT
from scripts.vectors.version2.bundles import SIGNING
from tests.world.format_2 import Broker, Client, Network, Witness

pytestmark = pytest.mark.chain

EMPTY = hashlib.sha256().digest()


@pytest.fixture
def network(anvil, tmp_path):
    network = Network(anvil, tmp_path)
    yield network
    network.close()


@pytest.fixture
def broker(network):
    return Broker(network, "north")


@pytest.fixture
def client(broker):
    client = Client(broker, "ada")
    client.set_key()
    return client


def verify(network, bundle, header, **asked):
    return verify_bundle(bundle, [network.trust(header)], {network.trust_key}, VerificationRequest(SIGNING, **asked))


def accepted(network, bundle, header, **asked):
    report = verify(network, bundle, header, **asked)
    assert report.ok, [check for check in report.checks if not check.ok]
    return report


@contextmanager
def without(store, name, place):
    """Take an event out of the index for a while: the newest of a name, or an earlier one."""
    newest = select(chain_event).where(chain_event.c.name == name)
    newest = newest.order_by(chain_event.c.block.desc(), chain_event.c.log_index.desc())
    with store.write() as connection:
        row = connection.execute(newest.offset(place).limit(1)).mappings().one()
        where = (chain_event.c.block == row.block) & (chain_event.c.log_index == row.log_index)
        connection.execute(delete(chain_event).where(where))
    yield
    with store.write() as connection:
        connection.execute(insert(chain_event), [dict(row)])


def live(client):
    """A history of three records under one anchor."""
    client.opens()
    client.record("LEVEL_RESULT", {"band": "C4"})
    client.record("LEVEL_CONFIRM", {"level": "C4"}, signed=True)
    client.broker.anchor()


def resealed(broker, body):
    """Return a changed body under the broker's own signature."""
    value = encode_base64url(DEFAULT.sign(broker.member.signing, canonical_json(body)))
    return canonical_json({**body, "signature": {"key": f"{broker.did}#signing", "alg": DEFAULT.alg, "value": value}})


def test_a_bundle_of_a_real_chain_holds(network, broker, client):
    live(client)
    witness = Witness(network, "south")
    note = witness.cosign(broker, broker.checkpoint())
    report = accepted(network, *broker.bundle(client, note, witnesses=["south"]))
    assert [record.seq for record in report.records] == [1, 2, 3]
    assert (report.reach.members, report.reach.witnesses) == (
        3,
        (network.did(network.members["south"].signer.address),),
    )
    assert "growth checked by 1 of 3 other members" in report.verdict
    assert broker.opening.former == network.contracts.address_of("EvidenceAnchor")
    assert (broker.opening.former_seq, broker.opening.former_size) == (0, 0)


def test_keys_rotate_a_member_goes_a_heartbeat_a_revoked_key_a_new_contract(network, broker, client):
    live(client)
    witnesses = [Witness(network, name) for name in ("south", "west")]
    for witness in witnesses:
        witness.cosign(broker, broker.checkpoint())
    old, old_header = broker.bundle(client)

    # The broker's keys change between acceptance and anchor: the promise is by the key of the leaf before, a heartbeat.
    broker.anchor()
    client.record("BIZ_APPLY", {"amount_fen": 1})
    network.rotate("north")
    anchored = broker.anchor()
    assert anchored.key_version == 2
    bundle, header = broker.bundle(client)
    assert verify(network, bundle, header).failed == ("promise",)
    before = [anchored.seq - 1]
    accepted(network, *broker.bundle(client, before=before))

    # A heartbeat goes the same way, and a witness goes over both anchors at once.
    broker.anchor()
    note = broker.checkpoint()
    for witness in witnesses:
        note = witness.cosign(broker, note)
    report = accepted(network, *broker.bundle(client, note, witnesses=["south", "west"], before=before))
    assert (len(report.reach.witnesses), report.reach.members) == (2, 3)

    # A member that was suspended is no witness any more, and nobody counts it.
    network.suspend("west")
    report = accepted(network, *broker.bundle(client, note, witnesses=["south", "west"], before=before))
    south = network.did(network.members["south"].signer.address)
    assert (report.reach.witnesses, report.reach.members) == ((south,), 2)

    # The client's key is revoked after an act was accepted: it held there. An act that comes later does not.
    client.record("LEVEL_CONFIRM", {"level": "C3"}, signed=True)
    client.revoke_key()
    broker.anchor()
    before = [*before, broker.leaves[-2].seq]
    report = accepted(network, *broker.bundle(client, before=before))
    assert any("no longer at block" in note for note in report.notes)

    # The members vote for a new contract, in which the same tree goes on.
    former = network.contracts.address_of("EvidenceLog")
    registry = network.contracts.address_of("MemberRegistry")
    network.name_contract("EvidenceLog", network.create("EvidenceLog", registry, NO_CONTRACT, former))
    accepted(network, *broker.bundle(client, before=before))  # before its first anchor there
    client.record("BIZ_DECIDE", {"decision": "REFUSED"})
    broker.anchor()
    assert network.contracts.address_of("EvidenceLog") != former
    note = witnesses[0].cosign(broker, broker.checkpoint())
    bundle, header = broker.bundle(client, note, witnesses=["south"], before=before)
    report = accepted(network, bundle, header)
    assert len(report.records) == 6
    assert report.last_anchor.seq == broker.tree.size == 7
    directory = json.loads(bundle)["directory"]
    assert next(entry["target"] for entry in directory if entry["name"] == "EvidenceLog") == former

    # The former contract still takes what it is sent; it is of no tree that counts.
    last, peaks, batch = broker.leaves[-1], Peaks(), hashlib.sha256(b"a batch of nobody's").digest()
    for leaf in (broker.opening, *broker.leaves[:-1]):
        peaks, _ = peaks.append(leaf.hash())
    astray = encode_call("EvidenceLog", "anchor", last.seq, list(peaks.hashes), batch, broker.size + 9, batch)
    send_and_wait(network.rpc, broker.member.signer, network.chain_id, former, astray)
    assert broker.read_leaves() == last

    # What held at an older block is no answer to who asks for a newer one.
    number = int(network.rpc.call("eth_blockNumber"), 16)
    assert verify(network, old, old_header).ok
    assert "trust" in verify(network, old, old_header, at_least_block=number - 1).failed
    assert "trust" in verify(network, old, header).failed

    # The old log under the newer block's header and proofs: the contract keeps another head.
    def show_the_old_log(body):
        shown = json.loads(old)
        body.update({name: shown[name] for name in ("log", "checkpoint", "history", "map", "promises", "keys")})

    body = json.loads(bundle)
    del body["signature"]
    show_the_old_log(body)
    assert "log-head" in verify(network, resealed(broker, body), header).failed

    # An act of a key that was revoked before it was accepted.
    client.record("LEVEL_CONFIRM", {"level": "C2"}, signed=True)
    broker.anchor()
    assert verify(network, *broker.bundle(client, before=before)).failed == ("client-signature",)


def test_a_suspended_broker_still_answers_and_an_index_that_is_behind_or_holds_less_does_not(network, broker, client):
    live(client)
    network.suspend("north")
    report = accepted(network, *broker.bundle(client))
    assert report.reach.members == 3
    for _ in range(3):
        network.rpc.call("evm_mine")
    parties = broker.parties(client)
    with pytest.raises(CouldNotCheck) as behind:
        take_chain_material(network.store, network.state, parties)
    assert behind.value.code == "block-unknown"
    assert broker.material(client).did
    for name, place, check in (
        ("DIDAttributeChanged", 0, "client-keys"),
        ("MemberSuspended", 0, "member-keys"),
        ("AddressSet", 2, "directory"),  # the newest but two: a contract that nobody asks for
    ):
        with without(network.store, name, place), pytest.raises(VerificationFailed) as missing:
            take_chain_material(network.store, network.state, parties)
        assert missing.value.check == check
    assert take_chain_material(network.store, network.state, parties).did


def test_a_did_goes_on_in_a_registry_that_was_voted_for(network, broker, client):
    live(client)
    former, members = (network.contracts.address_of(name) for name in ("DidRegistry", "MemberRegistry"))
    network.name_contract("DidRegistry", network.create("DidRegistry", members, former))
    assert len(accepted(network, *broker.bundle(client)).key_changes) == 1
    client.set_key()
    client.record("LEVEL_CONFIRM", {"level": "C4"}, signed=True)
    broker.anchor()
    assert len(accepted(network, *broker.bundle(client)).key_changes) == 2


def test_a_contract_of_a_later_release_is_in_the_directory_and_stops_nobody(network, broker, client):
    registry = network.contracts.address_of("MemberRegistry")
    later = network.create("EvidenceLog", registry, NO_CONTRACT, NO_CONTRACT)
    network.name_contract("LaterContract", later)
    network.follow()
    data = encode_call("EvidenceLog", "anchor", 2, [], EMPTY, 0, bytes(32))
    send_and_wait(network.rpc, broker.member.signer, network.chain_id, later, data)  # tells events
    live(client)
    bundle, header = broker.bundle(client)
    accepted(network, bundle, header)
    assert json.loads(bundle)["directory"][-1]["name"] == "LaterContract"


def test_a_log_of_version_1_is_taken_over(network):
    """Its head is in the opening leaf, the places go on, and the Directory says that it was the one before."""
    signer = network.members["north"].signer
    first = network.contracts.address_of("EvidenceAnchor")
    root, map_root = b"\x07" * 32, b"\x08" * 32
    data = encode_call("EvidenceAnchor", "anchor", 1, EMPTY, root, 1_234, map_root, [])
    send_and_wait(network.rpc, signer, network.chain_id, first, data)
    broker = Broker(network, "north", first_index=1_234)
    client = Client(broker, "grace")
    client.set_key()
    live(client)
    opening = broker.opening
    assert (opening.former, opening.former_seq, opening.former_size) == (first, 1, 1_234)
    assert (opening.former_root, opening.former_map_root) == (root, map_root)
    assert client.places == [1_234, 1_235, 1_236]
    bundle, header = broker.bundle(client)
    report = accepted(network, bundle, header)
    assert [record.log_index for record in report.records] == client.places
    body = json.loads(bundle)
    assert body["log"]["opening"]["former"] == first
    del body["signature"]
    body["log"]["opening"] |= {"former": NO_CONTRACT, "former_seq": 0}
    assert "log-head" in verify(network, resealed(broker, body), header).failed
