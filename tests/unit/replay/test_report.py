"""The report's words: both languages say the same things, and nothing that a replay can say is left without words."""

from __future__ import annotations

import importlib
import inspect
import json
import re
from importlib import resources

import pytest

from domain.fact import CHANNELS
from evidence.verify.verdict import ANCHORED_LATE, CHECKS, NOBODY_SIGNED, NOT_SHOWN, ORDERED, STAFF_NOT_SHOWN
from node_adapter.store.tokens import CLIENT_ROLE
from node_adapter.store.tokens import STAFF_ROLES as TOKEN_ROLES
from replay import claims, standing
from replay.installed import INSTALLED
from replay.rendering.blocks import Style
from replay.rendering.speech import Speech, words_in
from replay.report import LIMITS
from replay.report_material import AS_OF_NOW, CONSENTS
from replay.report_page import render_report
from suitability.claims import CLAIMS
from suitability.records import CODES, RECORD_TYPES
from suitability.records.staff import STAFF_ROLES
from tests import tree

WORDS = json.loads(resources.files("replay").joinpath("templates/replay_report.json").read_text(encoding="utf-8"))

NODE_ROLES = ("system", "node", "issuer")  # under which a node records what it does itself

MODULES = [
    name.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
    for name in tree.names(".py")
    if name.startswith(("suitability/", "replay/"))
]


def keys(value, prefix=""):
    if not isinstance(value, dict):
        return {prefix}
    return {found for name, inner in value.items() for found in keys(inner, f"{prefix}.{name}")}


def test_both_languages_have_the_same_words():
    assert keys(WORDS["zh"]) == keys(WORDS["en"])


def codes():
    """Every code that a rule gives a finding, wherever it stands."""
    source = "".join(inspect.getsource(importlib.import_module(name)) for name in MODULES)
    pattern = r'Finding\(\s*"([A-Z_]+)"|^_CODE, _RULE = "([A-Z_]+)"|^NOT_DERIVED = \(\s*"([A-Z_]+)"'
    return {code for found in re.findall(pattern, source, re.M) for code in found if code}


def test_every_code_of_a_rule_says_what_it_means_and_none_is_left_over():
    assert codes() == CODES.keys()


@pytest.mark.parametrize(
    ("group", "wanted"),
    [
        (
            "checks",
            (
                *CHECKS,
                AS_OF_NOW,
                *(CONSENTS, standing.RULES, standing.RESULTS, standing.LATER),
            ),
        ),
        (
            "codes",
            CODES.keys()
            | {ANCHORED_LATE, "PROMISE_LATE", "PROMISE_FAR", "TIMES_CONTRADICT", "BLOCK_STALE", "ORIGINAL_ALTERED"},
        ),
        ("types", RECORD_TYPES),
        ("channels", CHANNELS),
        ("stages", INSTALLED.stages),
        ("limit_texts", LIMITS),
        ("claims", [claim.name for claim in CLAIMS] + [claims.WRONG_RESULT]),
        ("results", [claims.PROVEN, claims.REFUTED, claims.NOT_PROVABLE]),
        ("no_second_person", [NOBODY_SIGNED, NOT_SHOWN, ORDERED, STAFF_NOT_SHOWN]),
        ("roles", (*STAFF_ROLES, *TOKEN_ROLES, *NODE_ROLES, CLIENT_ROLE, "engine", "staff")),
        ("statuses", ["equal", "differs", "not-checked"]),
    ],
)
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_nothing_is_left_without_words(lang, group, wanted):
    assert set(wanted) - set(words_in(lang, INSTALLED)[group]) == set()


def test_every_claim_is_proved_by_a_code():
    proved = {meaning.proves for meaning in CODES.values()} - {None}
    assert proved == {claim.name for claim in CLAIMS}


