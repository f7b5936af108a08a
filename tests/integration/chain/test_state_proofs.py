"""Proofs of our contracts' storage on a real chain that goes on making blocks: under one header, at once, and true."""

import hashlib
import threading

import pytest
from eth_hash.auto import keccak

from evidence.version2.state import slots
from evidence.version2.state.active_members import ActiveMembers, check_active, member_leaf
from evidence.version2.state.did_changes import DidChange, check_did_history
from evidence.version2.state.heads import (
    DIRECTORY_HISTORY,
    MEMBER_HISTORY,
    Change,
    directory_digest,
    event_digest,
    head_of,
)
from evidence.version2.state.member_keys import MemberKeySet
from evidence.version2.state.trie import StateProof
from node_adapter.chain.abi import encode_call
from node_adapter.chain.deploy import deploy, send_and_wait
from node_adapter.chain.founder import Founder
from node_adapter.chain.rpc import HttpRpc
from node_adapter.chain.state_proofs import take_proofs
from node_adapter.keys.keystore import LocalSigner
from primitives.secp256k1 import address_of

pytestmark = pytest.mark.chain

TAKES = 200
KEY = hashlib.sha256(b"state proofs: a public key").digest()
SENDERS = [LocalSigner(hashlib.sha256(b"state proofs: sender %d" % number).digest()) for number in range(2)]
KEYS = MemberKeySet.of_one_key(KEY, KEY, address_of(KEY))
NAME, VALUE = b"did/pub/Ed25519/veriKey/hex".ljust(32, b"\0"), b"\x07" * 32


class Chain:
    """Our contracts with one founder, on a chain that keeps 64 states."""

    def __init__(self, anvil):
        self.anvil = anvil
        self.rpc = HttpRpc(anvil.rpc_url)
        self.member = SENDERS[0].address
        founder = Founder(self.member, "broker", "State (synthetic)", KEYS)
        self.made = deploy(self.rpc, SENDERS[0], [founder], veto_blocks=0)
        self.contracts = {contract.name: contract.address for contract in self.made.contracts}
        self.contracts["Directory"] = self.made.directory
        self.rpc.call("evm_mine")  # the block behind the head holds all of them

    def send(self, rpc, signer, contract, function, *arguments):
        data = encode_call(contract, function, *arguments)
        return send_and_wait(rpc, signer, self.anvil.chain_id, self.contracts[contract], data)

    def set_attribute(self, rpc, signer, validity):
        return self.send(rpc, signer, "DidRegistry", "setAttribute", signer.address, NAME, VALUE, validity)

    def time_of(self, number):
        return int(self.rpc.call("eth_getBlockByNumber", hex(number), False)["timestamp"], 16)

    def code_hash(self, address):
        return keccak(bytes.fromhex(self.rpc.call("eth_getCode", address, "latest")[2:]))

    def wanted(self):
        """Return what a bundle opens, and the member's own slots."""
        asked = {
            "Directory": [slots.DIRECTORY_HEAD.slot()],
            "MemberRegistry": [
                slots.ACTIVE_ROOT.slot(),
                *(
                    variable.slot(self.member)
                    for variable in (slots.MEMBER_ROLE, slots.MEMBER_KEYS_DIGEST, slots.MEMBER_HEAD)
                ),
            ],
            "DidRegistry": [slots.DID_HEAD.slot(self.member)],
            "EvidenceAnchor": [(0).to_bytes(32)],  # empty storage
        }
        return {self.contracts[name]: wanted for name, wanted in asked.items()}

    def opened(self, taken):
        """Return the words of what was asked for, by contract and slot."""
        proof = StateProof(taken.header.state_root, taken.nodes)
        found = {}
        for address, wanted in self.wanted().items():
            account = proof.account(address)
            assert account.code_hash == self.code_hash(address)
            found |= {(address, slot): proof.word(account, slot) for slot in wanted}
        proof.finish()
        return found


@pytest.fixture
def chain(anvil):
    chain = Chain(anvil)
    yield chain
    chain.rpc.close()


def test_storage_proves_what_the_contracts_did(chain):
    """Head by head and digest by digest: what the page says of the contracts is what they do."""
    changes = []
    for validity in (1000, 2000):
        number = int(chain.set_attribute(chain.rpc, SENDERS[0], validity)["blockNumber"], 16)
        time = chain.time_of(number)
        values = {"name": NAME, "value": VALUE, "valid_to": time + validity}
        changes.append(DidChange("DIDAttributeChanged", number, time, values))
    chain.rpc.call("evm_mine")
    found = chain.opened(take_proofs(chain.rpc, chain.wanted()))

    def read(variable, key=b""):
        return found[chain.contracts[variable.contract], variable.slot(key)]

    check_did_history(changes, read(slots.DID_HEAD, chain.member))
    keys = MemberKeySet(1, KEY, KEY, KEY, address_of(KEY))
    stored = read(slots.MEMBER_ROLE, chain.member)
    assert read(slots.MEMBER_KEYS_DIGEST, chain.member) == keys.digest()
    assert (slots.MEMBER_ROLE.number(stored), slots.MEMBER_ACTIVE.number(stored)) == (1, 1)
    assert (slots.MEMBER_NUMBER.number(stored), slots.MEMBER_KEY_VERSION.number(stored)) == (0, 1)
    leaf = member_leaf(chain.member, 1, keys.digest())
    check_active(read(slots.ACTIVE_ROOT), 0, leaf, ActiveMembers({0: leaf}).path(0))

    log = chain.rpc.call("eth_getLogs", {"fromBlock": "0x0", "address": chain.contracts["MemberRegistry"]})[0]
    admitted = int(log["blockNumber"], 16)
    values = {"role": 1, "name": b"State (synthetic)", "algorithm": 1, "signing": KEY, "checkpoint": KEY}
    values |= {"agreement": KEY, "compliance": address_of(KEY)}
    change = Change(admitted, chain.time_of(admitted), event_digest("MemberAdmitted", values))
    assert read(slots.MEMBER_HEAD, chain.member) == head_of(MEMBER_HISTORY, [change])

    named = chain.rpc.call("eth_getLogs", {"fromBlock": "0x0", "address": chain.contracts["Directory"]})
    entries = []
    for log in named:
        block, target = int(log["blockNumber"], 16), "0x" + log["data"][26:66]
        digest = directory_digest(bytes.fromhex(log["topics"][1][2:]), target, chain.code_hash(target))
        entries.append(Change(block, chain.time_of(block), digest))
    assert len(entries) == len(chain.contracts) - 1
    assert read(slots.DIRECTORY_HEAD) == head_of(DIRECTORY_HISTORY, entries)


def test_two_hundred_takes_under_two_senders_are_right_at_once(chain):
    stop = threading.Event()
    blocks = [0, 0]

    def load(place):
        rpc = HttpRpc(chain.anvil.rpc_url)
        while not stop.is_set():
            chain.set_attribute(rpc, SENDERS[place], 1000)
            blocks[place] += 1
        rpc.close()

    threads = [threading.Thread(target=load, args=(place,), daemon=True) for place in range(2)]
    for thread in threads:
        thread.start()
    try:
        takes = [take_proofs(chain.rpc, chain.wanted()) for _ in range(TAKES)]
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert [taken.tries for taken in takes] == [1] * TAKES
    assert min(blocks) > 0
    assert len({taken.header.state_root for taken in takes}) > 10  # blocks were made meanwhile
    for taken in (takes[0], takes[-1]):
        chain.opened(taken)
