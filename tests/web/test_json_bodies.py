"""JSON bodies: how many may arrive at a time, and members cut out of one, whose text is what was written."""

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import orjson
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from pytest_aiohttp.plugin import AiohttpClient

from gateway.errors import Unavailable
from gateway.web.exchange import new_exchange
from gateway.web.receiving.json_bodies import MAX_ARRIVING_OF_A_KEY, JsonBodies, member_text

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


class Echo:
    """An application that answers with the body that it has read. `begun` has an item for each body that it begins to read."""

    def __init__(self) -> None:
        self.begun: asyncio.Queue[int] = asyncio.Queue()
        self.app = web.Application()
        self.app.add_routes([web.post("/{key_id}", self.read)])
        self._bodies = JsonBodies()

    async def read(self, request: web.Request) -> web.Response:
        key_id = new_exchange(request, "", "").key_id = int(request.match_info["key_id"])
        self.begun.put_nowait(key_id)
        try:
            return web.Response(body=await self._bodies.read_bytes(request))
        except Unavailable:
            raise web.HTTPServiceUnavailable from None


async def test_more_bodies_of_one_key_than_may_arrive_are_refused(aiohttp_client: AiohttpClient) -> None:
    """Those of other keys are not, and there is room again afterwards."""
    echo = Echo()
    client = await aiohttp_client(echo.app)

    async def post(key_id: int, released: asyncio.Event) -> tuple[int, bytes]:
        async def body() -> AsyncGenerator[bytes]:
            yield b"{"
            await released.wait()
            yield b"}"

        async with client.post(f"/{key_id}", data=body()) as response:
            return response.status, await response.read()

    for _ in range(2):
        released = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            arriving = [group.create_task(post(1, released)) for _ in range(MAX_ARRIVING_OF_A_KEY)]
            for _ in arriving:
                await echo.begun.get()
            assert (await post(1, released))[0] == 503
            other = group.create_task(post(2, released))
            assert [await echo.begun.get() for _ in range(2)] == [1, 2]
            released.set()
        assert {task.result() for task in (*arriving, other)} == {(200, b"{}")}
