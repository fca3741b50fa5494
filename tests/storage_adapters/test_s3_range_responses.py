from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage_adapters.base import ObjectChanged, ObjectStat, StorageError, StorageUnavailable
from storage_adapters.s3.http_heads import Head
from storage_adapters.s3.range_responses import SKIP_LIMIT_BYTES, BodyPlan, Span, parse_etag, plan_body

SIZE = 10 * 1024 * 1024
STAT = ObjectStat(SIZE, "abc", datetime(2026, 1, 1, tzinfo=UTC))
SPAN = Span(10, 5)
EXACT = f"bytes 10-14/{SIZE}"

Fields = dict[str, str]

CHUNKED = {"transfer-encoding": "chunked"}

USABLE: dict[str, tuple[Span, int, Fields, BodyPlan]] = {
    "exact_206": (SPAN, 206, {"content-range": EXACT, "content-length": "5", "etag": '"abc"'}, BodyPlan()),
    "no_tag_to_compare": (SPAN, 206, {"content-range": EXACT, "content-length": "5"}, BodyPlan()),
    "unquoted_tag": (SPAN, 206, {"content-range": EXACT, "content-length": "5", "etag": "abc"}, BodyPlan()),
    "unknown_size": (SPAN, 206, {"content-range": "bytes 10-14/*", "content-length": "5"}, BodyPlan()),
    "exact_200": (SPAN, 200, {"content-range": EXACT, "content-length": "5"}, BodyPlan()),
    "exact_206_in_chunks": (SPAN, 206, {"content-range": EXACT, "transfer-encoding": "chunked"}, BodyPlan()),
    "whole_in_chunks": (Span(0, 5), 200, CHUNKED | {"etag": '"abc"'}, BodyPlan(0, whole=True)),
    "whole_from_the_start": (Span(0, 5), 200, {"content-length": str(SIZE)}, BodyPlan(0, whole=True)),
    "whole_from_a_little_in": (
        Span(SKIP_LIMIT_BYTES, 5),
        200,
        {"content-length": str(SIZE)},
        BodyPlan(SKIP_LIMIT_BYTES, whole=True),
    ),
}


@pytest.mark.parametrize(("span", "status", "head", "plan"), USABLE.values(), ids=USABLE.keys())
def test_a_response_that_proves_its_bytes_is_used(span: Span, status: int, head: Fields, plan: BodyPlan) -> None:
    assert plan_body("key", STAT, span, Head(1, status, head)) == plan


UNUSABLE: dict[str, tuple[Span, int, Fields, type[StorageError]]] = {
    "starts_late": (SPAN, 206, {"content-range": f"bytes 11-14/{SIZE}", "content-length": "4"}, StorageUnavailable),
    "ends_late": (SPAN, 206, {"content-range": f"bytes 10-15/{SIZE}", "content-length": "6"}, StorageUnavailable),
    "length_disagrees": (SPAN, 206, {"content-range": EXACT, "content-length": "4"}, StorageUnavailable),
    "no_length": (SPAN, 206, {"content-range": EXACT}, StorageUnavailable),
    "length_is_a_list": (SPAN, 206, {"content-range": EXACT, "content-length": "5, 5"}, StorageUnavailable),
    "no_range": (SPAN, 206, {"content-length": "5"}, StorageUnavailable),
    "several_parts": (
        SPAN,
        206,
        {"content-type": "multipart/byteranges; boundary=x", "content-length": "5"},
        StorageUnavailable,
    ),
    "range_is_no_number": (SPAN, 206, {"content-range": "bytes 1O-14/9", "content-length": "5"}, StorageUnavailable),
    "range_is_endless": (
        SPAN,
        206,
        {"content-range": f"bytes 10-14/{'9' * 5000}", "content-length": "5"},
        StorageUnavailable,
    ),
    "another_size": (SPAN, 206, {"content-range": "bytes 10-14/99", "content-length": "5"}, ObjectChanged),
    "another_tag": (SPAN, 206, {"content-range": EXACT, "content-length": "5", "etag": '"abd"'}, ObjectChanged),
    "a_weak_tag": (SPAN, 206, {"content-range": EXACT, "content-length": "5", "etag": 'W/"abc"'}, ObjectChanged),
    "chunks_of_no_version": (Span(0, 5), 200, CHUNKED, StorageUnavailable),
    "unproven_200": (SPAN, 200, {"content-length": "5"}, StorageUnavailable),
    "whole_of_another_size": (Span(0, 5), 200, {"content-length": str(SIZE + 1)}, StorageUnavailable),
    "whole_of_another_tag": (Span(0, 5), 200, {"content-length": str(SIZE), "etag": '"x"'}, ObjectChanged),
    "whole_for_a_far_offset": (
        Span(SKIP_LIMIT_BYTES + 1, 5),
        200,
        {"content-length": str(SIZE)},
        StorageUnavailable,
    ),
    "whole_said_to_be_a_part": (Span(0, 5), 206, {"content-length": str(SIZE)}, StorageUnavailable),
}


@pytest.mark.parametrize(("span", "status", "head", "error"), UNUSABLE.values(), ids=UNUSABLE.keys())
def test_a_response_that_does_not_prove_its_bytes_is_refused(
    span: Span, status: int, head: Fields, error: type[StorageError]
) -> None:
    with pytest.raises(error) as caught:
        plan_body("key", STAT, span, Head(1, status, head))
    assert type(caught.value) is error


@given(
    span=st.builds(Span, st.integers(0, SIZE - 1), st.integers(1, SIZE)),
    status=st.sampled_from([200, 206]),
    said=st.tuples(st.integers(0, SIZE), st.integers(0, SIZE), st.integers(0, SIZE)),
    with_range=st.booleans(),
)
def test_only_the_requested_bytes_are_accepted_from_any_response(
    span: Span, status: int, said: tuple[int, int, int], *, with_range: bool
) -> None:
    first, last, length = said
    head = {"content-length": str(length)} | ({"content-range": f"bytes {first}-{last}/{SIZE}"} if with_range else {})
    try:
        plan = plan_body("key", STAT, span, Head(1, status, head))
    except StorageUnavailable:
        return
    if plan.whole:
        assert (plan.skip, length, with_range) == (span.offset, SIZE, False)
    else:
        assert (first, last - first + 1, length) == (span.offset, span.length, span.length)


@pytest.mark.parametrize(
    ("text", "etag"),
    [
        ('"abc"', "abc"),
        ("abc", "abc"),
        ('"abc-2"', "abc-2"),
        ('W/"abc"', None),
        ("", None),
        ('""', None),
        ('"a"b"', None),
    ],
)
def test_only_a_strong_tag_is_a_tag(text: str, etag: str | None) -> None:
    assert parse_etag(text) == etag


def test_a_span_names_its_last_byte_only_on_the_wire() -> None:
    assert Span(10, 5).header() == "bytes=10-14"
    assert Span(10, 5).end == 15
