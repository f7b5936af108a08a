import tomllib
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PACKAGES = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]


def foreign_providers(distributions):
    """Return which other distribution provides one of our package names, by name."""
    return {
        name: sorted({provider for provider in distributions.get(name, ()) if provider != PROJECT["project"]["name"]})
        for name in PACKAGES
        if any(provider != PROJECT["project"]["name"] for provider in distributions.get(name, ()))
    }


def test_no_other_distribution_provides_one_of_our_names():
    assert foreign_providers(metadata.packages_distributions()) == {}


def test_a_second_provider_would_be_found():
    assert foreign_providers({"did": ["bonafides", "some-did"], "x": ["y"]}) == {"did": ["some-did"]}


def test_the_packages_are_named_one_by_one_and_are_all_of_them():
    found = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert set(PACKAGES) == found
    assert PROJECT["tool"]["importlinter"]["root_packages"] == PACKAGES


@pytest.mark.parametrize("name", PACKAGES)
def test_no_directory_under_tests_is_a_package(name):
    assert not list((ROOT / "tests").rglob("__init__.py")), f"it could shadow {name}"
