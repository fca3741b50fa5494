"""Short and long transcripts are parsed alike, and a hostile long one does not harm the gateway."""

from typing import Final

import orjson
import pytest

from gateway.errors import Unavailable
from gateway.media.caption_reader import LONG_BYTES, MAX_CONCURRENT, CaptionReader
from gateway.media.captions import MAX_BYTES, parse_captions
from gateway.media.cues import BadCaptions
from tests.media.test_prober import ended_servers, forking

__all__ = ["ended_servers"]

CUE: Final = "00:00:{0:02}.000 --> 00:00:{0:02}.500\n<v Ann>line {0} \u00e4\u8a9e\n\n"
LONG: Final = {
    "text/vtt": "WEBVTT\n\n" + "".join(CUE.format(n % 60) for n in range(2000)),
    "application/x-subrip": "".join(f"{n}\n00:00:01,000 --> 00:00:02,000\nline {n}\n\n" for n in range(3000)),
    "application/json": orjson.dumps(
        {"segments": [{"start": n, "end": n + 0.5, "text": "\x01\ud7ff", "speaker": "Ann"} for n in range(3000)]}
    ).decode(),
}
NONSENSE: Final = "import os; os.write(1, {!r})"


@pytest.mark.parametrize("content_type", LONG)
async def test_a_long_transcript_is_read_as_a_short_one_is(content_type: str) -> None:
    body = LONG[content_type].encode()
    assert len(body) > LONG_BYTES
    assert await CaptionReader().read(content_type, body, 1) == parse_captions(content_type, body)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b'{"segments":[' + b"[]," * (MAX_BYTES // 3 - 10) + b"1]}"),
        ("application/json", b"[" * 1_000_000),
        ("text/vtt", b"\xff" * 100_000),
        ("text/vtt", b"no" * 100_000),
    ],
)
async def test_a_long_text_that_is_not_a_transcript_is_refused_with_the_reason(content_type: str, body: bytes) -> None:
    with pytest.raises(BadCaptions, match=r"segments\[0\] should be|is not JSON|should be UTF-8|is not WebVTT"):
        await CaptionReader().read(content_type, body, 1)


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("import time; time.sleep(60)", "took longer than"),
        ("raise SystemExit(1)", "failed"),
        (NONSENSE.format(b"X" * 100), "failed"),
        (NONSENSE.format(b"W" + bytes(12) + (5).to_bytes(8) + b"[[1]]" + b"J" + bytes(20)), "invalid result"),
        (NONSENSE.format(b"W" + bytes(12) + (2).to_bytes(8) + b"17" + b"J" + bytes(20)), "invalid result"),
    ],
)
async def test_a_process_that_fails_costs_its_own_transcript_only(program: str, reason: str) -> None:
    reader = CaptionReader(seconds=1 if reason.startswith("took") else 60, processes=forking("", program))
    with pytest.raises(BadCaptions, match=reason):
        await reader.read("text/vtt", LONG["text/vtt"].encode(), 1)
    assert await reader.read("text/vtt", b"WEBVTT\n\n", 1) == ()


def test_few_long_transcripts_are_received_at_a_time_and_one_of_each_account() -> None:
    reader = CaptionReader()
    with reader.slot(0), reader.slot(1):
        assert MAX_CONCURRENT == 2
        for account in (0, 2):
            with pytest.raises(Unavailable), reader.slot(account):
                pass
    with reader.slot(0):
        pass
