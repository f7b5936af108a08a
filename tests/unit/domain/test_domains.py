"""Several domains asked as one: no two may be found by one name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.domains import Domains
from domain.finding import Code, Finding
from domain.house import HouseRules
from domain.record_type import RecordType
from domain.words import Words
from primitives.errors import InvalidInput
from primitives.shapes import Fields
from replay.installed import INSTALLED
from suitability.domain import SUITABILITY
from tests.world.lost_property import LOST_PROPERTY, LostProperty

OTHER = {"name": "other", "types": {}, "codes": {}, "stages": {}, "claims": (), "ruleset_format": "other.ruleset/1"}
SHARED = {
    "name": "lost-property",
    "types": LOST_PROPERTY.types,
    "codes": LOST_PROPERTY.codes,
    "stages": {"desk": Words("另一处", "Another desk")},
    "claims": LOST_PROPERTY.claims,
    "ruleset_format": LOST_PROPERTY.ruleset_format,
}


def other(**changed):
    return type("Other", (LostProperty,), {**OTHER, **changed})()


@pytest.mark.parametrize("what", SHARED)
def test_two_domains_that_share_a_name_are_refused(what):
    assert [domain.name for domain in Domains(SUITABILITY, LOST_PROPERTY, other())][2] == "other"
    with pytest.raises(ValueError, match="is offered twice"):
        Domains(SUITABILITY, LOST_PROPERTY, other(**{what: SHARED[what]}))


RATING = {"RATE": RecordType("RATE", Words("评", "Rated"), "x", {}, stage="desk")}
HOUSE = HouseRules(frozenset({"RATE"}), "rating", Finding("NOT_SHOWN", "r", "d"), Finding("NOT_SHOWN", "r", "d"))
CODE = {"NOT_SHOWN": Code(Words("未", "not shown"), "it is not shown", proves="SOMETHING")}
NOT_WHOLE = {
    "RATE is no house record": {"types": RATING, "house_rules": HOUSE},
    "RATE is no counted type": {"counted": frozenset({"RATE"})},
    "RATE is no computed type": {"computes": {"RATE": Fields({})}},
    "SOMETHING is no claim": {"codes": CODE},
    "NOT_SHOWN is no code": {"house_rules": replace(HOUSE, types=frozenset())},
    "desk is no stage": {"types": RATING},
}


@pytest.mark.parametrize("said", NOT_WHOLE)
def test_a_domain_that_names_what_it_does_not_have_is_refused(said):
    with pytest.raises(ValueError, match=f"other: {said} of it"):
        Domains(SUITABILITY, other(**NOT_WHOLE[said]))


@pytest.mark.parametrize(
    "stated", [None, True, 7, "", "lost-property.ruleset/2", [], ["lost-property.ruleset/1"], {"a": {}}]
)
def test_a_format_that_no_domain_has_is_a_malformed_rule_set(stated):
    for document in ({"format": stated}, {}, stated):
        with pytest.raises(InvalidInput):
            Domains(SUITABILITY, LOST_PROPERTY).read_ruleset(document)
        with pytest.raises(InvalidInput):
            INSTALLED.read_ruleset(document)
