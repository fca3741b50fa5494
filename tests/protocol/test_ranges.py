"""Range headers against RFC 9110 section 14, one rule a table."""

import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol.ranges import (
    COALESCE_GAP,
    ByteSpan,
    RangeSpec,
    coalesce,
    fit_spec,
    parse_range,
    plain_span,
    select_spans,
)

HUGE = "9" * 5000

PARSED = {
    "first-last": ("bytes=0-499", (RangeSpec(0, 499),)),
    "open end": ("bytes=500-", (RangeSpec(500, None),)),
    "suffix": ("bytes=-500", (RangeSpec(None, 500),)),
    "one byte": ("bytes=0-0", (RangeSpec(0, 0),)),
    "list": ("bytes=0-1,5-6", (RangeSpec(0, 1), RangeSpec(5, 6))),
    "list with blanks": ("bytes=0-1 ,\t5-6", (RangeSpec(0, 1), RangeSpec(5, 6))),
    "empty elements": ("bytes=,,0-1,,5-,", (RangeSpec(0, 1), RangeSpec(5, None))),
    "unit in capitals": ("BYTES=0-1", (RangeSpec(0, 1),)),
    "leading zeros": ("bytes=007-0009", (RangeSpec(7, 9),)),
    "many leading zeros": (f"bytes={'0' * 30}7-8", (RangeSpec(7, 8),)),
}


@pytest.mark.parametrize(("header", "specs"), PARSED.values(), ids=PARSED)
def test_a_well_formed_header_is_read(header: str, specs: tuple[RangeSpec, ...]) -> None:
    assert parse_range(header) == specs


IGNORED = [
    "", "bytes", "bytes=", "bytes=,", "bytes= ", "=0-1", "items=0-1", "bytes 0-1", "bytes:0-1", "bytes=-", "bytes=--1",
    "bytes=0", "bytes=a-b", "bytes=0-b", "bytes=0x0-1", "bytes=+0-1", "bytes=0-+1", "bytes=1_0-20", "bytes=0 -1",
    "bytes=0- 1", "bytes=5-4", "bytes=0-1,x", "bytes=0-1,5-4", "bytes=0-1;5-6", "bytes=٠-١", "bytes=²-3", "bytes=0-1-2",
    "bytes=0.0-1", f"bytes={HUGE}1-{HUGE}0", "bytes=10000000000000000001-10000000000000000000", "bytes=0-1, bytes=5-6",
]  # fmt: skip


@pytest.mark.parametrize("header", IGNORED)
def test_anything_else_is_ignored(header: str) -> None:
    assert parse_range(header) is None


FITTED = {
    "inside": (RangeSpec(2, 5), 10, ByteSpan(2, 4)),
    "last byte": (RangeSpec(9, 9), 10, ByteSpan(9, 1)),
    "end clamped": (RangeSpec(2, 99), 10, ByteSpan(2, 8)),
    "open end": (RangeSpec(3, None), 10, ByteSpan(3, 7)),
    "suffix": (RangeSpec(None, 3), 10, ByteSpan(7, 3)),
    "suffix as long as the object": (RangeSpec(None, 10), 10, ByteSpan(0, 10)),
    "suffix longer than the object": (RangeSpec(None, 11), 10, ByteSpan(0, 10)),
    "suffix of nothing": (RangeSpec(None, 0), 10, None),
    "start at the end": (RangeSpec(10, None), 10, None),
    "start after the end": (RangeSpec(11, 12), 10, None),
    "empty object from 0": (RangeSpec(0, None), 0, None),
    "suffix of an empty object": (RangeSpec(None, 5), 0, ByteSpan(0, 0)),
    "suffix 0 of an empty object": (RangeSpec(None, 0), 0, None),
}


@pytest.mark.parametrize(("spec", "size", "span"), FITTED.values(), ids=FITTED)
def test_a_spec_is_fitted_to_the_object(spec: RangeSpec, size: int, span: ByteSpan | None) -> None:
    assert fit_spec(spec, size) == span


SELECTED = {
    "huge end": (f"bytes=5-{HUGE}", (ByteSpan(5, 995),)),
    "huge start": (f"bytes={HUGE}-", ()),
    "huge suffix": (f"bytes=-{HUGE}", (ByteSpan(0, 1000),)),
    "one of two fits": ("bytes=2000-,0-9", (ByteSpan(0, 10),)),
    "none of two fits": ("bytes=2000-,1000-", ()),
    "overlap": ("bytes=0-99,50-149", (ByteSpan(0, 150),)),
    "touching": ("bytes=0-99,100-149", (ByteSpan(0, 150),)),
    "inside one another": ("bytes=0-99,10-19", (ByteSpan(0, 100),)),
    "gap below the limit": ("bytes=0-99,179-199", (ByteSpan(0, 200),)),
    "gap at the limit": ("bytes=0-99,180-199", (ByteSpan(0, 100), ByteSpan(180, 20))),
    "order of the request": ("bytes=500-599,0-99", (ByteSpan(500, 100), ByteSpan(0, 100))),
    "joined parts take the place of the first": (
        "bytes=800-899,0-99,850-999",
        (ByteSpan(800, 200), ByteSpan(0, 100)),
    ),
    "at most max_ranges": ("bytes=0-9,200-209,400-409", (ByteSpan(0, 10), ByteSpan(200, 10), ByteSpan(400, 10))),
    "more than max_ranges": ("bytes=0-9,200-209,400-409,600-609", None),
    "many that are one": (f"bytes={','.join(['0-0'] * 64)}", (ByteSpan(0, 1),)),
    "more elements than a list may have": (f"bytes={','.join(['0-0'] * 65)}", None),
}


