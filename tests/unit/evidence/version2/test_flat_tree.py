"""The upper levels of a map as one array are those of the definition, however few leaves lie below them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from evidence.version2.map.append_proof import make_append_proof, verify_append
from evidence.version2.map.flat_tree import MORE, NONE, ONE, FlatTree, amount_of, flat_node, flat_tree
from evidence.version2.map.label_map import LabelMap, prove_label, put
from evidence.version2.map.nodes import EMPTY, map_leaves, subtree_hash
from tests.unit.evidence.version2.test_label_map import LABELS, MAPS, slow_root, without

DEPTHS = st.integers(0, 6)


def below(entries, depth):
    """Return {place: its leaves} of the level at a depth."""
    found = {}
    for leaf in map_leaves(entries):
        found.setdefault(int.from_bytes(leaf.label) >> 256 - depth, []).append(leaf)
    return found


def subtrees(entries, depth):
    return {
        place: (subtree_hash(leaves, depth), amount_of(len(leaves))) for place, leaves in below(entries, depth).items()
    }


def top_of(tree, entries):
    leaves = below(entries, tree.depth)
    return flat_node(tree, 1, lambda place: put(None, leaves[place], tree.depth, 0, len(leaves[place])))


@given(MAPS, MAPS, DEPTHS)
def test_the_array_is_the_definition_as_it_grows_and_as_it_is_put_back(entries, more, depth):
    both = {**more, **entries}
    tree = flat_tree(depth, subtrees(entries, depth).items())
    assert tree.top == (slow_root(entries), amount_of(len(entries)))
    grown = tree.copy()
    grown.update(subtrees(both, depth))
    assert grown.top == (slow_root(both), amount_of(len(both)))
    assert tree.top[0] == slow_root(entries)
    grown.update({place: tree.place(place) for place in below(more, depth)})
    assert [grown.node_hash(node) for node in range(1, 2 << depth)] == [
        tree.node_hash(node) for node in range(1, 2 << depth)
    ]


@given(MAPS, MAPS, DEPTHS, LABELS)
def test_proofs_walk_over_the_array_as_over_a_map_in_memory(entries, more, depth, stranger):
    more = without(entries, more)
    tree, known = flat_tree(depth, subtrees(entries, depth).items()), LabelMap().insert(entries)
    for label in [*entries, stranger]:
        assert prove_label(top_of(tree, entries), label) == known.prove(label)
    proof = make_append_proof(top_of(tree, entries), more)
    assert proof == make_append_proof(known.top, more)
    assert verify_append(known.root, proof) == known.insert(more).root


def test_an_empty_array():
    tree = FlatTree(3)
    assert tree.top == (EMPTY, NONE)
    tree.update({})
    assert flat_node(tree, 1, lambda place: None) is None
    assert (amount_of(0), amount_of(1), amount_of(2), amount_of(9)) == (NONE, ONE, MORE, MORE)
