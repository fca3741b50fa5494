"""Parses transcripts into segments, and writes segments as WebVTT.

Accepted are WebVTT (https://www.w3.org/TR/webvtt1/), SubRip, and JSON: with a list `segments`, as Vexa and Whisper write
it (`start` and `end` in seconds, or `start_time` and `end_time`; `text`; optional `speaker` and `language`), or with
whisper.cpp's list `transcription`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import starmap
from typing import Any, Final

import orjson

from gateway.catalog import Segment
from gateway.media.cues import NO_NUL, BadCaptions, read_srt, read_vtt

MAX_BYTES: Final = 4 * 1024 * 1024
MAX_SEGMENTS: Final = 50_000


def _read_json(text: str) -> Iterator[Segment]:
    """The segments of a JSON document, an object with `segments` or the list itself. Raises BadCaptions."""
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadCaptions(f"The transcript is not JSON: {error}") from None
    if isinstance(document, dict) and isinstance(document.get("transcription"), list):
        document = _of_whisper_cpp(document)
    language = document.get("language") if isinstance(document, dict) else None
    listed = document.get("segments") if isinstance(document, dict) else document
    if not isinstance(listed, list):
        raise BadCaptions("The transcript should be a JSON object with a list `segments`, or that list")
    yield from (_json_segment(number, each, language) for number, each in enumerate(listed))


READERS: Final[Mapping[str, Callable[[str], Iterator[Segment]]]] = {
    "text/vtt": read_vtt,
    "application/x-subrip": read_srt,
    "application/json": _read_json,
}
SUFFIXES: Final = {".vtt": "text/vtt", ".srt": "application/x-subrip", ".json": "application/json"}


def parse_captions(content_type: str, body: bytes) -> tuple[Segment, ...]:
    """The segments of a body of this media type (a key of READERS). Raises BadCaptions."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadCaptions(f"The transcript should be UTF-8: {error.reason} at byte {error.start}") from None
    return _checked(READERS[content_type](text))


def encode_segments(segments: Sequence[Segment]) -> bytes:
    """Encode the segments for `decode_segments`: one JSON list per field, which parses faster than one per segment."""
    return orjson.dumps([[getattr(each, name) for each in segments] for name in _COLUMNS])


# The fields that are encoded, and the types of their values; Segment takes them in this order.
_COLUMNS: Final[Mapping[str, Sequence[type]]] = {
    "start_seconds": (float,),
    "end_seconds": (float,),
    "text": (str,),
    "speaker": (str, type(None)),
    "language": (str, type(None)),
}


def decode_segments(octets: bytes) -> tuple[Segment, ...]:
    """The segments that `encode_segments` wrote in another process. Raises BadCaptions for anything else."""
    try:
        columns = orjson.loads(octets)
        pairs = zip(columns, _COLUMNS.values(), strict=True)
        is_valid = all(set(map(type, values)) <= set(types) for values, types in pairs)
        found = tuple(starmap(Segment, zip(*columns, strict=True)))
    except (ValueError, TypeError):
        is_valid, found = False, ()
    if not is_valid or len(found) > MAX_SEGMENTS:
        raise BadCaptions("The transcript cannot be read: the process that read it sent an invalid result")
    return found


def write_vtt(segments: Iterable[Segment]) -> bytes:
    """The segments with text as a WebVTT file (UTF-8). Text that looks like markup is escaped."""
    # A cue has to end after it begins (section 4.1).
    cues = [
        f"{_timestamp(each.start_seconds)} --> {_timestamp(max(each.end_seconds, each.start_seconds + 0.001))}\n"
        f"{_voice(each)}{_escaped(each.text)}\n"
        for each in segments
        if each.text.strip() and each.end_seconds > 0
    ]
    return "\n".join(["WEBVTT\n", *cues]).encode()


def _of_whisper_cpp(document: Mapping[str, Any]) -> dict[str, Any]:
    """Convert whisper.cpp's output to the form of Whisper's."""
    result = document.get("result")
    listed = [each | _offsets(each) if isinstance(each, dict) else each for each in document["transcription"]]
    return {"language": result.get("language") if isinstance(result, dict) else None, "segments": listed}


def _offsets(each: Mapping[str, Any]) -> dict[str, Any]:
    """`start` and `end` in seconds, from the milliseconds in whisper.cpp's `offsets`."""
    offsets = each.get("offsets")
    if not isinstance(offsets, dict):
        return {}
    given = {"start": offsets.get("from"), "end": offsets.get("to")}
    return {name: value / 1000 for name, value in given.items() if type(value) is int}


def _json_segment(number: int, each: Any, language: Any) -> Segment:
    if not isinstance(each, dict):
        raise BadCaptions(f"segments[{number}] should be an object")
    start, end = each.get("start", each.get("start_time")), each.get("end", each.get("end_time"))
    text = each.get("text")
    if not isinstance(text, str):
        raise BadCaptions(f"segments[{number}] should have `text`")
    speaker, spoken = each.get("speaker"), each.get("language", language)
    return Segment(_time(number, start), _time(number, end), text.translate(NO_NUL), _text(speaker), _text(spoken))


def _time(number: int, value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not -1e9 < value < 1e9:
        raise BadCaptions(f"segments[{number}] should have `start` and `end` in seconds")
    return float(value)


def _text(value: Any) -> str | None:
    return value.translate(NO_NUL) if isinstance(value, str) and value else None


def _checked(segments: Iterable[Segment]) -> tuple[Segment, ...]:
    """The segments sorted by start, without those that have no text; an end before the start becomes the start.

    Raises BadCaptions.
    """
    found: list[Segment] = []
    for number, each in enumerate(segments):
        if number == MAX_SEGMENTS:
            raise BadCaptions(f"The transcript has more than {MAX_SEGMENTS} segments")
        if each.start_seconds < 0:
            raise BadCaptions(f"A segment begins at {each.start_seconds} s: it should begin at 0 or later")
        if each.text.strip():
            found.append(replace(each, end_seconds=max(each.start_seconds, each.end_seconds)))
    return tuple(sorted(found, key=lambda each: each.start_seconds))


def _timestamp(seconds: float) -> str:
    milliseconds = max(round(seconds * 1000), 0)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}"


def _voice(segment: Segment) -> str:
    return f"<v {_escaped(' '.join(segment.speaker.split()))}>" if segment.speaker and segment.speaker.strip() else ""


def _escaped(text: str) -> str:
    """Cue text with `&`, `<` and `>` escaped (section 6.4), which leaves no `-->`, and without blank lines, which end a cue."""
    lines: Sequence[str] = [line for line in text.splitlines() if line.strip()]
    return "\n".join(lines).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
