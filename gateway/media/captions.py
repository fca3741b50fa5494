"""Captions: transcript segments in the formats in which transcripts travel.

Read: WebVTT (https://www.w3.org/TR/webvtt1/), SubRip, and JSON with a list `segments`, as Vexa and Whisper write it
(`start` and `end` in seconds, or `start_time` and `end_time`; `text`; perhaps `speaker` and `language`). Written: WebVTT.
"""

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import starmap
from typing import Any, Final

import orjson
import webvtt
from webvtt.errors import MalformedCaptionError, MalformedFileError

from gateway.catalog import Segment

MAX_BYTES: Final = 4 * 1024 * 1024
MAX_SEGMENTS: Final = 50_000
# PostgreSQL refuses a NUL; nothing displays one.
_NO_NUL: Final = {0: None}


class BadCaptions(ValueError):
    """The text is not a transcript; the message may be shown to the client."""


def parse_vtt(text: str) -> tuple[Segment, ...]:
    """The cues of a WebVTT file; a voice span `<v NAME>` names the speaker. Raises BadCaptions."""
    return _parse_cues(text, "vtt", "WebVTT")


def parse_srt(text: str) -> tuple[Segment, ...]:
    """The cues of a SubRip file. Raises BadCaptions."""
    return _parse_cues(text, "srt", "SubRip")


def parse_json(text: str) -> tuple[Segment, ...]:
    """The segments of a JSON document, an object with `segments` or the list itself. Raises BadCaptions."""
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadCaptions(f"The transcript is not JSON: {error}") from None
    language = document.get("language") if isinstance(document, dict) else None
    listed = document.get("segments") if isinstance(document, dict) else document
    if not isinstance(listed, list):
        raise BadCaptions("The transcript should be a JSON object with a list `segments`, or that list")
    return _checked(_json_segment(number, each, language) for number, each in enumerate(listed))


PARSERS: Final[Mapping[str, Callable[[str], tuple[Segment, ...]]]] = {
    "text/vtt": parse_vtt,
    "application/x-subrip": parse_srt,
    "application/json": parse_json,
}
BY_SUFFIX: Final = {".vtt": parse_vtt, ".srt": parse_srt, ".json": parse_json}


def parse_captions(content_type: str, body: bytes) -> tuple[Segment, ...]:
    """The segments of a body of this media type (a key of PARSERS). Raises BadCaptions."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadCaptions(f"The transcript should be UTF-8: {error.reason} at byte {error.start}") from None
    return PARSERS[content_type](text)


def encode_segments(segments: Sequence[Segment]) -> bytes:
    """The segments for `decode_segments`: a JSON list for each field, which is quicker to read than one for each segment."""
    return orjson.dumps(
        [
            [each.start_seconds for each in segments],
            [each.end_seconds for each in segments],
            [each.text for each in segments],
            [each.speaker for each in segments],
            [each.language for each in segments],
        ]
    )


_COLUMNS: Final = ((float,), (float,), (str,), (str, type(None)), (str, type(None)))


def decode_segments(octets: bytes) -> tuple[Segment, ...]:
    """The segments that `encode_segments` wrote in another process. Raises BadCaptions for anything else."""
    try:
        columns = orjson.loads(octets)
        pairs = zip(columns, _COLUMNS, strict=True)
        is_right = all(set(map(type, values)) <= set(types) for values, types in pairs)
        found = tuple(starmap(Segment, zip(*columns, strict=True)))
    except (ValueError, TypeError):
        is_right, found = False, ()
    if not is_right or len(found) > MAX_SEGMENTS:
        raise BadCaptions("The transcript cannot be read: the process that read it answered nonsense")
    return found


def write_vtt(segments: Iterable[Segment]) -> str:
    """The segments as a WebVTT file. Text that looks like markup is escaped."""
    cues = [
        f"{_timestamp(each.start_seconds)} --> {_timestamp(each.end_seconds)}\n{_voice(each)}{_escaped(each.text)}\n"
        for each in segments
        if each.text.strip() and each.end_seconds > 0
    ]
    return "\n".join(["WEBVTT\n", *cues])


def _parse_cues(text: str, kind: str, name: str) -> tuple[Segment, ...]:
    try:
        captions = webvtt.from_buffer(io.StringIO(text.replace("\0", "\ufffd")), format=kind)
    except (MalformedFileError, MalformedCaptionError) as error:
        raise BadCaptions(f"The transcript is not {name}: {error}") from None
    return _checked(
        Segment(_seconds(each.start_time), _seconds(each.end_time), _unescaped(each.text), each.voice)
        for each in captions.captions
    )


def _seconds(timestamp: Any) -> float:
    hours, minutes, seconds, milliseconds = timestamp.to_tuple()
    return float(hours * 3600 + minutes * 60 + seconds + milliseconds / 1000)


def _json_segment(number: int, each: Any, language: Any) -> Segment:
    if not isinstance(each, dict):
        raise BadCaptions(f"segments[{number}] should be an object")
    start, end = each.get("start", each.get("start_time")), each.get("end", each.get("end_time"))
    text = each.get("text")
    if not isinstance(text, str):
        raise BadCaptions(f"segments[{number}] should have `text`")
    speaker, spoken = each.get("speaker"), each.get("language", language)
    return Segment(_time(number, start), _time(number, end), text.translate(_NO_NUL), _text(speaker), _text(spoken))


def _time(number: int, value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not -1e9 < value < 1e9:
        raise BadCaptions(f"segments[{number}] should have `start` and `end` in seconds")
    return float(value)


def _text(value: Any) -> str | None:
    return value.translate(_NO_NUL) if isinstance(value, str) and value else None


def _checked(segments: Iterable[Segment]) -> tuple[Segment, ...]:
    """The segments in the order in which they begin, without those that say nothing; none ends before it begins.

    Raises BadCaptions.
    """
    found: list[Segment] = []
    for each in segments:
        if each.start_seconds < 0:
            raise BadCaptions(f"A segment begins at {each.start_seconds} s: it should begin at 0 or later")
        if each.text.strip():
            found.append(replace(each, end_seconds=max(each.start_seconds, each.end_seconds)))
        if len(found) > MAX_SEGMENTS:
            raise BadCaptions(f"The transcript has more than {MAX_SEGMENTS} segments")
    return tuple(sorted(found, key=lambda each: each.start_seconds))


def _timestamp(seconds: float) -> str:
    milliseconds = max(round(seconds * 1000), 0)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}"


def _voice(segment: Segment) -> str:
    return f"<v {_escaped(segment.speaker)}>" if segment.speaker else ""


def _escaped(text: str) -> str:
    """Cue text: `&`, `<` and `>` as escapes (section 6.4), no blank line, which would end the cue, no `-->`."""
    lines: Sequence[str] = [line for line in text.splitlines() if line.strip()]
    return "\n".join(lines).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _unescaped(text: str) -> str:
    for escape, character in (("&lt;", "<"), ("&gt;", ">"), ("&nbsp;", "\u00a0"), ("&amp;", "&")):
        text = text.replace(escape, character)
    return text
