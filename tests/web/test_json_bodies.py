"""Members cut out of a body: their text is what was written, at any place and with any content."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.web.receiving.json_bodies import member_text

spaces = st.text(" \t\r\n", max_size=2)
values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**300), 10**300)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def objects(draw: st.DrawFn) -> tuple[str, dict[str, str]]:
    """(the text of an object, the text of each member; of doubled ones the last)"""
    members = draw(st.lists(st.tuples(st.text(max_size=5), values), min_size=1, max_size=5))
    ascii = draw(st.booleans())
    texts, written = {}, []
    for name, value in members:
        texts[name] = json.dumps(value, ensure_ascii=ascii, indent=draw(st.sampled_from([None, 1])))
        before, between, after, last = (draw(spaces) for _ in range(4))
        written.append(f"{before}{json.dumps(name, ensure_ascii=ascii)}{between}:{after}{texts[name]}{last}")
    return f"{draw(spaces)}{{{','.join(written)}}}{draw(spaces)}", texts


@given(objects())
def test_a_members_text_is_what_was_written(written: tuple[str, dict[str, str]]) -> None:
    text, texts = written
    assert {name: member_text(text, name) for name in texts} == texts


@given(objects())
def test_a_members_text_means_what_readers_take_it_for(written: tuple[str, dict[str, str]]) -> None:
    text, _ = written
    for name, value in orjson.loads(text).items():
        assert orjson.loads(member_text(text, name)) == value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('{"m":{}}', "{}", id="alone"),
        pytest.param('{"a":"\\"m\\":{1}","m":{"x":"}"}}', '{"x":"}"}', id="after a text that looks like it"),
        pytest.param('{"m":1,"\\u006d":2}', "2", id="named by escapes"),
        pytest.param('{"a":{"m":1},"m":2.50}', "2.50", id="also further in"),
    ],
)
def test_a_member_is_looked_up_in_the_object_itself(text: str, expected: str) -> None:
    assert member_text(text, "m") == expected
