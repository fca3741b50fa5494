"""How an object is cut into the parts of a multipart upload."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage_adapters.s3.parts import MOST_PARTS, layout
from storage_adapters.storage_options import MIB

LARGEST: Final = 5 * 1024 * 1024 * MIB


@given(size=st.integers(1, LARGEST), part_bytes=st.integers(5 * MIB, 5 * 1024 * MIB))
def test_parts_cover_an_object_without_gap_or_overlap(size: int, part_bytes: int) -> None:
    parts = layout(size, part_bytes)
    assert [part.number for part in parts] == list(range(1, len(parts) + 1))
    assert [part.offset for part in parts] == [sum(each.size for each in parts[:n]) for n in range(len(parts))]
    assert sum(part.size for part in parts) == size
    assert len(parts) <= MOST_PARTS
    assert len({part.size for part in parts[:-1]}) <= 1
    assert all(part.size >= part_bytes for part in parts[:-1])


@pytest.mark.parametrize(
    ("size", "sizes"),
    [
        pytest.param(10 * MIB, [5 * MIB, 5 * MIB], id="even"),
        pytest.param(10 * MIB + 1, [5 * MIB, 5 * MIB, 1], id="one-byte-more"),
    ],
)
def test_the_last_part_is_what_is_left(size: int, sizes: list[int]) -> None:
    assert [part.size for part in layout(size, 5 * MIB)] == sizes


def test_an_object_of_too_many_parts_has_larger_ones() -> None:
    parts = layout(MOST_PARTS * 5 * MIB + 1, 5 * MIB)
    assert len(parts) == MOST_PARTS
    assert parts[0].size == 5 * MIB + 1
