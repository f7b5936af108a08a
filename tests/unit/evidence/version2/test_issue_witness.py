"""The witness of a credential's issue in format 2: what it proves, and what it does not."""

import copy
import json
from dataclasses import replace

import pytest

from evidence.version2.documents.issue_witness import build_witness, parse_witness
from evidence.version2.log.anchors import decode_leaf
from primitives.errors import InvalidInput, VerificationFailed
from scripts.vectors import credentials as script
from scripts.vectors.synthetic_consortium import did, seed

LEAF, BROKER, CREDENTIAL, WITNESS = script.witnessed_by_batch()
DIGEST = script.credential_digest(CREDENTIAL)


def check(witness=WITNESS, *, issuer=BROKER.did, digest=DIGEST, leaf=LEAF):
    parse_witness(witness).check("CREDENTIAL_ISSUE", issuer, digest, leaf)


def test_a_witness_holds_for_its_credential_its_issuer_and_its_anchor():
    check()
    read = parse_witness(WITNESS)
    assert (read.block, read.seq) == (LEAF.block, 3)
    assert list(read.record.values) == ["credential_sha256"]


@pytest.mark.parametrize(
    ("changes", "failed"),
    [
        ({"issuer": did("south")}, "issue-witness"),
        ({"digest": seed("another credential")}, "issue-witness"),
        ({"leaf": replace(LEAF, size_after=LEAF.size_after - 1)}, "issue-witness"),
        ({"leaf": replace(LEAF, size_before=LEAF.size_after)}, "issue-witness"),
        ({"leaf": replace(LEAF, size_before=LEAF.size_before - 1)}, "inclusion"),
        ({"leaf": replace(LEAF, batch_root=seed("another batch"))}, "inclusion"),
        ({"leaf": BROKER.leaves[0]}, "issue-witness"),
    ],
)
def test_nothing_else_is_witnessed(changes, failed):
    with pytest.raises(VerificationFailed) as caught:
        check(**changes)
    assert caught.value.check == failed


def test_another_record_that_shows_the_digest_is_no_issue():
    _, broker, credential, _ = script.witnessed_by_batch()
    digest = script.credential_digest(credential)
    record = broker.record(broker.client("eve"), "ACCESS_LOG", {"credential_sha256": digest.hex()})
    broker.anchor()
    leaf = broker.leaves[-1]
    path = broker.batches[leaf.seq].inclusion(leaf.added - 1, leaf.added)
    witness = build_witness(record, log_index=leaf.size_after - 1, path=path, block=leaf.block, seq=leaf.seq)
    with pytest.raises(VerificationFailed) as caught:
        check(witness, digest=digest, leaf=leaf)
    assert caught.value.check == "issue-witness"


@pytest.mark.parametrize("path", [(), ("anchor",), ("record",)])
@pytest.mark.parametrize("change", ["add", "remove", "replace"])
def test_the_shape_is_closed(path, change):
    witness = copy.deepcopy(WITNESS)
    place = witness
    for name in path:
        place = place[name]
    if change == "add":
        place["extra"] = 1
    elif change == "remove":
        place.pop(next(iter(place)))
    else:
        place[next(iter(place))] = []
    with pytest.raises(InvalidInput):
        parse_witness(witness)


def test_the_worked_witness_holds():
    vector = json.loads((script.VECTORS / "witness-2.json").read_text(encoding="utf-8"))
    witness = json.loads(vector["witness"])
    leaf = decode_leaf(bytes.fromhex(vector["leaf"]))
    check(witness, issuer=vector["issuer"], digest=bytes.fromhex(vector["digest"]), leaf=leaf)
