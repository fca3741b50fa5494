"""The Range header (RFC 9110 section 14): parsed into specs, and fitted to an object as spans.

    Range            = range-unit "=" range-set          ; unit: case-insensitive
    range-set        = 1#range-spec                      ; a list: empty elements and OWS are legal
    range-spec       = int-range / suffix-range
    int-range        = first-pos "-" [ last-pos ]        ; 0-499, 500-
    suffix-range     = "-" suffix-length                 ; -500

There are three outcomes: spans to send, no span that fits (416), and None. None means that the header is ignored
and the whole object is sent, because the unit is unknown or the set is malformed.
"""

import re
from typing import Final, NamedTuple

from gateway.protocol.field_lists import bounded_list

# RFC 9110 section 14.2: the overhead of one part of a multipart body is about 80 bytes.
COALESCE_GAP: Final = 80

# No object has this many bytes; Python's int() refuses more than 4,300 digits, so longer numerals stop here.
_BEYOND_ANY_OBJECT: Final = 10**19
_MAX_DIGITS: Final = 19

# range-spec, digits in ASCII only. The lone "-" matches too; `_parse_spec` refuses it.
_RANGE_SPEC: Final = re.compile(r"([0-9]*)-([0-9]*)")
_UNIT: Final = "bytes="
# Two numerals of 18 digits, which int() reads quickly.
_SHORT: Final = 37
_PLAIN: Final = re.compile(rf"[0-9,-]{{1,{_SHORT}}}")


class RangeSpec(NamedTuple):
    """One requested range. If `first` is None, `last` is a suffix length; if `last` is None, the range ends at the end."""

    first: int | None
    last: int | None


class ByteSpan(NamedTuple):
    """`length` bytes of the object from `offset`."""

    offset: int
    length: int

    @property
    def end(self) -> int:
        """The offset just after the span."""
        return self.offset + self.length


def parse_range(header: str) -> tuple[RangeSpec, ...] | None:
    """The specs of a Range header, or None if it is to be ignored. Linear in the header's length."""
    unit, equals, range_set = header.partition("=")
    if not equals or unit.lower() != "bytes":
        return None
    specs = []
    for element in range_set.split(","):
        text = element.strip(" \t")
        if not text:
            continue
        spec = _parse_spec(text)
        if spec is None:
            return None
        specs.append(spec)
    return tuple(specs) or None


def _parse_spec(text: str) -> RangeSpec | None:
    match = _RANGE_SPEC.fullmatch(text)
    if match is None:
        return None
    first_digits, last_digits = match.groups()
    if not last_digits:
        return RangeSpec(_position(first_digits), None) if first_digits else None
    last = _position(last_digits)
    if not first_digits:
        return RangeSpec(None, last)
    first = _position(first_digits)
    if first > last or (first == last == _BEYOND_ANY_OBJECT and _is_greater(first_digits, last_digits)):
        return None
    return RangeSpec(first, last)


def _position(digits: str) -> int:
    if len(digits) <= _MAX_DIGITS:
        return int(digits)
    significant = digits.lstrip("0")
    return int(significant or "0") if len(significant) <= _MAX_DIGITS else _BEYOND_ANY_OBJECT


def _is_greater(left: str, right: str) -> bool:
    """Compare two numerals that are too long for int()."""
    left, right = left.lstrip("0"), right.lstrip("0")
    return (len(left), left) > (len(right), right)


def fit_spec(spec: RangeSpec, size: int) -> ByteSpan | None:
    """The span that the spec selects of an object of `size` bytes; None if it is unsatisfiable.

    A non-zero suffix of an empty object is satisfiable and means no bytes at all (section 14.1.2).
    """
    first, last = spec
    if first is None:
        return ByteSpan(max(size - last, 0), min(last, size)) if last else None
    if first >= size:
        return None
    end = size if last is None else min(last + 1, size)
    return ByteSpan(first, end - first)


def coalesce(spans: list[ByteSpan], gap: int) -> list[ByteSpan]:
    """Join spans that overlap or are less than `gap` bytes apart (section 14.2).

    The parts stay in the order in which the client requested them (section 15.3.7.2: "SHOULD send the parts in the same
    order").
    """
    joined: list[tuple[int, ByteSpan]] = []
    for order, span in sorted(enumerate(spans), key=lambda item: item[1]):
        if joined and span.offset - joined[-1][1].end < gap:
            earlier, base = joined[-1]
            end = max(base.end, span.end)
            joined[-1] = (min(earlier, order), ByteSpan(base.offset, end - base.offset))
        else:
            joined.append((order, span))
    return [span for _, span in sorted(joined)]


def plain_span(text: str, size: int) -> tuple[int, int] | None:
    """Offset and length of one range without any white space, as players, proxies and download managers send it.

    None for anything else, for long numerals, and for a range outside the object. Every seek calls this function.
    """
    first, hyphen, last = text.partition("-")
    if len(text) > _SHORT or not text.isascii():
        return None
    if first.isdigit() and last.isdigit():
        offset, end = int(first), min(int(last) + 1, size)
    elif first.isdigit() and hyphen and not last:
        offset, end = int(first), size
    elif last.isdigit() and not first:
        offset, end = max(size - int(last), 0), size
    else:
        return None
    return (offset, end - offset) if offset < end else None


def is_beyond(text: str, size: int) -> bool:
    """Whether a range-set that is no `plain_span` asks only for bytes that the object does not have (416).

    Download managers that continue a complete file send it. False for white space and long sets, which `select_spans`
    has to judge.
    """
    return _PLAIN.fullmatch(text) is not None and select_spans(_UNIT + text, size, 1) == ()


def select_spans(header: str, size: int, max_ranges: int) -> tuple[ByteSpan, ...] | None:
    """The spans to send of an object of `size` bytes.

    None: the whole object (the header is ignored, is too long a list, or asks for more than `max_ranges` separate parts).
    Empty: no requested range exists (416). Otherwise 1 to `max_ranges` disjoint, non-empty spans.
    """
    if header.startswith(_UNIT) and (span := plain_span(header[len(_UNIT) :], size)) is not None:
        return (ByteSpan(*span),)
    # A single spec may be of any length: its numerals are.
    specs = parse_range(header) if "," not in header or bounded_list(header) else None
    if specs is None:
        return None
    spans = [span for spec in specs if (span := fit_spec(spec, size)) is not None]
    if len(spans) > 1:
        spans = coalesce(spans, COALESCE_GAP)
    # The span of an empty object is a suffix of it, which is satisfiable but which no Content-Range can express.
    if len(spans) > max_ranges or (size == 0 and spans):
        return None
    return tuple(spans)
