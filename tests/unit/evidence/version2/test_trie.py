"""State proofs, against the public vectors, a second implementation (py-trie) and every change of a pool."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st
from trie import HexaryTrie

from evidence.chain.patricia import EMPTY_ROOT, build_trie
from evidence.chain.rlp_codec import encode_rlp
from evidence.version2.state.trie import NO_CODE, Account, NodePool, StateProof
from primitives.errors import VerificationFailed

VECTORS = json.loads((Path(__file__).parents[3] / "vectors" / "chain" / "tries.json").read_text("utf-8"))


def public(name):
    """Return the keys and values of a public trie, and its root."""
    items = {bytes.fromhex(key): bytes.fromhex(value) for key, value in VECTORS[name]["items"].items()}
    return items, bytes.fromhex(VECTORS[name]["root"])


SECURE, SECURE_ROOT = public("secure")
JEFF, JEFF_ROOT = public("jeff")


def proofs_of(items, keys):
    """Return the root of a trie that py-trie builds, and the proof of each key."""
    trie = HexaryTrie({})
    for key, value in items.items():
        trie[key] = value
    return trie.root_hash, [[encode_rlp(node) for node in trie.get_proof(key)] for key in keys]


def test_the_public_accounts_open_under_the_public_root():
    hashed = {keccak(address): value for address, value in SECURE.items()}
    root, proofs = proofs_of(hashed, hashed)
    assert root == SECURE_ROOT == build_trie(hashed.items())[0]
    proof = StateProof(root, node_pool(proofs))
    opened = {address: proof.account("0x" + address.hex()) for address in SECURE}
    assert opened[bytes.fromhex("a94f5374fce5edbc8e2a8697c15331677e6ebf0b")] == Account(
        1, 0x5F446A7, EMPTY_ROOT, NO_CODE
    )
    assert [account.nonce for account in opened.values()] == [1, 1, 1, 0, 0]
    proof.finish()


def test_keys_that_part_at_the_last_nibble_open():
    root, proofs = proofs_of(JEFF, JEFF)
    assert root == JEFF_ROOT == build_trie(JEFF.items())[0]
    pool = NodePool(node_pool(proofs))
    assert {key: pool.value(root, key, "a key") for key in JEFF} == JEFF
    assert pool.value(root, bytes(31) + b"\x47", "a key") is None
    assert pool.unused() == 0


KEYS = st.integers(0, 2**256 - 1).map(lambda number: number.to_bytes(32))
# Keys with long shared beginnings and short values, so that extensions and nodes within their parents come about.
NEAR = st.tuples(st.sampled_from([b"\0", b"\1", b"\x10"]), st.binary(min_size=1, max_size=1)).map(
    lambda pair: pair[0].rjust(31, b"\xaa") + pair[1]
)
TRIES = st.dictionaries(KEYS | NEAR, st.binary(min_size=1, max_size=40), min_size=1, max_size=25)


@given(TRIES, st.lists(KEYS | NEAR, max_size=5))
def test_presence_and_absence_are_what_a_second_implementation_says(items, others):
    keys = [*items, *others]
    root, proofs = proofs_of(items, keys)
    pool = NodePool(node_pool(proofs))
    assert [pool.value(root, key, "a key") for key in keys] == [items.get(key) for key in keys]
    assert pool.unused() == 0


def node_pool(proofs):
    """Return the nodes of several proofs, each once; what stands in its parent is none of its own."""
    return sorted({node for proof in proofs for node in proof if len(node) >= 32})


def words(count):
    return {n.to_bytes(32): (n * n + 1).to_bytes(32) for n in range(count)}


class State:
    """A state of a few accounts, of which one has storage, built by py-trie."""

    def __init__(self, slots, accounts=20):
        self.slots = slots
        stored = {keccak(slot): encode_rlp(int.from_bytes(word)) for slot, word in slots.items()}
        self.storage_root, self.storage = proofs_of(stored, [keccak(slot) for slot in [*slots, b"\xff" * 32]])
        self.address = "0x" + "ab" * 20
        items = {keccak(bytes([n]) * 20): self.account(n, EMPTY_ROOT) for n in range(1, accounts)}
        key = keccak(bytes.fromhex("ab" * 20))
        items[key] = self.account(7, self.storage_root)
        self.root, self.accounts = proofs_of(items, [key, keccak(bytes(20))])

    @staticmethod
    def account(nonce, storage_root):
        return encode_rlp([nonce, 10**18, storage_root, keccak(b"code")])

    def pool(self):
        return node_pool([*self.accounts, *self.storage])

    def read(self, nodes):
        proof = StateProof(self.root, nodes)
        account = proof.account(self.address)
        found = {slot: proof.word(account, slot) for slot in self.slots}
        found["absent"] = proof.word(account, b"\xff" * 32)
        found["nobody"] = proof.account("0x" + "00" * 20)
        proof.finish()
        return found


def test_slots_open_and_what_was_never_written_is_zero():
    state = State(words(9))
    assert state.read(state.pool()) == {**words(9), "absent": bytes(32), "nobody": None}


def test_empty_storage_needs_no_node_and_the_node_of_nothing_is_left_over():
    state = State({})
    for extra in ([], [b"\x80"]):
        proof = StateProof(state.root, node_pool(state.accounts) + extra)
        assert proof.word(proof.account(state.address), bytes(32)) == bytes(32)
        assert proof.account("0x" + "00" * 20) is None
        assert proof.used() == node_pool(state.accounts)
    with pytest.raises(VerificationFailed, match="1 nodes are on no path"):
        proof.finish()


def test_what_was_used_proves_the_same_again():
    every = [*State(words(30)).pool(), *State(words(9)).pool()]
    proof = StateProof(STATE.root, sorted(set(every)))
    account = proof.account(STATE.address)
    word = proof.word(account, (7).to_bytes(32))
    again = StateProof(STATE.root, proof.used())
    assert again.word(again.account(STATE.address), (7).to_bytes(32)) == word
    again.finish()
    assert len(proof.used()) < len(every)


def test_an_empty_state_has_no_account():
    proof = StateProof(EMPTY_ROOT, [])
    assert proof.account("0x" + "ab" * 20) is None
    proof.finish()


STATE = State(words(30))


@given(st.data())
def test_no_change_of_a_pool_gives_another_answer(data):
    """A changed, missing, added or repeated node: each fails, and none gives a wrong word."""
    pool = STATE.pool()
    at = data.draw(st.integers(0, len(pool) - 1))
    what = data.draw(st.sampled_from(["flip", "drop", "add", "double", "cut", "grow"]))
    node = bytearray(pool[at])
    if what == "flip":
        node[data.draw(st.integers(0, len(node) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        pool[at] = bytes(node)
    elif what == "drop":
        del pool[at]
    elif what == "add":
        pool.append(data.draw(st.binary(min_size=32, max_size=40)))
    elif what == "double":
        pool.append(pool[at])
    else:
        pool[at] = bytes(node[:-1]) if what == "cut" else bytes(node) + b"\0"
    with pytest.raises(VerificationFailed) as caught:
        STATE.read(pool)
    assert caught.value.check == "state-proof"


@given(st.permutations(STATE.pool()))
def test_the_order_of_a_pool_says_nothing(pool):
    assert STATE.read(pool) == STATE.read(STATE.pool())


def test_a_pool_of_another_state_is_refused():
    with pytest.raises(VerificationFailed, match="missing"):
        STATE.read(State(words(31)).pool())


HASHED = keccak(bytes(32))


def opened(*nodes):
    """Open slot 0 of an account whose storage root is the first node."""
    proof = StateProof(bytes(32), sorted(nodes))
    return proof.word(Account(0, 0, keccak(nodes[0]), NO_CODE), bytes(32))


def leaf(value, path=b"\x20" + HASHED):
    return encode_rlp([path, value])


def branch(below, place=HASHED[0] >> 4):
    items = [b""] * 17
    items[place] = below
    return encode_rlp(items)


def test_a_leaf_at_the_root_opens():
    assert opened(leaf(encode_rlp(5))) == (5).to_bytes(32)
    assert opened(leaf(encode_rlp(5), b"\x20" + bytes(32))) == bytes(32)  # another key's: ours is not there


@pytest.mark.parametrize(
    ("nodes", "words_of_it"),
    [
        ([b"\xc1"], "RLP"),
        ([leaf(b"\x80")], "no number"),
        ([leaf(b"\x82\x00\x05")], "no number"),
        ([leaf(encode_rlp(b"\1" * 33))], "no number"),
        ([leaf(b"\xc0")], "no number"),
        ([leaf(b"\x81\x05")], "RLP"),
        ([leaf([b"\x05"])], "holds no bytes"),
        ([leaf(b"\x05", b"\x20" + HASHED[:31])], "another length"),
        ([leaf(b"\x05", b"\x21" + HASHED)], "path is padded"),
        ([leaf(b"\x05", b"")], "no path"),
        ([leaf(b"\x05", b"\x40" + HASHED)], "no path"),
        ([encode_rlp(b"\1" * 40)], "is no list"),
        ([encode_rlp([b"", b"", b""])], "neither branch"),
        ([encode_rlp([b"\x00" + HASHED, bytes(32)]), bytes(32)], "missing"),
        ([branch(b"\1" * 31)], "missing"),
        ([branch(bytes(32))], "missing"),
        ([encode_rlp([b"\x00" + HASHED, [b""] * 17])], "neither branch"),  # the path ends above a leaf
    ],
)
def test_a_trie_that_no_chain_makes_is_refused_and_not_read(nodes, words_of_it):
    with pytest.raises(VerificationFailed, match=words_of_it) as caught:
        opened(*nodes)
    assert caught.value.check == "state-proof"


@pytest.mark.parametrize(
    "account",
    [
        b"\xc0",
        encode_rlp([1, 1, EMPTY_ROOT]),
        encode_rlp([2**64, 1, EMPTY_ROOT, NO_CODE]),
        encode_rlp([1, 2**256, EMPTY_ROOT, NO_CODE]),
        encode_rlp([b"\0\1", 1, EMPTY_ROOT, NO_CODE]),
        encode_rlp([1, 1, EMPTY_ROOT[:31], NO_CODE]),
        encode_rlp([1, 1, EMPTY_ROOT, NO_CODE + b"\0"]),
        encode_rlp([[], 1, EMPTY_ROOT, NO_CODE]),
        encode_rlp(b"\1" * 70),
    ],
)
def test_what_is_no_account_is_refused(account):
    address = "0x" + "ab" * 20
    node = encode_rlp([b"\x20" + keccak(bytes.fromhex("ab" * 20)), account])
    with pytest.raises(VerificationFailed) as caught:
        StateProof(keccak(node), [node]).account(address)
    assert caught.value.check == "state-proof"
