"""Taking state proofs from a chain whose node answers as engines do: in time, ahead of its header, or not at all."""

from __future__ import annotations

import pytest
from eth_hash.auto import keccak

from evidence.chain.rlp_header import encode_header
from evidence.version2.state.trie import StateProof
from node_adapter.chain.errors import JsonRpcError
from node_adapter.chain.state_proofs import TRIES, take_proofs
from primitives.errors import CouldNotCheck, VerificationFailed
from primitives.secp256k1 import address_of
from scripts.vectors.synthetic_state import SyntheticAccount, SyntheticState
from tests.unit.node_adapter.chain.simulated_chain import make_block
from tests.world.qbft import KEYS, qbft_block

LOG, EMPTY, NOBODY = ("0x" + digit * 20 for digit in ("a1", "b2", "00"))
SLOT = b"\1" * 32
HEAD = 9


class Engine:
    """A node of a chain on which slot 1 of a contract counts the blocks."""

    def __init__(self, *, ahead=0, nothing=(), of_besu=False):
        self.ahead, self.nothing, self.of_besu = ahead, nothing, of_besu
        self.asked = []

    def state(self, number):
        storage = {SLOT: (number + 1).to_bytes(32), b"\2" * 32: b"\7" * 32}
        others = {"0x" + bytes([n]).hex() * 20: SyntheticAccount() for n in range(1, 9)}
        return SyntheticState({**others, LOG: SyntheticAccount(storage=storage), EMPTY: SyntheticAccount()})

    def block(self, number):
        root = {"stateRoot": "0x" + self.state(number).root.hex(), "number": hex(number)}
        if self.of_besu:
            return qbft_block([address_of(key) for key in KEYS[:4]], KEYS[:3], number=number)
        header = make_block(None, [], 1).header | root
        return header | {"hash": "0x" + keccak(encode_header(header)).hex()}

    def proof(self, address, slots, number):
        """Answer as anvil does: with the root's node first, and the empty trie as a node."""
        state = self.state(number + (self.ahead > 0))
        account = sorted(state.prove({address: []}), key=lambda node: keccak(node) != state.root)
        pool = [node for node in state.prove({address: slots}) if node not in account]
        stored = [{"proof": ["0x" + node.hex() for node in pool] or list(self.nothing)} for _ in slots]
        return {"accountProof": ["0x" + node.hex() for node in account], "storageProof": stored}

    def call(self, method, *params):
        if method == "eth_blockNumber":
            self.asked.append(None)
            return hex(HEAD)
        number = int(params[-1] if method == "eth_getProof" else params[0], 16)
        if method == "eth_getBlockByNumber":
            self.asked[-1] = number
            return self.block(number)
        return self.proof(params[0], [bytes.fromhex(slot[2:]) for slot in params[1]], number)

    def batch(self, calls):
        answers = [self.call(method, *params) for method, params in calls]
        self.ahead -= 1
        return answers


WANTED = {LOG: [SLOT, b"\3" * 32], EMPTY: [SLOT], NOBODY: [SLOT]}


def read(taken):
    proof = StateProof(taken.header.state_root, taken.nodes)
    found = [proof.word(proof.account(address), slot) for address in (LOG, EMPTY) for slot in WANTED[address]]
    assert proof.account(NOBODY) is None
    proof.finish()
    return [int.from_bytes(word) for word in found]


@pytest.mark.parametrize("nothing", [(), ("0x80",)])
def test_proofs_are_of_the_block_behind_the_head_and_open_what_was_asked_for(nothing):
    engine = Engine(nothing=nothing)
    taken = take_proofs(engine, WANTED)
    assert engine.asked == [HEAD - 1]
    assert (taken.header.number, taken.rule, taken.tries) == (HEAD - 1, "ethereum/1", 1)
    assert keccak(taken.data) == taken.header.hash
    assert read(taken) == [HEAD, 0, 0]


def test_an_engine_with_reorgs_is_asked_further_back():
    assert take_proofs(Engine(), WANTED, confirmations=3).header.number == HEAD - 4
    assert take_proofs(Engine(), WANTED, confirmations=300).header.number == 0


@pytest.mark.parametrize("races", [1, TRIES - 1])
def test_a_race_is_asked_again(races):
    engine = Engine(ahead=races)
    assert read(take_proofs(engine, WANTED)) == [HEAD, 0, 0]
    assert len(engine.asked) == races + 1


def test_ten_races_are_no_answer():
    engine = Engine(ahead=TRIES)
    with pytest.raises(CouldNotCheck, match="another state root than the header") as caught:
        take_proofs(engine, WANTED)
    assert caught.value.code == "state-proof-race"
    assert len(engine.asked) == TRIES


@pytest.mark.parametrize("answer", [None, {}, {"accountProof": [], "storageProof": []}, {"accountProof": "0x0a0b"}, []])
def test_an_answer_without_a_proof_is_no_proof(answer):
    """Besu answers null of a state that it does not keep."""
    engine = Engine()
    engine.proof = lambda *_: answer
    with pytest.raises(CouldNotCheck) as caught:
        take_proofs(engine, WANTED)
    assert caught.value.code == "state-proof-race"


def refusing(engine, error):
    def batch(calls):
        raise error

    engine.batch = batch
    return engine


def test_a_node_without_the_method_is_not_asked_ten_times():
    engine = refusing(Engine(), JsonRpcError("eth_getProof", -32601, "the method does not exist"))
    with pytest.raises(JsonRpcError):
        take_proofs(engine, WANTED)
    assert len(engine.asked) == 1


def test_a_state_that_is_gone_is_asked_for_again():
    engine = refusing(Engine(), JsonRpcError("eth_getProof", -32000, "missing trie node"))
    with pytest.raises(CouldNotCheck) as caught:
        take_proofs(engine, WANTED)
    assert (caught.value.code, len(engine.asked)) == ("state-proof-race", TRIES)


def test_a_header_that_is_none_is_a_failure():
    engine = Engine()
    engine.block = lambda number: Engine().block(number) | {"stateRoot": "0x" + "11" * 32}
    with pytest.raises(VerificationFailed) as caught:
        take_proofs(engine, WANTED)
    assert caught.value.check == "block-header"


def test_a_block_of_besu_has_its_rule():
    engine = Engine(of_besu=True)
    taken = take_proofs(engine, {})
    assert (taken.rule, taken.nodes) == ("qbft/1", ())
    assert keccak(taken.data) != taken.header.hash
