"""Transcripts in: what recorders, editors and transcribers write, and what they should not. Transcripts out: WebVTT."""

import json
from typing import Any, Final

import pytest

from gateway.catalog import Segment
from gateway.media.captions import MAX_SEGMENTS, parse_captions, write_vtt
from gateway.media.cues import BadCaptions

VTT: Final = "text/vtt"
SRT: Final = "application/x-subrip"
JSON: Final = "application/json"
TIMES: Final = "00:01.000 --> 00:03.000"


def parsed(kind: str, text: str | bytes) -> list[tuple[Any, ...]]:
    found = parse_captions(kind, text if isinstance(text, bytes) else text.encode())
    return [(each.start_seconds, each.end_seconds, each.text, each.speaker) for each in found]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "byte order mark"])
@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (
            VTT,
            f"WEBVTT a title\nKind: captions\n\nSTYLE\n::cue {{ color: red }}\n\nNOTE x\ny\n\nid\n{TIMES} align:start\nA\nB\n",
        ),
        (SRT, "1\n00:00:01,000 --> 00:00:03,000 X1:10 X2:20\nA\nB\n\n"),
        (SRT, "\n\n00:00:01.000 --> 0:00:03.000\nA\nB"),
        (SRT, "1\n\u200e00:00:01,000\u00a0-->\u00a000:00:03,000\u200f\nA\nB\n"),
    ],
    ids=["WebVTT", "SubRip", "SubRip without numbers", "marks around times"],
)
def test_every_line_ending_is_one(kind: str, text: str, mark: str, end: str) -> None:
    assert parsed(kind, mark + text.replace("\n", end)) == [(1.0, 3.0, "A\nB", None)]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("<b>bold</b> <c.red>red</c> <00:02.000>late</v>", [("bold red late", None)]),
        ("a &amp;lt; b &lt;i&gt; &#39;c&#x27; d &unknown; & e", [("a &lt; b <i> 'c' d &unknown; & e", None)]),
        ("1 < 2 and 3 > 2", [("1 < 2 and 3 > 2", None)]),
        ("<v.loud Ann  Lee>Hi</v>", [("Hi", "Ann Lee")]),
        ("before <v Ann>Hi\n<v Bob &amp; Co>Ho", [("before", None), ("Hi", "Ann"), ("Ho", "Bob & Co")]),
        ("<b<b<b unclosed", [("<b<b<b unclosed", None)]),
        ("nul \0 &#0;", [("nul \ufffd", None)]),
    ],
)
def test_markup_of_webvtt_is_read_and_removed(written: str, read: list[tuple[str, str | None]]) -> None:
    found = parsed(VTT, f"WEBVTT\n\n{TIMES}\n{written}\n")
    assert [(text.replace("nul  ", "nul "), speaker) for _, _, text, speaker in found] == read


def test_subrip_loses_its_tags_and_overrides_and_keeps_its_numbers_and_blank_lines() -> None:
    text = '1\n00:00:01,000 --> 00:00:02,000\n{\\an8}<font color="red">x</font>\n\n42\n\n2\n00:00:02,000 --> 00:00:03,000\n7\n'
    assert parsed(SRT, text) == [(1.0, 2.0, "x\n\n42", None), (2.0, 3.0, "7", None)]


def test_subrip_files_that_were_joined_with_their_byte_order_marks_lose_no_cue() -> None:
    text = "\ufeff1\n00:00:01,000 --> 00:00:02,000\nA\n\n\ufeff1\n\ufeff00:00:03,000 --> 00:00:04,000\nB\n"
    assert parsed(SRT, text) == [(1.0, 2.0, "A", None), (3.0, 4.0, "B", None)]


