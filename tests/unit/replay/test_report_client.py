"""The client's form names no person of the staff, in JSON, page and PDF, and leaves out nothing about the client."""

from __future__ import annotations

import json

import pytest

from domain.issue import CLIENT, FULL
from replay.installed import INSTALLED
from replay.reasons import in_chinese
from replay.report_client import client_form, in_form
from replay.report_page import render_report
from replay.report_pdf import render_pdf
from tests.unit.replay.test_rendered_disputes import content
from tests.unit.replay.test_report_pdf import pages

READER = "did:key:z6MkexampleReader"
LOOK = {
    "seq": 9, "record_id": "r9", "type": "ACCESS_LOG", "time": "2026-11-27T10:00:00.000+08:00", "actor": READER,
    "role": "compliance", "channel": "branch", "document": None, "ruleset": None, "signed": False, "altered": [],
    "erased": False, "hidden": [], "withheld": [], "findings": [], "reference": None, "attachments": 0,
    "anchored": True,
    "shown": [["reader", READER], ["case", "2026-3"], ["reason", "client disputes the sale"],
              ["approved_by", "Sun Yu"]],
}  # fmt: skip
SIGNED = {
    "subject": "s", "seq": 9, "type": "ACCESS_LOG", "missing": "",
    "persons": [{"name": "Sun Yu", "role": "compliance", "key": "ab" * 32}],
}  # fmt: skip
ASIDE = ("review", "reader", "_by", "committee", "countersign", "issued_to")


def whole(lang):
    found = content("no-insistence", lang)
    return {
        **found,
        "cover": {**found["cover"], "requested_by": [READER]},
        "access_log": [LOOK],
        "second_persons": [*found["second_persons"], SIGNED],
    }


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_no_person_of_the_staff_is_named(lang):
    for told, there in ((whole(lang), True), (client_form(whole(lang), INSTALLED), False)):
        texts = (json.dumps(told), render_report(told, lang), "".join(pages(render_pdf(told, lang))))
        assert [name in text for text in texts for name in ("Sun Yu", "Li Wei")] == [there] * 6
        assert [READER in text for text in texts[:2]] == [there] * 2  # a line of the PDF may end within it


@pytest.mark.parametrize(
    ("lang", "told"), [("zh", "本版从略: 调阅人、批准人"), ("en", "withheld in this form: reader, approved by")]
)
def test_what_is_left_out_is_named_in_its_place(lang, told):
    page = render_report(client_form(whole(lang), INSTALLED), lang)
    assert told in page
    assert "client disputes the sale" in page


def test_nothing_about_the_client_is_left_out():
    full, given = whole("en"), client_form(whole("en"), INSTALLED)
    assert {name for name in full if full[name] != given[name]} == {
        *("form", "cover", "stages", "access_log", "second_persons")
    }
    assert given["form"] == CLIENT
    for stage, told in zip(full["stages"], given["stages"], strict=True):
        for entry, left in zip(stage["entries"], told["entries"], strict=True):
            assert {name for name, _ in entry["shown"]} == {name for name, _ in left["shown"]} | set(left["withheld"])
            assert (left["actor"] == entry["actor"]) == (entry["role"] in ("client", "engine"))


KEY = "ab" * 8
NAMING = [
    f"record 2 (BIZ_DECIDE): says to have happened 2026-01-01, before the key {KEY} of Li Wei was enrolled: 2026-02-02",
    "record 2 (BIZ_DECIDE): the key of Li Wei expired 2026-02-02T00:00:00.000+08:00, after block 7, where the broker "
    "says to have accepted it, and before block 9, which anchored it",
    "record 3 (ACCESS_LOG): Li Wei and Sun Yu signed; reader is not shown, who may be the same person",
    "record 3 (ACCESS_LOG): Li Wei signed; approved_by is not shown, which may name somebody else",
    "record 3 (ACCESS_LOG): X signed; reader is not shown, Li Wei signed; reader is not shown, who may be the same "
    "person",
]
FAILED = {"name": "staff-signature", "ok": False, "detail": "record 2 (BIZ_DECIDE): staff-role: Li Wei is enrolled"}


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_neither_a_note_nor_a_check_names_anybody(lang):
    checks = [item for item in whole(lang)["checks"] if item["name"] != FAILED["name"]]
    told = client_form({**whole(lang), "notes": NAMING, "checks": [*checks, FAILED]}, INSTALLED)
    texts = (json.dumps(told, ensure_ascii=False), render_report(told, lang), "".join(pages(render_pdf(told, lang))))
    assert [name in text for text in texts for name in ("Sun Yu", "Li Wei")] == [False] * 6
    assert len(told["notes"]) == len(NAMING)
    assert told["checks"][:-1] == checks
    assert {"zh": "某员工", "en": "somebody of the staff"}[lang] in texts[1]


def test_the_sentences_that_are_emptied_of_names_are_those_that_a_verification_says():
    for note in NAMING:
        assert in_chinese(note, INSTALLED) != note


def test_the_whole_report_stays_as_it_is():
    found = whole("en")
    assert in_form(found, FULL, INSTALLED) is found


def test_a_field_whose_name_says_that_somebody_acted_is_left_out():
    suspects = {name for name in INSTALLED.vocabulary.fields if any(word in name for word in ASIDE)}
    assert suspects == INSTALLED.vocabulary.persons
