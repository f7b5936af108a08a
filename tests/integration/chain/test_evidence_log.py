"""What the chain makes of an anchor is what docs/spec/evidence-2.md says: leaves, heads and slots, on a real chain."""

import hashlib

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak

from evidence.log.tree import Tree
from node_adapter.chain.abi import contract_abi, directory_name, encode_call
from node_adapter.chain.contracts import call_raw
from node_adapter.chain.deploy import send_and_wait
from node_adapter.chain.errors import ContractReverted

pytestmark = pytest.mark.chain

NOBODY = "0x" + "0" * 40
EMPTY = hashlib.sha256().digest()
MAP_ROOT = b"\x05" * 32
LOG = contract_abi("EvidenceLog")


def u64(number):
    return number.to_bytes(8)


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def place(key, slot):
    """`map(key, slot)` of section 9.2."""
    return int.from_bytes(keccak(key.rjust(32, b"\0") + slot.to_bytes(32)))


class Log:
    """A broker's log on a chain on which version 1 holds an anchor of its; the leaves are made here from events."""

    def __init__(self, consortium):
        self.consortium = consortium
        self.rpc = consortium.rpc
        self.signer = consortium.node().keys.signer()
        self.member = bytes.fromhex(self.signer.address[2:])
        self.version_1 = consortium.contracts.address_of("EvidenceAnchor")
        first = encode_call("EvidenceAnchor", "anchor", 1, EMPTY, b"\x07" * 32, 1_234, b"\x08" * 32, [])
        self.send(self.version_1, first)
        registry = consortium.contracts.address_of("MemberRegistry")
        made = self.send(None, LOG.encode_deploy([registry, self.version_1, NOBODY]))
        self.address = made["contractAddress"].lower()
        self.leaves = []
        self.size = 1_234

    def send(self, to, data):
        return send_and_wait(self.rpc, self.signer, self.consortium.chain.chain_id, to, data)

    def call(self, *, by=100, **changes):
        """Call data of the next anchor; `changes` make it another."""
        seq = max(2, len(self.leaves) + 1)
        honest = {"seq": seq, "peaks": self.peaks(), "batch": sha256(b"batch", u64(seq)), "size": self.size + by}
        honest |= {"map_root": MAP_ROOT}
        return LOG.encode_call("anchor", list((honest | changes).values()))

    def peaks(self):
        """The roots of the complete subtrees, left to right: each is the root of as many leaves as a bit says."""
        found, start = [], 0
        for bit in reversed(range(len(self.leaves).bit_length())):
            if len(self.leaves) >> bit & 1:
                found.append(self.root(start, start + 2**bit))
                start += 2**bit
        return found

    def root(self, start=0, end=None):
        """Section 2.1.1 of RFC 9162, over leaf hashes."""
        end = len(self.leaves) if end is None else end
        if end - start == 1:
            return self.leaves[start]
        split = 1 << (end - start - 1).bit_length() - 1
        return sha256(b"\x01", self.root(start, start + split), self.root(start + split, end))

    def read_leaves(self, receipt):
        """Make the leaves that a receipt's events tell, from them and the block alone."""
        block = self.rpc.call("eth_getBlockByNumber", receipt["blockNumber"], False)
        number, time = int(block["number"], 16), int(block["timestamp"], 16)
        for log in receipt["logs"]:
            event = decoded(log)
            args = event.args
            assert (log["address"].lower(), args["member"], args["time"]) == (self.address, self.signer.address, time)
            if event.name == "LogOpened":
                entry = b"".join(
                    (b"\x00", u64(1), bytes.fromhex(args["former"][2:]), u64(args["formerSeq"]), args["formerRoot"])
                ) + b"".join((u64(args["formerSize"]), args["formerMapRoot"], u64(number), u64(time)))
                assert len(entry) == 125
            else:
                entry = b"".join((b"\x01", u64(args["seq"]), args["batchRoot"], u64(args["sizeBefore"])))
                entry += b"".join((u64(args["sizeAfter"]), args["mapRoot"], u64(number), u64(time)))
                entry += args["keysDigest"] + u64(args["keyVersion"])
                assert len(entry) == 145
                self.size = args["sizeAfter"]
            self.leaves.append(sha256(b"\x00", entry))

    def slot(self, address, slot):
        return bytes.fromhex(self.rpc.call("eth_getStorageAt", address, hex(slot), "latest")[2:]).rjust(32, b"\0")

    def head(self):
        return self.slot(self.address, place(self.member, 0))

    def is_refused(self, match, **changes):
        with pytest.raises(ContractReverted, match=match):
            call_raw(
                self.rpc, {"from": self.signer.address, "to": self.address, "data": "0x" + self.call(**changes).hex()}
            )


