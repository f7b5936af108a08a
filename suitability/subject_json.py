"""The state of a client as JSON, as it is kept with the client (suitability.subject).

Form 2: the state itself, and under keys what it holds of a life of any length. `suitability.subject_json_1` reads what
was kept before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

from domain.entries import Entries, FindEntry
from primitives.shapes import Anything, Fields, Hex, Integer, ListOf, MapOf, Nullable, Shape, Text
from suitability.records import RECORD_TYPES
from suitability.subject import (
    Application,
    Consent,
    Level,
    OpinionDate,
    OpinionGiven,
    Rating,
    SubjectState,
    Submission,
    Track,
)
from suitability.subject_json_1 import state_from_json_1

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_FORM = 2
_PAYLOAD = "payload"  # JSON as it came: a copy of it, which `dataclasses.asdict` makes, is half the time of an intake


def state_to_json(state: SubjectState) -> dict[str, Any]:
    """Return the state as a JSON object, without its entries; the payloads in it are its own: nobody changes them."""
    own = {one.name: getattr(state, one.name) for one in fields(state) if one.name not in _ENTRIES}
    return {"form": _FORM, **{name: _plain(value) for name, value in own.items()}}


def entries_to_json(state: SubjectState) -> dict[str, Any]:
    """Return the entries that have changed, as JSON values by `<field>/<key>`."""
    return {
        f"{name}/{key}": value if name == "results" else _plain(value)
        for name in _ENTRIES
        for key, value in getattr(state, name).changed.items()
    }


def state_from_json(document: object) -> SubjectState:
    """Read what `state_to_json` made; its entries are still to be found (`reading`).

    Raises:
        InvalidInput: a field is missing, unknown or of the wrong kind.
    """
    if not isinstance(document, Mapping) or "form" not in document:
        return state_from_json_1(document)
    read = _STATE.read(document, "")
    times: dict[str, Any] = {name: tuple(read[name]) for name in _TUPLES}
    return SubjectState(
        **times,
        newest=read["newest"],
        last=read["last"],
        levels=tuple(Level(**{**entry, "confirmed": tuple(entry["confirmed"])}) for entry in read["levels"]),
        ratings=tuple(Rating(**entry) for entry in read["ratings"]),
        consents={
            key: Consent(**{**entry, "receivers": tuple(entry["receivers"])}) for key, entry in read["consents"].items()
        },
    )


def reading(state: SubjectState, find: FindEntry) -> SubjectState:
    """Return a state whose entries are found by `find`, as `entries_to_json` made them, where they have not changed."""
    entries: dict[str, Any] = {name: getattr(state, name).reading(_finder(name, find)) for name in _ENTRIES}
    return replace(state, **entries)


def written(state: SubjectState) -> SubjectState:
    """Return a state without its entries, which were written."""
    entries: dict[str, Any] = {name: Entries() for name in _ENTRIES}
    return replace(state, **entries)


def _finder(name: str, find: FindEntry) -> Callable[[str], Any]:
    shape, made = _ENTRIES[name]

    def found(key: str) -> object:
        place = f"{name}/{key}"
        value = find(place)
        return None if value is None else made(shape.read(value, place))

    return found


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {name: _plain(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return _members(value) if is_dataclass(value) and not isinstance(value, type) else value


def _members(value: DataclassInstance) -> dict[str, object]:
    own = {one.name: getattr(value, one.name) for one in fields(value)}
    return {name: entry if name == _PAYLOAD else _plain(entry) for name, entry in own.items()}


def _track(entry: dict[str, Any]) -> Track:
    given = tuple(OpinionDate(**opinion) for opinion in entry.pop("opinions"))
    return Track(opinions=given, **{name: tuple(times) for name, times in entry.items()})


def _application(entry: dict[str, Any]) -> Application:
    return Application(**{**entry, "decision_keys": tuple(entry["decision_keys"])})


def _payload(code: str) -> Shape[Any]:
    return RECORD_TYPES[code].shape


_MANY = 1_000_000
_TIME = Integer()
_TIMES = ListOf(_TIME, 0, _MANY)
_REF = Hex(32)  # also of a key
_LABEL = Nullable(Text(200))
_KEY = Text(120)
_TUPLES = ("identified", "informed", "noticed", "submitted", "bought_in", "succeeded", "succeeds")
_STATE = Fields(
    {
        "form": Integer(_FORM, _FORM),
        **dict.fromkeys(("identified", "informed", "noticed", "submitted", "bought_in", "succeeded"), _TIMES),
        "newest": Nullable(_REF),
        "last": Nullable(_REF),
        "levels": ListOf(
            Fields({"ref": _REF, "payload": Anything(), "ruleset": _LABEL, "confirmed": _TIMES}), 0, _MANY
        ),
        "ratings": ListOf(Fields({"ref": _REF, "payload": _payload("PRODUCT_RATE")}), 0, _MANY),
        "consents": MapOf(
            _REF,
            Fields(
                {
                    "purpose": Text(60),
                    "receivers": ListOf(Text(200)),
                    "given_at": _TIME,
                    "expires_at": _TIME,
                    "withdrawn_at": Nullable(_TIME),
                }
            ),
            0,
            _MANY,
        ),
        "succeeds": ListOf(Nullable(_REF)),
    }
)
_STEPS = dict.fromkeys(("warned", "insisted", "disclosed", "confirmed", "bought"), _TIMES)
_ENTRIES: Mapping[str, tuple[Shape[Any], Callable[[Any], Any]]] = {
    "submissions": (
        Fields({"ref": _REF, "at": _TIME, "payload": _payload("Q_SUBMIT")}),
        lambda entry: Submission(**entry),
    ),
    "results": (_payload("LEVEL_RESULT"), lambda entry: entry),
    "tracks": (Fields({"opinions": ListOf(Fields({"ref": _REF, "at": _TIME}), 0, _MANY), **_STEPS}), _track),
    "opinions": (
        Fields({"ref": _REF, "at": _TIME, "ruleset": _LABEL, "payload": _payload("MATCH_OPINION")}),
        lambda entry: OpinionGiven(**entry),
    ),
    "applications": (
        Fields(
            {
                "kind": Text(20),
                "product_id": Nullable(_KEY),
                "applied_at": Nullable(_TIME),
                "decided_at": Nullable(_TIME),
                "decision": Nullable(Text(20)),
                "signed_at": Nullable(_TIME),
                "decision_ref": Nullable(_REF),
                "decision_keys": ListOf(_REF),
            }
        ),
        _application,
    ),
    "bought": (_TIMES, tuple),
}
