"""A registry finds what each module of a package offers, in one order, and refuses what is missing or doubled."""

import importlib
import sys

import pytest

from primitives.registry import by_key, offered


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Return a function that makes a package of modules, by their source."""

    def make(**sources):
        name = f"offers_{tmp_path.name}".replace("-", "_")
        folder = tmp_path / name
        folder.mkdir()
        for module, source in {"__init__": "", **sources}.items():
            (folder / f"{module}.py").write_text(source, encoding="utf-8")
        monkeypatch.syspath_prepend(str(tmp_path))
        importlib.invalidate_caches()
        return importlib.import_module(name)

    yield make
    for name in [name for name in sys.modules if name.startswith("offers_")]:
        del sys.modules[name]


def test_what_is_offered_comes_in_the_order_of_the_modules(package):
    made = package(zebra="NAME = 'first'", ant="NAME = 'last'", mole="NAME = 'middle'")
    assert offered(made, "NAME", str) == ("last", "middle", "first")


@pytest.mark.parametrize("source", ["", "NAME = 3", "NAMES = 'x'"])
def test_a_module_that_offers_nothing_of_the_kind(package, source):
    with pytest.raises(TypeError, match=r"\.late must offer its str as NAME"):
        offered(package(early="NAME = 'x'", late=source), "NAME", str)


def test_two_that_cannot_be_told_apart():
    assert dict(by_key(("b", "a"), str.upper)) == {"B": "b", "A": "a"}
    with pytest.raises(ValueError, match="A is offered twice"):
        by_key(("a", "b", "A"), str.upper)