@pytest.mark.parametrize(("header", "spans"), SELECTED.values(), ids=SELECTED)
def test_a_header_selects_these_spans(header: str, spans: tuple[ByteSpan, ...] | None) -> None:
    assert select_spans(header, 1000, 3) == spans


@pytest.mark.parametrize(
    ("header", "spans"), [("bytes=0-", ()), ("bytes=-0", ()), ("bytes=-1", None), ("bytes=0-,-1", None)]
)
def test_an_empty_object_has_its_own_rules(header: str, spans: tuple[ByteSpan, ...] | None) -> None:
    assert select_spans(header, 0, 3) == spans


@given(st.text())
def test_no_text_raises(text: str) -> None:
    for header in (text, f"bytes={text}"):
        select_spans(header, 1000, 16)


@given(
    st.from_regex(r"[0-9]{0,20}-[0-9]{0,20}", fullmatch=True) | st.text("0123456789-,² ", max_size=40),
    st.integers(0, 10**19),
)
def test_a_plain_span_equals_what_the_full_parser_finds(text: str, size: int) -> None:
    span = plain_span(text, size)
    if span is not None:
        specs = parse_range(f"bytes={text}")
        assert specs is not None
        assert [fit_spec(spec, size) for spec in specs] == [span]


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("0-99", (0, 100)),
        ("999-", (999, 1)),
        ("5-5000", (5, 995)),
        ("1000-", None),
        ("5-4", None),
        ("-5", (995, 5)),
        ("-1001", (0, 1000)),
        ("-0", None),
        ("-", None),
        ("--5", None),
        (" 0-9", None),
    ],
)
def test_a_plain_span_fits_the_object(text: str, span: tuple[int, int] | None) -> None:
    assert plain_span(text, 1000) == span


POSITIONS = st.one_of(st.none(), st.integers(0, 400))


@given(st.lists(st.tuples(POSITIONS, POSITIONS), min_size=1, max_size=40), st.integers(0, 300))
def test_spans_cover_exactly_what_was_asked_for_and_small_gaps(
    pairs: list[tuple[int | None, int | None]], size: int
) -> None:
    header = "bytes=" + ",".join(f"{'' if a is None else a}-{'' if b is None else b}" for a, b in pairs)
    spans = select_spans(header, size, 1000)
    if spans is None:
        assert size == 0 or any(a is b is None or (a is not None and b is not None and a > b) for a, b in pairs)
        return
    asked = {p for a, b in pairs for p in _positions(a, b, size)}
    sent = [p for span in spans for p in range(span.offset, span.end)]
    assert len(sent) == len(set(sent)), "a byte is sent once"
    assert asked <= set(sent) <= set(range(size))
    assert all(span.length > 0 for span in spans)
    ordered = sorted(spans)
    assert all(right.offset - left.end >= COALESCE_GAP for left, right in pairwise(ordered))
    for span in ordered:
        assert {span.offset, span.end - 1} <= asked, "a span starts and ends where somebody asked"


def _positions(first: int | None, last: int | None, size: int) -> range:
    if first is None:
        return range(max(size - (last or 0), 0), size)
    return range(first, size if last is None else min(last + 1, size))


@given(st.lists(st.builds(ByteSpan, st.integers(0, 1000), st.integers(1, 50)), max_size=30))
def test_coalescing_twice_changes_nothing(spans: list[ByteSpan]) -> None:
    once = coalesce(spans, COALESCE_GAP)
    assert coalesce(once, COALESCE_GAP) == once


@pytest.mark.parametrize("element", ["0-0,", "1-,", ",", "-1,", "99999999999999999999-,", " \t,"])
def test_parsing_is_linear_in_the_header(element: str) -> None:
    """Counted in calls, not in seconds: four times the elements cost four times the calls."""
    once, fourfold = (_calls(f"bytes={element * times}0-1") for times in (1000, 4000))
    assert fourfold <= 4 * once


def test_parsing_one_endless_numeral_costs_no_more_calls_than_a_short_one() -> None:
    assert _calls(f"bytes={'9' * 100_000}-") <= _calls("bytes=99999999999999999999-")


def _calls(header: str) -> int:
    """How many functions, of Python and of C, selecting the spans calls."""
    count = 0

    def profile(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(profile)
    try:
        parse_range(header)
    finally:
        sys.setprofile(None)
    return count
