"""A request that differs from an answered one in its range alone: answered at once, and never otherwise than before."""

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.web.bytes.begun_answer import BegunAnswer
from gateway.web.bytes.socket_wire import AT_ONCE_BYTES
from gateway.web.fast_path.fast_connection import FastConnection
from tests.conformance.raw_http import Connection as Client
from tests.conformance.raw_http import ProtocolFaultError, Response, TruncatedError, compose, connect
from tests.web.stage import SIZE, Stage, stage

FIRST: Final = "bytes=0-99"
# Told anew for each answer.
OWN: Final = frozenset({"date", "x-request-id"})


@pytest.fixture
async def site(tmp_path: Path) -> AsyncGenerator[Stage]:
    async with stage(tmp_path) as built:
        yield built


def head(site: Stage, asked: str, *fields: tuple[str, str], name: str = "Range") -> bytes:
    return compose("GET", site.target, [("X-API-Key", site.key), (name, asked), *fields])


async def ask(client: Client, octets: bytes) -> Response:
    await client.send(octets)
    return await client.read_response()


def lasting(response: Response) -> tuple[int, list[tuple[str, str]], bytes]:
    """The answer, but for what is told anew each time."""
    return response.status, [pair for pair in response.head.fields if pair[0].lower() not in OWN], response.body


async def test_the_second_seek_is_answered_at_once_and_the_same(site: Stage) -> None:
    async with connect("127.0.0.1", site.port) as client:
        first = await ask(client, head(site, FIRST))
        second = await ask(client, head(site, FIRST))
        third = await ask(client, head(site, "bytes=70000-135535"))
    assert site.ordinary == [FIRST]
    assert lasting(first) == lasting(second)
    assert first.head["X-Request-Id"] != second.head["X-Request-Id"]
    assert (third.status, third.body) == (206, site.content[70_000:135_536])


async def test_what_is_told_of_it_is_what_is_told_of_any_other(site: Stage) -> None:
    async with connect("127.0.0.1", site.port) as client:
        for _ in range(2):
            await ask(client, head(site, FIRST))
    ordinary, at_once = await site.told()
    own = {"time", "request_id", "milliseconds"}
    assert {name: at_once[name] for name in at_once.keys() - own} == {
        name: ordinary[name] for name in ordinary.keys() - own
    }
    assert at_once["request_id"] != ordinary["request_id"]


async def test_it_serves_every_connection(site: Stage) -> None:
    for start in range(3):
        async with connect("127.0.0.1", site.port) as client:
            response = await ask(client, head(site, f"bytes={start}-{start + 9}"))
            assert response.body == site.content[start : start + 10]
    assert len(site.ordinary) == 1


async def test_a_small_letter_is_as_good(site: Stage) -> None:
    async with connect("127.0.0.1", site.port) as client:
        for start in range(1, 4):
            response = await ask(client, head(site, f"bytes={SIZE - start}-", name="range"))
            assert response.body == site.content[-start:]
    assert len(site.ordinary) == 1


async def test_a_long_body_goes_the_ordinary_way(site: Stage) -> None:
    async with connect("127.0.0.1", site.port) as client:
        for start in range(3):
            assert (await ask(client, head(site, f"bytes={start}-{start + AT_ONCE_BYTES}"))).body == site.content[
                start : start + AT_ONCE_BYTES + 1
            ]
    assert len(site.ordinary) == 3


POSITIONS = st.integers(0, SIZE + 5) | st.sampled_from([0, 1, SIZE - 1, SIZE, 10**17, 10**18 - 1, 10**18, 10**40])
RANGES = st.one_of(
    st.builds("{}-{}".format, POSITIONS, POSITIONS),
    st.builds("{}-".format, POSITIONS.map(lambda start: max(start, SIZE - 5000))),
    st.builds("-{}".format, st.integers(0, 5000)),
    st.builds(lambda start, length: f"{start}-{start + length}", st.integers(0, SIZE), st.integers(0, 600_000)),
    st.lists(st.sampled_from(["0-1", " 5-9", "", "7-", "-3", "x", "1-0"]), max_size=4).map(",".join),
    st.text("0123456789-, \tx", max_size=40),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=st.lists(RANGES, min_size=1, max_size=5))
