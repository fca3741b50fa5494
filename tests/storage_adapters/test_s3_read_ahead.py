"""The read-ahead limit: how much players waste, slow readers hold, and fast readers get."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage_adapters.s3.read_ahead import (
    CAUTIOUS_BYTES,
    first_limit,
    following_limit,
    is_cautious,
    is_within_limit,
    window_bytes,
)
from storage_adapters.storage_options import KIB, MIB, S3Options

OPTIONS = S3Options(bucket="b", window_initial_bytes=512 * KIB, window_max_bytes=8 * MIB, parallel_requests=8)
IMMEDIATELY = 0.0


@pytest.mark.parametrize(
    ("limit", "taken", "seconds", "following"),
    [
        pytest.param(512 * KIB, 512 * KIB, IMMEDIATELY, 768 * KIB, id="grows-by-half-of-what-is-taken"),
        pytest.param(8 * MIB, 1 * MIB, IMMEDIATELY, 8 * MIB, id="never-over-the-most"),
        pytest.param(1 * MIB, 1 * MIB, 0.8, 1.25 * MIB, id="never-over-a-second-of-the-pace"),
        pytest.param(8 * MIB, 1 * MIB, 0.5, 2 * MIB, id="a-reader-that-slows-down-gets-less"),
        pytest.param(8 * MIB, 1 * MIB, 60.0, 512 * KIB, id="never-under-the-first-request"),
    ],
)
def test_a_limit_follows_its_reader(limit: int, taken: int, seconds: float, following: int) -> None:
    assert following_limit(OPTIONS, limit, taken=taken, seconds=seconds, is_far=True) == following


def test_near_s3_a_limit_grows_by_all_that_its_reader_took() -> None:
    grown = following_limit(OPTIONS, 512 * KIB, taken=2 * MIB, seconds=IMMEDIATELY, is_far=False)
    assert grown == 2 * MIB + 512 * KIB
    assert following_limit(OPTIONS, grown, taken=2 * MIB, seconds=1.0, is_far=False) == 2 * MIB


def test_far_from_s3_a_wide_limit_is_split_and_a_narrow_one_is_not() -> None:
    sizes = [window_bytes(OPTIONS, limit * KIB, is_far=True, is_to_the_end=True) for limit in (512, 1024, 8192)]
    assert sizes == [512 * KIB, 512 * KIB, 1024 * KIB]


@pytest.mark.parametrize(("is_to_the_end", "sizes"), [(False, [512, 768, 8192]), (True, [512, 512, 4096])])
def test_near_s3_a_request_is_for_all_within_the_limit_or_for_half(sizes: list[int], *, is_to_the_end: bool) -> None:
    found = [
        window_bytes(OPTIONS, limit * KIB, is_far=False, is_to_the_end=is_to_the_end) for limit in (512, 768, 8192)
    ]
    assert found == [size * KIB for size in sizes]


@pytest.mark.parametrize(
    ("length", "is_to_the_end", "limit"),
    [
        pytest.param(100, False, 512 * KIB, id="a little"),
        pytest.param(8 * MIB, False, 8 * MIB, id="a range that will be taken whole"),
        pytest.param(64 * MIB, False, 8 * MIB, id="never over the most"),
        pytest.param(MIB, True, MIB, id="a short rest"),
        pytest.param(MIB + 1, True, 512 * KIB, id="to the end, which few clients take"),
    ],
)
def test_a_read_begins_with_what_its_client_will_take(length: int, limit: int, *, is_to_the_end: bool) -> None:
    assert first_limit(OPTIONS, length, is_to_the_end=is_to_the_end) == limit


def test_the_second_window_is_requested_after_the_first_half_of_the_first() -> None:
    assert not is_within_limit(100, 51, 100, is_cautious=False)
    assert is_within_limit(100, 50, 100, is_cautious=False)


def test_a_client_that_may_seek_away_gets_the_second_window_late() -> None:
    assert not is_within_limit(100, 26, 100, is_cautious=True)
    assert is_within_limit(100, 25, 100, is_cautious=True)


@pytest.mark.parametrize(
    ("taken", "is_far", "is_to_the_end", "expected"),
    [
        pytest.param(0, False, True, True, id="a player that begins"),
        pytest.param(CAUTIOUS_BYTES - 1, False, True, True, id="a player that has taken little"),
        pytest.param(CAUTIOUS_BYTES, False, True, False, id="a client that goes on"),
        pytest.param(0, True, True, False, id="far from S3, where each request takes long"),
        pytest.param(0, False, False, False, id="a range that will be taken whole"),
    ],
)
def test_read_ahead_is_cautious_only_for_a_client_that_may_seek_away_soon(
    taken: int, *, is_far: bool, is_to_the_end: bool, expected: bool
) -> None:
    assert is_cautious(taken, is_far=is_far, is_to_the_end=is_to_the_end) is expected


@given(takes=st.lists(st.tuples(st.integers(1, 8 * MIB), st.floats(0, 1e6), st.booleans()), max_size=30))
def test_the_read_ahead_stays_bounded_for_every_reader(takes: list[tuple[int, float, bool]]) -> None:
    limit = OPTIONS.window_initial_bytes
    for taken, seconds, is_far in takes:
        limit = following_limit(OPTIONS, limit, taken=taken, seconds=seconds, is_far=is_far)
        assert OPTIONS.window_initial_bytes <= limit <= OPTIONS.window_max_bytes
        assert OPTIONS.window_initial_bytes <= window_bytes(OPTIONS, limit, is_far=True, is_to_the_end=True) <= limit
        most_ahead = limit + window_bytes(OPTIONS, limit, is_far=True, is_to_the_end=True) // 2
        assert most_ahead <= OPTIONS.window_max_bytes + OPTIONS.window_max_bytes // 2
