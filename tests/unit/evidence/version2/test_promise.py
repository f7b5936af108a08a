"""Promises of one request, signed once, under every suite."""

from __future__ import annotations

import copy
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.log import tree
from evidence.log.tree import MAX_PATH
from evidence.version2.batch_tree import BatchTree
from evidence.version2.promise import (
    Covering,
    PromiseStanding,
    SignedBatch,
    parse_promise,
    promise_of,
    require_record,
    sign_promises,
    standing,
    verify_promise,
)
from evidence.version2.shapes import hashes, hashes_text
from primitives.canonical import canonical_json
from primitives.encoding import decode_base64url
from primitives.errors import BonafidesError, InvalidInput, VerificationFailed
from primitives.suites import SUITES
from primitives.timestamp import format_time, parse_time
from tests.properties import examples
from tests.unit.evidence.version2.kit import AT, Writer, salt

DAY_MS = 24 * 3600 * 1000
STRANGER = "did:ethr:0x539:0x" + "d" * 40
RECORDED = parse_time(AT, "recorded_at")


@pytest.fixture(params=SUITES.values(), ids=SUITES)
def suite(request):
    return request.param


def written(suite, count=3):
    writer = Writer(suite)
    for _ in range(count):
        writer.write()
    return writer


def promised(writer, **changes):
    return [
        promise_of(record, **({"label": head.label, "log_index": 100 + at, "anchor_by": RECORDED + DAY_MS} | changes))
        for at, (record, head) in enumerate(zip(writer.records[1:], writer.heads[1:], strict=False))
    ]


@examples(40)
@given(st.integers(0, 70), st.randoms(use_true_random=False))
def test_the_tree_of_a_batch_is_that_of_the_log(size, chance: random.Random):
    entries = [chance.randbytes(32) for _ in range(size)]
    batch, log = BatchTree([tree.leaf_hash(entry) for entry in entries]), tree.Tree()
    log.extend(entries)
    assert batch.root == log.root()
    assert batch.size == size
    for index in range(size):
        assert batch.path(index) == log.inclusion(index, size)
        tree.verify_inclusion(entries[index], index, size, batch.path(index), batch.root)
    with pytest.raises(InvalidInput):
        batch.path(size)


@pytest.mark.parametrize("count", [1, 2, 3, 8, 13])
def test_one_signature_promises_all_of_a_request(suite, count):
    writer = written(suite, count)
    promises = promised(writer)
    documents = sign_promises(promises, writer.broker_secret)
    key = suite.public_key(writer.broker_secret)
    assert [verify_promise(document, key) for document in documents] == promises
    assert len({document["signature"]["value"] for document in documents}) == 1
    assert len({parse_promise(document)[1] for document in documents}) == 1
    for promise, record, head in zip(promises, writer.records[1:], writer.heads[1:], strict=False):
        require_record(promise, record, head.label)


def test_a_bundle_says_a_promise_by_its_place_alone(suite):
    """Its body follows from the record; what is signed is there once for a request."""
    writer = written(suite)
    promises = promised(writer)
    documents = sign_promises(promises, writer.broker_secret)
    signed = parse_promise(documents[0])[1]
    signed.verify(suite.public_key(writer.broker_secret))
    for promise, document in zip(promises, documents, strict=True):
        path = hashes(MAX_PATH).read(document["batch"]["path"], "path")
        signed.require(promise, document["batch"]["index"], path)
        for cheat in (
            replace(promise, anchor_by=promise.anchor_by - 1),
            replace(promise, block=8),
            replace(promise, suite="sm3-sm2/1" if suite.algorithm == 1 else "sha256-ed25519/1"),
        ):
            with pytest.raises(VerificationFailed, match="promise"):
                signed.require(cheat, document["batch"]["index"], path)
        with pytest.raises(VerificationFailed):
            signed.require(promise, document["batch"]["index"] ^ 1, path)


@pytest.mark.parametrize("change", [{"block": 9}, {"broker": STRANGER}])
def test_what_is_signed_names_suite_broker_and_block_of_all_in_it(suite, change):
    """A tree that holds a promise of another block, or of another broker, is signed for its own alone."""
    writer = written(suite)
    one, two, _ = promised(writer)
    tree_ = BatchTree([one.leaf, replace(two, **change).leaf])
    signed = SignedBatch(suite.name, one.broker, one.block, 2, tree_.root, bytes(64))
    signed.require(one, 0, tree_.path(0))
    with pytest.raises(VerificationFailed, match="another suite, broker or block"):
        signed.require(replace(two, **change), 1, tree_.path(1))


CHANGES = {
    "subject": "5" * 64,
    "seq": 9,
    "label": "6" * 64,
    "record_id": "019aa3b1-0000-7000-8000-0000000000ff",
    "fingerprint": "7" * 64,
    "entry": "7" * 64,
    "log_index": 7,
    "recorded_at": format_time(RECORDED + 1),
    "anchor_by": format_time(RECORDED + 2),
    "block": 8,
}


@pytest.mark.parametrize("name", CHANGES)
def test_no_member_of_a_promise_may_change(suite, name):
    writer = written(suite)
    document = sign_promises(promised(writer), writer.broker_secret)[1]
    with pytest.raises(VerificationFailed, match="promise"):
        verify_promise({**document, name: CHANGES[name]}, suite.public_key(writer.broker_secret))


