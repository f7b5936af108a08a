"""Records that a node does not show: an ERASE that the wallet holds says why, and its clock is checked."""

import pytest

from bonafides.wallet import held
from bonafides.wallet.hidden import hidden_records
from bonafides.wallet.promises import add_promise
from bonafides.wallet.receipts import add_receipt
from domain.erasure import CLOCKS
from primitives.errors import InvalidInput, Refused, VerificationFailed
from scripts.vectors.synthetic_consortium import PERIOD

RULE = "retention-20-years"
YEARS_20 = CLOCKS[RULE] // 1000 // PERIOD  # in blocks


def erased_after(house, blocks, **changes):
    """Record 2 is anchored, and record 3 erases it under an anchor so many blocks later."""
    house.record()
    house.anchor()
    house.broker.world.block += blocks - 12  # what the next anchor takes
    entry = {"seq": 2, "fingerprint": house.client.records[1].fingerprint.hex(), "rule": RULE} | changes
    house.record("ERASE", {"erases": [entry]})
    house.anchor()


def hidden(identities, identity, house, *, kept=(2, 3), promised=(2, 3)):
    with identities.changing():
        for seq in promised:
            add_promise(identities, house.promise(seq))
        for seq in kept:
            add_receipt(identities, house.receipt(seq))
    record_id = house.promise(2)["record_id"]
    entry = {"record_id": record_id, "seq": 2, "code": "record-erased", "detail": "it is erased"}
    [outcome] = hidden_records(identities, identity, [entry])
    return record_id, outcome


def test_an_erased_record_is_named_with_its_rule_and_clock(identities, identity, house):
    erased_after(house, YEARS_20)
    record_id, outcome = hidden(identities, identity, house)
    assert outcome == {
        "status": "erased",
        "did": identity.did,
        "record_id": record_id,
        "seq": 2,
        "rule": RULE,
        "by": house.promise(3)["record_id"],
        "checked": ["erasure"],
    }


def test_without_the_receipt_of_what_is_gone_the_clock_is_not_checked(identities, identity, house):
    erased_after(house, 100)
    assert hidden(identities, identity, house, kept=(3,))[1]["checked"] == []


def test_an_erasure_before_its_time_is_found(identities, identity, house):
    erased_after(house, YEARS_20 - 1)
    outcome = hidden(identities, identity, house)[1]
    assert isinstance(outcome, VerificationFailed)
    assert (outcome.check, "5000 ms before" in outcome.detail) == ("erasure", True)


def test_a_rule_without_a_clock_erases_nothing(identities, identity, house):
    erased_after(house, YEARS_20, rule="whenever")
    outcome = hidden(identities, identity, house)[1]
    assert (outcome.check, "no rule with a clock" in outcome.detail) == ("erasure", True)


def test_an_erase_of_another_record_is_found(identities, identity, house):
    erased_after(house, YEARS_20, fingerprint="ab" * 32)
    outcome = hidden(identities, identity, house)[1]
    assert isinstance(outcome, VerificationFailed)
    assert outcome.check == "subject-chain"


@pytest.mark.parametrize("given", [{"kept": (2,)}, {"kept": (3,), "promised": ()}])
def test_what_no_erase_that_is_held_names_is_not_shown(identities, identity, house, given):
    erased_after(house, YEARS_20)
    outcome = hidden(identities, identity, house, **given)[1]
    assert isinstance(outcome, Refused)
    assert (outcome.code, "it is erased" in outcome.detail) == ("receipt-not-shown", True)


@pytest.mark.parametrize("backwards", [False, True])
def test_a_later_erase_does_not_heal_one_that_came_too_early(identities, identity, house, monkeypatch, backwards):
    """A bundle of this history is refuted; in which order the wallet finds its receipts tells nothing."""
    erased_after(house, 100)
    house.broker.world.block += YEARS_20
    house.record(
        "ERASE", {"erases": [{"seq": 2, "fingerprint": house.client.records[1].fingerprint.hex(), "rule": RULE}]}
    )
    house.anchor()
    real = held.kept_receipts

    def ordered(wallet):
        return sorted(real(wallet), key=lambda one: one["receipt"]["promise"]["seq"], reverse=backwards)

    monkeypatch.setattr(held, "kept_receipts", ordered)
    outcome = hidden(identities, identity, house, kept=(2, 3, 4), promised=(2, 3, 4))[1]
    assert isinstance(outcome, VerificationFailed)
    assert outcome.check == "erasure"


def test_a_malformed_erase_does_not_end_the_look_at_what_is_not_shown(identities, identity, house):
    house.record()
    house.record("ERASE", {"erases": [{"seq": 2}]})
    house.anchor()
    with identities.changing():
        for seq in (2, 3):
            add_promise(identities, house.promise(seq))
            add_receipt(identities, house.receipt(seq))
    entry = {"record_id": house.promise(2)["record_id"], "seq": 2, "code": "record-erased", "detail": "it is erased"}
    malformed, not_shown = hidden_records(identities, identity, [entry])
    assert isinstance(malformed, InvalidInput)
    assert (isinstance(not_shown, Refused), list(hidden_records(identities, identity, []))) == (True, [])
