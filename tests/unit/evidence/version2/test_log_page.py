"""The worked values of the log follow from the page docs/spec/evidence-2.md alone."""

from __future__ import annotations

import base64
import hashlib
import json

from primitives import ed25519
from scripts.vectors.evidence_2 import VECTORS


def load(name):
    return json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))


def sha256(data):
    return hashlib.sha256(data).digest()


def u64(number):
    return number.to_bytes(8, "big")


def test_the_leaves_follow_from_the_page_alone():
    """Sections 5.1 to 5.3 re-implemented with nothing of ours."""
    vector = load("log-anchor")
    one, two = (sha256(b"\0" + bytes.fromhex(entry)) for entry in vector["entries"])
    shown = vector["anchor"]
    anchor = b"".join(
        (
            b"\1",
            u64(shown["seq"]),
            sha256(b"\1" + one + two),
            u64(shown["size_before"]),
            u64(shown["size_after"]),
            bytes.fromhex(shown["map_root"]),
            u64(shown["block"]),
            u64(shown["time"]),
            bytes.fromhex(shown["keys_digest"]),
            u64(shown["key_version"]),
        )
    )
    assert (anchor.hex(), len(anchor)) == (vector["anchor_bytes"], 145)
    assert sha256(b"\0" + anchor).hex() == vector["leaf_hash"]
    shown = load("log-opening")["opening"]
    opening = b"".join(
        (
            b"\0",
            u64(1),
            bytes.fromhex(shown["former"][2:]),
            u64(shown["former_seq"]),
            bytes.fromhex(shown["former_root"]),
            u64(shown["former_size"]),
            bytes.fromhex(shown["former_map_root"]),
            u64(shown["block"]),
            u64(shown["time"]),
        )
    )
    assert (opening.hex(), len(opening)) == (load("log-opening")["opening_bytes"], 125)


def mth(leaves):
    """RFC 9162 section 2.1.1, over leaf hashes."""
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return sha256(b"\1" + mth(leaves[:k]) + mth(leaves[k:]))


def cover(leaves, chosen, begin, end):
    """Section 1: the hashes of a multiproof, in the order of the recursion."""
    if not any(begin <= index < end for index in chosen):
        return [mth(leaves[begin:end]).hex()]
    if end - begin == 1:
        return []
    k = 1
    while 2 * k < end - begin:
        k *= 2
    return cover(leaves, chosen, begin, begin + k) + cover(leaves, chosen, begin + k, end)


def test_the_tree_follows_from_the_page_alone():
    vector = load("log-tree")
    leaves = [bytes.fromhex(leaf) for leaf in vector["leaf_hashes"]]
    assert mth(leaves).hex() == vector["root_7"]
    assert [mth(leaves[:4]).hex(), mth(leaves[4:6]).hex(), leaves[6].hex()] == vector["peaks_of_7"]
    assert sha256(b"\2" + u64(7) + mth(leaves)).hex() == vector["head_7"]
    assert cover(leaves, (0, 2, 6), 0, 7) == vector["multiproof_of_anchors_1_3_7"]


def test_the_cosignature_follows_from_the_page_alone():
    vector = load("log-cosignature")
    text = load("log-checkpoint")["note"].split("\n\n")[0] + "\n"
    blob = base64.b64decode(vector["line"].split(" ")[2])
    time = int.from_bytes(blob[4:12], "big")
    name, hint, key = vector["verifier_key"].split("+", 2)
    public = base64.b64decode(key)[1:]
    assert sha256(name.encode() + b"\n\4" + public)[:4].hex() == hint == vector["key_id"] == blob[:4].hex()
    signed = f"cosignature/v1\ntime {time}\n{text}".encode()
    assert signed.hex() == vector["signed_bytes"]
    ed25519.verify(public, signed, blob[12:])
