"""Which outbox rows tell the chain of a consent: a key of any form is asked, and none of them ends the process."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node_adapter.workflows.consent.call import consent_of_key, outbox_key
from replay.wire.consent_call import CALLS

ID = "ab" * 32


@pytest.mark.parametrize("function", sorted(CALLS.values()))
def test_the_row_of_a_call_names_its_consent(function):
    assert consent_of_key(outbox_key(function, ID)) == ID


@pytest.mark.parametrize(
    "key",
    [
        "",
        "anchor",
        "anchor:7",
        "consent",
        "consent:x",
        f"consent:burn:{ID}",
        f"did:grant:{ID}",
        f"consent:grant:{ID}:x",
    ],
)
def test_a_row_of_another_kind_names_none(key):
    assert consent_of_key(key) is None


@given(st.text())
def test_no_key_is_too_odd_to_be_asked(key):
    consent_of_key(key)
