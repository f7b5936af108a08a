"""Every value of a bundle, changed by the broker that signs it again: all but what it alone vouches for is caught.

What stays with the broker's word is listed here, and nothing else: the case number, the time of making, the number of
records not yet anchored. Leaving out a shown field is no change: that is what a redacted copy is for.
"""

from __future__ import annotations

import copy

import pytest

from primitives.errors import CouldNotCheck, InvalidInput
from primitives.timestamp import parse_time
from scripts.vectors.synthetic_chain import PRODUCT, example_world, verify_bundle

VOUCHED = {("case",), ("made_at",), ("pending",)}
WORLD = example_world()
TRUST = WORLD.trust()
BODY = WORLD.bundle(references=[PRODUCT]).body()


def leaves(value, path=()):
    if isinstance(value, dict):
        for name, item in value.items():
            yield from leaves(item, (*path, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, (*path, index))
    else:
        yield path


def containers(value, path=()):
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for name, item in items:
            yield (*path, name)
            yield from containers(item, (*path, name))


def changed(value):
    """Another value of the same kind, of the same length where that matters."""
    if isinstance(value, bool) or value is None:
        return [not value]
    if isinstance(value, int):
        return [value + 1, max(0, value - 1)]
    middle = len(value) // 2
    other = "1" if value[middle : middle + 1] != "1" else "2"
    return [value[:middle] + other + value[middle + 1 :], value[:-1], value + "0"]


def parent(body, path):
    for name in path[:-1]:
        body = body[name]
    return body


def holds(body):
    try:
        return verify_bundle(WORLD.seal(body), TRUST).ok
    except (InvalidInput, CouldNotCheck):
        return False


def test_the_bundle_holds_before_it_is_touched():
    assert holds(BODY)


@pytest.mark.parametrize("part", sorted(BODY))
def test_no_changed_value_passes(part):
    for path in leaves(BODY[part], (part,)):
        original = parent(BODY, path)[path[-1]]
        for value in changed(original):
            if value == original:
                continue
            body = copy.deepcopy(BODY)
            parent(body, path)[path[-1]] = value
            assert holds(body) == (path in VOUCHED and _well_formed(path, value)), (path, value)


def _well_formed(path, value):
    return path != ("made_at",) or _is_time(value)


def _is_time(value):
    try:
        parse_time(value, "made_at")
    except InvalidInput:
        return False
    return True


def is_shown_field(path):
    return len(path) > 3 and path[-2] == "fields" and path[-3] == "record"


@pytest.mark.parametrize("part", sorted(BODY))
def test_nothing_can_be_left_out_or_doubled(part):
    for path in [(part,), *containers(BODY[part], (part,))]:
        body = copy.deepcopy(BODY)
        del parent(body, path)[path[-1]]
        if is_shown_field(path) or path == ("references", 0):  # a reference less is less shown, not a lie
            assert holds(body)
            continue
        assert not holds(body), path
        if isinstance(parent(BODY, path), list):
            body = copy.deepcopy(BODY)
            where = parent(body, path)
            where.insert(path[-1], copy.deepcopy(where[path[-1]]))
            assert not holds(body), path
