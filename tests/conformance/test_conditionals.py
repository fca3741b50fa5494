"""Preconditions: RFC 9110 section 13, in the order of section 13.2.2.

`$etag` and `$date` are the object's own validators, `$before` and `$after` are one second off.
"""

from itertools import product
from typing import Final

import pytest

from tests.conformance.ask import Ask
from tests.conformance.media import Media
from tests.conformance.table import Row


def given(id: str, status: int, **fields: str) -> Row:
    """A GET with these fields; `if_match="x"` is If-Match: x."""
    return Row(id, tuple((name.replace("_", "-").title(), value) for name, value in fields.items()), status)


# fmt: off
IF_MATCH: Final = (
    given("same-tag", 200, if_match="$etag"),
    given("other-tag", 412, if_match='"other"'),
    given("star", 200, if_match="*"),
    given("quoted-star-is-a-tag", 412, if_match='"*"'),
    given("weak-form-of-the-same-tag", 412, if_match="W/$etag"),
    given("same-tag-in-a-list", 200, if_match='"a", $etag, "b"'),
    given("same-tag-in-a-list-without-spaces", 200, if_match='"a",$etag,"b"'),
    given("same-tag-among-weak-ones", 200, if_match='W/"a", W/$etag, $etag'),
    given("only-its-weak-form-in-a-list", 412, if_match='"a", W/$etag'),
    given("list-without-it", 412, if_match='"a", "b"'),
    given("list-with-empty-elements", 200, if_match=', ,"a",\t$etag,,'),
    given("tag-with-a-comma-inside", 200, if_match='"a,b", $etag'),
    given("the-tag-inside-another-tag", 412, if_match='"x$opaque"'),
    given("tag-without-quotes", 412, if_match="$opaque"),
    given("sixty-four-others", 412, if_match=", ".join(f'"{n}"' for n in range(64))),
    given("a-list-of-more-than-64-is-ignored", 200, if_match=", ".join(f'"{n}"' for n in range(65))),
    given("a-list-of-more-than-4-KiB-is-ignored", 200, if_match=f'"{"x" * 4096}"'),
    given("empty-tag", 412, if_match='""'),
)

IF_NONE_MATCH: Final = (
    given("same-tag", 304, if_none_match="$etag"),
    given("other-tag", 200, if_none_match='"other"'),
    given("star", 304, if_none_match="*"),
    given("quoted-star-is-a-tag", 200, if_none_match='"*"'),
    given("weak-form-of-the-same-tag", 304, if_none_match="W/$etag"),
    given("lower-case-w-is-not-weak", 200, if_none_match="w/$etag"),
    given("same-tag-in-a-list", 304, if_none_match='"a", $etag, "b"'),
    given("weak-form-in-a-list", 304, if_none_match='"a",W/$etag'),
    given("list-without-it", 200, if_none_match='"a", W/"b"'),
    given("list-with-empty-elements", 304, if_none_match=',,"a" ,\t, $etag'),
    given("tag-with-a-comma-inside", 304, if_none_match='"a,b", $etag'),
    given("the-tag-inside-a-tag-with-commas", 200, if_none_match='"a,$opaque,b"'),
    given("tag-without-quotes", 200, if_none_match="$opaque"),
    given("the-last-of-sixty-four", 304, if_none_match=", ".join([*(f'"{n}"' for n in range(63)), "$etag"])),
    given("a-list-of-more-than-64-is-ignored", 200, if_none_match=", ".join([*(f'"{n}"' for n in range(64)), "$etag"])),
    given("a-list-of-more-than-4-KiB-is-ignored", 200, if_none_match=f'"{"x" * 4096}", $etag'),
    given("empty-tag", 200, if_none_match='""'),
)

IF_MODIFIED_SINCE: Final = (
    given("the-same-second", 304, if_modified_since="$date"),
    given("a-second-before", 200, if_modified_since="$before"),
    given("a-second-after", 304, if_modified_since="$after"),
    given("the-epoch", 200, if_modified_since="Thu, 01 Jan 1970 00:00:00 GMT"),
    given("the-far-future", 304, if_modified_since="Fri, 31 Dec 9999 23:59:59 GMT"),
    given("rfc-850-form", 304, if_modified_since="$rfc850"),
    given("rfc-850-form-a-second-before", 200, if_modified_since="$rfc850_before"),
    given("rfc-850-two-digit-year-94", 200, if_modified_since="Sunday, 06-Nov-94 08:49:37 GMT"),
    given("rfc-850-49-years-ahead", 304, if_modified_since="$rfc850_in_49_years"),
    given("rfc-850-51-years-ahead-is-long-ago", 200, if_modified_since="$rfc850_in_51_years"),
    given("asctime-form", 304, if_modified_since="$asctime"),
    given("asctime-form-a-second-before", 200, if_modified_since="$asctime_before"),
    given("asctime-two-digit-day", 200, if_modified_since="Mon Jan 15 08:49:37 1996"),
    given("leap-second", 200, if_modified_since="Sat, 31 Dec 2016 23:59:60 GMT"),
)

UNPARSABLE: Final = (
    "", "0", "yesterday", "1709618828", "2999-03-05T06:07:08Z", "Tue, 05 Mar 2999", "06:07:08 GMT",
    "Thu, 31 Feb 2999 06:07:08 GMT", "Tue, 05 Mar 2999 25:07:08 GMT", "Tue, 05 Mar 2999 06:61:08 GMT",
    "Tue, 05 Foo 2999 06:07:08 GMT", "Tue, 00 Mar 2999 06:07:08 GMT", "Tue, 05 Mar 2999 06:07:08",
    "Tue, 05 Mar 2999 06:07:08 PST", "Tue, 05 Mar 2999 06:07:08 +0000", "Tue, 05 Mar 99999999999 06:07:08 GMT",
    "Tue, 05 Mar 0000 06:07:08 GMT", "Tue, 05 Mar 2999 06:07:08 GMT, Tue, 05 Mar 2999 06:07:08 GMT", '"2999"',
)