def test_cues_that_overlap_or_are_reversed_come_in_the_order_in_which_they_begin() -> None:
    text = (
        "WEBVTT\n\n00:05.000 --> 00:03.000\nreversed\n\n00:01.000 --> 00:09.000\nlong\n00:02.000 --> 00:03.000\nshort\n"
    )
    assert parsed(VTT, text) == [(1.0, 9.0, "long", None), (2.0, 3.0, "short", None), (5.0, 5.0, "reversed", None)]


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        (VTT, f"WEBVTTX\n\n{TIMES}\nA\n", "begin with a line WEBVTT"),
        (VTT, f"\n\nWEBVTT\n\n{TIMES}\nA\n", "begin with a line WEBVTT"),
        (VTT, "WEBVTT\n\n00:61.000 --> 00:99.000\nA\n", "Line 3"),
        (VTT, f"WEBVTT\n\n{'9' * 5000}:00:01.000 --> 00:02.000\nA\n", "Line 3"),
        (VTT, "WEBVTT\n\n٠٠:٠١.٠٠٠ --> ٠٠:٠٢.٠٠٠\nA\n", "Line 3"),
        (VTT, "WEBVTT\n\n00:01.000 -->\nA\n", "Line 3"),
        (SRT, "1\n-00:00:01,000 --> 00:00:02,000\nA\n", "Line 2"),
        (SRT, "", "no line like"),
        (SRT, "1\n[00:00:01,000 --> 00:00:02,000]\nA\n", "no line like"),
        (VTT, "WEBVTT\n\nt00:01.000 --> 00:02.000\nA\n", "no line like"),
        (SRT, "1\n00:00:01,000 --> 00:00:02,000\n".encode("utf-16"), "UTF-8"),
        (SRT, "1\n00:00:01,000 --> 00:00:02,000\ncafé\n".encode("latin-1"), "UTF-8"),
        (JSON, '[{"start": 0, "end": 1, "text": "\\ud800"}]', "JSON"),
        (JSON, '[{"start": "0", "end": 1, "text": "x"}]', "segments[0]"),
        (JSON, '{"transcription": [{"offsets": {"from": true, "to": 1}, "text": "x"}]}', "segments[0]"),
        (VTT, "WEBVTT\n\n" + f"{TIMES}\n\n" * (MAX_SEGMENTS + 1), "more than 50000"),
    ],
)
def test_a_transcript_that_cannot_be_read_is_refused_with_the_place(kind: str, text: str | bytes, words: str) -> None:
    with pytest.raises(BadCaptions) as refused:
        parsed(kind, text)
    assert words in str(refused.value)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    "text",
    ["<b" * 100_000, "<v " * 100_000, "&" * 100_000, "x\n" * 100_000, "<v" + " " * 100_000, "&#" + "9" * 100_000 + ";"],
    ids=["tags", "voices", "references", "lines", "blanks", "digits"],
)
def test_a_huge_cue_is_read_as_it_is(text: str) -> None:
    ((_, _, found, _),) = parsed(VTT, f"WEBVTT\n\n{TIMES}\n{text}\n")
    assert found == text.strip()


def test_a_cue_with_a_speaker_counts_once_toward_the_limit_of_segments() -> None:
    text = "WEBVTT\n\n" + f"{TIMES}\n<v Ann>A\n\n" * MAX_SEGMENTS
    assert len(parse_captions(VTT, text.encode())) == MAX_SEGMENTS


def test_whisper_cpp_is_read() -> None:
    segment = {"timestamps": {"from": "…"}, "offsets": {"from": 250, "to": 2000}, "text": " hi"}
    (found,) = parse_captions(JSON, json.dumps({"result": {"language": "de"}, "transcription": [segment]}).encode())
    assert (found.start_seconds, found.end_seconds, found.text, found.language) == (0.25, 2.0, " hi", "de")


def test_a_transcript_written_as_webvtt_is_read_back_unchanged() -> None:
    segments = (
        Segment(0.0, 1.5, "a --> b & <i>c</i>", "Ann > Bob\nLee & Co"),
        Segment(2.0, 2.0, "WEBVTT\n\n00:00:09.000 --> 00:00:10.000\n&amp;"),
        Segment(360000.0, 360001.25, "NOTE\u2028x", ""),
    )
    text = write_vtt(segments).decode()
    assert text.count("-->") == len(segments)
    assert parsed(VTT, text) == [
        (0.0, 1.5, "a --> b & <i>c</i>", "Ann > Bob Lee & Co"),
        (2.0, 2.001, "WEBVTT\n00:00:09.000 --> 00:00:10.000\n&amp;", None),
        (360000.0, 360001.25, "NOTE\nx", None),
    ]
