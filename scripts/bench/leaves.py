"""What the log's tree costs: leaves appended, roots, proofs made and checked, against a plain hashlib loop.

python scripts/bench/leaves.py [--quick]

The native limit of a tree of n leaves is its 2n - 1 hashes: n over 33 bytes, n - 1 over 65. That of a proof's check is
as many hashes over 65 bytes as the path is long.
"""

from __future__ import annotations

import hashlib
import sys

from evidence.log.tree import Tree, verify_consistency, verify_inclusion
from scripts.bench.harness import arguments, best_of, progress, table


def hash_loop(data: bytes, count: int) -> None:
    """Hash the same bytes again and again."""
    for _ in range(count):
        hashlib.sha256(data).digest()


def grow(entries: list[bytes], batch: int) -> Tree:
    """Append in batches, with the root after each: what anchoring does."""
    tree = Tree()
    for start in range(0, len(entries), batch):
        tree.extend(entries[start : start + batch])
        tree.root()
    return tree


def append_each(entries: list[bytes]) -> Tree:
    """Append one at a time."""
    tree = Tree()
    for entry in entries:
        tree.append(entry)
    return tree


def main() -> int:
    """Measure and print."""
    quick = arguments(__doc__).parse_args().quick
    count, batch, proofs = (20_000, 1_000, 500) if quick else (500_000, 10_000, 5_000)
    entries = [hashlib.sha256(b"bench %d" % number).digest() for number in range(count)]
    progress("parts measured", 1, 5)
    bulk, tree = best_of(lambda: grow(entries, batch), 3)
    progress("parts measured", 2, 5)
    single, _ = best_of(lambda: append_each(entries), 1)
    progress("parts measured", 3, 5)
    leaves, _ = best_of(lambda: hash_loop(bytes(33), count), 3)
    nodes, _ = best_of(lambda: hash_loop(bytes(65), count - 1), 3)
    progress("parts measured", 4, 5)
    root = tree.root()
    places = [number * (count // proofs) for number in range(proofs)]
    making, paths = best_of(lambda: [tree.inclusion(at, count) for at in places], 3)

    def check_inclusion() -> None:
        for at, path in zip(places, paths, strict=True):
            verify_inclusion(entries[at], at, count, path, root)

    checking, _ = best_of(check_inclusion, 3)
    steps = sum(len(path) for path in paths)
    path_hashes, _ = best_of(lambda: hash_loop(bytes(65), steps + proofs), 3)
    sizes = [at + 1 for at in places]
    roots = [tree.root_at(size) for size in sizes]
    proving, consistency = best_of(lambda: [tree.consistency(size, count) for size in sizes], 3)

    def check_consistency() -> None:
        for size, proof, old in zip(sizes, consistency, roots, strict=True):
            verify_consistency(size, count, proof, old, root)

    verifying, _ = best_of(check_consistency, 3)
    progress("parts measured", 5, 5)
    table(
        f"a log of {count} leaves, {proofs} proofs of {steps / proofs:.1f} nodes",
        [
            (f"leaves appended {batch} at a time, with the root", count / bulk, "leaves/s"),
            ("leaves appended one at a time", count / single, "leaves/s"),
            ("2n - 1 plain hashes (native limit)", count / (leaves + nodes), "leaves/s"),
            ("ratio", bulk / (leaves + nodes), ""),
            ("inclusion proofs made", proofs / making, "proofs/s"),
            ("inclusion proofs checked", proofs / checking, "proofs/s"),
            ("plain hashes of as many nodes (native limit)", proofs / path_hashes, "proofs/s"),
            ("ratio of checking", checking / path_hashes, ""),
            ("consistency proofs made", proofs / proving, "proofs/s"),
            ("consistency proofs checked", proofs / verifying, "proofs/s"),
        ],
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