@pytest.fixture
def log(consortium):
    return Log(consortium)


def decoded(told):
    return LOG.decode_event([bytes.fromhex(topic[2:]) for topic in told["topics"]], bytes.fromhex(told["data"][2:]))


def test_the_leaves_are_those_of_the_page_and_events_give_them_back(log):
    for number in range(1, 8):
        receipt = log.send(log.address, log.call(by=number))
        if number == 1:
            opened = decoded(receipt["logs"][0]).args
            assert (opened["former"], opened["formerSeq"], opened["formerSize"]) == (log.version_1, 1, 1_234)
            assert (opened["formerRoot"], opened["formerMapRoot"]) == (b"\x07" * 32, b"\x08" * 32)
        log.read_leaves(receipt)
        seq = len(log.leaves)
        assert log.head() == sha256(b"\x02", u64(seq), log.root())
        word = int.from_bytes(log.slot(log.address, place(log.member, 0) + 2))
        assert (word % 2**64, word >> 64) == (log.size, seq)
        assert log.slot(log.address, place(log.member, 0) + 1) == MAP_ROOT
    assert len(log.leaves) == 8


def test_forged_peaks_are_refused_one_by_one(log):
    for _ in range(6):
        log.read_leaves(log.send(log.address, log.call()))
    peaks = log.peaks()
    assert len(peaks) == 3
    for index in range(3):
        forged = bytes([peaks[index][0] ^ 1]) + peaks[index][1:]
        log.is_refused("EvidenceLogBadPeaks", peaks=[*peaks[:index], forged, *peaks[index + 1 :]])
        log.is_refused("MerkleTreePeakCount", peaks=peaks[:index] + peaks[index + 1 :])
    log.is_refused("EvidenceLogBadPeaks", peaks=peaks[::-1])
    log.is_refused("MerkleTreePeakCount", peaks=[*peaks, bytes(32)])
    log.is_refused("EvidenceLogBadSeq", seq=7)
    log.is_refused("EvidenceLogShrunk", size=log.size - 1)
    log.is_refused("EvidenceLogBadBatch", size=log.size)
    log.is_refused("EvidenceLogBadBatch", batch=EMPTY)
    log.is_refused("EvidenceLogMapChanged", size=log.size, batch=EMPTY, map_root=bytes(32))
    log.read_leaves(log.send(log.address, log.call()))
    assert log.head() == sha256(b"\x02", u64(8), log.root())


def test_of_two_equal_anchors_that_race_one_counts(log):
    log.read_leaves(log.send(log.address, log.call()))
    rpc, signer = log.rpc, log.signer
    nonce = int(rpc.call("eth_getTransactionCount", signer.address, "latest"), 16)
    common = {"gasPrice": 0, "gas": 500_000, "to": bytes.fromhex(log.address[2:]), "value": 0, "data": log.call()}
    rpc.call("evm_setAutomine", False)
    sent = []
    for place_in_line in range(2):
        raw, tx_hash = signer.sign_transaction(
            common | {"nonce": nonce + place_in_line, "chainId": log.consortium.chain.chain_id}
        )
        rpc.call("eth_sendRawTransaction", "0x" + raw.hex())
        sent.append("0x" + tx_hash.hex())
    rpc.call("evm_mine")
    first, second = (rpc.call("eth_getTransactionReceipt", tx_hash) for tx_hash in sent)
    assert first["blockNumber"] == second["blockNumber"]
    assert (first["status"], second["status"]) == ("0x1", "0x0")
    log.read_leaves(first)
    assert log.head() == sha256(b"\x02", u64(3), log.root())


