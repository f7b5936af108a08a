import tomllib
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
OURS = {"bonafides", "bonafides-verify"}
PACKAGES = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]


def foreign_providers(distributions):
    """Return which distribution that is none of ours provides one of our package names, by name."""
    foreign = {name: sorted(set(distributions.get(name, ())) - OURS) for name in PACKAGES}
    return {name: found for name, found in foreign.items() if found}


def test_no_other_distribution_provides_one_of_our_names():
    assert foreign_providers(metadata.packages_distributions()) == {}


def test_a_second_provider_would_be_found():
    assert foreign_providers({"did": ["bonafides", "some-did"], "evidence": ["bonafides-verify"], "x": ["y"]}) == {
        "did": ["some-did"]
    }


def test_the_packages_are_named_one_by_one_and_are_all_of_them():
    found = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert set(PACKAGES) == found
    assert PROJECT["tool"]["importlinter"]["root_packages"] == PACKAGES


@pytest.mark.parametrize("name", PACKAGES)
def test_no_directory_under_tests_is_a_package(name):
    assert not list((ROOT / "tests").rglob("__init__.py")), f"it could shadow {name}"
