"""Cursors are read as they were written, and no other text is taken for one."""

import struct
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timezone
from hashlib import sha256

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.protocol.cursor import decode_cursor, encode_cursor

WHEN = datetime(2026, 1, 31, 9, 30, 0, 123456, tzinfo=UTC)
moments = st.datetimes(timezones=st.just(UTC))
ids = st.integers(-(2**63), 2**63 - 1)


@given(moments, ids)
@example(datetime.min.replace(tzinfo=UTC), -(2**63))
@example(datetime.max.replace(tzinfo=UTC), 2**63 - 1)
def test_a_decoded_position_equals_the_encoded_one_to_the_microsecond(created_at: datetime, id: int) -> None:
    assert decode_cursor(encode_cursor(created_at, id)) == (created_at, id)


@given(moments, ids, st.integers(0, 31), st.characters())
def test_a_cursor_with_a_wrong_character_is_none(created_at: datetime, id: int, place: int, character: str) -> None:
    text = encode_cursor(created_at, id)
    wrong = text[:place] + character + text[place + 1 :]
    assert decode_cursor(wrong) == ((created_at, id) if wrong == text else None)


@given(st.text())
@example("")
@example("A" * 32)
def test_any_text_is_a_cursor_or_is_not_one(text: str) -> None:
    position = decode_cursor(text)
    assert position is None or encode_cursor(*position) == text


@pytest.mark.parametrize(
    "text", [encode_cursor(WHEN, 1)[:-1], encode_cursor(WHEN, 1) + "A", encode_cursor(WHEN, 1) + "="]
)
def test_a_cursor_cut_off_or_prolonged_is_none(text: str) -> None:
    assert decode_cursor(text) is None


@pytest.mark.parametrize("microseconds", [2**63 - 1, -(2**63)])
def test_a_well_made_cursor_beyond_the_calendar_is_none(microseconds: int) -> None:
    position = struct.pack(">qq", microseconds, 1)
    assert decode_cursor(urlsafe_b64encode(position + sha256(position).digest()[:8]).decode()) is None


def test_a_position_is_the_moment_whatever_its_zone() -> None:
    elsewhere = WHEN.astimezone(timezone.max)
    assert encode_cursor(elsewhere, 7) == encode_cursor(WHEN, 7)
