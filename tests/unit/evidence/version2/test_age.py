"""What a bundle holds and what is read for it grows with the height of the trees, and with nothing else of the age."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from evidence.version2.documents.assemble import assemble
from evidence.version2.documents.bundle import seal_bundle
from evidence.version2.shapes import HASHES, hashes_text
from evidence.version2.verify.bundle import VerificationRequest, verify_bundle
from primitives import ed25519
from primitives.canonical import canonical_json
from primitives.suites import DEFAULT
from primitives.timestamp import format_time
from scripts.vectors.synthetic_consortium import did
from scripts.vectors.twenty_years import Age, aged
from scripts.vectors.version2.bundles import SIGNING

RECORDS = 10
YOUNG, OLD = Age(1_000, 10, 10_000, real=False), Age(10_500_000, 10, 4_000_000, real=False)
HASH_TEXT = 43.0  # characters of a hash in base64url


class Made:
    """A client's bundle, and how often the log was asked for what while it was made."""

    def __init__(self, age):
        broker = aged(age, {"ada": RECORDS})
        self.client = broker.clients["ada"]
        world = broker.world
        world.block += 1
        self.reads = {"node": 0, "batch": 0, "anchor": 0, "covering": 0, "map": 0}
        chain, log = world.material("north", "ada"), broker.log(["south", "west"])
        log = replace(
            log,
            node=self.counted("node", log.node),
            batch_node=lambda leaf: self.counted("batch", broker.batches[leaf.seq].node),
            anchor=self.counted("anchor", log.anchor),
            covering=self.counted("covering", log.covering),
            map=CountedNode(log.map, self.reads),
        )
        bundle = assemble(
            chain=chain,
            log=log,
            suite=DEFAULT.name,
            broker=broker.did,
            client=did("ada"),
            case="2046-17",
            made_at=format_time(world.now),
            history=broker.material(self.client),
        )
        self.secret = broker.member.secret
        self.bundle = seal_bundle(bundle.body(), self.secret)
        self.body = bundle.body()
        self.trust = world.trust(chain.header)
        self.key = ed25519.public_key(world.members["regulator"].secret)

    def counted(self, name, read):
        def counting(*place):
            self.reads[name] += 1
            return read(*place)

        return counting

    def verify(self, bundle=None):
        return verify_bundle(bundle or self.bundle, [self.trust], {self.key}, VerificationRequest(SIGNING))


class CountedNode:
    """A node of a map that counts what is asked of it and of those below."""

    def __init__(self, node, reads):
        self._node, self._reads = node, reads

    @property
    def hash(self):
        return self._node.hash

    def side(self, bit):
        self._reads["map"] += 1
        below = self._node.side(bit)
        return CountedNode(below, self._reads) if hasattr(below, "side") else below

    def side_hash(self, bit):
        self._reads["map"] += 1
        return self._node.side_hash(bit)


@pytest.fixture(scope="module")
def young():
    return Made(YOUNG)


@pytest.fixture(scope="module")
def old():
    return Made(OLD)


def test_a_log_of_twenty_years_proves_a_whole_history(young, old):
    for made in (young, old):
        report = made.verify()
        assert report.ok, [check for check in report.checks if not check.ok]
        assert len(report.records) == RECORDS
        assert len(report.reach.witnesses) == 2


@pytest.mark.parametrize(
    ("part", "name", "check"),
    [("log", "path", "log-head"), ("map", "hashes", "subject-completeness")],
)
def test_a_random_sibling_that_is_another_one_is_found(old, part, name, check):
    """So the heads are really made of the siblings: the proofs do not pass whatever stands there."""
    text = old.body[part][name]
    hashes = HASHES.read(text, name)
    changed = {**old.body, part: {**old.body[part], name: hashes_text([*hashes[:-1], bytes(32)[:-1] + b"1"])}}
    report = old.verify(seal_bundle(changed, old.secret))
    assert check in [failed.name for failed in report.checks if not failed.ok]


def test_what_is_read_grows_with_the_height_of_the_trees_alone(young, old):
    deeper = math.ceil(math.log2(OLD.anchors / YOUNG.anchors))
    assert old.reads["anchor"] == young.reads["anchor"]
    assert old.reads["covering"] == young.reads["covering"]
    assert old.reads["batch"] <= 5 * RECORDS
    # each path is so much longer, and beside the last leaf stand complete subtrees instead of one
    assert old.reads["node"] - young.reads["node"] <= deeper * (RECORDS + 2)
    assert old.reads["map"] - young.reads["map"] <= 2 * (deeper + 3) * (RECORDS + 1)


def test_a_bundle_grows_with_the_height_of_the_trees_alone(young, old):
    deeper = math.ceil(math.log2(OLD.anchors / YOUNG.anchors))
    paths = deeper * (RECORDS + 2) + (deeper + 3) * (RECORDS + 1)
    numbers = 8 * 5 * (RECORDS + 1)  # numbers of anchors, blocks and places have more digits
    state = 2_000  # three levels of branches in the registry of keys
    assert len(old.bundle) - len(young.bundle) <= HASH_TEXT * paths + numbers + state


def test_the_trust_file_has_the_same_size_but_for_the_digits_of_its_block(young, old):
    assert len(old.trust) - len(young.trust) <= 8
    assert len(old.trust) <= 4_000


def test_a_bundle_of_twenty_years_is_small(old):
    shown = sum(len(canonical_json(record["record"])) for record in old.body["history"]["records"])
    assert len(old.bundle) <= 23_000 + shown + 3_100 * RECORDS
