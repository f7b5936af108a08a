import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from primitives.digest import tagged_hmac, tagged_sha256

tags = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)


def test_bytes_written_out():
    prefix = b"\x03a/1"
    expected = hashlib.sha256(prefix + (2).to_bytes(8) + b"xy" + (0).to_bytes(8)).digest()
    assert tagged_sha256("a/1", b"xy", b"") == expected
    assert tagged_hmac(b"key", "a/1", b"xy") == hmac.new(b"key", prefix + b"xy", hashlib.sha256).digest()
    assert tagged_hmac(b"key", "a/1") == hmac.new(b"key", prefix, hashlib.sha256).digest()


@given(st.lists(st.binary(max_size=6), max_size=4), st.lists(st.binary(max_size=6), max_size=4))
def test_parts_do_not_run_together(first, second):
    assert (tagged_sha256("t/1", *first) == tagged_sha256("t/1", *second)) == (first == second)


@given(tags, tags, st.binary(max_size=20))
def test_tags_separate(first, second, data):
    assert (tagged_sha256(first, data) == tagged_sha256(second, data)) == (first == second)
    assert (tagged_hmac(b"k", first, data) == tagged_hmac(b"k", second, data)) == (first == second)


def test_tag_and_data_do_not_run_together():
    assert tagged_hmac(b"k", "ab", b"c") != tagged_hmac(b"k", "a", b"bc")


@pytest.mark.parametrize("tag", ["é", "x" * 256])
def test_a_tag_is_short_ascii(tag):
    with pytest.raises((UnicodeEncodeError, OverflowError)):
        tagged_sha256(tag)
