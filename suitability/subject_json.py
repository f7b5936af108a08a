"""The state of a client as JSON, as it is kept with the client (suitability.subject)."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

from primitives.shapes import Fields, Hex, Integer, ListOf, MapOf, Nullable, Shape, Text
from suitability.records import RECORD_TYPES
from suitability.subject import Application, Consent, Level, OpinionGiven, Rating, SubjectState, Submission, Track

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_PAYLOAD = "payload"  # JSON as it came: a copy of it, which `dataclasses.asdict` makes, is half the time of an intake
_TIME = Integer()
_TIMES = ListOf(_TIME, 0, 1_000_000)


def state_to_json(state: SubjectState) -> dict[str, Any]:
    """Return the state as a JSON object; the payloads in it are those of the state, and nobody changes them."""
    return _members(state)


def state_from_json(document: object) -> SubjectState:
    """Read what `state_to_json` made.

    Raises:
        InvalidInput: a field is missing, unknown or of the wrong kind.
    """
    read = _STATE.read(document, "")
    return SubjectState(
        identified=tuple(read["identified"]),
        informed=tuple(read["informed"]),
        noticed=tuple(read["noticed"]),
        submissions=tuple(Submission(**entry) for entry in read["submissions"]),
        levels=tuple(Level(**{**entry, "confirmed": tuple(entry["confirmed"])}) for entry in read["levels"]),
        ratings=tuple(Rating(**entry) for entry in read["ratings"]),
        tracks={key: _track(entry) for key, entry in read["tracks"].items()},
        applications={key: _application(entry) for key, entry in read["applications"].items()},
        consents={
            key: Consent(**{**entry, "receivers": tuple(entry["receivers"])}) for key, entry in read["consents"].items()
        },
        succeeded=tuple(read.get("succeeded", ())),
        succeeds=tuple(read.get("succeeds", ())),
    )


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
    steps = {name: tuple(entry[name]) for name in ("warned", "insisted", "disclosed", "confirmed")}
    return Track(opinions=tuple(OpinionGiven(**opinion) for opinion in entry["opinions"]), **steps)


def _application(entry: dict[str, Any]) -> Application:
    return Application(**{**entry, "decision_keys": tuple(entry.get("decision_keys", ()))})


def _payload(code: str) -> Shape[Any]:
    return RECORD_TYPES[code].shape


_REF = Hex(32)  # also of a key
_LABEL = Nullable(Text(200))
_KEY = Text(120)
_MANY = 1_000_000
_STATE = Fields(
    {
        "identified": _TIMES,
        "informed": _TIMES,
        "noticed": _TIMES,
        "submissions": ListOf(Fields({"ref": _REF, "at": _TIME, "payload": _payload("Q_SUBMIT")}), 0, _MANY),
        "levels": ListOf(
            Fields({"ref": _REF, "payload": _payload("LEVEL_RESULT"), "ruleset": _LABEL, "confirmed": _TIMES}),
            0,
            _MANY,
        ),
        "ratings": ListOf(Fields({"ref": _REF, "payload": _payload("PRODUCT_RATE")}), 0, _MANY),
        "tracks": MapOf(
            _KEY,
            Fields(
                {
                    "opinions": ListOf(
                        Fields({"ref": _REF, "at": _TIME, "ruleset": _LABEL, "payload": _payload("MATCH_OPINION")}),
                        0,
                        _MANY,
                    ),
                    **dict.fromkeys(("warned", "insisted", "disclosed", "confirmed"), _TIMES),
                }
            ),
            0,
            _MANY,
        ),
        "applications": MapOf(
            _KEY,
            Fields(
                {
                    "kind": Text(20),
                    "product_id": Nullable(_KEY),
                    "applied_at": Nullable(_TIME),
                    "decided_at": Nullable(_TIME),
                    "decision": Nullable(Text(20)),
                    "signed_at": Nullable(_TIME),
                },
                {"decision_ref": Nullable(_REF), "decision_keys": ListOf(_REF)},
            ),
            0,
            _MANY,
        ),
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
    },
    {
        "succeeded": _TIMES,
        "succeeds": ListOf(Nullable(_REF)),
    },  # not in states that were stored before they were known
)
