"""The searches of the tree find the same files in a tarball, where there is no git."""

import os

from tests import tree


def test_without_git_the_same_files_are_found(monkeypatch):
    tracked = set(tree.names())
    monkeypatch.setattr(tree, "_tracked", lambda: None)
    walked = set(tree.names())
    assert tracked <= walked, "a walk leaves out what is tracked"


def test_git_that_knows_nothing_of_the_checkout_is_passed_over(monkeypatch, tmp_path):
    monkeypatch.setattr(tree, "ROOT", tmp_path)
    (tmp_path / "page.md").write_text("# Page", "utf-8")
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "other.md").write_text("# Other", "utf-8")
    assert tree.names(".md") == ["page.md"]
    monkeypatch.setattr(os, "environ", {"PATH": str(tmp_path)})  # nor is there a git
    assert tree.names(".md") == ["page.md"]
