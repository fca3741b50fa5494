"""Several ranges: RFC 9110 sections 14.2 and 15.3.7.2, over an object of 100 000 bytes.

Coalesced are overlaps, neighbours, and gaps of a few bytes (cheaper sent than separated); gaps of a
thousand bytes and more never are. Parts come in the order in which they were asked for.
"""

from typing import Final

import pytest

from tests.conformance.ask import Ask
from tests.conformance.media import Media
from tests.conformance.table import Row, ranged


def spaced(count: int) -> str:
    """`count` ranges of ten bytes, 5 000 bytes apart."""
    return ",".join(f"{start}-{start + 9}" for start in range(0, count * 5000, 5000))


# fmt: off
SEVERAL: Final = (
    ranged("two-far-apart", "bytes=0-4,50000-50004", 206, "0-4,50000-50004"),
    ranged("first-and-last-byte", "bytes=0-0,-1", 206, "0-0,99999-99999"),
    ranged("closed-open-and-suffix", "bytes=0-9,40000-40009,-10", 206, "0-9,40000-40009,99990-99999"),
    ranged("open-ended-last", "bytes=0-9,90000-", 206, "0-9,90000-99999"),
    ranged("end-clamped-in-a-part", "bytes=0-9,99000-200000", 206, "0-9,99000-99999"),
    ranged("larger-than-one-chunk", "bytes=0-39999,50000-89999", 206, "0-39999,50000-89999"),
    ranged("descending-order-is-kept", "bytes=50000-50004,0-4", 206, "50000-50004,0-4"),
    ranged("any-order-is-kept", "bytes=60000-60009,-10,0-9", 206, "60000-60009,99990-99999,0-9"),
    ranged("spaces-after-commas", "bytes=0-4, 50000-50004", 206, "0-4,50000-50004"),
    ranged("empty-elements-between", "bytes=0-4,, ,50000-50004", 206, "0-4,50000-50004"),
    ranged("unit-in-capitals", "BYTES=0-4,50000-50004", 206, "0-4,50000-50004"),
    ranged("sixteen-are-allowed", f"bytes={spaced(16)}", 206, spaced(16)),
)

SATISFIABLE_OR_NOT: Final = (
    ranged("one-of-two-past-size", "bytes=0-4,100000-", 206, "0-4"),
    ranged("one-of-two-past-size-first", "bytes=100000-,0-4", 206, "0-4"),
    ranged("two-of-three-fit", "bytes=0-4,100000-100001,50000-50004", 206, "0-4,50000-50004"),
    ranged("empty-suffix-beside-a-good-one", "bytes=-0,5-9", 206, "5-9"),
    ranged("huge-start-beside-a-good-one", "bytes=" + "9" * 400 + "-,5-9", 206, "5-9"),
    ranged("none-of-two-fits", "bytes=100000-,200000-200001", 416, "*"),
    ranged("empty-suffix-and-past-size", "bytes=-0,100000-", 416, "*"),
    ranged("twenty-that-do-not-fit", "bytes=" + ",".join(["100000-"] * 20), 416, "*"),
)

COALESCED: Final = (
    ranged("duplicates", "bytes=0-4,0-4", 206, "0-4"),
    ranged("twenty-duplicates", "bytes=" + ",".join(["0-4"] * 20), 206, "0-4"),
    ranged("overlap", "bytes=0-99,50-149", 206, "0-149"),
    ranged("overlap-by-one-byte", "bytes=0-99,99-149", 206, "0-149"),
    ranged("overlap-in-descending-order", "bytes=50-149,0-99", 206, "0-149"),
    ranged("one-inside-another", "bytes=0-999,100-199", 206, "0-999"),
    ranged("one-around-another", "bytes=100-199,0-999", 206, "0-999"),
    ranged("neighbours", "bytes=0-99,100-199", 206, "0-199"),
    ranged("neighbours-in-descending-order", "bytes=100-199,0-99", 206, "0-199"),
    ranged("a-gap-of-one-byte", "bytes=0-99,101-199", 206, "0-199"),
    ranged("a-gap-of-ten-bytes", "bytes=0-99,110-199", 206, "0-199"),
    ranged("a-chain-of-overlaps", "bytes=0-9,5-14,10-19,15-24", 206, "0-24"),
    ranged("a-chain-out-of-order", "bytes=10-19,0-9,20-29", 206, "0-29"),
    ranged("a-bridge-that-comes-last", "bytes=0-999,3000-3999,500-3500", 206, "0-3999"),
    ranged("suffix-overlaps-a-closed-one", "bytes=99000-99500,-600", 206, "99000-99999"),
    ranged("suffix-beside-an-open-one", "bytes=-500,99000-", 206, "99000-99999"),
    ranged("some-meet-and-some-do-not", "bytes=0-9,10-19,50000-50009,50005-50019", 206, "0-19,50000-50019"),
    ranged("sixty-four-neighbours", "bytes=" + ",".join(f"{n}-{n}" for n in range(64)), 206, "0-63"),
    ranged("seventeen-that-become-sixteen", f"bytes={spaced(16)},0-4", 206, spaced(16)),
)

TOO_MUCH: Final = (
    ranged("seventeen-are-too-many", f"bytes={spaced(17)}", 200),
    ranged("twenty-are-too-many", f"bytes={spaced(20)}", 200),
    ranged("a-list-of-more-than-64-is-ignored", "bytes=" + ",".join(f"{n}-{n}" for n in range(65)), 200),
    ranged("a-list-of-more-than-4-KiB-is-ignored", "bytes=0-4," + " " * 4096 + "5-9", 200),
    ranged("a-hundred-are-too-many", "bytes=" + ",".join(f"{n}-{n}" for n in range(0, 100000, 1001)), 200),
)
# fmt: on


@pytest.mark.parametrize("row", [*SEVERAL, *SATISFIABLE_OR_NOT, *COALESCED, *TOO_MUCH], ids=lambda row: row.id)
async def test_several_ranges_get_their_parts(ask: Ask, media: Media, row: Row) -> None:
    await ask(row, media)


async def test_two_range_lines_are_one_malformed_range(ask: Ask, media: Media) -> None:
    # RFC 9110 section 5.3: lines of one name combine with a comma; "bytes=0-4, bytes=9-12" is not a ranges-specifier.
    await ask(Row("two-lines", (("Range", "bytes=0-4"), ("Range", "bytes=9-12")), 200), media)


async def test_two_equal_range_lines_are_malformed_too(ask: Ask, media: Media) -> None:
    await ask(Row("equal-lines", (("Range", "bytes=0-4"), ("Range", "bytes=0-4")), 200), media)
