"""Times: integer milliseconds since the Unix epoch in code, ISO 8601 text in records and credentials.

Records hold China Standard Time with milliseconds (`2026-11-21T09:16:38.123+08:00`): one instant has one spelling.
Credentials hold XML Schema date-times, written by us in UTC seconds (`2026-11-21T01:16:38Z`), read with any offset.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

from primitives.errors import InvalidInput

MAX_TIME_MS = 253_402_214_399_999  # 9999-12-31T23:59:59.999+08:00, the last instant that the text form can hold

CLOCK_LEEWAY_MS = 30_000  # how far another's clock may be ahead of ours before what it dates is "not yet valid"

_CHINA = timezone(timedelta(hours=8))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UTC_EPOCH = _EPOCH.replace(tzinfo=None)  # where every time is UTC and is written without an offset
_MILLISECOND = timedelta(milliseconds=1)
_RECORD_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}\+08:00")
_DATE_TIME_STAMP = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-](?:0[0-9]|1[0-3]):[0-5][0-9])"
)


@lru_cache(maxsize=256)  # the records of one transaction state the same few times
def format_time(ms: int) -> str:
    """Return the record form of a time, such as `2026-11-21T09:16:38.123+08:00`."""
    return _moment(ms).astimezone(_CHINA).isoformat(timespec="milliseconds")


def parse_time(text: object, field: str) -> int:
    """Read the record form of a time into milliseconds; any other spelling is refused.

    Raises:
        InvalidInput: not this form, no such day or hour, or before 1970.
    """
    if not isinstance(text, str) or _RECORD_TIME.fullmatch(text) is None:
        form = "must have milliseconds and the offset +08:00, such as 2026-11-21T09:16:38.123+08:00"
        raise InvalidInput(field, "record-time", form)
    return _milliseconds(text, field)


def format_utc(ms: int) -> str:
    """Return the credential form of a time: UTC, seconds, `Z`. Milliseconds are cut off, not rounded."""
    _check_range(ms)
    return (_UTC_EPOCH + timedelta(seconds=ms // 1000)).isoformat() + "Z"


def parse_utc(text: object, field: str) -> int:
    """Read an XML Schema dateTimeStamp (any offset, optional fraction) into milliseconds.

    Raises:
        InvalidInput: no offset, not this form, no such day or hour, or before 1970.
    """
    if not isinstance(text, str) or _DATE_TIME_STAMP.fullmatch(text) is None:
        raise InvalidInput(field, "date-time", "must be an XML Schema date-time with an offset")
    return _milliseconds(text, field)


def _moment(ms: int) -> datetime:
    _check_range(ms)
    return _EPOCH + timedelta(milliseconds=ms)


def _check_range(ms: int) -> None:
    if not 0 <= ms <= MAX_TIME_MS:
        raise InvalidInput("time", "time-range", f"{ms} is not between 1970 and 9999")


@lru_cache(maxsize=1024)  # one fact's time is asked for three times on its way
def _milliseconds(text: str, field: str) -> int:
    try:
        ms = (
            datetime.fromisoformat(text) - _EPOCH
        ) // _MILLISECOND  # integer division: floats would lose a millisecond
    except (ValueError, OverflowError) as error:
        raise InvalidInput(field, "date-time", f"is no time of the calendar: {error}") from error
    if not 0 <= ms <= MAX_TIME_MS:
        raise InvalidInput(field, "time-range", "is not between 1970 and 9999")
    return ms
