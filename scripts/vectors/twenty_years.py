"""A broker's log of any age in memory: a client's real history, spread over it, among millions of others' records.

What is shown of the client is real: records, acts, promises, batches, leaves, heads, proofs that verify. Of the rest
there are two forms. *Real*: each anchor has a leaf and each record a leaf of the map, and every node is hashed from
them. *Random siblings*: a subtree of the log, a segment of the map, in which nothing of the client's lies has a random
hash, and everything above is hashed from that, so that proofs have the size, and checks the cost, of the age that is
named. The tries of the state have random siblings always. Blocks are 5 s apart and an anchor comes every 12 of them.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from eth_hash.auto import keccak

from evidence.chain.patricia import Nibbles, compact, nibbles_of
from evidence.chain.rlp_codec import Rlp, encode_rlp
from evidence.log.tree import Tree, node_hash, range_hash
from evidence.version2.documents.assemble import ChainMaterial, LogMaterial, PromisedBy, SubjectMaterial
from evidence.version2.log.anchors import NO_CONTRACT, AnchorLeaf, OpeningLeaf, head_digest
from evidence.version2.log.checkpoint import AnchorCheckpoint, sign_anchor_checkpoint
from evidence.version2.log.cosignature import cosign, witness_name
from evidence.version2.map.flat_tree import MORE, FlatTree, amount_of, flat_node
from evidence.version2.map.label_map import put
from evidence.version2.map.nodes import MapLeaf, Node, map_leaves, subtree_hash
from evidence.version2.promise import parse_promise, sign_promises
from evidence.version2.shapes import HASHES
from scripts.vectors.synthetic_consortium import PERIOD, START, Broker, Client, Member, World, did

BLOCKS = 12  # from anchor to anchor
SEGMENT_BITS = 16
FIELDS = 8  # of each record
FIRST = 2  # the first anchor's leaf; leaf 1 opens the log
_ACTS = 4  # one record of so many is an act of the client
_KEY_SETS = 4  # the broker changes its keys so many times less one
_SLOTS, _ACCOUNTS = 1_000, 1_000  # nobody but members pays for transactions, so few have an account
_BRANCH = 16


def filler(kind: bytes, *places: int) -> bytes:
    """Return 32 bytes that stand for chance; the same for the same place."""
    return hashlib.sha256(b"%s %s" % (kind, b" ".join(b"%d" % place for place in places))).digest()


@dataclass(frozen=True)
class Age:
    """How old a log is.

    Attributes:
        anchors: how many anchors there are.
        batch: the records under each.
        slots: of the registry in which clients' keys lie.
        real: whether every leaf is there; else siblings are random.
        request: how many records one signature promises.
    """

    anchors: int
    batch: int
    slots: int
    real: bool
    request: int = 1

    @property
    def records(self) -> int:
        """The records of everybody."""
        return self.anchors * self.batch

    @property
    def blocks(self) -> int:
        """The blocks of the chain."""
        return self.anchors * BLOCKS


class SparseTree:
    """An RFC 9162 tree of which some leaves are known; a complete subtree without one has a random hash."""

    def __init__(self, size: int, leaves: Mapping[int, bytes], kind: bytes) -> None:
        """Take the tree's size and {index: leaf hash}."""
        self.size, self._leaves, self._kind = size, dict(leaves), kind
        self._known = sorted(leaves)

    def node(self, level: int, position: int) -> bytes:
        """Return the hash of a complete subtree: a `NodeReader`."""
        first = position << level
        at = bisect_left(self._known, first)
        if at == len(self._known) or self._known[at] >= first + (1 << level):
            return filler(self._kind, level, position)
        if level == 0:
            return self._leaves[first]
        return node_hash(self.node(level - 1, 2 * position), self.node(level - 1, 2 * position + 1))

    def root(self) -> bytes:
        """Return the root."""
        return range_hash(0, self.size, self.node)


def sparse_trie(words: Mapping[bytes, bytes], others: int) -> tuple[bytes, list[bytes]]:
    """Return the root of a trie with these (key, value) beside about so many others, and the nodes on their paths."""
    nodes: list[bytes] = []
    full, beside = 0, others  # so many levels of whole branches, then one with so many others
    while beside >= _BRANCH:
        full, beside = full + 1, beside // _BRANCH

    def reference(items: Sequence[tuple[Nibbles, bytes]], depth: int) -> Rlp:
        path, value = items[0]
        node: list[Rlp] = [compact(path[depth:], leaf=True), value]
        if depth <= full or len(items) > 1:
            there = _BRANCH if depth < full else beside if depth == full else 0
            node = [filler(b"trie", n, *path[:depth]) if n < there else b"" for n in range(_BRANCH)]
            for nibble in {path[depth] for path, _ in items}:
                node[nibble] = reference([item for item in items if item[0][depth] == nibble], depth + 1)
            node.append(b"")
        nodes.append(encode_rlp(node))
        return keccak(nodes[-1])

    root = reference(sorted((nibbles_of(key), value) for key, value in words.items()), 0)
    return bytes(root), nodes  # type: ignore[arg-type] # a hash


