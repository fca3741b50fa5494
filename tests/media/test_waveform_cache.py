"""The folder of waveforms: what it returns, what it removes, and that two processes do not compute the same."""

import os
from pathlib import Path

import pytest

from gateway.media.peaks import BINS, Waveform
from gateway.media.waveform_cache import WaveformCache

WHOLE = Waveform(bytes(n % 256 for n in range(BINS)), 12.5, complete=True)
# What WHOLE takes as a file, and a little more.
FILE_BYTES = 1500


@pytest.mark.parametrize(
    "waveform",
    [
        pytest.param(WHOLE, id="whole"),
        pytest.param(Waveform(bytes(BINS), 0.25), id="unfinished"),
        pytest.param(Waveform(complete=True, fault="Media file has no sound"), id="faulty"),
    ],
)
def test_a_cached_waveform_is_found_by_another_process_too(tmp_path: Path, waveform: Waveform) -> None:
    WaveformCache(tmp_path / "new" / "folder", 1 << 20).store("name", waveform)
    assert WaveformCache(tmp_path / "new" / "folder", 1 << 20).find("name") == waveform


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"bins": 1}', '{"bins": "", "colour": 1}', "\x00"])
def test_a_damaged_file_counts_as_absent(tmp_path: Path, text: str) -> None:
    (tmp_path / "name.json").write_text(text)
    assert WaveformCache(tmp_path, 1 << 20).find("name") is None


def test_the_waveform_that_was_read_longest_ago_is_removed_first(tmp_path: Path) -> None:
    for age, name in enumerate(("newest", "newer", "older", "oldest")):
        WaveformCache(tmp_path, 1 << 20).store(name, WHOLE)
        os.utime(tmp_path / f"{name}.json", (1000 - age, 1000 - age))
    cache = WaveformCache(tmp_path, 3 * FILE_BYTES)
    assert cache.find("older") == WHOLE  # and with that it is not old any more
    cache.store("last", WHOLE)
    found = {name for name in ("newest", "newer", "older", "oldest", "last") if cache.find(name)}
    assert found == {"older", "newest", "last"}


def test_files_that_killed_processes_left_are_removed_too(tmp_path: Path) -> None:
    left = tmp_path / "killed.tmp"
    left.write_bytes(bytes(3 * FILE_BYTES))
    os.utime(left, (1, 1))
    cache = WaveformCache(tmp_path, 2 * FILE_BYTES)
    cache.store("name", WHOLE)
    assert not left.exists()
    assert cache.find("name") == WHOLE


def test_one_process_at_a_time_computes_a_waveform(tmp_path: Path) -> None:
    one, other = WaveformCache(tmp_path, 1 << 20), WaveformCache(tmp_path, 1 << 20)
    with one.locked("name") as claimed:
        assert claimed
        with other.locked("name") as late, other.locked("another") as first:
            assert (late, first) == (False, True)
    with other.locked("name") as claimed:
        assert claimed
    assert list(tmp_path.iterdir()) == []
