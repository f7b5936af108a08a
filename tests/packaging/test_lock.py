"""The lock files are complete: for each supported Python they lack nothing and name nothing else."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
REQUIREMENTS = ROOT / "requirements"
VERIFIER = "bonafides-verify"
PYTHONS = ("3.11", "3.12", "3.13")


def pins(file):
    """Return every locked requirement of a lock file."""
    lines = re.sub(r"\\\n", " ", file.read_text("utf-8")).splitlines()
    return [Requirement(line.partition("--hash")[0].strip()) for line in lines if re.match(r"[\w-]", line)]


def asked(file):
    """Return what an input file asks for, the files that it names included."""
    found = []
    for line in file.read_text("utf-8").splitlines():
        if line.startswith("-r "):
            found += asked(file.with_name(line[3:]))
        elif line and not line.startswith("#"):
            found.append(Requirement(line))
    return found


def environment(python):
    return default_environment() | {"python_version": python, "python_full_version": f"{python}.0", "extra": ""}


def closure(wanted, lock, python):
    """Follow the metadata of the installed packages from what is asked for.

    Returns:
        The names reached, and what is wrong on the way: a requirement that the lock does not meet.
    """
    here, reached, wrong, todo = environment(python), set(), [], list(wanted)
    while todo:
        need = todo.pop()
        name = canonicalize_name(need.name)
        for extra in need.extras or {""}:
            if (name, extra) in reached:
                continue
            reached.add((name, extra))
            pin = lock.get(name)
            if pin is None or not need.specifier.contains(str(pin.specifier).removeprefix("=="), prereleases=True):
                wrong.append(f"{need} is met by {pin}")
                continue
            for line in metadata.requires(name) or []:
                child = Requirement(line)
                if child.marker is None or child.marker.evaluate(here | {"extra": extra}):
                    todo.append(child)
            if extra:
                todo.append(Requirement(name))
    return {name for name, _ in reached}, wrong


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("name", ["dev", "runtime", "verify"])
def test_the_lock_is_closed(name, python):
    lock = {canonicalize_name(pin.name): pin for pin in pins(REQUIREMENTS / f"{name}.txt")}
    reached, wrong = closure(asked(REQUIREMENTS / f"{name}.in"), lock, python)
    assert wrong == []
    applying = {key for key, pin in lock.items() if pin.marker is None or pin.marker.evaluate(environment(python))}
    assert reached == applying


def test_a_gap_in_the_lock_is_found():
    lock = {canonicalize_name(pin.name): pin for pin in pins(REQUIREMENTS / "runtime.txt")}
    wanted = asked(REQUIREMENTS / "runtime.in")
    assert closure(wanted, {key: pin for key, pin in lock.items() if key != "werkzeug"}, "3.11")[1] != []
    assert closure(wanted, lock | {"click": Requirement("click==1.0")}, "3.11")[1] != []


@pytest.mark.parametrize("name", ["runtime", "verify"])
def test_every_lock_pins_the_same_versions(name):
    development = {pin.name: pin.specifier for pin in pins(REQUIREMENTS / "dev.txt")}
    other = {pin.name: pin.specifier for pin in pins(REQUIREMENTS / f"{name}.txt")}
    assert {name: development.get(name) for name in other} == other


@pytest.mark.parametrize("name", ["dev", "runtime", "verify", "slither"])
def test_every_package_has_digests(name):
    text = re.sub(r"\\\n", " ", (REQUIREMENTS / f"{name}.txt").read_text("utf-8"))
    without = [line for line in text.splitlines() if re.match(r"[\w-]", line) and "--hash=sha256:" not in line]
    assert without == []


def test_the_project_asks_for_what_the_runtime_lock_is_made_from():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    needs = {Requirement(line) for line in project["dependencies"]}
    assert {str(need) for need in asked(REQUIREMENTS / "runtime.in")} == {
        str(need)
        for need in needs
        if need.name != VERIFIER  # built here, and installed beside it
    }


def test_the_verifier_asks_for_what_its_lock_is_made_from():
    project = tomllib.loads((ROOT / "distributions" / VERIFIER / "pyproject.toml").read_text("utf-8"))["project"]
    lines = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    assert {str(need) for need in asked(REQUIREMENTS / "verify.in")} == {str(Requirement(line)) for line in lines}
