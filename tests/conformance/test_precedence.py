"""If-Range, and the precedence of several fields: 412 before 304 before If-Range before 416."""

from typing import Final

import pytest

from tests.conformance.ask import Ask
from tests.conformance.media import Media
from tests.conformance.table import Row

FIVE: Final = ("Range", "bytes=5-9")
PAST: Final = ("Range", "bytes=100000-")
STALE: Final = '"stale"'

# fmt: off
IF_RANGE: Final = (
    Row("same-tag", (FIVE, ("If-Range", "$etag")), 206, "5-9"),
    Row("same-tag-before-the-range", (("If-Range", "$etag"), FIVE), 206, "5-9"),
    Row("same-tag-everything", (("Range", "bytes=0-"), ("If-Range", "$etag")), 206, "0-99999"),
    Row("same-tag-suffix", (("Range", "bytes=-5"), ("If-Range", "$etag")), 206, "99995-99999"),
    Row("same-tag-two-ranges", (("Range", "bytes=0-4,9000-9004"), ("If-Range", "$etag")), 206, "0-4,9000-9004"),
    Row("same-tag-past-size", (PAST, ("If-Range", "$etag")), 416, "*"),
    Row("other-tag", (FIVE, ("If-Range", STALE)), 200),
    Row("other-tag-two-ranges", (("Range", "bytes=0-4,9000-9004"), ("If-Range", STALE)), 200),
    Row("other-tag-past-size", (PAST, ("If-Range", STALE)), 200),
    Row("weak-form-of-the-same-tag", (FIVE, ("If-Range", "W/$etag")), 200),
    Row("weak-form-past-size", (PAST, ("If-Range", "W/$etag")), 200),
    Row("tag-without-quotes", (FIVE, ("If-Range", "$opaque")), 200),
    Row("list-with-the-same-tag", (FIVE, ("If-Range", '"a", $etag')), 200),
    Row("star", (FIVE, ("If-Range", "*")), 200),
    Row("empty", (FIVE, ("If-Range", "")), 200),
    Row("date-of-the-same-second", (FIVE, ("If-Range", "$date")), 206, "5-9"),
    Row("date-past-size", (PAST, ("If-Range", "$date")), 416, "*"),
    Row("date-a-second-before", (FIVE, ("If-Range", "$before")), 200),
    Row("date-a-second-after", (FIVE, ("If-Range", "$after")), 200),
    Row("date-a-second-after-past-size", (PAST, ("If-Range", "$after")), 200),
    Row("date-in-the-far-future", (FIVE, ("If-Range", "Fri, 31 Dec 9999 23:59:59 GMT")), 200),
    Row("date-that-is-none", (FIVE, ("If-Range", "yesterday")), 200),
    Row("date-that-is-none-past-size", (PAST, ("If-Range", "yesterday")), 200),
    Row("without-a-range", (("If-Range", "$etag"),), 200),
    Row("stale-without-a-range", (("If-Range", STALE),), 200),
    Row("with-a-malformed-range", (("Range", "bytes=x"), ("If-Range", "$etag")), 200),
    Row("two-lines", (FIVE, ("If-Range", "$etag"), ("If-Range", STALE)), 200),
)

