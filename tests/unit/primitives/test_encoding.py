import pytest
from hypothesis import given
from hypothesis import strategies as st

from primitives import encoding
from primitives.errors import InvalidInput

CODECS = {
    "hex": (bytes.hex, encoding.decode_hex),
    "base64": (encoding.encode_base64, encoding.decode_base64),
    "base64url": (encoding.encode_base64url, encoding.decode_base64url),
    "base58btc": (encoding.encode_base58btc, encoding.decode_base58btc),
}


@pytest.mark.parametrize("name", CODECS)
@given(data=st.binary(max_size=90))
def test_round_trip(name, data):
    encode, decode = CODECS[name]
    assert decode(encode(data), "x") == data
    assert decode(encode(data), "x", len(data)) == data
    with pytest.raises(InvalidInput) as caught:
        decode(encode(data), "x", len(data) + 1)
    assert caught.value.rule == "length"


@pytest.mark.parametrize("name", CODECS)
@given(text=st.text(max_size=12))
def test_whatever_decodes_has_one_spelling(name, text):
    encode, decode = CODECS[name]
    try:
        data = decode(text, "x")
    except InvalidInput:
        return
    assert encode(data) == text


RFC_4648 = [("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="), ("", "")]


@pytest.mark.parametrize(("plain", "text"), RFC_4648)
def test_rfc_4648(plain, text):
    assert encoding.encode_base64(plain.encode()) == text
    assert encoding.encode_base64url(plain.encode()) == text.rstrip("=")
    assert encoding.decode_base64(text, "x") == plain.encode()


def test_base64url_alphabet():
    assert encoding.encode_base64url(b"\xfb\xff") == "-_8"
    assert encoding.encode_base64(b"\xfb\xff") == "+/8="


BASE58 = [  # draft-msporny-base58, section 5
    (b"Hello World!", "z2NEpo7TZRRrLZSi2U"),
    (b"The quick brown fox jumps over the lazy dog.", "zUSm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z"),
    (bytes.fromhex("0000287fb4cd"), "z11233QC4"),
    (b"", "z"),
]


@pytest.mark.parametrize(("data", "text"), BASE58)
def test_base58_vectors(data, text):
    assert encoding.encode_base58btc(data) == text
    assert encoding.decode_base58btc(text, "x") == data


BAD = {
    "hex": ["A0", "0", "0x00", "zz", " 00", "00\n", None, 5, b"00", "００"],
    "base64": ["Zg", "Zg=", "Zh==", "Z g=", "Zg==\n", "Zg==Zg==", "-_8=", None, b"Zg==", "é"],
    "base64url": ["Zg==", "Zh", "+/8", "Z", "Zg\n", None, 5, "é"],
    "base58btc": ["", "2NEpo7TZRRrLZSi2U", "z0", "zO", "zI", "zl", "z ", None, "z" + "1" * 256, "m" + "1"],
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in BAD.items() for text in texts])
def test_everything_else_is_refused(name, text):
    with pytest.raises(InvalidInput) as caught:
        CODECS[name][1](text, "the.field")
    assert caught.value.field == "the.field"