class AgedWorld(World):
    """A chain with many accounts and slots: those of others have random hashes."""

    def __init__(self, members: Sequence[Member], slots: Mapping[str, int]) -> None:
        """Take the members, and how many slots a contract has; `_SLOTS` where it is not named."""
        super().__init__(members)
        self._slots = {self.current(name): count for name, count in slots.items()}

    def material(self, broker: str, client: str | None) -> ChainMaterial:
        """Return what a node takes at the head; of the members those that a cosigned checkpoint needs."""
        made = super().material(broker, client)
        return replace(made, members=[member for member in made.members if member.role == 1])

    def _proofs(self, wanted: Mapping[str, Sequence[bytes]]) -> tuple[bytes, list[bytes]]:
        codes = {entry.target: entry.code_hash for entry in self.directory}
        accounts: dict[bytes, bytes] = {}
        pool: list[bytes] = []
        for contract, slots in wanted.items():
            stored = self.storage[contract]
            words = {keccak(slot): encode_rlp(stored[slot].lstrip(b"\0")) for slot in slots}
            root, nodes = sparse_trie(words, self._slots.get(contract, _SLOTS))
            accounts[keccak(bytes.fromhex(contract[2:]))] = encode_rlp(
                [1, 0, root, codes.get(contract, keccak(b"the Directory"))]
            )
            pool += nodes
        root, nodes = sparse_trie(accounts, _ACCOUNTS)
        return self._header(root), sorted(pool + nodes)


class AgedMap:
    """A map of many leaves, of which the upper levels and the segments of some labels are kept."""

    def __init__(self, age: Age, entries: Mapping[bytes, bytes], absent: Sequence[bytes]) -> None:
        """Take what is in it beside the others' leaves, and labels that are asked for and are not."""
        self._age = age
        self._known: dict[int, dict[bytes, bytes]] = {}
        for label in absent:
            self._known.setdefault(_segment(label), {})
        for label, entry in entries.items():
            self._known.setdefault(_segment(label), {})[label] = entry
        self._tree = FlatTree(SEGMENT_BITS)
        self._tree.update({segment: self._top(segment) for segment in range(1 << SEGMENT_BITS)})
        self._nodes = {segment: self._node(segment) for segment in self._known}

    @property
    def top(self) -> Node:
        """The topmost node."""
        return flat_node(self._tree, 1, self._nodes.__getitem__)

    @property
    def root(self) -> bytes:
        """The root."""
        return self._tree.top[0]

    def _leaves(self, segment: int) -> list[MapLeaf]:
        """Return a segment's leaves: as many of others as fall to it, and those that are known."""
        count = (self._age.records + segment) >> SEGMENT_BITS
        labels = (segment.to_bytes(2) + filler(b"label", segment, number)[2:] for number in range(count))
        return map_leaves({label: label for label in labels} | self._known.get(segment, {}))

    def _top(self, segment: int) -> tuple[bytes, int]:
        if not self._age.real and segment not in self._known:
            return filler(b"segment", segment), MORE
        leaves = self._leaves(segment)
        return subtree_hash(leaves, SEGMENT_BITS), amount_of(len(leaves))

    def _node(self, segment: int) -> Node:
        leaves = self._leaves(segment)
        return put(None, leaves, SEGMENT_BITS, 0, len(leaves))


