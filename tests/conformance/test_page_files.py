"""Files of the pages: browsers cache them, ask for them at each visit, and get them again only after a change (RFC 9110 section 13)."""

import pytest

from tests.conformance.calling import call
from tests.gateway_process import Gateway

TARGETS = ("/", "/player/player.js", "/player/theme.css", "/docs", "/docs/swagger-ui-bundle.js")


@pytest.mark.parametrize("target", TARGETS)
async def test_a_file_that_the_browser_has_gets_304(site: Gateway, target: str) -> None:
    first = await call(site, target)
    etag = first.head["ETag"]
    again = await call(site, target, fields=[("If-None-Match", f'"other", W/{etag}')])
    assert (first.status, again.status, again.body) == (200, 304, b"")
    assert first.body
    shared = ("ETag", "Cache-Control", "Content-Security-Policy")
    assert [again.head[name] for name in shared] == [first.head[name] for name in shared]
    assert first.head["Cache-Control"] == "no-cache"


async def test_different_files_have_different_tags(site: Gateway) -> None:
    assert len({(await call(site, target)).head["ETag"] for target in TARGETS}) == len(TARGETS)


@pytest.mark.parametrize(
    ("field", "value", "status"),
    [
        ("If-None-Match", '"another version"', 200),
        ("If-None-Match", "*", 304),
        ("If-Match", '"another version"', 412),
        ("If-Match", "*", 200),
        ("If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT", 200),
        ("If-Unmodified-Since", "Thu, 01 Jan 1970 00:00:00 GMT", 200),
    ],
)
async def test_preconditions_by_tag_are_evaluated_and_dates_are_ignored(
    site: Gateway, field: str, value: str, status: int
) -> None:
    assert (await call(site, "/", fields=[(field, value)])).status == status


async def test_an_unknown_file_is_404_whatever_its_preconditions(site: Gateway) -> None:
    assert (await call(site, "/player/nothing.js", fields=[("If-None-Match", "*")])).status == 404
