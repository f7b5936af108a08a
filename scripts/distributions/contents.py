"""Which file goes into which distribution (ADR 63): what the verifier imports goes into its own, else into the main.

    bonafides-verify    the modules that `bonafides-verify` and `bonafides-verify-claim` reach, and the data beside them
    bonafides           everything else of the product's packages

No list is kept: the imports say it, as import-linter reads them. A package that is itself imported comes whole, since a
registry walks it (`primitives.registry`); the packages above a module come as mere files that let it be found.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grimp import ImportGraph

ROOT = Path(__file__).resolve().parents[2]
VERIFIER = ROOT / "distributions" / "bonafides-verify"
_OWN_NAME = "bonafides"


def packages() -> list[str]:
    """Return the product's packages."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    return list(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])


@cache
def product_files() -> frozenset[str]:
    """Return every file of the product's packages, by its path in the checkout."""
    tracked = tracked_files()
    if tracked is not None:
        return frozenset(name for name in tracked if name.partition("/")[0] in packages())
    found = (path for package in packages() for path in (ROOT / package).rglob("*") if path.is_file())
    return frozenset(path.relative_to(ROOT).as_posix() for path in found if path.suffix != ".pyc")


@cache
def tracked_files() -> frozenset[str] | None:
    """Return the files that git tracks; None where there is no git, as in an unpacked source archive."""
    try:
        done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    except OSError:
        return None
    found = [name for name in os.fsdecode(done.stdout).split("\0") if (ROOT / name).is_file()]
    return frozenset(found) if done.returncode == 0 and found else None


@cache
def verifier_modules() -> frozenset[str]:
    """Return the modules of the verifier."""
    graph = import_graph()
    reached: set[str] = set()
    todo = entry_modules()
    while todo:
        module = todo.pop()
        if module in reached or module not in graph.modules or graph.is_module_squashed(module):
            continue
        reached.add(module)
        todo |= graph.find_modules_directly_imported_by(module) | graph.find_descendants(module)
    return frozenset(reached | {above for module in reached for above in _above(module)})


def verifier_libraries() -> frozenset[str]:
    """Return the import names of all that the verifier's modules import and is neither ours nor Python's own."""
    graph, modules = import_graph(), verifier_modules()
    imported = {name for module in modules for name in graph.find_modules_directly_imported_by(module)}
    tops = {name.partition(".")[0] for name in imported}
    return frozenset(tops - set(packages()) - sys.stdlib_module_names)


@cache
def verifier_files() -> frozenset[str]:
    """Return the files of the verifier: its modules, and what lies in a package of it and is no module."""
    modules = verifier_modules()
    return frozenset(name for name in product_files() if _module_of(name) in modules)


def entry_modules() -> set[str]:
    """Return the modules that the verifier's commands and callers start from."""
    project = tomllib.loads((VERIFIER / "pyproject.toml").read_text("utf-8"))["project"]
    commands = {place.partition(":")[0] for place in project["scripts"].values()}
    return {f"{_OWN_NAME}.verify", *commands}


@cache
def import_graph() -> ImportGraph:
    """Return who imports whom, late imports too; what only a type checker reads is left out."""
    import grimp  # noqa: PLC0415 - building an editable wheel asks for no graph

    sys.path.insert(0, str(ROOT))
    try:
        return grimp.build_graph(
            *packages(), include_external_packages=True, exclude_type_checking_imports=True, cache_dir=None
        )
    finally:
        sys.path.remove(str(ROOT))


def _above(module: str) -> Iterator[str]:
    while module := module.rpartition(".")[0]:
        yield module


def _module_of(name: str) -> str:
    """Return the module of a file; of data, the package that it lies in."""
    path = Path(name)
    if path.suffix == ".py" and (ROOT / path.parent / "__init__.py").is_file():
        path = path.with_suffix("")
        return ".".join(path.parts).removesuffix(".__init__")
    folder = path.parent
    while not (ROOT / folder / "__init__.py").is_file():
        folder = folder.parent
    return ".".join(folder.parts)
