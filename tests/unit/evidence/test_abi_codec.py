"""The arguments of events, against the library that the node itself decodes them with."""

import pytest
from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from hypothesis import given
from hypothesis import strategies as st

from evidence.chain.abi_codec import AbiError, decode_arguments, encode_arguments
from evidence.chain.events import FORMS

_VALUES = {
    "address": st.binary(min_size=20, max_size=20).map(lambda value: "0x" + value.hex()),
    "bytes32": st.binary(min_size=32, max_size=32),
    "bytes": st.binary(max_size=100),
    "uint8": st.integers(0, 2**8 - 1),
    "uint16": st.integers(0, 2**16 - 1),
    "uint64": st.integers(0, 2**64 - 1),
    "uint256": st.integers(0, 2**256 - 1),
}
_DECLARED = sorted(
    {
        tuple(
            "bytes" if type_ == "string" else type_ for _, type_, is_indexed in kind.arguments if is_indexed == indexed
        )
        for forms in FORMS.values()
        for kind in forms
        for indexed in (True, False)
    }
)
_TYPES = st.sampled_from(_DECLARED) | st.lists(st.sampled_from(sorted(_VALUES)), min_size=1, max_size=5).map(tuple)
_WORDS = st.sampled_from([0, 1, 31, 32, 33, 64, 96, 128, 160, 2**64, 2**255, 2**256 - 1]).map(lambda n: n.to_bytes(32))


@st.composite
def encoded(draw):
    """Types, and the encoding of values of theirs."""
    types = draw(_TYPES)
    return types, encode(types, [draw(_VALUES[type_]) for type_ in types])


@st.composite
def altered(draw):
    """The same with a word replaced, a byte altered, or cut or made longer."""
    types, data = draw(encoded())
    change = draw(st.sampled_from(["word", "byte", "cut", "longer", "anything"]))
    at = draw(st.integers(0, max(0, len(data) - 1)))
    if change == "word":
        start = at - at % 32
        return types, data[:start] + draw(_WORDS) + data[start + 32 :]
    if change == "byte":
        return types, data[:at] + draw(st.binary(min_size=1, max_size=1)) + data[at + 1 :]
    return types, {"cut": data[:at], "longer": data + draw(st.binary(max_size=40))}.get(change) or draw(
        st.binary(max_size=200)
    )


def test_every_type_of_an_event_is_tried():
    assert {type_ for types in _DECLARED for type_ in types} <= set(_VALUES)


@given(encoded())
def test_what_was_encoded_is_decoded_as_by_the_library(drawn):
    types, data = drawn
    assert decode_arguments(types, data) == decode(types, data)


@given(altered())
def test_what_the_library_refuses_is_refused_and_nothing_else(drawn):
    types, data = drawn
    try:
        expected = decode(types, data)
    except (DecodingError, OverflowError):
        with pytest.raises(AbiError):
            decode_arguments(types, data)
    else:
        assert decode_arguments(types, data) == expected


_ARGUMENTS = st.sampled_from(sorted(_VALUES)).flatmap(lambda type_: st.tuples(st.just(type_), _VALUES[type_]))
_LISTS = st.tuples(st.just("bytes32[]"), st.lists(_VALUES["bytes32"], max_size=4))


@given(st.lists(_ARGUMENTS | _LISTS, max_size=8))
def test_what_is_encoded_is_what_the_library_encodes(arguments):
    types, values = [kind for kind, _ in arguments], [value for _, value in arguments]
    assert encode_arguments(types, values) == encode(types, values)


@pytest.mark.parametrize(
    ("kind", "value"), [("bytes32", bytes(31)), ("bytes32", 1), ("address", b"\1" * 20), ("uint256", "1"), ("bytes", 1)]
)
def test_a_value_of_another_type_is_not_encoded(kind, value):
    with pytest.raises(AbiError):
        encode_arguments([kind], [value])
