"""The kinds of certificate numbers; the samples are those that the authorities print on their specimen cards."""

import re
from pathlib import Path

import pytest

from primitives.certificate import KINDS, SAME_NUMBER, check_certificate
from primitives.errors import InvalidInput
from primitives.pedersen import certificate_message

ROOT = Path(__file__).parents[3]

SAMPLES = {
    "resident-id": "11010519491231002X",
    "household-register": "11010519491231002X",
    "temporary-resident-id": "11010519491231002X",
    "hmt-residence-permit": "810000199408230021",
    "foreign-permanent-residence": "911124198108030024",
    "passport": "E12345678",
    "hk-macao-permit": "H12345678",
    "taiwan-permit": "12345678",
    "officer-id": "军字第1234567号",
    "soldier-id": "士字第20081234号",
    "armed-police-id": "武字第0123456号",
    "organisation-code": "91350100M000100Y43",
}


def test_every_kind_has_a_sample_and_stands_in_the_specification():
    assert set(SAMPLES) == set(KINDS)
    page = (ROOT / "docs/spec/zero-knowledge.md").read_text("utf-8")
    for kind in KINDS:
        assert re.search(rf"`{kind}`", page), kind


@pytest.mark.parametrize(("kind", "number"), SAMPLES.items())
def test_a_specimen_is_taken(kind, number):
    check_certificate(kind, number)
    assert certificate_message(kind, number) == certificate_message(SAME_NUMBER.get(kind, kind), number)


def test_one_number_has_one_scalar_whatever_paper_shows_it():
    scalars = {certificate_message(kind, SAMPLES[kind]) for kind in KINDS}
    assert len(scalars) == len(KINDS) - len(SAME_NUMBER)
    assert certificate_message("household-register", SAMPLES["resident-id"]) == certificate_message(
        "resident-id", SAMPLES["resident-id"]
    )


@pytest.mark.parametrize(
    ("kind", "number", "field", "rule"),
    [
        ("resident-id", "810000199408230021", "kind", "certificate-kind"),
        ("resident-id", "911124198108030024", "kind", "certificate-kind"),
        ("household-register", "830000199201300022", "kind", "certificate-kind"),
        ("hmt-residence-permit", "11010519491231002X", "number", "certificate-number"),
        ("hmt-residence-permit", "810000199408230022", "number", "check-digit"),
        ("hmt-residence-permit", "810000199413230021", "number", "birth-date"),
        ("foreign-permanent-residence", "911124198108030025", "number", "check-digit"),
        ("foreign-permanent-residence", "chn110176081608", "number", "certificate-number"),
        ("organisation-code", "91350100M000100Y44", "number", "check-digit"),
        ("organisation-code", "91350100M000100I43", "number", "certificate-number"),
        ("officer-id", "1234567", "number", "certificate-number"),
        ("officer-id", "军字第１２３４号", "number", "certificate-number"),
        ("hk-macao-permit", "H1234567801", "number", "certificate-number"),  # with the count of its renewals
        ("driving-licence", "1", "kind", "certificate-kind"),
    ],
)
def test_a_number_that_is_none_of_its_kind_is_refused_unshown(kind, number, field, rule):
    with pytest.raises(InvalidInput) as caught:
        check_certificate(kind, number)
    assert (caught.value.field, caught.value.rule) == (field, rule)
    assert number not in str(caught.value)


def test_what_was_committed_to_before_still_has_its_scalar():
    """Numbers that are refused at the counter today may lie in a wallet of yesterday."""
    assert certificate_message("organisation-code", "91350100M000100Y44")
    assert certificate_message("resident-id", "810000199408230021")
