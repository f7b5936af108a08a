"""One of something is one in the English report, and the sentence of the verdict stays what it is."""

import pytest

from replay.installed import INSTALLED
from replay.rendering.singular import in_singular
from replay.rendering.speech import Speech


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("the contracts' storage at block 5 opens; 1 members are active", "opens; 1 member is active"),
        ("1 key sets of the broker, 1 active members", "1 key set of the broker, 1 active member"),
        ("7 entries, none missing", "7 entries, none missing"),
        ("1 entries, none missing", "1 entry, none missing"),
        ("1 changes up to block 1, none missing", "1 change up to block 1, none"),
        ("1 records open to their fingerprints", "1 record opens to its fingerprint"),
        ("21 records open to their fingerprints", "21 records open to their fingerprints"),
        ("1 later records are not yet anchored; the bundle", "1 later record is not yet anchored; the bundle"),
        ("1 records came after the anchor of block 5", "1 record came after the anchor of block 5"),
        ("1 signatures under 1 of 1 records that take a second person", "1 signature under 1 of 1 record that takes a"),
        (
            "0 of 1 other members checked it, and 1 are wanted: whether",
            "0 of 1 other member checked it, and 1 is wanted",
        ),
        ("3 signatures under 1 of 3 records that take a second person", "under 1 of 3 records that take a second"),
        ("in a log of 1 records", "in a log of 1 record"),
        ("4.1 records and 2-1 anchors and v1 members", "4.1 records and 2-1 anchors and v1 members"),
    ],
)
def test_one_is_one(said, shown):
    assert shown in in_singular(said)


def test_the_report_says_so_in_english_and_is_not_asked_in_chinese():
    said = "1 later records are not yet anchored; the bundle cannot prove them"
    assert Speech("en", INSTALLED).said(said).startswith("1 later record is not yet anchored")
    assert "1 条" in Speech("zh", INSTALLED).said(said)