async def test_at_once_or_not_the_answer_is_the_same(site: Stage, asked: list[str]) -> None:
    """The other answer is an ordinary one: who gives a request's id is never answered at once."""
    async with connect("127.0.0.1", site.port) as client:
        await ask(client, head(site, FIRST))
        for figures in asked:
            answers = [
                await ask(client, head(site, f"bytes={figures}")),
                await ask(client, head(site, f"bytes={figures}", ("X-Request-Id", "mine"))),
            ]
            assert without_boundaries(answers[0]) == without_boundaries(answers[1])


def without_boundaries(response: Response) -> str:
    """Everything, but for what separates parts."""
    boundary = response.head.all("Content-Type")[:1]
    told = repr(lasting(response))
    return told.replace(boundary[0].partition("boundary=")[2], "boundary") if "multipart" in told else told


OTHERWISE = {
    "a_request_id": [("X-Request-Id", "mine")],
    "close": [("Connection", "close")],
    "a_condition": [("If-Range", '"other"')],
    "a_condition_that_holds": [("If-Match", "*")],
    "two_ranges": [("Range", "bytes=200-299")],
    "an_upgrade": [("Connection", "upgrade"), ("Upgrade", "h2c")],
    "an_expectation": [("Expect", "100-continue")],
}


@pytest.mark.parametrize("case", OTHERWISE)
async def test_what_is_not_plain_goes_the_ordinary_way(site: Stage, case: str) -> None:
    for _ in range(3):
        async with connect("127.0.0.1", site.port) as client:
            await ask(client, head(site, FIRST, *OTHERWISE[case]))
    assert len(site.ordinary) == 3


async def test_a_head_with_a_body_behind_it_goes_the_ordinary_way(site: Stage) -> None:
    for _ in range(3):
        async with connect("127.0.0.1", site.port) as client:
            assert (await ask(client, head(site, FIRST, ("Content-Length", "3")))).body == site.content[:100]
            await client.send(b"abc")
            assert (await ask(client, head(site, FIRST, ("X-Request-Id", "mine")))).body == site.content[:100]
    assert len(site.ordinary) == 6


async def test_a_name_that_ends_like_range_is_none(site: Stage) -> None:
    """Its figures are cut out first, and are not what was asked."""
    async with connect("127.0.0.1", site.port) as client:
        for figures in ("0-9", "10-19"):
            fields = [("X-API-Key", site.key), ("X-Range", f"bytes={figures}"), ("Range", "bytes=0-9")]
            response = await ask(client, compose("GET", site.target, fields))
            assert response.head["Content-Range"] == f"bytes 0-9/{SIZE}"


@pytest.mark.parametrize("method", ["HEAD", "POST"])
async def test_another_method_is_another_request(site: Stage, method: str) -> None:
    async with connect("127.0.0.1", site.port) as client:
        await ask(client, head(site, FIRST))
        await client.send(head(site, FIRST).replace(b"GET", method.encode(), 1))
        response = await client.read_response(method)
    assert response.status == {"HEAD": 200, "POST": 404}[method]
    assert len(site.ordinary) == 2


