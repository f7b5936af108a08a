"""Registries: what each module of a package offers, found by walking the package.

A new suite, type or engine is one new file: no list names it. What is found is in the order of the modules' names, the
same on every machine, and a file that offers nothing, or what another offers already, fails the import of the registry.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Hashable, Iterable, Mapping
from importlib import import_module
from types import MappingProxyType, ModuleType
from typing import TypeVar

Entry = TypeVar("Entry")
Key = TypeVar("Key", bound=Hashable)


def modules_of(package: ModuleType) -> list[ModuleType]:
    """Import every module of a package; return them in the order of their names."""
    names = sorted(info.name for info in pkgutil.iter_modules(package.__path__))
    return [import_module(f"{package.__name__}.{name}") for name in names]


def offered(package: ModuleType, name: str, kind: type[Entry]) -> tuple[Entry, ...]:
    """Return what every module of a package offers under a name.

    Raises:
        TypeError: a module offers nothing of this kind.
    """
    found = []
    for module in modules_of(package):
        entry = vars(module).get(name)
        if not isinstance(entry, kind):
            raise TypeError(f"{module.__name__} must offer its {kind.__name__} as {name}")
        found.append(entry)
    return tuple(found)


def by_key(entries: Iterable[Entry], key: Callable[[Entry], Key]) -> Mapping[Key, Entry]:
    """Return entries by what tells them apart, in their order.

    Raises:
        ValueError: two have the same.
    """
    found: dict[Key, Entry] = {}
    for entry in entries:
        if found.setdefault(key(entry), entry) is not entry:
            raise ValueError(f"{key(entry)} is offered twice")
    return MappingProxyType(found)
