"""Who may take one of the member's keys without asking whether the database is a restored copy (ADR 31)."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCT = ("node_adapter", "api", "bonafides")
ASKS = "require_caught_up"
WITHOUT_ASKING = {
    "node_adapter/workflows/anchoring/anchor.py": "builds again what the chain holds of a restored copy",
    "node_adapter/workflows/identity/keys_in_force.py": "hands out the keys; checkpoints of what the chain holds",
}
KEYSTORE = {
    "bonafides/cli/member.py": "shows the public keys",
    "node_adapter/chain_process.py": "the key of transactions: none is sent while the mark stands",
    "node_adapter/workflows/identity/client_sessions.py": "a secret that marks our own nonces; nobody else sees it",
    "node_adapter/workflows/identity/keys_in_force.py": "where the keys are handed out",
    "node_adapter/workflows/replay/bundle.py": "the key that the last leaf names, after the mark was asked for",
}
PUBLIC = {"algorithm", "signing", "checkpoint", "agreement", "compliance", "digest", "to_json", "suite"}
"""What a set of public keys has, which is called `keys` as the keystore is; and the suite of either."""
ASKED_AT = {
    "node_adapter/workflows/replay/bundle.py": {"collect"},
    "node_adapter/workflows/identity/keys_in_force.py": {"keys_in_force", "signing_keys", "agreement_key", "rotate"},
    "node_adapter/store/outbox.py": {"enqueue"},
    "node_adapter/peers/messages.py": {"verify_message"},
    "node_adapter/workflows/intake/enrol_subject.py": {"enrol_subjects"},
    "node_adapter/workflows/intake/gates.py": {"ask_gates"},
    "node_adapter/workflows/identity/issue_witness.py": {"witness_of"},
    "node_adapter/workflows/identity/verify_credentials.py": {"__init__"},
}


def trees():
    for package in PRODUCT:
        for path in (ROOT / package).rglob("*.py"):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))


def test_only_the_named_files_take_a_key_without_asking_for_the_mark():
    callers, openers = set(), set()
    for file, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and node.id == "keys_at":
                callers.add(file)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute) and node.value.attr == "keys":
                openers |= set() if node.attr in PUBLIC else {file}
    assert callers == set(WITHOUT_ASKING)
    assert openers == set(KEYSTORE)


def test_the_mark_is_asked_for_where_keys_are_handed_out_and_where_the_store_alone_decides():
    found = {}
    for file, tree in trees():
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef) and any(
                isinstance(node, ast.Call) and ASKS in ast.unparse(node.func) for node in ast.walk(function)
            ):
                found.setdefault(file, set()).add(function.name)
    missing = {file: names - found.get(file, set()) for file, names in ASKED_AT.items()}
    assert {file: names for file, names in missing.items() if names} == {}