@pytest.mark.parametrize(
    ("value", "name", "text"),
    [
        (None, "x", "—"),
        (True, "x", "yes"),
        (123456789, "amount_fen", "¥1,234,567.89"),
        (5, "amount_fen", "¥0.05"),
        (-1, "amount_fen", "-¥0.01"),
        (-12345, "a_fen", "-¥123.45"),
        (5, "total", "5"),
        (9_000, "dwell_ms", "9.0 s"),
        (240_000, "duration_ms", "4 min 0 s"),
        (90_000_000, "duration_ms", "1 d 1 h"),
        (-5, "duration_ms", "-5 ms"),
        (1_795_220_136_000, "sent_at", "2026-11-21T08:15:36.000+08:00"),
        ({"R1": 100, "R2": 5}, "holdings_fen", "R1 low ¥1.00 · R2 lower middle ¥0.05"),
        ({"debts_fen": 7, "age": 40}, "finance", "age 40 · debts ¥0.07"),
        ({"Q10": ["A", "B"], "Q2": ["C"]}, "answers", "Q2 C · Q10 AB"),
        ("RISK_MISMATCH", "code", "risk does not match"),
        ("RISK_MISMATCH", "application_id", "RISK_MISMATCH"),
        (["BIZ_DECIDE"], "fields", "Decision"),
        (["T1", "T2"], "types", "T1 fixed income, T2 equity and financing"),
        ([], "checks", "—"),
        ("x" * 700, "x", "x" * 600 + "…"),
    ],
)
def test_values_read_as_text(value, name, text):
    assert "".join(run.text for run in Speech("en", INSTALLED).value(value, name)) == text


NOT_ASKED = {"seq": 2, "record_id": "y", "type": "Q_SUBMIT", "reason": "it is not shown whole"}
RULES = {"asked": 1, "records": 2, "not_asked": [NOT_ASKED]}
CONTENT = {
    "synthetic": False, "form": "full",
    "cover": {
        "software": "bonafides 1", "requested_by": [], "opened_by": "", "chain_id": 7,
        "case": "1", "reason": "r", "order": {"regulator": "0xab", "id": "i", "ordered_at": "t"}, "client": None,
        "broker": {"name": "n", "did": "d"}, "subject": "s", "from": "a", "to": "b",
        "made_at": "2026-11-27T10:00:00.000+08:00", "rulesets": [],
    },
    "as_of": {"block": 77, "time": "then"}, "checked": ["structure"],
    "not_checked": [{"check": "later-records", "reason": "3 records came after"}],
    "conclusion": {"ok": False, "verdict": "failed: inclusion", "claims": []},
    "stages": [], "re_execution": [], "rules": RULES,
    "findings": [], "missing_findings": [{"code": "X", "record_id": "y"}],
    "second_persons": [
        {"subject": "s", "seq": 4, "type": "BIZ_DECIDE", "persons": [], "missing": "nobody-signed"},
        {
            "subject": "another", "seq": 5, "type": "PRODUCT_RATE", "missing": "",
            "persons": [{"name": "Li Wei", "role": "committee", "key": "ab"}],
        },
    ],
    "records": [], "checks": [{"name": "inclusion", "ok": False, "detail": "d"}],
    "vouched": [], "notes": [], "keys": [],
    "erased": [], "signatures": [], "attachments": [], "compliance": [],
    "sources": {
        "channels": {"app": 1}, "roles": {"client": 1}, "signed_by_client": 1,
        "record_delay_ms": {"median": 1, "most": 2}, "anchor_delay_ms": {"median": 1, "most": 2},
    },
    "completeness": {
        "first": 1, "last": 2, "gaps": [2], "records": 1, "pending": 0, "head": "h", "block": 1, "time": "t",
        "anchor_seq": 1, "log_size": 2, "references": [],
    },
    "consents": [], "data_uses": [], "access_log": [], "limits": list(LIMITS),
}  # fmt: skip


