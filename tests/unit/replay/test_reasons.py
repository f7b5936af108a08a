"""Every reason and note that a verification can give has words in Chinese, and no words are left over."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from replay.reasons import in_chinese, sentences
from replay.report_page import render_report
from tests.unit.replay.test_report import CONTENT

ROOT = Path(__file__).parents[3]
# The modules whose sentences are reasons and notes; what else stands in them is named below.
SOURCES = (
    "replay/records.py",
    "replay/rules.py",
    "replay/former.py",
    "replay/standing.py",
    "replay/report_material.py",
    "replay/rulebook.py",
    "replay/signers.py",
    "replay/consents.py",
    "suitability/line.py",
    "suitability/replay.py",
    "node_adapter/workflows/replay/as_of.py",
)
NO_REASONS = {
    "there is nothing to report on: {}": "an error",
    "made under {}, not {}": "a finding",
    "names no rule set; {} was in force": "a finding",
    "names {} of another domain; {} was in force": "a finding",
    "the evidence does not hold, and so proves no content": "of --json: no page is made of what does not hold",
    "{} records came later, says the broker: this bundle does not show them": "of --json",
}
# Sentences that stand beside others, such as details of checks.
ELSEWHERE = (
    "evidence/verify/bundle.py",
    "evidence/verify/staff.py",
    "evidence/verify/chain.py",
    "evidence/verify/times.py",
    "evidence/version2/verify/bundle.py",
    "evidence/version2/verify/chain.py",
    "evidence/version2/verify/times.py",
    "replay/report.py",
    "replay/report_client.py",
    "replay/growth.py",
    "replay/reach.py",
    "replay/verification.py",
    "replay/orders.py",
    "replay/succession.py",
    "node_adapter/workflows/anchoring/outlook.py",
    "suitability/domain.py",
)
_SILENT, _BEHIND = "the chain process gave no sign of life", "the chain did not answer, or the index is behind it"
_BEFORE = "had the identity {} (subject {}) before: ask for its bundle, too"
_AFTER = "goes on as {} (subject {}): ask for its bundle, too"
# Sentences that are put together of parts.
COMPOSED = {
    **{f"{text} yet": (text, "{} yet") for text in (_SILENT, _BEHIND)},
    **{f"{text} for {{}} s": (text, "{} for {} s") for text in (_SILENT, _BEHIND)},
    **{f"{{}}: this client {end}": ("{}: this client ", end) for end in (_BEFORE, _AFTER)},
    "{} and {} more": (" and {} more",),
    "the bundle of {}: {}": ("the bundle of {}: ",),
    "signed by the broker, and by {} other members": ("signed by the broker{}, and by {} other members",),
    "signed by the broker, {} anchors named wrong, and by {} other members": (", {} anchors named wrong",),
    "anchor {} of block {} is the broker's last at block {}, under the root {}": (
        "anchor {} of block {} is the broker's last at block {}",
        "{}, under the root {}",
    ),
}
PARTS = {part for parts in COMPOSED.values() for part in parts}
HAN = re.compile(r"[\u4e00-\u9fff]")


def said(name):
    """Every sentence of a module, with {} for its values."""
    tree = ast.parse((ROOT / name).read_text("utf-8"))
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    explained = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside | explained:
            yield node.value


def english():
    return {re.sub(r"\{\d\}", "{}", sentence) for sentence, _ in sentences()}


@pytest.mark.parametrize("name", SOURCES)
def test_every_reason_has_words_in_chinese(name):
    missing = {text for text in said(name) if " " in text.strip()} - english() - NO_REASONS.keys() - PARTS
    assert missing == set()


def test_no_words_are_left_over():
    whole = {text for name in (*SOURCES, *ELSEWHERE) for text in said(name)}
    assert PARTS - whole == set()
    assert english() - whole == COMPOSED.keys()


@pytest.mark.parametrize(("sentence", "chinese"), sentences())
def test_a_sentence_keeps_its_values(sentence, chinese):
    places = re.findall(r"\{\d\}", sentence)
    assert places == [f"{{{number}}}" for number in range(len(places))]
    assert sorted(re.findall(r"\{\d\}", chinese)) == places
    values = [f"<{number}>" for number in range(len(places))]
    assert in_chinese(sentence.format(*values)) == chinese.format(*values)
    assert HAN.search(chinese)


def test_a_reason_inside_a_reason_is_said_in_chinese_too():
    told = in_chinese("the rating of P-1 that record 3 (BIZ_APPLY) rests on is not shown")
    assert told == "记录 3（业务申请）所依据的 P-1 的评级未列示"
    assert in_chinese("rules asked of 12 of 13 records; each other one is named with its reason").startswith("13 条")


def test_what_nobody_knows_is_shown_as_it_was_said():
    assert in_chinese("a domain's own words") == "a domain's own words"
    assert in_chinese("{0} {} {1}") == "{0} {} {1}"


@pytest.mark.parametrize(("lang", "told"), [("zh", "内容未全部列示"), ("en", "it is not shown whole")])
def test_the_page_says_its_reasons_in_its_language(lang, told):
    page = render_report({**CONTENT, "notes": ["no rule set is at hand"]}, lang)
    assert f"<td>{told}</td>" in page
    assert ("手头没有任何规则集" in page) == (lang == "zh")
