"""The witness of a credential's issue: what it proves, and the page docs/spec/credentials.md."""

import copy
import json

import pytest

from evidence.documents.issue_witness import parse_witness
from primitives.errors import InvalidInput, VerificationFailed
from scripts.vectors import credentials as script
from scripts.vectors.synthetic_chain import seeded

WORLD, CREDENTIAL, WITNESS = script.witnessed_world()
DIGEST = script.credential_digest(CREDENTIAL)
ROOT = WORLD.tree.root()
OUTPUTS = script.outputs()


def check(witness=WITNESS, *, issuer=WORLD.broker, digest=DIGEST, root=ROOT, size=WORLD.tree.size):
    parse_witness(witness).check("CREDENTIAL_ISSUE", issuer, digest, root, size)


def test_a_witness_holds_for_its_credential_its_issuer_and_its_anchor():
    check()
    assert (parse_witness(WITNESS).block, parse_witness(WITNESS).seq) == (WORLD.anchors[-1].block, 1)


@pytest.mark.parametrize(
    ("changes", "failed"),
    [
        ({"issuer": WORLD.client}, "issue-witness"),
        ({"digest": seeded("another credential")}, "issue-witness"),
        ({"size": 1}, "issue-witness"),
        ({"root": seeded("another root")}, "inclusion"),
    ],
)
def test_nothing_else_is_witnessed(changes, failed):
    with pytest.raises(VerificationFailed) as caught:
        check(**changes)
    assert caught.value.check == failed


def test_another_record_that_shows_the_digest_is_no_issue():
    world, credential, _ = script.witnessed_world()
    digest = script.credential_digest(credential)
    other = world.accept("ACCESS_LOG", {"credential_sha256": digest.hex()})
    anchor = world.anchor()
    index = other.promise["log_index"]
    path = world.tree.inclusion(index, anchor.size)
    witness = script.build_witness(other.sealed, index=index, size=anchor.size, path=path, block=anchor.block, seq=2)
    with pytest.raises(VerificationFailed) as caught:
        check(witness, digest=digest, root=world.tree.root(), size=world.tree.size)
    assert caught.value.check == "issue-witness"


@pytest.mark.parametrize("path", [(), ("log",), ("anchor",), ("record",)])
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


@pytest.mark.parametrize("path", OUTPUTS, ids=lambda path: path.name)
def test_page_and_vectors_equal_the_code(path):
    assert path.read_text(encoding="utf-8") == OUTPUTS[path]


def test_the_worked_witness_holds():
    vector = json.loads((script.VECTORS / "witness.json").read_text(encoding="utf-8"))
    witness = parse_witness(json.loads(bytes.fromhex(vector["witness_bytes"])))
    witness.check(
        "CREDENTIAL_ISSUE",
        vector["issuer"],
        bytes.fromhex(vector["digest"]),
        bytes.fromhex(vector["root"]),
        int(vector["size"]),
    )
