"""Any Range field: never a 5xx, and the response equals a slice of the object."""

from string import ascii_letters, digits
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conformance.ask import exchange
from tests.conformance.media import Media
from tests.conformance.raw_http import Response, compose
from tests.conformance.table import check_description, parse_multipart
from tests.gateway_process import Gateway

# Each example is two requests over a new connection.
EXAMPLES: Final = settings(max_examples=100, deadline=None)
SIZE: Final = 100_000
FAR_GAP: Final = 1000

numerals = st.one_of(
    st.integers(0, SIZE + 10).map(str),
    st.integers(0, 10**30).map(str),
    st.sampled_from(["", "00", "0" * 300 + "7", "9" * 4400]),
)
specs = st.one_of(
    st.tuples(numerals, numerals).map("-".join),
    st.sampled_from(["", " ", "\t", "x", "1-2-3", "+1-2", "1_0-", "\u00b2-"]),
)
almost_ranges = st.tuples(
    st.sampled_from(["bytes", "Bytes", "byte", "items", "bytes ", ""]),
    st.sampled_from(["=", "==", ":", " ", "= "]),
    st.lists(specs, max_size=20).map(",".join),
).map("".join)
any_text = st.text(st.sampled_from(ascii_letters + digits + "=-,;+_*/ \t\u00a0\u00b2\u00ff"), max_size=200)

# Spans (first, last) of the object: at most sixteen, so that they are answered as ranges.
span_sets = st.lists(
    st.tuples(st.integers(0, SIZE - 1), st.integers(0, 3000)).map(
        lambda span: (span[0], min(span[0] + span[1], SIZE - 1))
    ),
    min_size=1,
    max_size=16,
)


async def get(site: Gateway, media: Media, value: str) -> Response:
    # compose() sends text as Latin-1, so that each character is one octet.
    fields = [("X-API-Key", site.key), ("Range", value)]
    return await exchange(site, compose("GET", media.target, fields, host=site.authority))


def answered(response: Response, media: Media) -> list[tuple[int, int, bytes]]:
    """(first, last, bytes) of each part of a 206, in either form."""
    if response.head.get("Content-Range") is not None:
        parts = [(response.head["Content-Range"], "", response.body)]
    else:
        parts = parse_multipart(response)
    spans = [(part[0].removeprefix("bytes ").removesuffix(f"/{SIZE}").split("-"), part[2]) for part in parts]
    return [(int(first), int(last), body) for (first, last), body in spans]


def check_any(response: Response, media: Media) -> None:
    """Check that the response is one of the three correct ones, with the object's bytes."""
    assert response.status in {200, 206, 416}
    check_description(response.head, media)
    if response.status == 200:
        assert response.body == media.content
    if response.status == 416:
        assert response.head["Content-Range"] == f"bytes */{SIZE}"
    if response.status == 206:
        assert all(body == media.content[first : last + 1] for first, last, body in answered(response, media))


@EXAMPLES
@given(value=almost_ranges)
async def test_an_almost_valid_range_gets_the_objects_bytes(site: Gateway, media: Media, value: str) -> None:
    check_any(await get(site, media, value[:8000]), media)


@EXAMPLES
@given(value=any_text)
async def test_any_range_field_gets_the_objects_bytes(site: Gateway, media: Media, value: str) -> None:
    check_any(await get(site, media, value), media)


@EXAMPLES
@given(first=st.integers(0, 2 * SIZE), length=st.integers(1, 2 * SIZE))
async def test_one_range_equals_a_slice(site: Gateway, media: Media, first: int, length: int) -> None:
    response = await get(site, media, f"bytes={first}-{first + length - 1}")
    expected = media.content[first : first + length]
    assert (response.status, response.body) == ((206, expected) if expected else (416, response.body))
    check_any(response, media)


@EXAMPLES
@given(length=st.integers(0, 2 * SIZE))
async def test_a_suffix_range_equals_a_slice_from_the_end(site: Gateway, media: Media, length: int) -> None:
    response = await get(site, media, f"bytes=-{length}")
    expected = media.content[max(SIZE - length, 0) :] if length else b""
    assert (response.status, response.body) == ((206, expected) if expected else (416, response.body))


@EXAMPLES
@given(spans=span_sets)
async def test_several_ranges_get_all_their_bytes_and_few_others(
    site: Gateway, media: Media, spans: list[tuple[int, int]]
) -> None:
    response = await get(site, media, "bytes=" + ",".join(f"{first}-{last}" for first, last in spans))
    check_any(response, media)
    assert response.status == 206
    parts = [(first, last) for first, last, _ in answered(response, media)]
    # Each requested byte is in one of the parts.
    assert all(any(low <= first and last <= high for low, high in parts) for first, last in spans)
    # No part overlaps another, and none extends beyond the requested bytes.
    assert all(low > high for (_, high), (low, _) in zip(sorted(parts), sorted(parts)[1:], strict=False))
    assert {low for low, _ in parts} <= {first for first, _ in spans}
    assert {high for _, high in parts} <= {last for _, last in spans}
    # Distant ranges were not merged.
    asked = sorted(spans)
    reach = asked[0][1]
    for first, last in asked[1:]:
        assert first <= reach + FAR_GAP or any(low == first for low, _ in parts)
        reach = max(reach, last)
