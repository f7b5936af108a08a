"""The form of a report that goes to the client: no names of the broker's staff (docs/spec/report.md, section 6).

Nothing about the client is left out, no finding, no record and no proof: whom the firm lets answer for a record is a
person, too, and who verifies needs the signature and not the name. What is left out is named in its place; it is sealed
in the record by a salted digest of its own, so that a court that is shown it can tell that it is the one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from domain.domains import Domains
from domain.issue import CLIENT, FULL
from domain.whole import LISTED
from evidence.documents.staff_signature import SIGNATURE

# Roles under which nobody of the staff acts in person.
_NOT_PERSONS = ("client", "engine", "system", "broker-system", "node", "issuer")
SOMEBODY, SOME_NAMES = "somebody of the staff, not named here", "not shown here: it names persons of the staff"
# Where a note of a verification names a person of the staff (`evidence.verify.staff`), to the last such words of it: a
# name may hold any.
_NAMED = tuple(
    re.compile(before + "(.+)" + after, re.DOTALL)
    for before, after in (
        (r"(?<=, before the key [0-9a-f]{16} of )", r"(?= was enrolled: )"),
        (r"(?<=: the key of )", r"(?= expired \d{4}-)"),
        (r"(?<=: )", r"(?= signed; [a-z_]+ is not shown, )"),
    )
)


def in_form(content: Mapping[str, Any], form: str, domains: Domains) -> Mapping[str, Any]:
    """Return a report's content in a form: the whole of it, or what the client gets."""
    return content if form == FULL else client_form(content, domains)


def client_form(content: Mapping[str, Any], domains: Domains) -> dict[str, Any]:
    """Return the content that the client gets; `form` says so, and each entry names what it leaves out."""
    names = domains.vocabulary.persons
    return {
        **content,
        "form": CLIENT,
        "cover": {**content["cover"], "requested_by": []},
        "stages": [{**stage, "entries": _entries(stage["entries"], names)} for stage in content["stages"]],
        **{part: _entries(content[part], names) for part in LISTED},
        "second_persons": [
            {**item, "persons": [{**person, "name": None} for person in item["persons"]]}
            for item in content["second_persons"]
        ],
        "notes": [_without_name(note) for note in content["notes"]],
        "checks": [_check(item) for item in content["checks"]],
        "re_execution": [
            {
                **item,
                "recorded": [pair for pair in item["recorded"] if pair[0] not in names],
                "computed": [pair for pair in item["computed"] if pair[0] not in names],
            }
            for item in content["re_execution"]
        ],
    }


def _without_name(note: str) -> str:
    for named in _NAMED:
        note = named.sub(SOMEBODY, note)
    return note


def _check(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return a check; why one of the staff's signatures fails is a sentence about a person."""
    tells = item["name"] == SIGNATURE and not item["ok"]
    return {**item, "detail": SOME_NAMES} if tells else dict(item)


def _entries(entries: Sequence[Mapping[str, Any]], names: frozenset[str]) -> list[dict[str, Any]]:
    return [
        {
            **entry,
            "actor": entry["actor"] if entry["role"] in _NOT_PERSONS else None,
            "shown": [pair for pair in entry["shown"] if pair[0] not in names],
            "withheld": [name for name, _ in entry["shown"] if name in names],
        }
        for entry in entries
    ]
