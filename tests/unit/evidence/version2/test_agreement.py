"""The two verifiers of format 2 share no code, and give one verdict to every bundle, clean or changed."""

from __future__ import annotations

from scripts.verifier.agree import compare


def test_both_verifiers_give_one_verdict():
    kinds, differences = compare(count=200, number=20)
    assert differences == []
    assert kinds["holds"] >= 10
    assert min(kinds["failed"], kinds["not-a-bundle"]) >= 50