PRECEDENCE: Final = (
    Row("412-before-304", (("If-Match", STALE), ("If-None-Match", "$etag")), 412),
    Row("412-by-date-before-304", (("If-Unmodified-Since", "$before"), ("If-None-Match", "$etag")), 412),
    Row("412-before-416", (("If-Match", STALE), PAST), 412),
    Row("412-by-date-before-416", (("If-Unmodified-Since", "$before"), PAST), 412),
    Row("412-before-206", (("If-Match", STALE), FIVE), 412),
    Row("412-before-if-range", (("If-Match", STALE), ("If-Range", "$etag"), FIVE), 412),
    Row("304-before-416", (("If-None-Match", "$etag"), PAST), 304),
    Row("304-by-date-before-416", (("If-Modified-Since", "$date"), PAST), 304),
    Row("304-before-206-as-a-browser-reloads", (("If-None-Match", "$etag"), FIVE), 304),
    Row("304-before-if-range", (("If-None-Match", "$etag"), ("If-Range", STALE), FIVE), 304),
    Row("if-match-passes-on-to-416", (("If-Match", "$etag"), PAST), 416, "*"),
    Row("if-match-passes-on-to-206", (("If-Match", "$etag"), FIVE), 206, "5-9"),
    Row("if-none-match-passes-on-to-206", (("If-None-Match", STALE), FIVE), 206, "5-9"),
    Row("if-none-match-passes-on-to-416", (("If-None-Match", STALE), PAST), 416, "*"),
    Row("if-match-replaces-if-unmodified-since", (("If-Match", "$etag"), ("If-Unmodified-Since", "$before")), 200),
    Row("if-none-match-replaces-if-modified-since", (("If-None-Match", STALE), ("If-Modified-Since", "$date")), 200),
    Row("order-of-lines-does-not-matter", (PAST, ("If-None-Match", "$etag"), ("If-Match", STALE)), 412),
    Row("all-agree", (("If-Match", "$etag"), ("If-None-Match", STALE), ("If-Range", "$etag"), FIVE), 206, "5-9"),
)

HEAD: Final = (
    Row("plain", (), 200, method="HEAD"),
    Row("range-is-ignored", (FIVE,), 200, method="HEAD"),
    Row("range-past-size-is-ignored", (PAST,), 200, method="HEAD"),
    Row("two-ranges-are-ignored", (("Range", "bytes=0-4,9000-9004"),), 200, method="HEAD"),
    Row("malformed-range-is-ignored", (("Range", "bytes=x"),), 200, method="HEAD"),
    Row("if-range-is-ignored", (FIVE, ("If-Range", "$etag")), 200, method="HEAD"),
    Row("if-match-same", (("If-Match", "$etag"),), 200, method="HEAD"),
    Row("if-match-other", (("If-Match", STALE),), 412, method="HEAD"),
    Row("if-unmodified-since-before", (("If-Unmodified-Since", "$before"),), 412, method="HEAD"),
    Row("if-none-match-same", (("If-None-Match", "$etag"),), 304, method="HEAD"),
    Row("if-none-match-other", (("If-None-Match", STALE),), 200, method="HEAD"),
    Row("if-modified-since-same", (("If-Modified-Since", "$date"),), 304, method="HEAD"),
    Row("if-none-match-and-range", (("If-None-Match", "$etag"), PAST), 304, method="HEAD"),
)
# fmt: on


@pytest.mark.parametrize("row", IF_RANGE, ids=lambda row: row.id)
async def test_if_range_serves_the_whole_unless_the_validator_is_exact(ask: Ask, media: Media, row: Row) -> None:
    await ask(row, media)


@pytest.mark.parametrize("row", PRECEDENCE, ids=lambda row: row.id)
async def test_the_first_decision_in_order_wins(ask: Ask, media: Media, row: Row) -> None:
    await ask(row, media)


@pytest.mark.parametrize("row", HEAD, ids=lambda row: row.id)
async def test_head_has_the_status_of_get_and_ignores_range(ask: Ask, media: Media, row: Row) -> None:
    await ask(row, media)


async def test_head_has_every_field_of_get(ask: Ask, media: Media) -> None:
    to_get = await ask(Row("get", (), 200), media)
    to_head = await ask(Row("head", (), 200, method="HEAD"), media)
    assert names(to_head.head.fields) == names(to_get.head.fields)


async def test_206_and_304_repeat_what_200_says(ask: Ask, media: Media) -> None:
    # RFC 9110 sections 15.3.7 and 15.4.5: Cache-Control, Content-Location, Date, ETag, Expires, Vary.
    whole = (await ask(Row("whole", (), 200), media)).head
    part = (await ask(Row("part", (FIVE,), 206, "5-9"), media)).head
    unchanged = (await ask(Row("unchanged", (("If-None-Match", "$etag"),), 304), media)).head
    for name in ("Cache-Control", "Content-Location", "ETag", "Expires", "Vary", "Last-Modified"):
        assert part.get(name) == unchanged.get(name) == whole.get(name), name


def names(fields: tuple[tuple[str, str], ...]) -> list[str]:
    """The field names, without those that differ between responses."""
    return sorted(name.lower() for name, _ in fields)
