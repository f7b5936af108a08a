"""Changes of a bundle that an outsider or its broker could make, for comparing verifiers.

A change is drawn from a `random.Random`: the same seed gives the same bundle. Some are made to the bytes, most to what
they hold; the latter may be written canonically and signed again by the broker, so that more than the signature has to
notice.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from primitives.canonical import canonical_json
from primitives.encoding import encode_base64url
from primitives.errors import InvalidInput
from primitives.packed import pack
from primitives.suite import SigningSuite
from primitives.suites import SUITES

NUMBERS = (0, 1, -1, 2, 1.5, 1e300, 255, 256, 65_536, 2**31, 2**53 - 1, 2**53)
TEXTS = ("", "a", "0", "null", "\x00", "\u202e", "é", "A" * 43, "0" * 64, "0x" + "0" * 40, "https://example.org")
OTHERS: tuple[Any, ...] = (None, True, False, [], {}, "", 0, [[]], {"": 0}, -0.5)
HEX = "0123456789abcdef"
URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@dataclass(frozen=True)
class Change:
    """Changed bytes, and in words what was changed."""

    data: bytes
    words: str


@dataclass
class Place:
    """A member or an item: what holds it, its key, and the path to it."""

    holder: Any
    key: Any
    path: str

    @property
    def value(self) -> Any:
        """What stands there."""
        return self.holder[self.key]

    @value.setter
    def value(self, value: Any) -> None:
        self.holder[self.key] = value


def change_bundle(data: bytes, chance: random.Random, signing_seed: bytes) -> Change:
    """Return one to three changes of a bundle, sometimes signed again by the broker."""
    if chance.random() < 0.15:
        return _change_bytes(data, chance)
    read = json.loads(data)
    suite = SUITES[read["suite"]]
    value, words = _change_value(read, chance)
    if not isinstance(value, dict):
        return Change(_dumped(value), words)
    if chance.random() < 0.7:
        value = _signed(value, suite, signing_seed)
        words += "; signed again"
    return Change(_dumped(value), words)


def change_trust(data: bytes, chance: random.Random) -> Change:
    """Return a change of a trust file, which nobody signs again."""
    if chance.random() < 0.3:
        return _change_bytes(data, chance)
    value, words = _change_value(json.loads(data), chance)
    return Change(_dumped(value), f"trust: {words}")


def change_packing(data: bytes, chance: random.Random) -> Change:
    """Return a bundle as it travels, packed; sometimes with changed bytes, cut off, or with something after it."""
    packed = pack(data)
    kind = chance.choice(("whole", "bytes", "cut", "longer", "doubled"))
    if kind == "bytes":
        return _change_bytes(packed, chance)
    made = {
        "whole": packed,
        "cut": packed[: chance.randrange(len(packed))],
        "longer": packed + chance.randbytes(chance.randint(1, 9)),
        "doubled": packed + packed,
    }
    return Change(made[kind], f"packed, {kind}")


def _change_value(value: Any, chance: random.Random) -> tuple[Any, str]:
    words = []
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        places = list(_places(value))
        if not places:
            break
        place = chance.choice(places)
        kind = chance.choice(KINDS)
        words.append(f"{kind.__name__.strip('_')} {place.path}")
        kind(place, places, chance)
    return value, ", ".join(words)


def _places(value: Any, path: str = "") -> list[Place]:
    if isinstance(value, dict):
        keys = [(key, f"{path}.{key}") for key in value]
    elif isinstance(value, list):
        keys = [(index, f"{path}[{index}]") for index in range(len(value))]
    else:
        return []
    found = []
    for key, name in keys:
        found.append(Place(value, key, name))
        found += _places(value[key], name)
    return found


def _delete(place: Place, _: list[Place], __: random.Random) -> None:
    del place.holder[place.key]


def _repeat(place: Place, _: list[Place], chance: random.Random) -> None:
    if isinstance(place.holder, list):
        place.holder.insert(chance.randint(0, len(place.holder)), copy.deepcopy(place.value))
    else:
        place.holder[f"{place.key}{chance.choice('x_1')}"] = copy.deepcopy(place.value)


def _swap(place: Place, places: list[Place], chance: random.Random) -> None:
    others = [other for other in places if type(other.value) is type(place.value) and not _within(place, other)]
    if others:
        other = chance.choice(others)
        place.value, other.value = other.value, place.value


def _within(one: Place, other: Place) -> bool:
    return one.path.startswith(other.path) or other.path.startswith(one.path)


def _transplant(place: Place, places: list[Place], chance: random.Random) -> None:
    others = [other for other in places if type(other.value) is type(place.value)]
    place.value = copy.deepcopy(chance.choice(others).value)


def _retype(place: Place, _: list[Place], chance: random.Random) -> None:
    place.value = copy.deepcopy(chance.choice(OTHERS))


def _change_leaf(place: Place, places: list[Place], chance: random.Random) -> None:
    """Change a number or a text, of the place or below it."""
    below = [
        other for other in places if other.path.startswith(place.path) and isinstance(other.value, (int, float, str))
    ]
    if below:
        leaf = chance.choice(below)
        leaf.value = (
            _other_text(leaf.value, chance) if isinstance(leaf.value, str) else _other_number(leaf.value, chance)
        )


def _other_number(number: float, chance: random.Random) -> float:
    return chance.choice((number + 1, number - 1, chance.choice(NUMBERS)))


def _other_text(text: str, chance: random.Random) -> str:
    kind = chance.random()
    if not text or kind < 0.15:
        return chance.choice(TEXTS)
    at = chance.randrange(len(text))
    if kind < 0.25:
        return text[:at] + text[at + 1 :]
    letters = HEX if set(text) <= set(HEX + "x") else URL
    other = chance.choice(letters)
    return text[:at] + other + (text[at:] if kind < 0.35 else text[at + 1 :])


def _reverse(place: Place, _: list[Place], __: random.Random) -> None:
    if isinstance(place.value, list):
        place.value.reverse()


KINDS: tuple[Callable[[Place, list[Place], random.Random], None], ...] = (
    _delete,
    _repeat,
    _swap,
    _transplant,
    _transplant,
    _retype,
    _change_leaf,
    _change_leaf,
    _change_leaf,
    _change_leaf,
    _reverse,
)


def _change_bytes(data: bytes, chance: random.Random) -> Change:
    at = chance.randrange(len(data))
    kind = chance.choice(("flip", "cut", "insert", "end", "twice"))
    if kind == "flip":
        changed = data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]
    elif kind == "cut":
        changed = data[:at] + data[at + chance.randint(1, 3) :]
    elif kind == "insert":
        changed = data[:at] + bytes([chance.choice(b' \n",:[]{}0a\xff\xc3')]) + data[at:]
    elif kind == "end":
        changed = data[:at]
    else:
        changed = _member_twice(data)
    return Change(changed, f"bytes: {kind} at {at}")


def _member_twice(data: bytes) -> bytes:
    return b'{"broker":"",' + data[1:]


def _signed(value: dict[str, Any], suite: SigningSuite, signing_seed: bytes) -> dict[str, Any]:
    signature = value.get("signature")
    if not isinstance(signature, dict):
        return value
    body = {name: item for name, item in value.items() if name != "signature"}
    try:
        signed = encode_base64url(suite.sign(signing_seed, canonical_json(body)))
        return body | {"signature": signature | {"value": signed}}
    except InvalidInput:  # a number that has no canonical form
        return value


def _dumped(value: Any) -> bytes:
    try:
        return canonical_json(value)
    except InvalidInput:
        return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()
