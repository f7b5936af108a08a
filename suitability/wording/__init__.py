"""What a report calls the fields, codes and rules of this domain.

The words that several record types share stand here. A module of `records` or `rules` may bring those of its own
beside what they are about: `FIELDS`, `VALUES`, `DUTIES`, `SENTENCES` and `CODED`, in the form that they have here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.vocabulary import Duty, Vocabulary
from domain.words import Words
from primitives.registry import by_key, modules_of
from suitability import records, rules
from suitability.wording.duties import DUTIES
from suitability.wording.fields import FIELDS, PERSONS, SEEN
from suitability.wording.sentences import SENTENCES
from suitability.wording.values import CODED, VALUES

_MODULES = [vars(module) for module in (*modules_of(records), *modules_of(rules))]


def _with_own(shared: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the shared words with those of the modules; ValueError where something is named twice."""
    found = (item for part in (shared, *(module.get(name, {}) for module in _MODULES)) for item in part.items())
    return dict(by_key(found, lambda item: item[0]).values())


_FIELDS: Mapping[str, Words] = _with_own(FIELDS, "FIELDS")
_VALUES: Mapping[str, Words] = _with_own(VALUES, "VALUES")
_DUTIES: Mapping[str, Duty] = _with_own(DUTIES, "DUTIES")
_SENTENCES = (*SENTENCES, *(words for module in _MODULES for words in module.get("SENTENCES", ())))
_CODED = CODED.union(*(module.get("CODED", ()) for module in _MODULES))

VOCABULARY = Vocabulary(_FIELDS, _VALUES, _CODED, _DUTIES, _SENTENCES, SEEN, PERSONS)
