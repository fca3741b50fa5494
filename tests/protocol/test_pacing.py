"""The pace of responses to media elements: which are paced, and that a player is never sent less than it plays."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from gateway.protocol.pacing import (
    STEP_SECONDS,
    WEBKIT,
    PacedFile,
    PaceRule,
    SendingPace,
    full_bucket,
    grant,
    media_element,
    pace_of,
    pause_seconds,
)

ALL = PaceRule(WEBKIT | {"chromium"}, 10, 2.5)
USUAL = PaceRule(WEBKIT, 10, 2.5)
HOUR = PacedFile(360_000_000, "wav", 3600.0, has_video=False)

SAFARI = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15"
WEBKITGTK = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15"
CHROMIUM = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0"
APPLE = "AppleCoreMedia/1.0.0.22B83 (iPhone; U; CPU OS 18_1 like Mac OS X; en_us)"

ELEMENTS: dict[str, tuple[dict[str, str], str | None]] = {
    "Safari's audio": ({"user-agent": SAFARI, "sec-fetch-dest": "audio"}, "safari"),
    "Safari's video": ({"User-Agent": SAFARI, "Sec-Fetch-Dest": "video"}, "safari"),
    "an older Safari over HTTP": ({"User-Agent": SAFARI, "X-Playback-Session-Id": "6E2B"}, "safari"),
    "WebKitGTK over HTTP": ({"User-Agent": WEBKITGTK, "icy-metadata": "1"}, "webkitgtk"),
    "WebKitGTK's audio": ({"User-Agent": WEBKITGTK, "Sec-Fetch-Dest": "audio", "Icy-Metadata": "1"}, "webkitgtk"),
    "an iPhone's player": ({"User-Agent": APPLE, "Range": "bytes=0-1"}, "safari"),
    "Chromium's audio": ({"User-Agent": CHROMIUM, "Sec-Fetch-Dest": "audio"}, "chromium"),
    "Firefox's audio": ({"User-Agent": FIREFOX, "Sec-Fetch-Dest": "audio"}, None),
    "a download from Safari": ({"User-Agent": SAFARI, "Sec-Fetch-Dest": "document"}, None),
    "a page's fetch in Safari": ({"User-Agent": SAFARI, "Sec-Fetch-Dest": "empty"}, None),
    "a plain request of Safari": ({"User-Agent": SAFARI}, None),
    "curl": ({"User-Agent": "curl/8.5.0"}, None),
    "ffmpeg": ({"User-Agent": "Lavf/61.7.100", "Icy-MetaData": "1"}, None),
    "nobody in particular": ({}, None),
    "a CDN for Safari": ({"User-Agent": SAFARI, "Sec-Fetch-Dest": "audio", "CDN-Loop": "cdn"}, None),
    "a cache for Safari": ({"User-Agent": SAFARI, "Sec-Fetch-Dest": "audio", "Via": "1.1 varnish"}, None),
}


@pytest.mark.parametrize(("fields", "element"), ELEMENTS.values(), ids=ELEMENTS)
def test_media_elements_are_recognised(fields: dict[str, str], element: str | None) -> None:
    assert media_element(CIMultiDict(fields)) == element


UNPACED: dict[str, tuple[PaceRule, Any, PacedFile]] = {
    "an unknown duration": (ALL, "webkitgtk", HOUR._replace(duration_seconds=None)),
    "no duration": (ALL, "webkitgtk", HOUR._replace(duration_seconds=0.0)),
    "MP3, which WebKit reads up to the position": (ALL, "webkitgtk", HOUR._replace(format="mp3")),
    "MP4 in Safari, which may consist of fragments": (ALL, "safari", HOUR._replace(format="mp4")),
    "Ogg, in which positions are searched": (ALL, "chromium", HOUR._replace(format="ogg")),
    "FLAC, in which positions are searched": (ALL, "chromium", HOUR._replace(format="flac")),
    "FLAC, which WebKit reads up to the position": (ALL, "webkitgtk", HOUR._replace(format="flac")),
    "Ogg in Safari, which could not be measured": (ALL, "safari", HOUR._replace(format="ogg")),
    "Chromium, where only WebKit is paced": (USUAL, "chromium", HOUR),
}


@pytest.mark.parametrize(("rule", "element", "sound"), UNPACED.values(), ids=UNPACED)
def test_some_responses_are_not_paced(rule: PaceRule, element: Any, sound: PacedFile) -> None:
    assert pace_of(rule, element, sound) is None


@pytest.mark.parametrize("kind", ["m4a", "mov", "mp4", "ogg"])
def test_mp4_and_ogg_are_paced_for_webkitgtk(kind: str) -> None:
    assert pace_of(USUAL, "webkitgtk", HOUR._replace(format=kind)) == pace_of(USUAL, "webkitgtk", HOUR)


def test_a_pace_is_the_recordings_own() -> None:
    pace = pace_of(USUAL, "safari", HOUR)
    assert pace is not None
    assert (pace.bytes_per_second, pace.burst) == (250_000, 10 * 100_000 + 250_000 * STEP_SECONDS)


def test_a_burst_of_webm_has_the_cluster_before_the_position_too() -> None:
    pace = pace_of(USUAL, "webkitgtk", HOUR._replace(format="webm"))
    assert pace is not None
    assert pace.burst == (10 + 5) * 100_000 + 250_000 * STEP_SECONDS


def test_a_quiet_recording_is_sent_faster_than_its_average() -> None:
    quiet = pace_of(USUAL, "safari", PacedFile(3_600_000, "webm", 3600.0, has_video=False))
    still = pace_of(USUAL, "safari", PacedFile(36_000_000, "webm", 3600.0, has_video=True))
    assert quiet is not None
    assert still is not None
    assert (quiet.bytes_per_second, still.bytes_per_second) == (40 * 1024, 512 * 1024)


sounds = st.builds(
    PacedFile,
    size=st.integers(1, 10**11),
    format=st.sampled_from(["wav", "webm"]),
    duration_seconds=st.floats(0.1, 100_000),
    has_video=st.booleans(),
)
rules = st.builds(PaceRule, st.just(ALL.elements), st.floats(0.1, 600), st.floats(1, 100))


@given(rules, st.sampled_from(["safari", "webkitgtk", "chromium"]), sounds, st.data())
def test_a_player_is_never_sent_less_than_burst_and_multiple(
    rule: PaceRule, element: Any, sound: PacedFile, data: st.DataObject
) -> None:
    """A client that takes everything is sent at least the burst and, after t seconds, the multiple of what it has played."""
    pace = pace_of(rule, element, sound)
    assert pace is not None
    assert sound.duration_seconds is not None
    rate = sound.size / sound.duration_seconds
    burst = min(rate * rule.burst_seconds, sound.size / 64)
    offset = data.draw(st.integers(0, sound.size - 1))
    length = data.draw(st.integers(1, sound.size - offset))
    sent, now, bucket = 0, 0.0, full_bucket(pace, 0)
    for _ in range(50):
        granted, bucket = grant(pace, bucket, offset + sent, length - sent, now)
        sent += granted
        if sent == length:
            return
        if not granted:
            pause = pause_seconds(pace, bucket)
            assert pause <= STEP_SECONDS + 1e-6
            now += pause + 1e-6
            # The moment before the next bytes are sent is the worst.
            assert sent + 2 >= min(length, burst + rule.multiple * rate * (now - STEP_SECONDS) * 0.999)
            assert sent + 2 >= min(length, burst + rule.multiple * rate * now * 0.999)


@given(sounds, st.lists(st.tuples(st.floats(0, 5), st.integers(1, 10**7)), max_size=30), st.integers(0, 10**10))
def test_no_more_is_granted_than_is_wanted_or_than_the_bucket_has(
    sound: PacedFile, turns: list[tuple[float, int]], offset: int
) -> None:
    pace = pace_of(ALL, "webkitgtk", sound)
    assert pace is not None
    offset %= sound.size
    start, now, bucket = offset, 0.0, full_bucket(pace, 0)
    for seconds, asked in turns:
        now += seconds
        wanted = min(asked, sound.size - offset)
        granted, bucket = grant(pace, bucket, offset, wanted, now)
        assert 0 <= granted <= wanted
        offset += granted
        counted = min(offset, pace.tail) - max(start, pace.index_end)
        assert offset == sound.size or offset >= pace.tail or counted <= pace.burst + pace.bytes_per_second * now + 1


def test_an_index_at_either_end_is_sent_whole() -> None:
    pace = SendingPace(burst=1000, bytes_per_second=100.0, index_end=50_000, tail=950_000)
    assert grant(pace, full_bucket(pace, 0), 0, 1_000_000, 0)[0] == 51_000
    assert grant(pace, full_bucket(pace, 0), 949_500, 50_500, 0)[0] == 50_500


def test_a_client_that_read_nothing_for_a_while_gets_one_burst() -> None:
    pace = SendingPace(burst=1000, bytes_per_second=100.0, index_end=0, tail=1_000_000)
    _, bucket = grant(pace, full_bucket(pace, 0), 0, 1000, 0)
    assert grant(pace, bucket, 1000, 100_000, 3600)[0] == 1000
