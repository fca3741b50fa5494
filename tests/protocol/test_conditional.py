"""Preconditions against RFC 9110 section 13, in their order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol.conditional import Conditions, Validators, failed_precondition, range_applies, refuses_change
from gateway.protocol.field_lists import MAX_LIST_BYTES

NOW = 1_800_000_000.0
VALIDATORS = Validators('"v1"', 1_700_000_000)
EARLIER, SAME, LATER = (
    "Tue, 14 Nov 2023 22:13:19 GMT",
    "Tue, 14 Nov 2023 22:13:20 GMT",
    "Tue, 14 Nov 2023 22:13:21 GMT",
)

ROWS: dict[str, tuple[Conditions, int | None]] = {
    "nothing": (Conditions(), None),
    "if-match same": (Conditions(if_match='"v1"'), None),
    "if-match other": (Conditions(if_match='"v2"'), 412),
    "if-match weak": (Conditions(if_match='W/"v1"'), 412),
    "if-match *": (Conditions(if_match="*"), None),
    "if-match list": (Conditions(if_match='"v0" , "v1"'), None),
    "if-match list of others": (Conditions(if_match='"v0", "v2"'), 412),
    "if-match with empty elements": (Conditions(if_match=',, "v1"'), None),
    "if-match unquoted": (Conditions(if_match="v1"), 412),
    "if-match empty": (Conditions(if_match=""), 412),
    "a comma belongs to the tag": (Conditions(if_match='"v1,x"'), 412),
    "if-unmodified-since same": (Conditions(if_unmodified_since=SAME), None),
    "if-unmodified-since earlier": (Conditions(if_unmodified_since=EARLIER), 412),
    "if-unmodified-since later": (Conditions(if_unmodified_since=LATER), None),
    "if-unmodified-since no date": (Conditions(if_unmodified_since="yesterday"), None),
    "if-match replaces if-unmodified-since": (Conditions(if_match='"v1"', if_unmodified_since=EARLIER), None),
    "if-match is not saved by the date": (Conditions(if_match='"v2"', if_unmodified_since=LATER), 412),
    "if-none-match same": (Conditions(if_none_match='"v1"'), 304),
    "if-none-match weak": (Conditions(if_none_match='W/"v1"'), 304),
    "if-none-match other": (Conditions(if_none_match='"v2"'), None),
    "if-none-match *": (Conditions(if_none_match="*"), 304),
    "if-none-match list": (Conditions(if_none_match='"v0", W/"v1"'), 304),
    "if-none-match lower-case w": (Conditions(if_none_match='w/"v1"'), None),
    "if-modified-since same": (Conditions(if_modified_since=SAME), 304),
    "if-modified-since later": (Conditions(if_modified_since=LATER), 304),
    "if-modified-since earlier": (Conditions(if_modified_since=EARLIER), None),
    "if-modified-since no date": (Conditions(if_modified_since="x"), None),
    "if-none-match replaces if-modified-since": (Conditions(if_none_match='"v2"', if_modified_since=LATER), None),
    "412 before 304": (Conditions(if_match='"v2"', if_none_match='"v1"'), 412),
    "304 after a true if-match": (Conditions(if_match='"v1"', if_none_match='"v1"'), 304),
    "date 412 before 304": (Conditions(if_unmodified_since=EARLIER, if_none_match='"v1"'), 412),
}


@pytest.mark.parametrize(("conditions", "status"), ROWS.values(), ids=ROWS)
def test_preconditions(conditions: Conditions, status: int | None) -> None:
    assert failed_precondition(conditions, VALIDATORS, now=NOW) == status


LONG = ",".join(['"v0"'] * MAX_LIST_BYTES)
CHANGES = {
    "no condition": (Conditions(), False),
    "if-match same": (Conditions(if_match='"v1"'), False),
    "if-match other": (Conditions(if_match='"v2"'), True),
    "if-match too long": (Conditions(if_match=LONG), True),
    "if-none-match same": (Conditions(if_none_match='"v1"'), True),
    "if-none-match too long": (Conditions(if_none_match=LONG), True),
    "if-unmodified-since earlier": (Conditions(if_unmodified_since=EARLIER), True),
    "if-modified-since is for reading": (Conditions(if_modified_since=LATER), False),
}


@pytest.mark.parametrize(("conditions", "refused"), CHANGES.values(), ids=CHANGES)
def test_preconditions_of_a_change(conditions: Conditions, refused: bool) -> None:  # noqa: FBT001 - a column of the table
    assert refuses_change(conditions, VALIDATORS, now=NOW) is refused


IF_RANGE = {
    "same tag": ('"v1"', True),
    "same tag in blanks": (' "v1" ', True),
    "other tag": ('"v2"', False),
    "weak tag": ('W/"v1"', False),
    "list": ('"v1", "v1"', False),
    "star": ("*", False),
    "unquoted": ("v1", False),
    "exactly the date": (SAME, True),
    "asctime date": ("Tue Nov 14 22:13:20 2023", True),
    "earlier": (EARLIER, False),
    "later": (LATER, False),
    "no date": ("x", False),
    "empty": ("", False),
}


@pytest.mark.parametrize(("if_range", "applies"), IF_RANGE.values(), ids=IF_RANGE)
def test_if_range_is_exact(if_range: str, applies: bool) -> None:  # noqa: FBT001 - a column of the table
    assert range_applies(if_range, VALIDATORS, now=NOW) is applies


FIELD = st.one_of(st.none(), st.text(), st.sampled_from(['"v1"', 'W/"v1"', "*", SAME]))


@given(FIELD, FIELD, FIELD, FIELD, FIELD)
def test_no_field_raises(a: str | None, b: str | None, c: str | None, d: str | None, e: str | None) -> None:
    conditions = Conditions(None, a, b, c, d, e)
    assert failed_precondition(conditions, VALIDATORS, now=NOW) in {None, 304, 412}
    range_applies(e or "", VALIDATORS, now=NOW)
