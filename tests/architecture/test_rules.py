"""`rule` is part of every problem: the names are one closed list, and whatever raises a rule takes one of it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from primitives import text
from primitives.rules import RULES
from tests import tree

ROOT = Path(__file__).resolve().parents[2]
PLACE = {"InvalidInput": 1, "MessageRefused": 2, "_bad": 0, "_ParseRuleError": 0}  # the rule's argument
PASSED_ON = {  # who raises a rule that it was given: by whom, the other cases of `rules` find
    "primitives/problem_types.py": "the node's answer",
    "bonafides/request_json.py": "RULES_OF_REQUESTS",
    "mpc/engines/masked_sum/protocol.py": "the rule of a shape, or of a point",
    "node_adapter/workflows/intake/rulesets.py": "what a rule set's own reader says",
    "primitives/canonical.py": "_ParseRuleError",
    "primitives/linear.py": "_bad",
    "primitives/shapes/scalars.py": "the argument `rule` of a shape",
    "primitives/text.py": "the keys of its reasons",
}


def rules(name: str, source: str) -> tuple[set[str], list[str]]:
    """Return the rules that a file names, and the places where it raises one that it does not name."""
    found, passed = set(), []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            place = PLACE.get(called)
            rule = node.args[place] if place is not None and len(node.args) > place else None
            if called in (*PLACE, "Text", "OneOf", "Constant"):
                rule = next((keyword.value for keyword in node.keywords if keyword.arg == "rule"), rule)
        elif isinstance(node, ast.AnnAssign) and ast.unparse(node).startswith("rule: str"):
            rule = node.value
        elif isinstance(node, ast.Yield) and name == "bonafides/request_json.py" and isinstance(node.value, ast.Tuple):
            rule = node.value.elts[1]
        elif isinstance(node, ast.arguments):
            defaults = zip(node.kwonlyargs, node.kw_defaults, strict=True)
            rule = next((default for argument, default in defaults if argument.arg == "rule"), None)
        else:
            continue
        if isinstance(rule, ast.Constant):
            found.add(rule.value)
        elif rule is not None:
            passed.append(f"{name}:{rule.lineno}: {ast.unparse(rule)}")
    return found, passed


def every_rule() -> tuple[set[str], list[str]]:
    found, passed = set(text._REASONS), []
    for name in tree.names(".py"):
        if name.startswith(tree.PACKAGES):
            named, given = rules(name, (ROOT / name).read_text("utf-8"))
            found |= named
            passed += given
    return found, passed


def test_every_rule_that_the_code_raises_is_listed_and_every_listed_one_is_raised():
    assert every_rule()[0] == set(RULES)


def test_a_rule_that_is_not_named_where_it_is_raised_is_passed_on_by_few():
    assert {place.partition(":")[0] for place in every_rule()[1]} == set(PASSED_ON)


def test_names_are_kebab_case():
    assert [name for name in RULES if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name)] == []


def test_the_page_lists_them():
    page = (ROOT / "docs/spec/rules.md").read_text("utf-8")
    listed = re.findall(r"^\| `([a-z0-9-]+)` \| (.+) \|$", page.partition("## Names of before")[0], re.MULTILINE)
    assert dict(listed) == dict(RULES)
    assert len(listed) == len(RULES)


def test_the_search_finds_what_it_looks_for():
    source = 'InvalidInput("a", "one", "b")\nText(rule="two")\nraise InvalidInput("a", rule, "b")\nOneOf(rule=other)'
    found, passed = rules("x.py", source)
    assert found == {"one", "two"}
    assert passed == ["x.py:3: rule", "x.py:4: other"]


SHAPES_OWN = {"object", "list", "integer", "boolean", "unknown-member"}
BY_HAND = {  # who looks at a value's shape without a shape, and why
    "bonafides/cli/": "files that a command of ours printed, told from others in its own words",
    "bonafides/wallet/consent.py": "the one field that a wallet makes and a broker must not send",
    "did/credentials/": "documents of W3C's data model, whose unknown members are no fault",
    "evidence/documents/record.py": "the fields of a record, whose names the record itself states",
    "evidence/version2/record.py": "the same of format 2",
    "node_adapter/backup.py": "the names in an archive",
    "node_adapter/keys/member_keys.py": "what this node sealed itself",
    "node_adapter/settings.py": "TOML, of tables and not of objects",
    "node_adapter/workflows/intake/act_drafts.py": "the one field that a wallet makes and a broker must not send",
    "primitives/shapes/": "the shapes",
    "domain/texts.py": "the values of a text, whose names its template states",
}


def by_hand(name: str) -> bool:
    return bool(SHAPES_OWN & rules(name, (ROOT / name).read_text("utf-8"))[0])


def test_a_value_is_looked_at_by_a_shape_and_by_nothing_else():
    found = {name for name in tree.names(".py") if name.startswith(tree.PACKAGES) and by_hand(name)}
    assert sorted(name for name in found if not name.startswith(tuple(BY_HAND))) == []
    assert [place for place in BY_HAND if not any(name.startswith(place) for name in found)] == []
