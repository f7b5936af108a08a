"""What the distribution of the verifier holds (ADR 63): what verifying imports, no way out, and nothing unnamed."""

from __future__ import annotations

import ast
import tomllib
from importlib import metadata

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts.distributions import contents

PROJECT = tomllib.loads((contents.VERIFIER / "pyproject.toml").read_text("utf-8"))["project"]
WAYS_OUT = {
    *(
        "socket",
        "ssl",
        "http",
        "urllib.request",
        "urllib.error",
        "ftplib",
        "smtplib",
        "xmlrpc",
        "socketserver",
        "asyncio",
    ),
    *(
        "sqlite3",
        "dbm",
        "shelve",
        "subprocess",
        "multiprocessing",
        "concurrent",
        "ctypes",
        "pickle",
        "tempfile",
        "shutil",
    ),
}
OTHERS = {"node_adapter", "api", "mpc"}


def imported(source: str) -> set[str]:
    """Return every module that a source imports, early or late, with the parents of each."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found | {name.rpartition(".")[0] for name in found}


def modules() -> list[str]:
    return sorted(name for name in contents.verifier_files() if name.endswith(".py"))


def test_neither_a_node_nor_what_serves_one_is_in_it():
    assert not {name.partition(".")[0] for name in contents.verifier_modules()} & OTHERS
    assert not [
        name for name in contents.verifier_modules() if name.startswith(("bonafides.client", "bonafides.wallet"))
    ]


def test_no_module_of_it_can_call_out_or_keep_anything():
    ways = {name: imported((contents.ROOT / name).read_text("utf-8")) & WAYS_OUT for name in modules()}
    assert {name: found for name, found in ways.items() if found} == {}


@pytest.mark.parametrize("source", ["import socket", "from urllib import request", "def f():\n    import http.client"])
def test_a_way_out_would_be_found(source):
    assert imported(source) & WAYS_OUT


def test_it_asks_for_the_libraries_that_it_imports_and_for_no_other():
    extras = [line for lines in PROJECT["optional-dependencies"].values() for line in lines]
    asked = {canonicalize_name(Requirement(line).name) for line in [*PROJECT["dependencies"], *extras]}
    providers = metadata.packages_distributions()
    # What is not installed here, since it has no build or is not asked for, is named as it is imported.
    needed = {canonicalize_name(providers.get(library, [library])[0]) for library in contents.verifier_libraries()}
    assert needed <= asked
    assert asked - needed <= {"tongsuopy"}  # of the suites that format 2 names


def test_every_registry_that_it_holds_is_whole():
    """A package that is walked finds what lies in it: a wheel with half of it would know half of the formats."""
    held = contents.verifier_modules()
    walked = [
        name for name in modules() if "primitives.registry" in imported((contents.ROOT / name).read_text("utf-8"))
    ]
    assert len(walked) > 2  # else nothing is held to anything
    for name in walked:
        if name.endswith("/__init__.py"):
            package = name.removesuffix("/__init__.py")
            files = {path.stem for path in (contents.ROOT / package).glob("*.py") if path.stem != "__init__"}
            assert {f"{package.replace('/', '.')}.{stem}" for stem in files} <= held, package


def test_a_package_above_loads_nothing():
    """They come as files that let a module be found; what one of them imported would be missing."""
    for name in modules():
        module = name.removesuffix("/__init__.py").replace("/", ".")
        if name.endswith(
            "/__init__.py"
        ) and not contents.verifier_modules() >= contents.import_graph().find_descendants(module):
            tree = ast.parse((contents.ROOT / name).read_text("utf-8"))
            early = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
            assert {node.module for node in early if isinstance(node, ast.ImportFrom)} <= {"__future__", "typing"}, name


def test_both_are_one_version():
    product = tomllib.loads((contents.ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert f"bonafides-verify=={product['version']}" in product["dependencies"]


def test_data_goes_where_the_package_that_reads_it_goes():
    files = contents.verifier_files()
    assert {"replay/templates/document.html", "suitability/rulesets/sac-bands-v1.json"} <= files
    assert not [name for name in files if name.startswith(("did/", "node_adapter/"))]


def test_who_verifies_needs_neither_the_pdf_library_nor_a_font():
    assert not {"fpdf", "pylopdf_fonts_zh_cn"} & contents.verifier_libraries()
    assert "replay/rendering/html.py" in contents.verifier_files()
    assert "replay/rendering/pdf.py" not in contents.verifier_files()