IF_UNMODIFIED_SINCE: Final = (
    given("the-same-second", 200, if_unmodified_since="$date"),
    given("a-second-before", 412, if_unmodified_since="$before"),
    given("a-second-after", 200, if_unmodified_since="$after"),
    given("the-epoch", 412, if_unmodified_since="Thu, 01 Jan 1970 00:00:00 GMT"),
    given("rfc-850-form", 200, if_unmodified_since="$rfc850"),
    given("rfc-850-form-a-second-before", 412, if_unmodified_since="$rfc850_before"),
    given("rfc-850-49-years-ahead", 200, if_unmodified_since="$rfc850_in_49_years"),
    given("rfc-850-51-years-ahead-is-long-ago", 412, if_unmodified_since="$rfc850_in_51_years"),
    given("asctime-form", 200, if_unmodified_since="$asctime"),
    given("asctime-form-a-second-before", 412, if_unmodified_since="$asctime_before"),
)

# The two halves of the decision; the product of both is every combination.
PASSES, FAILS = True, False
FIRST_HALF: Final = (
    ("absent", "absent", PASSES), ("absent", "$date", PASSES), ("absent", "$before", FAILS), ("absent", "rubbish", PASSES),
    ("$etag", "absent", PASSES), ("$etag", "$date", PASSES), ("$etag", "$before", PASSES), ("$etag", "rubbish", PASSES),
    ("*", "absent", PASSES), ("*", "$date", PASSES), ("*", "$before", PASSES), ("*", "rubbish", PASSES),
    ('"no"', "absent", FAILS), ('"no"', "$date", FAILS), ('"no"', "$before", FAILS), ('"no"', "rubbish", FAILS),
)
SECOND_HALF: Final = (
    ("absent", "absent", PASSES), ("absent", "$date", FAILS), ("absent", "$before", PASSES), ("absent", "rubbish", PASSES),
    ("$etag", "absent", FAILS), ("$etag", "$date", FAILS), ("$etag", "$before", FAILS), ("$etag", "rubbish", FAILS),
    ("*", "absent", FAILS), ("*", "$date", FAILS), ("*", "$before", FAILS), ("*", "rubbish", FAILS),
    ('"no"', "absent", PASSES), ('"no"', "$date", PASSES), ('"no"', "$before", PASSES), ('"no"', "rubbish", PASSES),
)
# fmt: on


@pytest.mark.parametrize("row", IF_MATCH, ids=lambda row: row.id)
async def test_if_match_compares_strongly(ask: Ask, media: Media, row: Row) -> None:
    await ask(row, media)


@pytest.mark.parametrize("row", IF_NONE_MATCH, ids=lambda row: row.id)
async def test_if_none_match_compares_weakly(ask: Ask, media: Media, row: Row) -> None:
    await ask(row, media)


@pytest.mark.parametrize("row", IF_MODIFIED_SINCE, ids=lambda row: row.id)
async def test_if_modified_since_reads_all_three_date_forms(ask: Ask, media: Media, row: Row) -> None:
    await ask(row, media)


@pytest.mark.parametrize("row", IF_UNMODIFIED_SINCE, ids=lambda row: row.id)
async def test_if_unmodified_since_reads_all_three_date_forms(ask: Ask, media: Media, row: Row) -> None:
    await ask(row, media)


@pytest.mark.parametrize("text", UNPARSABLE)
async def test_a_date_that_does_not_parse_is_ignored(ask: Ask, media: Media, text: str) -> None:
    # Parsed as dates, the years 2999 would give 304 here; the others could crash a parser.
    await ask(given("modified", 200, if_modified_since=text), media)


@pytest.mark.parametrize("text", [text.replace("2999", "1999") for text in UNPARSABLE])
async def test_a_date_that_does_not_parse_causes_no_412(ask: Ask, media: Media, text: str) -> None:
    # Parsed as dates, the years 1999 would give 412 here.
    await ask(given("unmodified", 200, if_unmodified_since=text), media)


@pytest.mark.parametrize(
    ("first", "second"), tuple(product(FIRST_HALF, SECOND_HALF)), ids=lambda half: "+".join(half[:2])
)
async def test_every_combination_is_decided_in_order(
    ask: Ask, media: Media, first: tuple[str, str, bool], second: tuple[str, str, bool]
) -> None:
    names = ("If-Match", "If-Unmodified-Since", "If-None-Match", "If-Modified-Since")
    sent = tuple((name, value) for name, value in zip(names, first[:2] + second[:2], strict=True) if value != "absent")
    status = 412 if not first[2] else 304 if not second[2] else 206
    ranges = "5-9" if status == 206 else ""
    await ask(Row("combination", (*sent, ("Range", "bytes=5-9")), status, ranges), media)


async def test_the_lines_of_a_tag_list_are_one_list(ask: Ask, media: Media) -> None:
    # RFC 9110 section 5.3: If-None-Match and If-Match are lists and may come in several lines.
    await ask(Row("none-match", (("If-None-Match", '"a"'), ("If-None-Match", "$etag")), 304), media)
    await ask(Row("match", (("If-Match", '"a"'), ("If-Match", "$etag")), 200), media)
