"""`seekgate rotate-signing-key` ends every URL that the gateway's own key signed, in every process, within a second."""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator
from typing import Final, NamedTuple

import pytest

from tests.commands.command_line import CommandLine, command_line
from tests.conformance.calling import target_of
from tests.conformance.raw_http import compose, connect
from tests.gateway_process import Gateway, gateway_on, running_gateway
from tests.uploads.client import Client, open_client
from tests.web.access.created_urls import CREATORS, CreatedUrl, create_playback_url, expect_refusal, status_of

SETTINGS: Final = {"SEEKGATE_RATE_LIMITS__ENABLED": "false"}
PATIENCE_SECONDS: Final = 20.0


class Pair(NamedTuple):
    """Two gateways on one database and one folder of files, and the command line on the same database."""

    first: Gateway
    second: Gateway
    seekgate: CommandLine


@pytest.fixture(scope="module")
def pair(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("rotation")
    with (
        running_gateway(postgres, folder, SETTINGS) as first,
        gateway_on(first.database_url, folder, SETTINGS) as second,
    ):
        yield Pair(first, second, command_line(folder, database__url=first.database_url))


@pytest.fixture(scope="module")
def target(pair: Pair) -> str:
    """The byte route of a small recording."""
    recording_id, media_file_id = pair.first.add("sound", b"sound" * 2000, "mp3")
    return f"/recordings/{recording_id}/media/{media_file_id}/raw"


@pytest.fixture
async def client(pair: Pair) -> AsyncGenerator[Client]:
    async with open_client(pair.first.base_url, pair.first.key) as opened:
        yield opened


async def rotate(seekgate: CommandLine) -> str:
    done = await asyncio.to_thread(seekgate.run, "rotate-signing-key")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def at(gateway: Gateway, created: CreatedUrl) -> CreatedUrl:
    """The same URL, sent to this gateway."""
    path = "/" + created.url.split("/", 3)[3]
    return created._replace(url=gateway.base_url + path)


@pytest.mark.parametrize("kind", CREATORS)
async def test_a_rotation_ends_the_old_urls_everywhere_and_new_ones_work_everywhere(
    pair: Pair, client: Client, target: str, kind: str
) -> None:
    gateways = (pair.first, pair.second)
    old = await CREATORS[kind](client, pair.first.key, target)
    for _ in range(3):
        assert [await status_of(client, at(gateway, old)) for gateway in gateways] == [old.status] * 2
    await rotate(pair.seekgate)
    ended = time.monotonic()
    for gateway in gateways:
        await expect_refusal(client, at(gateway, old), ended)
    new = await CREATORS[kind](client, pair.first.key, target)
    assert [await status_of(client, at(gateway, new)) for gateway in gateways] == [new.status] * 2
    assert await status_of(client, at(pair.second, old)) == 403


async def test_a_rotation_ends_the_urls_of_the_command_line(pair: Pair, client: Client, target: str) -> None:
    _, _, recording_id, _, media_file_id, _ = target.split("/")
    done = await asyncio.to_thread(
        CommandLine(
            pair.seekgate.folder, pair.seekgate.environ | {"SEEKGATE_SERVER__PUBLIC_URL": pair.first.base_url}
        ).run,
        *("sign-url", recording_id, media_file_id),
    )
    created = CreatedUrl(done.stdout.strip(), "GET", {"Range": "bytes=0-9"}, None, 206)
    assert "by=" not in created.url
    assert [await status_of(client, at(gateway, created)) for gateway in pair[:2]] == [206, 206]
    await rotate(pair.seekgate)
    ended = time.monotonic()
    for gateway in pair[:2]:
        await expect_refusal(client, at(gateway, created), ended)


async def test_a_connection_that_repeats_an_old_url_on_the_fast_path_is_refused(
    pair: Pair, client: Client, target: str
) -> None:
    created = await create_playback_url(client, pair.first.key, target)
    request = compose("GET", target_of(created.url), [("Range", "bytes=0-9")], host=pair.first.authority)
    async with connect(pair.first.host, pair.first.port) as connection:
        for _ in range(5):
            await connection.send(request)
            assert (await connection.read_response()).status == 206
        await rotate(pair.seekgate)
        ended = time.monotonic()
        while True:
            await connection.send(request)
            if (status := (await connection.read_response()).status) != 206:
                break
            assert time.monotonic() - ended < PATIENCE_SECONDS
            await asyncio.sleep(0.02)
        assert status == 403


async def test_a_gateway_that_hears_no_notification_notices_a_rotation_too(pair: Pair, target: str) -> None:
    nowhere = {"SEEKGATE_DATABASE__LISTEN_URL": "postgresql://127.0.0.1:1/nowhere"}
    with gateway_on(pair.first.database_url, pair.seekgate.folder, SETTINGS | nowhere) as deaf:
        async with open_client(deaf.base_url, deaf.key) as client:
            old = await create_playback_url(client, deaf.key, target)
            assert await status_of(client, old) == 206
            await rotate(pair.seekgate)
            await expect_refusal(client, old, time.monotonic())
            new = await create_playback_url(client, deaf.key, target)
            assert [await status_of(client, at(gateway, new)) for gateway in (deaf, *pair[:2])] == [206] * 3


def test_the_command_prints_the_new_keys_id(pair: Pair) -> None:
    first, second = (pair.seekgate.run("rotate-signing-key").stdout for _ in range(2))
    assert first.startswith("own-")
    assert first.split()[0] != second.split()[0]


def test_the_command_refuses_while_keys_are_configured(pair: Pair) -> None:
    configured = command_line(
        pair.seekgate.folder,
        database__url=pair.first.database_url,
        playback__signing_keys='[{"kid": "of-the-settings", "secret": "a secret of at least 32 characters"}]',
    )
    before = pair.first.wait(_newest(pair))
    refusal = configured.refusal(1, "rotate-signing-key")
    assert "playback.signing_keys" in refusal
    assert "of-the-settings" in refusal
    assert "at least 32 characters" not in refusal
    assert pair.first.wait(_newest(pair)) == before


async def _newest(pair: Pair) -> object:
    return await pair.first.backends.signing_secrets.find_signing_key()
