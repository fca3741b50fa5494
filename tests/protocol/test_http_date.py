"""HTTP-date: three forms read, one written (RFC 9110 section 5.6.7)."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol.http_date import format_http_date, has_short_year, parse_http_date

NOW = datetime(2026, 11, 21, tzinfo=UTC).timestamp()
EXAMPLE = int(datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC).timestamp())

READ = {
    "IMF-fixdate": ("Sun, 06 Nov 1994 08:49:37 GMT", EXAMPLE),
    "rfc850": ("Sunday, 06-Nov-94 08:49:37 GMT", EXAMPLE),
    "asctime": ("Sun Nov  6 08:49:37 1994", EXAMPLE),
    "asctime, two digits": ("Wed Nov 16 08:49:37 1994", EXAMPLE + 10 * 86400),
    "rfc850, 50 years ahead": ("Saturday, 21-Nov-76 00:00:00 GMT", int(datetime(2076, 11, 21, tzinfo=UTC).timestamp())),
    "rfc850, 51 years ahead": ("Sunday, 21-Nov-77 00:00:00 GMT", int(datetime(1977, 11, 21, tzinfo=UTC).timestamp())),
    "leap second": ("Sat, 31 Dec 2016 23:59:60 GMT", int(datetime(2017, 1, 1, tzinfo=UTC).timestamp())),
    "before the epoch": ("Thu, 01 Jan 1903 00:00:00 GMT", int(datetime(1903, 1, 1, tzinfo=UTC).timestamp())),
}


@pytest.mark.parametrize(("text", "seconds"), READ.values(), ids=READ)
def test_each_form_is_read(text: str, seconds: int) -> None:
    assert parse_http_date(text, now=NOW) == seconds


@given(st.sampled_from([text for text, _ in READ.values()]) | st.text())
def test_only_a_date_with_a_short_year_depends_on_the_time(text: str) -> None:
    meanings = {parse_http_date(text, now=now) for now in (NOW, NOW - 36525 * 86400)}
    assert len(meanings) == 1 + has_short_year(text)


NO_DATES = [
    "", "now", "0", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08:49:37 +0000",
    "Sun, 6 Nov 1994 08:49:37 GMT", "sun, 06 nov 1994 08:49:37 gmt", "Sun, 06 Nov 94 08:49:37 GMT",
    "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
    "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 06 Nov 0000 08:49:37 GMT",
    "1994-11-06T08:49:37Z", " Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT, x",
    "Sun, ٠٦ Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-1994 08:49:37 GMT", "Sun Nov 06 08:49:37 94",
]  # fmt: skip


@pytest.mark.parametrize("text", NO_DATES)
def test_any_other_text_is_not_a_cursor(text: str) -> None:
    assert parse_http_date(text, now=NOW) is None


@given(st.integers(0, 253402300799))
def test_a_written_date_is_read_back(timestamp: int) -> None:
    assert parse_http_date(format_http_date(timestamp), now=NOW) == timestamp


@given(st.text())
def test_no_text_raises(text: str) -> None:
    parse_http_date(text, now=NOW)
