"""HTTP-date (RFC 9110 section 5.6.7): three forms are read, one is written.

Text in any other form parses as None: a field whose date does not parse is ignored.

    IMF-fixdate  = Sun, 06 Nov 1994 08:49:37 GMT     ; the form that is written
    rfc850-date  = Sunday, 06-Nov-94 08:49:37 GMT    ; two-digit year
    asctime-date = Sun Nov  6 08:49:37 1994
"""

import re
from calendar import timegm
from datetime import UTC, datetime
from email.utils import formatdate
from functools import lru_cache
from typing import Final

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TIME: Final = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
_MONTH: Final = f"(?P<month>{'|'.join(_MONTHS)})"
_DAY_NAME: Final = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_DAY_NAME_LONG: Final = "(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)"

_FORMS: Final = (
    re.compile(rf"{_DAY_NAME}, (?P<day>[0-9]{{2}}) {_MONTH} (?P<year>[0-9]{{4}}) {_TIME} GMT"),
    re.compile(rf"{_DAY_NAME_LONG}, (?P<day>[0-9]{{2}})-{_MONTH}-(?P<year>[0-9]{{2}}) {_TIME} GMT"),
    re.compile(rf"{_DAY_NAME} {_MONTH} (?P<day>[0-9]{{2}}| [0-9]) {_TIME} (?P<year>[0-9]{{4}})"),
)

# "More than 50 years in the future" is read as the past (section 5.6.7).
_FUTURE_LIMIT_YEARS: Final = 50


def parse_http_date(text: str, *, now: float) -> int | None:
    """Seconds since the epoch, or None if the text is not an HTTP-date. `now` decides the century of two-digit years."""
    for form in _FORMS:
        match = form.fullmatch(text)
        if match is not None:
            return _timestamp(match, now)
    return None


def has_short_year(text: str) -> bool:
    """Whether the text may be a date with a two-digit year, so that what it means depends on `now`."""
    return _FORMS[1].fullmatch(text) is not None


def _timestamp(match: re.Match[str], now: float) -> int | None:
    year, day, hour, minute, second = (int(match[name]) for name in ("year", "day", "hour", "minute", "second"))
    month = _MONTHS.index(match["month"]) + 1
    if len(match["year"]) == 2:
        year = _full_year(year, now)
    try:
        midnight = datetime(year, month, day, tzinfo=UTC)
    except ValueError:
        return None
    # The grammar allows a leap second (60); it counts as the first second of the next minute.
    if hour > 23 or minute > 59 or second > 60:
        return None
    return timegm(midnight.timetuple()) + hour * 3600 + minute * 60 + second


def _full_year(two_digits: int, now: float) -> int:
    this_year = datetime.fromtimestamp(now, UTC).year
    year = this_year - this_year % 100 + two_digits
    return year - 100 if year - this_year > _FUTURE_LIMIT_YEARS else year


@lru_cache(maxsize=4096)
def format_http_date(timestamp: int) -> str:
    """IMF-fixdate of whole seconds since the epoch."""
    return formatdate(timestamp, usegmt=True)
