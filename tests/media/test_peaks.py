"""Bins computed from samples: known signals, and any signal in any pieces."""

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.media.peaks import BINS, Peaks

# Few windows, so that short signals fill them again and again.
WINDOWS = 16
SIGNALS = st.binary(min_size=1, max_size=6000)


def bins_of(samples: bytes, channels: int = 1) -> list[int]:
    peaks = Peaks()
    peaks.add(0, samples, channels)
    return list(peaks.bins())


def level(sample: int) -> int:
    """How loud an unsigned sample is, as a bin shows it."""
    return max(sample - 128, 127 - sample) * 255 // 127


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        pytest.param(b"\x80" * 50_000, {0}, id="silence"),
        pytest.param(b"\x7f" * 50_000, {0}, id="silence-just-below-zero"),
        pytest.param(b"\xff" * 50_000, {255}, id="full-scale-up"),
        pytest.param(b"\x00" * 50_000, {255}, id="full-scale-down"),
        pytest.param(b"\xff\x00" * 25_000, {255}, id="full-scale-both-ways"),
        pytest.param(b"\xff", {255}, id="one-sample"),
    ],
)
def test_a_steady_signal_has_one_level(samples: bytes, expected: set[int]) -> None:
    bins = bins_of(samples)
    assert len(bins) == BINS
    assert set(bins) == expected


def test_a_ramp_rises_from_silence_to_full_scale() -> None:
    bins = bins_of(bytes(128 + n * 128 // 500_000 for n in range(500_000)))
    assert bins == sorted(bins)
    assert (bins[0], bins[-1]) == (0, 255)
    assert bins[BINS // 2] == pytest.approx(128, abs=2)


def test_no_signal_has_no_bins() -> None:
    assert bins_of(b"") == []


def test_the_peak_is_that_of_the_loudest_channel() -> None:
    loud_on_the_right = b"\x80\xff" * 30_000
    assert set(bins_of(loud_on_the_right, channels=2)) == {255}


def test_a_gap_is_silent() -> None:
    peaks = Peaks()
    peaks.add(0, b"\xff" * 64_000)
    peaks.add(128_000, b"\xff" * 64_000)
    bins = peaks.bins()
    assert set(bins[:333]) == {255}
    assert set(bins[334:666]) == {0}
    assert set(bins[667:]) == {255}


def test_hours_take_no_more_memory_than_seconds() -> None:
    peaks = Peaks()
    for hour in range(1000):
        peaks.add(hour * 48_000 * 3600, b"\xff" * 1000)
    assert len(peaks._levels) == len(Peaks()._levels)
    assert len(peaks.bins()) == BINS


@given(SIGNALS, st.integers(1, 3), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_a_signal_cut_anywhere_in_any_order_has_the_same_bins(
    samples: bytes, channels: int, rnd: random.Random
) -> None:
    samples += b"\x80" * (-len(samples) % channels)
    count = len(samples) // channels
    whole, pieces = Peaks(WINDOWS), Peaks(WINDOWS)
    whole.add(0, samples, channels)
    cuts = sorted({0, count, *(rnd.randint(0, count) for _ in range(8))})
    stretches = list(pairwise(cuts))
    rnd.shuffle(stretches)
    for start, end in stretches:
        pieces.add(start, samples[start * channels : end * channels], channels)
    assert (pieces.bins(), pieces.end) == (whole.bins(), whole.end) == (whole.bins(), count)


@given(SIGNALS)
@settings(max_examples=100, deadline=None)
def test_a_bin_is_as_loud_as_its_stretch_and_never_louder_than_that_with_its_neighbourhood(samples: bytes) -> None:
    peaks = Peaks(WINDOWS)
    peaks.add(0, samples)
    # The windows may be this long: they doubled when half of them were not enough.
    margin = max(64, 2 * len(samples) // WINDOWS)
    levels = [level(sample) for sample in samples]
    for n, shown in enumerate(peaks.bins()):
        start, end = n * len(samples) // BINS, -(-(n + 1) * len(samples) // BINS)
        assert max(levels[start:end]) <= shown <= max(levels[max(0, start - margin) : end + margin])
