"""Parses the cues of WebVTT (https://www.w3.org/TR/webvtt1/) and SubRip into segments of plain text.

Parsing takes time linear in the length of the text. A malformed line of times is an error, and is not skipped.
"""

import html
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from gateway.catalog import Segment

_HEADER: Final = re.compile(r"WEBVTT(?=[ \t\r\n]|$)")
# A line of times, well-formed or not. It begins with a number: text may contain an arrow, too.
_TIMES: Final = re.compile(r"[ \t]*-?\d[\d:.,]*[ \t]*-->")
# Around times, editors leave byte order marks (of joined files), marks of direction and unbreakable spaces.
_INVISIBLE: Final = re.compile(r"[\u00a0\u2000-\u200f\u2028-\u202f\u205f-\u206f\ufeff]+")
_TIME: Final = re.compile(r"(?:(\d{1,6}):)?([0-5]?\d):([0-5]?\d)(?:[.,](\d{1,3}))?", re.ASCII)
# None of these matches past the next bracket, so that unclosed brackets do not cost quadratic time.
_VOICE: Final = re.compile(r"<v(?:\.[^\s<>]*)?[ \t]([^<>]*)>")
_TAG: Final = re.compile(r"</?[A-Za-z0-9][^<>]*>")
_OVERRIDE: Final = re.compile(r"\{\\[^{}]*\}")
_REFERENCE: Final = re.compile(r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z0-9]{1,31});")
# Removes NUL characters, which PostgreSQL refuses and nothing displays.
NO_NUL: Final = {0: None}


class BadCaptions(ValueError):
    """The text is not a transcript; the message may be shown to the client."""


def read_vtt(text: str) -> Iterator[Segment]:
    """The cues of a WebVTT file; each voice span `<v NAME>` of a cue is a segment. Raises BadCaptions."""
    if not _HEADER.match(text):
        raise BadCaptions("The transcript is not WebVTT: it should begin with a line WEBVTT")
    for cue in _cues(text, ends_at_blank=True):
        yield from _voices(cue)


def read_srt(text: str) -> Iterator[Segment]:
    """The cues of a SubRip file, numbered or not. Raises BadCaptions."""
    if "-->" not in text:
        raise BadCaptions("The transcript is not SubRip: it has no line like 00:00:01,000 --> 00:00:02,500")
    for cue in _cues(text, ends_at_blank=False):
        yield replace(cue, text=_plain(_OVERRIDE.sub("", cue.text)))


def _cues(text: str, *, ends_at_blank: bool) -> Iterator[Segment]:
    """The cues with their markup. A SubRip cue may contain blank lines, and the number before each cue is removed.

    Raises BadCaptions for a line of times that is malformed, and if there are arrows but no line of times.
    """
    start, end = 0.0, 0.0
    lines: list[str] | None = None
    has_times = "-->" not in text
    for number, line in enumerate(io.StringIO(text, newline=None), 1):
        if "-->" in line and _TIMES.match(times := _INVISIBLE.sub(" ", line)):
            if lines is not None:
                has_number = not ends_at_blank and lines and _INVISIBLE.sub(" ", lines[-1]).strip().isdigit()
                yield Segment(start, end, "".join(lines[:-1] if has_number else lines).strip())
            (start, end), lines, has_times = _span(number, times), [], True
        elif lines is not None and ends_at_blank and line == "\n":
            yield Segment(start, end, "".join(lines).strip())
            lines = None
        elif lines is not None:
            lines.append(line)
    if lines is not None:
        yield Segment(start, end, "".join(lines).strip())
    if not has_times:
        raise BadCaptions("The transcript has no line like 00:00:01.000 --> 00:00:02.500")


def _span(number: int, line: str) -> tuple[float, float]:
    first, _, after = line.partition("-->")
    times = [_seconds(text) for text in (first.strip(), (after.split(maxsplit=1) or [""])[0])]
    if None in times:
        raise BadCaptions(f"Line {number} should be like 00:00:01.000 --> 00:00:02.500: {line[:60].strip()!r}")
    return times[0] or 0.0, times[1] or 0.0


def _seconds(text: str) -> float | None:
    """The seconds of `[HH:]MM:SS[.mmm]`; None for anything else."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    hours, minutes, seconds, milliseconds = (int(each or 0) for each in found.groups())
    return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000


def _voices(cue: Segment) -> Iterator[Segment]:
    """A segment for each voice span of the cue; the text before the first, if there is any, has no speaker."""
    before, *voiced = _VOICE.split(cue.text)
    if before or not voiced:
        yield replace(cue, text=_plain(before))
    for speaker, text in zip(voiced[::2], voiced[1::2], strict=True):
        yield replace(cue, text=_plain(text), speaker=" ".join(_unescaped(speaker).translate(NO_NUL).split()) or None)


def _plain(text: str) -> str:
    """The text without tags and NULs, and with its character references replaced."""
    return _unescaped(_TAG.sub("", text)).translate(NO_NUL).strip()


def _unescaped(text: str) -> str:
    """The text with its character references replaced (section 6.4)."""
    return _REFERENCE.sub(lambda found: html.unescape(found[0]), text)
