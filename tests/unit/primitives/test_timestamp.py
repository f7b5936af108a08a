import pytest
from hypothesis import given
from hypothesis import strategies as st

from primitives.errors import InvalidInput
from primitives.timestamp import MAX_TIME_MS, format_time, format_utc, parse_time, parse_utc


def test_format_time_is_china_standard_time_with_milliseconds():
    assert format_time(1795223798123) == "2026-11-21T09:16:38.123+08:00"
    assert format_time(0) == "1970-01-01T08:00:00.000+08:00"


def test_format_utc_cuts_milliseconds():
    assert format_utc(1795223798999) == "2026-11-21T01:16:38Z"


@given(st.integers(0, MAX_TIME_MS))
def test_round_trip(ms):
    assert parse_time(format_time(ms), "t") == ms
    assert parse_utc(format_utc(ms), "t") == ms // 1000 * 1000


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("2026-11-21T09:16:38+08:00", "record-time"),
        ("2026-11-21T09:16:38.123Z", "record-time"),
        ("2026-11-21T09:16:38.1234+08:00", "record-time"),
        ("2026-11-21 09:16:38.123+08:00", "record-time"),
        ("2026-11-21T09:16:38.123+09:00", "record-time"),
        ("2026-11-21T09:16:38.123+08:00\n", "record-time"),
        ("２026-11-21T09:16:38.123+08:00", "record-time"),
        ("2026-02-30T09:16:38.123+08:00", "date-time"),
        ("2026-11-21T25:16:38.123+08:00", "date-time"),
        ("0000-11-21T00:16:38.123+08:00", "date-time"),
        ("1970-01-01T07:59:59.999+08:00", "time-range"),
        (1795223798123, "record-time"),
        (None, "record-time"),
    ],
)
def test_parse_time_refuses_every_other_spelling(text, rule):
    with pytest.raises(InvalidInput) as caught:
        parse_time(text, "occurred_at")
    assert (caught.value.field, caught.value.rule) == ("occurred_at", rule)
    assert rule != "record-time" or "offset +08:00" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2026-11-21T01:16:38Z", 1795223798000),
        ("2026-11-21T09:16:38+08:00", 1795223798000),
        ("2026-11-21T09:16:38.5+08:00", 1795223798500),
        ("2026-11-20T20:16:38.123456789-05:00", 1795223798123),
    ],
)
def test_parse_utc_reads_offsets_and_fractions(text, ms):
    assert parse_utc(text, "validFrom") == ms


@pytest.mark.parametrize("text", ["2026-11-21T01:16:38", "2026-11-21", "yesterday", "", 7, "2026-13-21T01:16:38Z"])
def test_parse_utc_refuses(text):
    with pytest.raises(InvalidInput):
        parse_utc(text, "validFrom")


@pytest.mark.parametrize("ms", [-1, MAX_TIME_MS + 1])
def test_a_time_that_has_no_text_is_refused(ms):
    with pytest.raises(InvalidInput):
        format_time(ms)
    with pytest.raises(InvalidInput):
        format_utc(ms)
