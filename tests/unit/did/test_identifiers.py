import pytest
from hypothesis import given
from hypothesis import strategies as st

from did.identifiers import Did, ethr_did, member_did, parse_did
from primitives.errors import InvalidInput

ADDRESS = "0x" + "ab" * 20


@given(st.integers(1, 2**64 - 1), st.binary(min_size=20, max_size=20))
def test_round_trip(chain_id, address):
    did = ethr_did(chain_id, "0x" + address.hex())
    assert parse_did(did.text) == did


def test_text_form():
    assert member_did(0x4F24, ADDRESS) == f"did:ethr:0x4f24:{ADDRESS}"
    assert str(Did(1, ADDRESS)) == f"did:ethr:0x1:{ADDRESS}"


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        f"did:ethr:{ADDRESS}",
        f"did:ethr:0x01:{ADDRESS}",
        f"did:ethr:0x0:{ADDRESS}",
        f"did:ethr:0xA:{ADDRESS}",
        f"did:ethr:mainnet:{ADDRESS}",
        f"did:ethr:0x1:0x{'AB' * 20}",
        f"did:ethr:0x1:0x{'ab' * 33}",
        f"did:web:0x1:{ADDRESS}",
        f"did:ethr:0x1:{ADDRESS} ",
    ],
)
def test_other_spellings_are_refused(text):
    with pytest.raises(InvalidInput) as caught:
        parse_did(text, "broker")
    assert caught.value.field == "broker"


@pytest.mark.parametrize("chain_id", [0, -1, 2**64])
def test_chain_id_range(chain_id):
    with pytest.raises(InvalidInput):
        ethr_did(chain_id, ADDRESS)