class TestWhatWasDecidedEnds:
    async def test_with_any_change_that_is_heard(self, site: Stage) -> None:
        async with connect("127.0.0.1", site.port) as client:
            await ask(client, head(site, FIRST))
            key = next(iter(await site.keys.list_keys()))
            await site.keys.revoke_key(key.prefix)
            site.epoch.begin()
            assert (await ask(client, head(site, FIRST))).status == 401

    async def test_while_changes_are_not_heard(self, site: Stage) -> None:
        async with connect("127.0.0.1", site.port) as client:
            await ask(client, head(site, FIRST))
            site.epoch.end()
            await ask(client, head(site, FIRST))
        assert len(site.ordinary) == 2

    async def test_with_the_file(self, site: Stage) -> None:
        async with connect("127.0.0.1", site.port) as client:
            await ask(client, head(site, FIRST))
            other = site.path.with_name("other.mp3")
            other.write_bytes(b"another")
            other.replace(site.path)
            assert (await ask(client, head(site, FIRST))).body == b"another"
            site.path.unlink()
            assert (await ask(client, head(site, FIRST))).status == 404

    async def test_with_a_write_into_the_file(self, site: Stage) -> None:
        async with connect("127.0.0.1", site.port) as client:
            before = await ask(client, head(site, FIRST))
            with site.path.open("r+b") as file:
                file.write(b"changed")
            os.utime(site.path, (1, 1))
            after = await ask(client, head(site, FIRST))
        assert after.body.startswith(b"changed")
        assert after.head["ETag"] != before.head["ETag"]

    async def test_with_the_gateway(self, site: Stage) -> None:
        async with connect("127.0.0.1", site.port) as client:
            await ask(client, head(site, FIRST))
            site.drain.request()
            assert (await ask(client, head(site, FIRST))).head["Connection"] == "close"
            await client.expect_end()

    async def test_with_the_room_for_streams(self, tmp_path: Path) -> None:
        async with stage(tmp_path, streams_limit=1) as site, connect("127.0.0.1", site.port) as client:
            await ask(client, head(site, FIRST))
            with site.streams:
                assert (await ask(client, head(site, FIRST))).status == 503


class TestOutOfTurn:
    """An answer belongs to its request, whatever arrives together, in pieces or inside something else."""

    async def test_two_at_once_are_answered_in_order(self, site: Stage) -> None:
        async with connect("127.0.0.1", site.port) as client:
            await ask(client, head(site, FIRST))
            asked = [f"bytes={start}-{start + 300_000}" for start in range(0, 300_000, 25_000)]
            for octets in (b"".join(head(site, each) for each in asked), head(site, "bytes=7-7")):
                await client.send(octets)
            for each in asked:
                assert (await client.read_response()).head["Content-Range"] == f"{each.replace('=', ' ')}/{SIZE}"
            assert (await client.read_response()).body == site.content[7:8]

    async def test_two_in_one_piece_are_two_each_time(self, site: Stage) -> None:
        async with connect("127.0.0.1", site.port) as client:
            for _ in range(3):
                await client.send(head(site, FIRST) + head(site, "bytes=7-7"))
                assert (await client.read_response()).body == site.content[:100]
                assert (await client.read_response()).body == site.content[7:8]

    async def test_a_head_behind_half_a_head_is_no_request(self, site: Stage) -> None:
        async with connect("127.0.0.1", site.port) as client:
            await ask(client, head(site, FIRST))
            await client.send(b"GET /elsewhere HTTP/1.1\r\nX-Note: ")
            # The gateway has read it, as it has answered somebody else since.
            async with connect("127.0.0.1", site.port) as other:
                await ask(other, head(site, FIRST, ("X-Request-Id", "other")))
            await client.send(head(site, FIRST))
            assert (await client.read_response()).status == 404
            assert (await ask(client, head(site, "bytes=7-7"))).body == site.content[7:8]

    async def test_a_head_in_a_body_is_no_request(self, site: Stage) -> None:
        inner = head(site, FIRST)
        async with connect("127.0.0.1", site.port) as client:
            await ask(client, inner)
            await client.send(compose("POST", "/elsewhere", [("Content-Length", str(len(inner)))]))
            async with connect("127.0.0.1", site.port) as other:
                await ask(other, head(site, FIRST, ("X-Request-Id", "other")))
            await client.send(inner)
            assert (await client.read_response("POST")).status == 404
            assert (await ask(client, head(site, "bytes=7-7"))).body == site.content[7:8]


class Meddling:
    """Does something between the two halves of an answer."""

    def __init__(self, site: Stage) -> None:
        self.site = site
        self.begun: list[BegunAnswer] = []

    def prepare(self, connection: FastConnection, octets: bytes, started: float) -> BegunAnswer | None:
        return self.site.seeks.prepare(connection, octets, started)

    def send(self, connection: FastConnection, answer: BegunAnswer) -> bool:
        done = self.site.seeks.send(connection, answer)
        if connection.begun is not None:
            self.begun.append(connection.begun)
            self.meddle(connection)
        return done

    def meddle(self, connection: FastConnection) -> None:
        pass

    def lose(self, connection: FastConnection, begun: BegunAnswer) -> None:
        self.site.seeks.lose(connection, begun)


