import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from did.credentials import status_list as sl
from did.credentials.model import read_credential
from primitives.encoding import encode_base64url
from primitives.errors import InvalidInput, VerificationFailed
from tests.properties import examples

ISSUER = "did:ethr:0x1:0x" + "aa" * 20
URL = sl.list_url(ISSUER, 1)


@examples(25)
@given(st.sets(st.integers(0, sl.LIST_BITS - 1), max_size=20), st.integers(0, sl.LIST_BITS - 1))
def test_set_get_encode_decode(indexes, probe):
    bits = sl.list_with(indexes)
    again = sl.decode_list(sl.encode_list(bits))
    assert again == bits
    assert sl.get_bit(again, probe) == (probe in indexes)
    assert all(sl.get_bit(again, index) for index in indexes)
    assert sum(byte.bit_count() for byte in bits) == len(indexes)


def test_bit_zero_is_the_highest_bit_of_the_first_byte():
    assert sl.list_with([0])[0] == 0x80
    assert sl.list_with([sl.LIST_BITS - 1])[-1] == 0x01


def test_w3c_example_of_an_empty_list_decodes():
    # Bitstring Status List v1.0, section 2.2, example of a status list credential
    encoded = "uH4sIAAAAAAAAA-3BMQEAAADCoPVPbQwfoAAAAAAAAAAAAAAAAAAAAIC3AYbSVKsAQAAA"
    assert sl.decode_list(encoded) == sl.list_with([])


def packed(data):
    return "u" + encode_base64url(gzip.compress(data, mtime=0))


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (None, "multibase"),
        ("", "multibase"),
        (sl.encode_list(sl.list_with([]))[1:], "multibase"),
        ("u" + "A" * 40_000, "multibase"),
        ("u!!!!", "base64"),
        ("uAAAA", "gzip"),
        (packed(b""), "list-bits"),
        (packed(bytes(sl.LIST_BYTES - 1)), "list-bits"),
        (packed(bytes(sl.LIST_BYTES + 1)), "list-bits"),
        ("u" + encode_base64url(gzip.compress(bytes(sl.LIST_BYTES), mtime=0) + b"tail"), "list-bits"),
        ("u" + encode_base64url(gzip.compress(bytes(sl.LIST_BYTES), mtime=0)[:-4]), "list-bits"),
    ],
)
def test_decode_is_strict(text, rule):
    with pytest.raises(InvalidInput) as caught:
        sl.decode_list(text)
    assert caught.value.rule == rule


def test_gzip_bomb_is_not_inflated():
    bomb = packed(bytes(20_000_000))
    assert len(bomb) < 32_768
    with pytest.raises(InvalidInput):
        sl.decode_list(bomb)


def published(bits, **changes):
    return {
        **sl.status_list_credential(
            number=1, issuer=ISSUER, bits=bits, valid_from=1_800_000_000_000, valid_until=1_800_000_000_001
        ),
        **changes,
    }


def test_entry_and_list_credential():
    entry = sl.status_entry(URL, 94567)
    assert entry["statusListIndex"] == "94567"  # text, never a number
    assert sl.entry_place(entry) == (URL, 94567, "revocation")
    assert read_credential(published(sl.list_with([]))).subjects[0]["type"] == "BitstringStatusList"
    assert not sl.is_set(entry, published(sl.list_with([])), ISSUER)
    assert sl.is_set(entry, published(sl.list_with([94567])), ISSUER)


@pytest.mark.parametrize(
    "change",
    [
        {"type": "StatusList2021Entry"},
        {"statusListIndex": 5},
        {"statusListIndex": "05"},
        {"statusListIndex": "-1"},
        {"statusListIndex": "131072"},
        {"statusListIndex": "٣"},
        {"statusListIndex": "9" * 400},
        {"statusPurpose": ""},
        {"statusListCredential": "nowhere"},
    ],
)
def test_ill_formed_entries(change):
    with pytest.raises(InvalidInput):
        sl.entry_place({**sl.status_entry(URL, 5), **change})


@pytest.mark.parametrize(
    "changes",
    [
        {"id": URL + "0"},
        {"issuer": "did:ethr:0x1:0x" + "bb" * 20},
        {"credentialSubject": {**published(sl.list_with([]))["credentialSubject"], "statusPurpose": "suspension"}},
    ],
)
def test_another_list_is_refused(changes):
    with pytest.raises(VerificationFailed) as caught:
        sl.is_set(sl.status_entry(URL, 5), published(sl.list_with([]), **changes), ISSUER)
    assert caught.value.check == "status-list"


def test_a_list_of_another_type():
    with pytest.raises(InvalidInput):
        sl.is_set(sl.status_entry(URL, 5), published(sl.list_with([]), credentialSubject={"type": "x"}), ISSUER)


@pytest.mark.parametrize("index", [-1, sl.LIST_BITS])
def test_index_out_of_the_list(index):
    with pytest.raises(InvalidInput):
        sl.list_with([index])
    with pytest.raises(InvalidInput):
        sl.status_entry(URL, index)


def test_bits_of_another_length():
    with pytest.raises(InvalidInput):
        sl.get_bit(b"\0", 0)


def test_a_list_is_named_by_its_issuers_did():
    assert f"{ISSUER}?serviceType=BonafidesNode&relativeRef=%2Fv1%2Fstatus-lists%2F1" == URL
    assert sl.list_number(URL, ISSUER) == 1
    assert sl.list_number(sl.list_url(ISSUER, 917), ISSUER) == 917


@pytest.mark.parametrize("host", ["http://127.0.0.1:8000", "https://a.example", "https://a.example/node"])
def test_the_urls_of_earlier_credentials_name_the_same_list_on_any_host(host):
    entry = sl.status_entry(f"{host}/v1/status-lists/1", 7)
    assert sl.is_set(entry, published(sl.list_with([7])), ISSUER)
    assert sl.list_number(f"{host}/v1/status-lists/12", ISSUER) == 12


@pytest.mark.parametrize(
    "url",
    [
        sl.list_url("did:ethr:0x1:0x" + "bb" * 20, 1),
        sl.list_url(ISSUER, 0),
        URL + "x",
        "https://a.example/v1/status-lists/0",
        "https://a.example/v1/status-lists/1?x",
        "https://a.example/status/1",
        "urn:list:1",
    ],
)
def test_urls_of_no_list_of_the_issuer(url):
    with pytest.raises(VerificationFailed) as caught:
        sl.list_number(url, ISSUER)
    assert caught.value.check == "status-list"