class AgedBroker(Broker):
    """A broker whose log has an age, and clients whose records are spread over all of it."""

    def __init__(
        self, world: World, name: str, age: Age, clients: Mapping[str, int], absent: Sequence[bytes] = ()
    ) -> None:
        """Let clients live through it: {name: number of records}; the map has none of the `absent` labels."""
        super().__init__(world, name)
        self.age = age
        self._by_seq: dict[int, AnchorLeaf] = {}
        self.clients: dict[str, Client] = {}
        self._at(FIRST)
        self.opening = OpeningLeaf(NO_CONTRACT, 0, bytes(32), 0, bytes(32), world.block, world.time)
        for client, count in clients.items():
            self._live(client, count)
        known = {
            label: record.entry
            for one in self.clients.values()
            for label, record in zip(one.labels, one.records, strict=True)
        }
        self.aged = AgedMap(age, known, [*absent, *(one.head.label for one in self.clients.values())])
        self._leaf(self._last, self.aged.root, [])
        leaves = {0: self.opening.hash()} | {seq - 1: leaf.hash() for seq, leaf in self._by_seq.items()}
        self.log_tree = self._whole(leaves) if age.real else SparseTree(self._last, leaves, b"anchor")
        self.root = self.log_tree.root()
        world.set_log_head(name, head_digest(self._last, self.root))

    @property
    def _last(self) -> int:
        return FIRST + self.age.anchors - 1

    def checkpoint(self, witnesses: Sequence[str] = ()) -> str:
        """Return the checkpoint of the last anchor, cosigned by members."""
        last = self._by_seq[self._last]
        note = sign_anchor_checkpoint(
            AnchorCheckpoint(self.did, last.seq, self.root, last.map_root, last.size_after), self.member.secret
        )
        for name in witnesses:
            note += cosign(note, witness_name(did(name)), self.world.time, self.world.members[name].secret)
        return note

    def log(self, witnesses: Sequence[str] = ()) -> LogMaterial:
        """Return what an assembler takes of the log."""
        if self.opening is None:
            raise ValueError("nothing is anchored")
        return LogMaterial(
            seq=self._last,
            opening=self.opening,
            anchor=self._by_seq.__getitem__,
            covering=lambda index: self._by_seq[FIRST + index // self.age.batch],
            node=self.log_tree.node,
            batch_node=lambda leaf: self.batches[leaf.seq].node,
            keys=self.key_sets.__getitem__,
            checkpoint=self.checkpoint(witnesses),
            map=self.aged.top,
        )

    def material(self, client: Client) -> SubjectMaterial:
        """Return a client's whole history."""
        self.anchored = self.age.records
        return super().material(client)

    def _live(self, name: str, count: int) -> None:
        """Write a client's records, each under another anchor."""
        client: Client | None = None
        for number in range(count):
            seq = FIRST + number * (self.age.anchors - 1) // count
            while seq in self._by_seq:
                seq += 1
            place = seq % self.age.batch
            self._at(seq)
            self.size = (seq - FIRST) * self.age.batch + place
            if client is None:
                client = self.clients[name] = self.client(name)
            elif number % _ACTS:
                self.record(client, "LEVEL_RESULT", {f"answer_{n}": f"{number}, {n}" for n in range(FIELDS)})
            else:
                self.act(client, "LEVEL_CONFIRM", {f"answer_{n}": f"{number}, {n}" for n in range(FIELDS)})
            self._promise_among_others(self.size - 1)
            self._anchor(seq, place, client.records[-1].entry)

    def _at(self, seq: int) -> None:
        """Go to half a minute before an anchor, where the keys of its time are in force."""
        self.world.block = self._block(seq) - BLOCKS // 2
        generation = 1 + _KEY_SETS * (seq - FIRST) // self.age.anchors
        self.world.members[self.name] = replace(self.member, generation=generation)

    def _promise_among_others(self, index: int) -> None:
        """Let a record's promise be one of a request."""
        documents = sign_promises([self.promised[index].promise] * self.age.request, self.member.secret)
        at = index % self.age.request
        promise, batch = parse_promise(documents[at])
        self.promised[index] = PromisedBy(promise, batch, at, HASHES.read(documents[at]["batch"]["path"], "path"))

    def _anchor(self, seq: int, place: int, entry: bytes) -> None:
        entries = [filler(b"entry", seq, number) for number in range(self.age.batch)]
        entries[place] = entry
        self._leaf(seq, filler(b"map", seq), entries)

    def _leaf(self, seq: int, map_root: bytes, entries: Sequence[bytes]) -> None:
        """Make an anchor; the map that it names is shown only if it is the last."""
        self._at(seq)
        self.world.block = self._block(seq)
        batch = Tree()
        batch.extend(entries)
        before, keys = (seq - FIRST) * self.age.batch, self.member.keys
        root = batch.root() if entries else filler(b"batch", seq)
        self._by_seq[seq] = AnchorLeaf(
            seq,
            root,
            before,
            before + self.age.batch,
            map_root,
            self.world.block,
            self.world.time,
            keys.digest(),
            self.member.generation,
        )
        self.batches[seq], self.key_sets[keys.digest()] = batch, keys

    def _whole(self, known: Mapping[int, bytes]) -> Tree:
        """Return the tree of every anchor; those that are not shown have other batches and maps."""
        keys = bytes(32)

        def leaf(seq: int) -> bytes:
            before, block = (seq - FIRST) * self.age.batch, self._block(seq)
            some = filler(b"leaf", seq)
            return AnchorLeaf(
                seq, some, before, before + self.age.batch, some, block, START + PERIOD * block, keys, 1
            ).hash()

        return Tree.from_leaf_hashes(known[at] if at in known else leaf(at + 1) for at in range(self._last))

    def _block(self, seq: int) -> int:
        return 100 + BLOCKS * (seq - 1)


def aged(age: Age, clients: Mapping[str, int], absent: Sequence[bytes] = ()) -> AgedBroker:
    """Return the broker of a consortium of four, with a log of this age and these clients: {name: records}."""
    members = [Member("north"), Member("south"), Member("west"), Member("regulator", role=2)]
    return AgedBroker(
        AgedWorld(members, {"DidRegistry": age.slots, "MemberRegistry": 8_000}), "north", age, clients, absent
    )


def _segment(label: bytes) -> int:
    return int.from_bytes(label[: SEGMENT_BITS // 8])
