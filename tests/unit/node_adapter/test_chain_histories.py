"""What a bundle of format 2 takes from the index: the histories of which contracts keep heads, and leaves of logs."""

import itertools

import pytest
from eth_hash.auto import keccak

from evidence.version2.log.anchors import AnchorLeaf, OpeningLeaf
from evidence.version2.state.did_changes import DidChange
from node_adapter.chain.abi import directory_name
from node_adapter.store import migrate
from node_adapter.store.chain import did_registry, directory, event_log, evidence_log, member_registry
from node_adapter.store.chain.event_log import ChainBlock, ChainEvent, address_topic
from node_adapter.store.engine import open_store

FIRST, SECOND, OTHER, WHO, ELSE = ("0x" + digit * 20 for digit in ("a1", "b2", "c3", "d4", "e5"))
NAME, VALUE = b"did/pub/Ed25519/veriKey/hex".ljust(32, b"\0"), b"\7" * 32
ROOT, KEYS = b"\1" * 32, b"\2" * 32
TIME = 1_795_223_700


class Index:
    """A node's index, to which each event is told in a block of its own."""

    def __init__(self, file):
        migrate.upgrade(file)
        self.store = open_store(file)
        self.height = 0

    def tell(self, contract, address, event_name, who, /, **args):
        """Return the number of the block."""
        self.height += 1
        block = ChainBlock(self.height, keccak(b"%d" % self.height), bytes(32), TIME + self.height, b"", ())
        topic = None if who is None else address_topic(who)
        event = ChainEvent(self.height, 0, 0, 0, bytes(32), address, contract, event_name, topic, args)
        with self.store.write() as connection:
            event_log.append(connection, [block], [event])
        return self.height

    def read(self, question, *arguments, **named):
        with self.store.read() as connection:
            return question(connection, *arguments, **named)


@pytest.fixture
def index(tmp_path):
    index = Index(tmp_path / "node.db")
    yield index
    index.store.dispose()


def set_key(index, registry, who=WHO, valid_to=0):
    args = {"identity": who, "name": "0x" + NAME.hex(), "value": "0x" + VALUE.hex(), "validTo": valid_to}
    return index.tell("DidRegistry", registry, "DIDAttributeChanged", who, **args, previousChange=0)


def test_a_dids_changes_come_whole_in_order_and_up_to_a_block(index):
    set_key(index, FIRST, valid_to=2**256 - 1)
    index.tell("DidRegistry", FIRST, "DIDCallSponsored", WHO, identity=WHO, nonce=0)
    set_key(index, FIRST, who=ELSE)
    args = {"identity": WHO, "delegateType": "0x" + NAME.hex(), "delegate": ELSE, "validTo": 5, "previousChange": 1}
    index.tell("DidRegistry", FIRST, "DIDDelegateChanged", WHO, **args)
    index.tell("DidRegistry", FIRST, "DIDOwnerChanged", WHO, identity=WHO, owner=ELSE, previousChange=4)
    found = index.read(did_registry.did_changes, WHO, [FIRST], 5)
    assert found == [
        DidChange("DIDAttributeChanged", 1, TIME + 1, {"name": NAME, "value": VALUE, "valid_to": 2**256 - 1}),
        DidChange("DIDDelegateChanged", 4, TIME + 4, {"delegate_type": NAME, "delegate": ELSE, "valid_to": 5}),
        DidChange("DIDOwnerChanged", 5, TIME + 5, {"owner": ELSE}),
    ]
    assert index.read(did_registry.did_changes, WHO, [FIRST], 4) == found[:2]


def test_a_did_goes_on_in_the_registry_that_took_it_over(index):
    """What the former one, or a registry of nobody's, tells after that is no part of the history."""
    registries = [FIRST, FIRST, SECOND, OTHER, SECOND, FIRST, SECOND]
    blocks = [set_key(index, registry) for registry in registries]
    assert blocks == list(range(1, 8))
    found = index.read(did_registry.did_changes, WHO, [FIRST, SECOND], 9)
    assert [change.block for change in found] == [1, 2, 3, 5, 7]
    assert [change.block for change in index.read(did_registry.did_changes, WHO, [FIRST], 9)] == [1, 2, 6]


