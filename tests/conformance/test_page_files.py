"""Files of the pages: browsers ask for a page at each visit, and for its files once for each release (RFC 9110 section 13, RFC 8246)."""

import re
from typing import Final

import pytest

from tests.conformance.calling import call
from tests.gateway_process import Gateway

OTHER: Final = "000000000000"  # the release of no page
FILES: Final = tuple(
    f"/{name}" for name in ("player/{}/player.js", "player/{}/theme.css", "docs/{}/swagger-ui-bundle.js")
)
TARGETS: Final = ("/", "/docs", *(each.format(OTHER) for each in FILES))


async def files_of(site: Gateway, page: str) -> set[str]:
    """The paths of the files that the page names."""
    text = (await call(site, page)).body.decode()
    return {
        "/" + path.lstrip("/") for path in re.findall(r'(?:href|src|content)="[^"]*?/?((?:player|docs)/[^"]+)"', text)
    }


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


@pytest.mark.parametrize("page", ["/", "/docs", "/shared/lk_unknown"])
async def test_the_files_that_a_page_names_are_kept_for_a_year(site: Gateway, page: str) -> None:
    named = await files_of(site, page)
    assert len(named) >= 4
    for path in named:
        kept = await call(site, path, fields=[("Accept-Encoding", "br")])
        assert (kept.status, kept.head["Cache-Control"]) == (200, "public, max-age=31536000, immutable")
        again = await call(site, path, fields=[("Accept-Encoding", "br"), ("If-None-Match", kept.head["ETag"])])
        assert (again.status, again.head["Cache-Control"]) == (304, kept.head["Cache-Control"])


async def test_a_file_of_another_release_is_the_present_one_and_is_not_kept(site: Gateway) -> None:
    for path in await files_of(site, "/"):
        present = await call(site, path)
        other = await call(site, re.sub("[0-9a-f]{12}", OTHER, path))
        assert (other.status, other.body) == (200, present.body)
        assert (other.head["ETag"], other.head["Cache-Control"]) == (present.head["ETag"], "no-cache")
        head = await call(site, path, method="HEAD")
        assert (head.head["ETag"], head.head["Cache-Control"]) == (present.head["ETag"], present.head["Cache-Control"])


@pytest.mark.parametrize(
    "target",
    ["/player/player.js", "/player/0/player.js", f"/player/{OTHER}/index.html", f"/player/{OTHER}/shared.html"],
)
async def test_a_file_has_no_path_without_a_release_and_a_page_none_with_one(site: Gateway, target: str) -> None:
    assert (await call(site, target)).status == 404


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
    assert (await call(site, f"/player/{OTHER}/nothing.js", fields=[("If-None-Match", "*")])).status == 404
