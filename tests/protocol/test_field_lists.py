"""Long list fields are ignored, and no field takes long to read."""

import time

import pytest

from gateway.protocol.conditional import Conditions, Validators, failed_precondition
from gateway.protocol.field_lists import MAX_LIST_BYTES, MAX_LIST_ELEMENTS, bounded_list
from gateway.protocol.ranges import select_spans

VALIDATORS = Validators('"tag"', 1000)


def test_a_list_within_its_bounds_is_kept_and_a_longer_one_ignored() -> None:
    elements = ",".join(["a"] * MAX_LIST_ELEMENTS)
    assert bounded_list(elements) == elements
    assert bounded_list(elements + ",a") is None
    assert bounded_list("x" * MAX_LIST_BYTES) is not None
    assert bounded_list("x" * (MAX_LIST_BYTES + 1)) is None
    assert bounded_list(None) is None


@pytest.mark.parametrize(
    "field",
    [
        "0-0," * 250_000,
        "," * 1_000_000,
        "-1, " * 250_000,
        "1-" * 500_000,
        "0" * 1_000_000 + "-",
        " \t" * 500_000 + ",1-2",
    ],
    ids=["ranges", "commas", "suffixes", "hyphens", "a numeral", "white space"],
)
def test_a_megabyte_of_a_list_is_read_within_a_moment(field: str) -> None:
    started = time.process_time()
    select_spans(f"bytes={field}", 10_000, 16)
    failed_precondition(Conditions(if_match=field, if_none_match=field), VALIDATORS, now=2000.0)
    assert time.process_time() - started < 0.05
