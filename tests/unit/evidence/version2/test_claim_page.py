"""The worked claims follow from the page docs/spec/evidence-2.md alone: leaves, root, place, label, signature."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from scripts.vectors.evidence_2 import VECTORS

VECTOR = json.loads((VECTORS / "claim.json").read_text("utf-8"))
_ORDER = ("seq", "batch_root", "size_before", "size_after", "map_root", "block", "time", "keys_digest", "key_version")
_FORMER = ("former", "former_seq", "former_root", "former_size", "former_map_root", "block", "time")


def claim(name):
    return json.loads(VECTOR["claims"][name])


def sha256(data):
    return hashlib.sha256(data).digest()


def base64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def hashes(text):
    joined = base64url(text)
    return [joined[at : at + 32] for at in range(0, len(joined), 32)]


def encoded(value):
    return value.to_bytes(8, "big") if isinstance(value, int) else bytes.fromhex(value.removeprefix("0x"))


def cover(leaves, rest, begin, end):
    """Section 1: the hash of a range of a tree of which some leaves are given."""
    if not any(begin <= index < end for index in leaves):
        return rest.pop(0)
    if end - begin == 1:
        return leaves[begin]
    k = 1
    while 2 * k < end - begin:
        k *= 2
    left = cover(leaves, rest, begin, begin + k)
    return sha256(b"\1" + left + cover(leaves, rest, begin + k, end))


def inclusion(leaf, index, size, path):
    """RFC 9162, section 2.1.3.2."""
    value, node, last = sha256(b"\0" + leaf), index, size - 1
    for sibling in path:
        if node & 1 or node == last:
            value = sha256(b"\1" + sibling + value)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            value = sha256(b"\1" + value + sibling)
        node, last = node >> 1, last >> 1
    assert last == 0
    return value


@pytest.mark.parametrize("name", VECTOR["claims"])
def test_leaves_and_promise_follow_from_the_page_alone(name):
    shown = claim(name)
    log, promise = shown["log"], shown["promise"]
    opening = b"\0" + (1).to_bytes(8, "big") + b"".join(encoded(log["opening"][part]) for part in _FORMER)
    leaves = {0: sha256(b"\0" + opening)}
    for anchor in log["anchors"]:
        leaves[anchor["seq"] - 1] = sha256(b"\0\1" + b"".join(encoded(anchor[part]) for part in _ORDER))
    rest = hashes(log["path"])
    root = cover(leaves, rest, 0, log["seq"])
    assert rest == []
    head = sha256(b"\2" + log["seq"].to_bytes(8, "big") + root)
    assert head in b"".join(base64url(node) for node in shown["nodes"])  # the slot's value, in a node of the storage
    body = {part: value for part, value in promise.items() if part not in ("batch", "signature")}
    jcs = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
    place = promise["batch"]
    signed = {"format": "bonafides.promise-batch/2", "block": promise["block"], "count": place["count"]}
    signed["root"] = inclusion(jcs, place["index"], place["count"], hashes(place["path"])).hex()
    signed |= {part: promise[part] for part in ("suite", "broker")}
    message = json.dumps(signed, sort_keys=True, separators=(",", ":")).encode()
    keys = shown["keys"] + [member["keys"] for member in shown["members"]]
    assert any(verifies(key["signing"], message, promise["signature"]["value"]) for key in keys)


def verifies(key, message, signature):
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(base64url(signature), message)
    except InvalidSignature:
        return False
    return True


def covering(shown):
    index = shown["promise"]["log_index"]
    found = [one for one in shown["log"]["anchors"] if one["size_before"] <= index < one["size_after"]]
    return found[0] if found else None


def test_the_standings_follow_from_the_page_alone():
    late, never, other, lost, wrong, kept = (claim(name) for name in VECTOR["claims"])
    by = "2026-11-21T09:26:20.000+08:00"
    assert late["promise"]["anchor_by"] == by
    assert covering(late)["time"] > 1_795_224_380  # the same moment, in seconds
    last = never["log"]["anchors"][-1]
    assert covering(never) is None
    assert (last["seq"], last["size_after"]) == (never["log"]["seq"], never["promise"]["log_index"])
    for shown in (other, lost, kept):
        anchor, promise, place = covering(shown), shown["promise"], shown["place"]
        at, added = promise["log_index"] - anchor["size_before"], anchor["size_after"] - anchor["size_before"]
        root = inclusion(bytes.fromhex(place["entry"]), at, added, hashes(place["path"]))
        assert root.hex() == anchor["batch_root"]
        assert (place["entry"] == promise["entry"]) == (shown is not other)
    assert "entry" not in lost["map"]  # an absence
    assert kept["map"]["entry"] == kept["promise"]["entry"]
    assert f"\nwrong {covering(wrong)['seq']}\n" in wrong["checkpoint"]
