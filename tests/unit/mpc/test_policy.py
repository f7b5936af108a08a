from dataclasses import replace

import pytest

from mpc.errors import PolicyRefused
from mpc.policy import (
    ConsentStanding,
    require_consent,
    require_local,
    require_open,
    require_owner,
    require_release,
)
from tests.unit.mpc.masked_sum_kit import MEMBERS, NOW, make_spec

CONSENT = ConsentStanding(
    consent_id="00" * 32,
    purpose="MARKET_RISK",
    receivers=frozenset(MEMBERS[1:]),
    given_at=NOW - 1000,
    expires_at=NOW + 1000,
    withdrawn_here=False,
    granted_on_chain=True,
    withdrawn_on_chain=False,
)


def test_a_consent_that_covers_the_task_passes():
    require_consent(make_spec(), MEMBERS[0], CONSENT, NOW)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"purpose": "AML_JOINT"}, "consent-purpose"),
        ({"receivers": frozenset(MEMBERS[1:2])}, "consent-receivers"),
        ({"receivers": frozenset()}, "consent-receivers"),
        ({"withdrawn_here": True}, "consent-withdrawn"),
        ({"withdrawn_on_chain": True}, "consent-withdrawn"),
        ({"expires_at": NOW}, "consent-expired"),
        ({"given_at": NOW + 1}, "consent-expired"),
        ({"granted_on_chain": False}, "consent-not-on-chain"),
    ],
)
def test_a_consent_that_does_not_cover_the_task_is_refused_by_code(change, code):
    with pytest.raises(PolicyRefused) as caught:
        require_consent(make_spec(), MEMBERS[0], replace(CONSENT, **change), NOW)
    assert caught.value.code == code


def test_no_consent_is_a_refusal():
    with pytest.raises(PolicyRefused) as caught:
        require_consent(make_spec(), MEMBERS[0], None, NOW)
    assert caught.value.code == "no-consent"


def test_fewer_than_ten_clients_are_not_contributed():
    require_local(make_spec(), 10)
    with pytest.raises(PolicyRefused) as caught:
        require_local(make_spec(), 9)
    assert caught.value.code == "too-few-clients"


def test_a_sum_of_two_contributors_is_not_released():
    with pytest.raises(PolicyRefused) as caught:
        require_release(make_spec(), MEMBERS[:2], 100)
    assert caught.value.code == "too-few-contributors"


def test_one_member_named_twice_is_one_contributor():
    with pytest.raises(PolicyRefused):
        require_release(make_spec(), (*MEMBERS[:2], MEMBERS[1]), 100)


def test_a_sum_of_fewer_clients_than_owed_is_not_released():
    require_release(make_spec(), MEMBERS, 30)
    with pytest.raises(PolicyRefused) as caught:
        require_release(make_spec(), MEMBERS, 29)
    assert caught.value.code == "too-few-clients"


def test_deadline_and_ownership():
    spec = make_spec()
    require_open(spec, spec.deadline_ms - 1)
    with pytest.raises(PolicyRefused, match="deadline"):
        require_open(spec, spec.deadline_ms)
    require_owner(spec, MEMBERS[2])
    with pytest.raises(PolicyRefused, match="owns no data set"):
        require_owner(spec, "0x" + "00" * 20)
