"""An ERASE names records of its own history, of the one of format 1 before it, or of both."""

import pytest

from domain.erasure import ERASE, ERASES, ERASES_FORMER
from primitives.errors import InvalidInput
from suitability.records import check_payload

NAMED = [{"seq": 2, "fingerprint": "ab" * 32, "rule": "retention-20-years"}]


@pytest.mark.parametrize("payload", [{ERASES: NAMED}, {ERASES_FORMER: NAMED}, {ERASES: NAMED, ERASES_FORMER: NAMED}])
def test_it_names_records_of_either_history(payload):
    assert check_payload(ERASE, payload) == payload


@pytest.mark.parametrize("payload", [{}, {ERASES_FORMER: []}, {ERASES_FORMER: [{**NAMED[0], "rule": "at-will"}]}])
def test_it_names_some_and_by_a_rule(payload):
    with pytest.raises(InvalidInput):
        check_payload(ERASE, payload)