def test_the_directory_tells_names_in_its_order_with_the_times_of_their_blocks(index):
    for target, name in ((FIRST, "DidRegistry"), (SECOND, "EvidenceLog"), (OTHER, "DidRegistry")):
        topic = "0x" + directory_name(name).hex()
        args = {"name": topic, "target": target, "fromBlock": index.height + 1, "previous": FIRST}
        index.tell("Directory", ELSE, "AddressSet", None, **args)
    found = index.read(directory.named_contracts)
    assert [(entry.name, entry.target, entry.block, entry.time) for entry in found] == [
        ("DidRegistry", FIRST, 1, TIME + 1),
        ("EvidenceLog", SECOND, 2, TIME + 2),
        ("DidRegistry", OTHER, 3, TIME + 3),
    ]
    assert index.read(directory.named_contracts, 2) == found[:2]


def keys(generation):
    word = "0x" + bytes([generation]).hex() * 32
    return {"algorithm": 1, "signing": word, "checkpoint": word, "agreement": word, "compliance": ELSE}


def test_active_members_have_the_number_of_their_first_admission_and_their_newest_keys(index):
    members = ["0x" + bytes([number]).hex() * 20 for number in range(1, 5)]

    def told(event_name, member, /, **args):
        return index.tell("MemberRegistry", FIRST, event_name, member, member=member, **args)

    for number, member in enumerate(members[:3]):
        told("MemberAdmitted", member, role=1, name="m", **keys(number))
    told("MemberKeysChanged", members[2], **keys(7))
    told("MemberSuspended", members[0])
    told("MemberAdmitted", members[3], role=2, name="m", **keys(3))
    told("MemberKeysChanged", members[1], **keys(8))
    suspended = told("MemberSuspended", members[1])
    again = told("MemberAdmitted", members[1], role=3, name="m", **keys(9))
    index.tell("MemberRegistry", OTHER, "MemberSuspended", members[2], member=members[2])  # another deployment

    def active(block):
        found = index.read(member_registry.active_members, FIRST, block)
        return [(member.address, member.number, member.role, member.held.signing[0]) for member in found]

    assert active(again) == [(members[1], 1, 3, 9), (members[2], 2, 1, 7), (members[3], 3, 2, 3)]
    assert active(suspended) == [(members[2], 2, 1, 7), (members[3], 3, 2, 3)]
    assert active(3) == [(member, number, 1, number) for number, member in enumerate(members[:3])]
    assert active(0) == []


class Log:
    """A broker's tree as contracts tell it."""

    def __init__(self, index):
        self.index, self.seqs = index, itertools.count(2)

    def opened(self, contract):
        root = "0x" + ROOT.hex()
        former = {"former": OTHER, "formerSeq": 41, "formerRoot": root, "formerSize": 9, "formerMapRoot": root}
        return self.index.tell("EvidenceLog", contract, "LogOpened", WHO, member=WHO, **former, time=TIME)

    def anchored(self, contract, who=WHO):
        seq = next(self.seqs)
        sizes = {"sizeBefore": 9, "sizeAfter": 9 + seq}
        roots = {"batchRoot": "0x" + ROOT.hex(), "mapRoot": "0x" + ROOT.hex(), "keysDigest": "0x" + KEYS.hex()}
        args = {"member": who, "seq": seq, **sizes, **roots, "time": TIME + seq, "keyVersion": 1}
        return self.index.tell("EvidenceLog", contract, "Anchored", who, **args)

    def continued(self, contract):
        args = {"former": FIRST, "seq": 3, "head": "0x" + ROOT.hex()}
        return self.index.tell("EvidenceLog", contract, "LogContinued", WHO, member=WHO, **args)


def test_leaves_are_made_of_events(index):
    log = Log(index)
    log.opened(FIRST)
    log.anchored(FIRST)
    log.anchored(FIRST, who=ELSE)
    assert index.read(evidence_log.leaves, WHO, [FIRST]) == [
        OpeningLeaf(OTHER, 41, ROOT, 9, ROOT, 1, TIME),
        AnchorLeaf(2, ROOT, 9, 11, ROOT, 2, TIME + 2, KEYS, 1),
    ]


def test_leaves_go_on_in_a_later_contract_and_what_the_former_one_still_takes_is_none(index):
    log = Log(index)
    log.opened(FIRST)
    log.anchored(FIRST)
    log.continued(SECOND)
    log.anchored(SECOND)
    log.anchored(FIRST)  # leaf 4 for the former contract, and of no tree that counts
    log.seqs = itertools.count(4)
    last = log.anchored(SECOND)
    contracts = [FIRST, SECOND]
    found = index.read(evidence_log.leaves, WHO, contracts)
    assert [(leaf.seq, leaf.block) for leaf in found] == [(1, 1), (2, 2), (3, 4), (4, last)]
    for block in range(last + 1):
        later = index.read(evidence_log.leaves, WHO, contracts, after_block=block)
        assert later == [leaf for leaf in found if leaf.block > block], block