class Removing(Meddling):
    def meddle(self, _connection: FastConnection) -> None:
        self.site.path.unlink()


class Cutting(Meddling):
    def meddle(self, connection: FastConnection) -> None:
        assert connection.transport is not None
        connection.transport.abort()


LONG: Final = 500_000
BUFFER_BYTES: Final = 32 * 1024


class TestASocketThatTakesNoMore:
    """The answer that was begun is finished on the ordinary way, or cut."""

    async def begin(self, site: Stage, meddling: Meddling, client: Client) -> None:
        """Ask for more than the kernels of both sides hold together, and read nothing of it."""
        await ask(client, head(site, FIRST))
        await client.send(head(site, f"bytes=1-{LONG}"))
        # The gateway has read it, as it has answered somebody else since.
        async with connect("127.0.0.1", site.port) as other:
            await ask(other, head(site, FIRST, ("X-Request-Id", "other")))
        assert len(meddling.begun) == 1

    async def test_who_reads_on_gets_every_byte(self, tmp_path: Path) -> None:
        async with meddled(tmp_path, Meddling) as (site, meddling), narrow(site) as client:
            await self.begin(site, meddling, client)
            assert (await client.read_response()).body == site.content[1 : LONG + 1]
            assert (await ask(client, head(site, FIRST))).status == 206
            assert (site.streams.running, site.connections.busy) == (0, set())
            begun = meddling.begun[0].exchange
            assert [each["sent"] for each in await site.told() if each["request_id"] == begun.request_id] == [LONG]

    async def test_a_file_that_is_gone_meanwhile_cuts_it(self, tmp_path: Path) -> None:
        async with meddled(tmp_path, Removing) as (site, meddling), narrow(site) as client:
            await self.begin(site, meddling, client)
            with pytest.raises((TruncatedError, ProtocolFaultError)):
                await client.read_response()
            assert (site.streams.running, site.connections.busy) == (0, set())
            assert meddling.begun[0].exchange.outcome == "aborted"

    async def test_a_client_that_is_gone_meanwhile_is_told_as_such(self, tmp_path: Path) -> None:
        async with meddled(tmp_path, Cutting) as (site, meddling), narrow(site) as client:
            await self.begin(site, meddling, client)
            assert (site.streams.running, site.connections.busy) == (0, set())
            assert meddling.begun[0].exchange.outcome == "client_closed"
            assert any(each["outcome"] == "client_closed" for each in await site.told())


def narrow(site: Stage) -> AbstractAsyncContextManager[Client]:
    """A client whose kernel takes in little ahead of it."""
    return connect("127.0.0.1", site.port, receive_bytes=BUFFER_BYTES)


@asynccontextmanager
async def meddled(root: Path, kind: type[Meddling]) -> AsyncGenerator[tuple[Stage, Meddling]]:
    made: list[Meddling] = []

    def before(site: Stage) -> Meddling:
        made.append(kind(site))
        return made[0]

    async with stage(root, before=before, send_bytes=BUFFER_BYTES) as site:
        yield site, made[0]


async def test_seeks_keep_a_connection_alive_and_silence_ends_it(tmp_path: Path) -> None:
    clock = asyncio.get_running_loop().time
    async with stage(tmp_path, keepalive_timeout=3.0) as site, connect("127.0.0.1", site.port) as client:
        await ask(client, head(site, FIRST))
        end = clock() + 4.0
        while clock() < end:
            await ask(client, head(site, FIRST))
        # What was decided holds longer than the silence that would end the connection.
        assert len(site.ordinary) <= 2
        await client.expect_end()


@pytest.mark.parametrize(
    "octets", [b"", b"GET", b"GET / HTTP/1.1\r\nHost: gateway\r\n"], ids=["nothing", "a word", "half a head"]
)
async def test_who_never_ends_a_head_is_let_go(tmp_path: Path, octets: bytes) -> None:
    async with stage(tmp_path, keepalive_timeout=0.2) as site, connect("127.0.0.1", site.port) as client:
        await client.send(octets)
        await client.expect_end()