@pytest.mark.parametrize(("lang", "failed"), [("zh", "日志收录"), ("en", "Inclusion")])
def test_a_failed_verification_is_said_first(lang, failed):
    page = render_report(CONTENT, lang)
    assert f'<div class="verdict failed">{WORDS[lang]["evidence_failed"]}: {failed}</div>' in page
    assert "#2" in page
    assert WORDS[lang]["synthetic"] not in page


@pytest.mark.parametrize(
    ("lang", "said"), [("zh", "未记录：尚无此类记录"), ("en", "there is no record of this kind yet")]
)
def test_of_complaint_and_hold_it_says_that_nothing_is_recorded(lang, said):
    assert render_report(CONTENT, lang).count(said) == 2


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_report_says_of_which_block_it_speaks_and_what_was_not_checked(lang):
    page = render_report(CONTENT, lang)
    assert f"{WORDS[lang]['block']} 77, then" in page
    assert f'{WORDS[lang]["checks"]["later-records"]}: <span class="soft">3 records came after' in page


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_what_the_verifier_prints_is_told_as_it_will_be(lang):
    assert "<pre>FAILED inclusion\nfailed: inclusion\nexit status 1\n</pre>" in render_report(CONTENT, lang)
    held = {"checks": [{"name": "inclusion", "ok": True, "detail": "d"}]}
    told = {**CONTENT, **held, "conclusion": {"ok": True, "verdict": "complete as of block 1 (t)", "claims": []}}
    page = render_report(told, lang)
    assert "<pre>ok     inclusion\ncomplete as of block 1 (t)\nexit status 0\n</pre>" in page


def test_every_style_of_a_text_has_its_rule_on_the_page():
    rules = render_report(CONTENT, "en").partition("</style>")[0]
    assert [style for style in Style if style is not Style.PLAIN and f".{style.value} {{" not in rules] == []


@pytest.mark.parametrize(("lang", "alone"), [("zh", "无人签名"), ("en", "nobody signed")])
def test_a_report_says_who_signed_as_the_second_person_and_where_nobody_did(lang, alone):
    page = render_report(CONTENT, lang)
    assert "Li Wei" in page
    assert alone in page


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_what_a_bundle_says_is_no_markup_and_hides_nothing_beside_it(lang):
    """Marks of direction turn the words after them; a control character or one of no width is not seen at all."""
    trick = "\u202e<b onmouseover='x'>{{ 7*7 }}\u200b\x1b"
    page = render_report({**CONTENT, "notes": [trick], "cover": {**CONTENT["cover"], "case": trick}}, lang)
    assert "<b " not in page
    assert page.isprintable() or not re.search("[\u202e\u200b\x1b]", page)
    assert page.count(r"\u202e&lt;b onmouseover=&#39;x&#39;&gt;{{ 7*7 }}\u200b\x1b") == 3  # title, cover, note


ENTRY = {
    "seq": 3, "type": "BIZ_DECIDE", "time": "t", "actor": "a", "role": "staff", "channel": "app", "document": None,
    "ruleset": None, "signed": False, "altered": [], "erased": False, "hidden": ["decision", "reason"], "withheld": [],
    "findings": [],
    "reference": None, "shown": [["reviewer", "Li Wei"]],
}  # fmt: skip


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_fields_that_a_bundle_does_not_show_are_named_beside_those_that_it_does(lang):
    words = WORDS[lang]
    page = render_report({**CONTENT, "stages": [{"stage": "handling", "entries": [ENTRY]}]}, lang)
    fields = words_in(lang, INSTALLED)["fields"]
    named = f"{fields['decision']}{words['comma']}{fields['reason']}"
    assert f'<span class="soft">{words["fields_not_shown"]}: {named}</span>' in page
    whole = {**ENTRY, "hidden": []}
    assert words["fields_not_shown"] + "</span>" not in render_report(
        {**CONTENT, "stages": [{"stage": "handling", "entries": [whole]}]}, lang
    )
