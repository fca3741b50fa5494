"""Public ids are read as they were written, and no typing error gives another id."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.protocol.ids import ID_BITS, decode_id, encode_id

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
numbers = st.integers(0, 2**ID_BITS - 1)
places = st.integers(0, 9)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        pytest.param(0, "rec_0000000000", id="nothing"),
        pytest.param(1, "rec_0000000111", id="one"),
        pytest.param(32, "rec_0000001012", id="the second character, doubled once"),
        pytest.param(100_000_000_000, "rec_2x47dt00ba", id="the smallest id of the catalogue"),
        pytest.param(999_999_999_999, "rec_x3aaa3zzq2", id="the largest id of the catalogue"),
    ],
)
def test_an_id_has_this_text_for_ever(number: int, text: str) -> None:
    assert encode_id("rec", number) == text


@example(0)
@example(2**ID_BITS - 1)
@given(numbers)
def test_a_decoded_id_equals_the_encoded_number(number: int) -> None:
    assert decode_id("rec", encode_id("rec", number)) == number
    assert re.fullmatch(rf"med_[{ALPHABET}]{{10}}", encode_id("med", number))


@given(numbers, places, st.characters())
def test_every_mistyped_character_is_noticed(number: int, place: int, character: str) -> None:
    body = encode_id("rec", number).removeprefix("rec_")
    mistyped = body[:place] + character + body[place + 1 :]
    assert decode_id("rec", f"rec_{mistyped}") == (number if mistyped == body else None)


@given(numbers, places, places, st.sampled_from(ALPHABET), st.sampled_from(ALPHABET))
def test_every_two_wrong_characters_are_noticed(number: int, one: int, other: int, a: str, b: str) -> None:
    characters = list(encode_id("rec", number).removeprefix("rec_"))
    mistyped = characters.copy()
    mistyped[one], mistyped[other] = a, b
    assert decode_id("rec", f"rec_{''.join(mistyped)}") == (number if mistyped == characters else None)


@given(numbers, places, places)
def test_every_swap_is_noticed(number: int, one: int, other: int) -> None:
    characters = list(encode_id("med", number).removeprefix("med_"))
    swapped = characters.copy()
    swapped[one], swapped[other] = swapped[other], swapped[one]
    assert decode_id("med", f"med_{''.join(swapped)}") == (number if swapped == characters else None)


@given(numbers, places)
def test_a_lost_or_doubled_character_is_noticed(number: int, place: int) -> None:
    body = encode_id("rec", number).removeprefix("rec_")
    assert decode_id("rec", f"rec_{body[:place]}{body[place + 1 :]}") is None
    assert decode_id("rec", f"rec_{body[: place + 1]}{body[place:]}") is None


@given(st.text())
@example("rec_")
@example("rec_0000000000\n")
@example("rec_٠٠٠٠٠٠٠٠٠٠")
def test_any_text_is_an_id_or_is_not_one(text: str) -> None:
    number = decode_id("rec", text)
    assert number is None or encode_id("rec", number) == text


@given(numbers)
def test_an_id_with_another_prefix_is_refused(number: int) -> None:
    text = encode_id("med", number)
    assert decode_id("rec", text) is None
    assert decode_id("med", text.upper()) is None


@pytest.mark.parametrize("number", [-1, 2**ID_BITS])
def test_a_number_that_does_not_fit_has_no_text(number: int) -> None:
    with pytest.raises(ValueError, match="40 bits"):
        encode_id("rec", number)