def history_head(name, changes):
    """Section 9.3 over (block, time, change)."""
    head = bytes(32)
    for number, (block, time, change) in enumerate(changes, start=1):
        words = (number.to_bytes(32), block.to_bytes(32), time.to_bytes(32))
        head = keccak(b"".join((keccak(name.encode()), head, *words, change)))
    return head


def logs_of(consortium, address, topic=None):
    topics = [] if topic is None else [None, topic]
    given = {"address": address, "fromBlock": "0x0", "toBlock": "latest", "topics": topics}
    for log in consortium.rpc.call("eth_getLogs", given):
        block = consortium.rpc.call("eth_getBlockByNumber", log["blockNumber"], False)
        yield log, int(block["number"], 16), int(block["timestamp"], 16)


def test_the_heads_of_directory_and_members_are_in_their_slots(log, consortium):
    registry, directory = consortium.contracts.address_of("MemberRegistry"), consortium.deployment.directory
    entries, admitted = [], []
    for told, block, time in logs_of(consortium, directory):
        topics = [bytes.fromhex(topic[2:]) for topic in told["topics"]]
        args = contract_abi("Directory").decode_event(topics, bytes.fromhex(told["data"][2:])).args
        code = bytes.fromhex(consortium.rpc.call("eth_getCode", args["target"], "latest")[2:])
        entry = encode(["bytes32", "address", "bytes32"], [args["name"], args["target"], keccak(code)])
        entries.append((block, time, keccak(entry)))
    assert entries
    assert log.slot(directory, 0) == history_head("bonafides/directory-history/2", entries)
    assert int.from_bytes(log.slot(directory, 1)) == len(entries)
    for told, block, time in logs_of(consortium, registry, "0x" + log.member.rjust(32, b"\0").hex()):
        topic, data = bytes.fromhex(told["topics"][0][2:]), bytes.fromhex(told["data"][2:])
        args = contract_abi("MemberRegistry").decode_event([topic, log.member.rjust(32, b"\0")], data).args
        types = ["uint8", "string", "uint16", "bytes", "bytes32", "bytes32", "address"]
        members = encode(types, list(args.values())[1:-1])
        admitted.append((block, time, keccak(topic + members)))
        keys = b"\x17bonafides/member-keys/2" + args["algorithm"].to_bytes(2) + len(args["signing"]).to_bytes(2)
        keys += args["signing"] + args["checkpoint"] + args["agreement"] + bytes.fromhex(args["compliance"][2:])
    assert log.slot(registry, place(log.member, 0) + 1) == sha256(keys)
    assert log.slot(registry, place(log.member, 0) + 2) == history_head("bonafides/member-history/2", admitted)


def test_a_new_log_that_was_voted_for_goes_on_with_the_same_tree(log, consortium):
    """Its name goes to the new contract by vote, and the broker's next anchor there is the next leaf."""
    for _ in range(2):
        log.read_leaves(log.send(log.address, log.call()))
    registry, directory = consortium.contracts.address_of("MemberRegistry"), consortium.deployment.directory
    made = log.send(None, LOG.encode_deploy([registry, NOBODY, log.address]))
    successor = made["contractAddress"].lower()
    name = directory_name("EvidenceLog")
    action = keccak(encode(["address", "bytes32", "address"], [directory, name, successor]))
    for function, *arguments in (("proposeAction", bytes(32), action), ("vote", 1), ("execute", 1)):
        log.send(registry, encode_call("MemberRegistry", function, *arguments))
    log.send(directory, encode_call("Directory", "enact", 1, name, successor))
    current = consortium.contracts.read("Directory", "current", name)[0]
    assert current == successor
    log.address = successor
    assert log.head() == bytes(32)
    receipt = log.send(log.address, log.call())
    continued = decoded(receipt["logs"][0])
    assert (continued.name, continued.args["seq"]) == ("LogContinued", 3)
    log.read_leaves({**receipt, "logs": receipt["logs"][1:]})
    assert log.head() == sha256(b"\x02", u64(4), log.root())


def test_the_peaks_of_this_test_are_those_of_the_logs_tree():
    log = object.__new__(Log)
    log.leaves = [sha256(b"\x00", bytes([number])) for number in range(11)]
    tree = Tree()
    tree.extend([bytes([number]) for number in range(11)])
    assert (log.root(), len(log.peaks())) == (tree.root(), 3)
