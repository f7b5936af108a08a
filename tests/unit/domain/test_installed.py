"""Which domains an installation has: suitability, and what other distributions offer."""

from __future__ import annotations

import pytest

from replay import installed
from suitability.domain import SUITABILITY
from tests.world.lost_property import LOST_PROPERTY


class Entry:
    """An entry point of another distribution."""

    def __init__(self, name, offered):
        self.name = name
        self.load = lambda: offered


def test_suitability_comes_first_and_others_by_name(monkeypatch):
    monkeypatch.setattr(installed, "entry_points", lambda group: [Entry("desk", LOST_PROPERTY)])
    assert [domain.name for domain in installed.installed()] == ["suitability", "lost-property"]
    monkeypatch.setattr(installed, "entry_points", lambda group: [])
    assert list(installed.installed()) == [SUITABILITY]


def test_what_is_no_domain_is_refused(monkeypatch):
    monkeypatch.setattr(installed, "entry_points", lambda group: [Entry("desk", "suitability")])
    with pytest.raises(TypeError, match="is no domain"):
        installed.installed()