def test_neither_place_nor_path_nor_signature_may_change(suite):
    writer = written(suite)
    document = sign_promises(promised(writer), writer.broker_secret)[1]
    key = suite.public_key(writer.broker_secret)
    batch = document["batch"]
    for change in (
        {"index": 0},
        {"count": 4},
        {"path": ""},
        {"path": hashes_text([*hashes(MAX_PATH).read(batch["path"], "path"), bytes(32)])},
        {"index": 3},
    ):
        with pytest.raises(VerificationFailed, match="promise"):
            verify_promise({**document, "batch": batch | change}, key)
    with pytest.raises(VerificationFailed, match="promise"):
        verify_promise(document, suite.public_key(writer.client_secret))
    other = sign_promises(promised(writer, log_index=5), writer.broker_secret)[1]
    with pytest.raises(VerificationFailed, match="promise"):
        verify_promise({**document, "signature": other["signature"]}, key)


def test_a_promise_names_suite_and_algorithm_as_one(suite):
    writer = written(suite)
    document = sign_promises(promised(writer), writer.broker_secret)[0]
    another = next(one for one in SUITES.values() if one is not suite)
    with pytest.raises(InvalidInput) as caught:
        parse_promise({**document, "suite": another.name})
    assert caught.value.rule == "constant"
    renamed = {**document, "suite": another.name, "signature": {**document["signature"], "alg": another.alg}}
    for key in (suite.public_key(writer.broker_secret), another.public_key(writer.broker_secret)):
        with pytest.raises(VerificationFailed, match="promise"):
            verify_promise(renamed, key)


@pytest.mark.parametrize(("term", "holds"), [(0, True), (DAY_MS, True), (DAY_MS + 1, False), (-1, False)])
def test_a_term_is_at_most_a_day(suite, term, holds):
    writer = written(suite)
    if holds:
        assert promised(writer, anchor_by=RECORDED + term)[0].anchor_by == RECORDED + term
        return
    with pytest.raises(InvalidInput) as caught:
        promised(writer, anchor_by=RECORDED + term)
    assert caught.value.rule == "promise-times"
    document = sign_promises(promised(writer), writer.broker_secret)[0]
    with pytest.raises(InvalidInput) as caught:
        parse_promise({**document, "anchor_by": format_time(RECORDED + term)})
    assert caught.value.rule == "promise-times"


def test_one_request_is_of_one_block(suite):
    writer = written(suite)
    promises = promised(writer)
    for wrong in ([], [promises[0], replace(promises[1], block=9)]):
        with pytest.raises(InvalidInput):
            sign_promises(wrong, writer.broker_secret)


def test_a_promise_is_by_the_signing_key(suite):
    writer = written(suite)
    document = copy.deepcopy(sign_promises(promised(writer), writer.broker_secret)[0])
    document["signature"]["key"] = document["broker"] + "#checkpoint"
    with pytest.raises(InvalidInput):
        parse_promise(document)


def test_a_promise_of_another_label_or_record_is_named(suite):
    """The wallet compares the label with `next` of the record before."""
    writer = written(suite)
    promise = promised(writer)[1]
    with pytest.raises(VerificationFailed, match="another record: label"):
        require_record(promise, writer.records[2], salt("elsewhere"))
    with pytest.raises(VerificationFailed, match="fingerprint"):
        require_record(promise, writer.records[3], writer.heads[3].label)
    with pytest.raises(VerificationFailed, match="another record: entry"):
        require_record(replace(promise, entry=salt("another")), writer.records[2], promise.label)


NOT_SO = b"\1" * 32


@pytest.mark.parametrize(
    ("covering", "now", "expected"),
    [
        (None, 0, PromiseStanding.OPEN),
        (None, 1, PromiseStanding.NOT_IN_TIME),
        ((0, None, None), 5, PromiseStanding.KEPT),
        ((1, None, None), 0, PromiseStanding.NOT_IN_TIME),
        ((0, NOT_SO, None), 0, PromiseStanding.ANOTHER_ENTRY),
        ((0, None, NOT_SO), 0, PromiseStanding.NOT_COUNTED),
        ((0, None, b""), 0, PromiseStanding.NOT_COUNTED),
        ((1, NOT_SO, b""), 0, PromiseStanding.NOT_IN_TIME),
        ((0, None, None, "named wrong"), 0, PromiseStanding.NOT_COUNTED),
    ],
)
def test_how_a_promise_stands(covering, now, expected):
    """Times count from the promise's; None stands for the entry that was promised, b"" for an absent label."""
    promise = promised(written(SUITES["sha256-ed25519/1"]))[0]
    if covering is not None:
        time_ms, entry, counted, *wrong = covering
        covering = Covering(
            promise.anchor_by + time_ms,
            promise.entry if entry is None else entry,
            promise.entry if counted is None else counted or None,
            wrong=bool(wrong),
        )
    assert standing(promise, covering, promise.anchor_by + now) is expected


def strange(value):
    """Return a document with each of its members replaced by values of other kinds, one at a time."""
    for name, member in value.items():
        for other in (None, True, -1, 2**53, 1.5, "", "x", "00" * 32, [], [None], {}, {"a": 1}):
            yield {**value, name: other}
        if isinstance(member, dict):
            for changed in strange(member):
                yield {**value, name: changed}


def test_a_promise_of_strange_members_fails_by_type():
    writer = written(SUITES["sha256-ed25519/1"])
    document = sign_promises(promised(writer), writer.broker_secret)[0]
    key = writer.suite.public_key(writer.broker_secret)
    for changed in strange(document):
        with pytest.raises(BonafidesError):
            verify_promise(changed, key)
    assert len(decode_base64url(document["signature"]["value"], "value")) == 64
    assert verify_promise(document, key).leaf == tree.leaf_hash(
        canonical_json({name: value for name, value in document.items() if name not in ("batch", "signature")})
    )
