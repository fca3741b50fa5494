"""How far ahead of its reader a read asks: what players waste, what slow readers hold, what fast ones get."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage_adapters.s3.reach import following_reach, is_within_reach, window_bytes
from storage_adapters.storage_options import KIB, MIB, S3Options

OPTIONS = S3Options(bucket="b", window_initial_bytes=512 * KIB, window_max_bytes=8 * MIB, parallel_requests=8)
AT_ONCE = 0.0


@pytest.mark.parametrize(
    ("reach", "taken", "seconds", "following"),
    [
        pytest.param(512 * KIB, 512 * KIB, AT_ONCE, 768 * KIB, id="grows-by-half-of-what-is-taken"),
        pytest.param(8 * MIB, 1 * MIB, AT_ONCE, 8 * MIB, id="never-over-the-most"),
        pytest.param(1 * MIB, 1 * MIB, 0.8, 1.25 * MIB, id="never-over-a-second-of-the-pace"),
        pytest.param(8 * MIB, 1 * MIB, 0.5, 2 * MIB, id="a-reader-that-slows-down-gets-less"),
        pytest.param(8 * MIB, 1 * MIB, 60.0, 512 * KIB, id="never-under-the-first-request"),
    ],
)
def test_a_reach_follows_its_reader(reach: int, taken: int, seconds: float, following: int) -> None:
    assert following_reach(OPTIONS, reach, taken=taken, seconds=seconds) == following


def test_a_wide_reach_is_split_and_a_narrow_one_is_not() -> None:
    assert [window_bytes(OPTIONS, reach * KIB) for reach in (512, 1024, 8192)] == [512 * KIB, 512 * KIB, 1024 * KIB]


def test_the_second_window_is_asked_for_after_the_first_half_of_the_first() -> None:
    assert not is_within_reach(100, 51, 100)
    assert is_within_reach(100, 50, 100)


@given(takes=st.lists(st.tuples(st.integers(1, 8 * MIB), st.floats(0, 1e6)), max_size=30))
def test_whatever_a_reader_does_what_is_ahead_stays_bounded(takes: list[tuple[int, float]]) -> None:
    reach = OPTIONS.window_initial_bytes
    for taken, seconds in takes:
        reach = following_reach(OPTIONS, reach, taken=taken, seconds=seconds)
        assert OPTIONS.window_initial_bytes <= reach <= OPTIONS.window_max_bytes
        assert OPTIONS.window_initial_bytes <= window_bytes(OPTIONS, reach) <= reach
        most_ahead = reach + window_bytes(OPTIONS, reach) // 2
        assert most_ahead <= OPTIONS.window_max_bytes + OPTIONS.window_max_bytes // 2
