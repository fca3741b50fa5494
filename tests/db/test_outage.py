"""Gateways whose PostgreSQL stops under load: cached media plays on, the rest gets 503, and nothing stale is served after.

The processes, the server and the players are real. The grace is longer than a test takes on any machine.
"""

import http.client
import json
import os
import random
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import cycle
from pathlib import Path
from time import monotonic, sleep
from typing import Final
from urllib.parse import urlsplit

import asyncpg
import pytest

from gateway.db.embedded.postmaster import find_postmaster
from tests.db.debian import DebianServer, debian_server, pgbouncer
from tests.gateway_process import Gateway, Process, gateway_environ, gateway_on
from tests.ports import reserved_ports

PLAYERS: Final = 16
AWAY_SECONDS: Final = float(os.environ.get("SEEKGATE_TEST_OUTAGE_SECONDS", "3"))
SOON: Final = 120.0
GRACE: Final = {"SEEKGATE_DATABASE__OUTAGE_GRACE_SECONDS": "600"}
CONTENT: Final = random.Random(14).randbytes(1 << 20)

Ids = tuple[int, int]


class Client:
    """One connection to one gateway, opened again when it breaks."""

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        self._connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=SOON)

    def get(self, path: str, key: str, byte_range: tuple[int, int] | None = None) -> tuple[int, bytes, str | None]:
        headers = {"X-API-Key": key}
        if byte_range is not None:
            headers["Range"] = f"bytes={byte_range[0]}-{byte_range[1]}"
        self._connection.request("GET", path, headers=headers)
        response = self._connection.getresponse()
        return response.status, response.read(), response.getheader("Retry-After")

    def close(self) -> None:
        self._connection.close()


class Player(threading.Thread):
    """Seeks in one recording through one gateway until `stop`; `faults` has the wrong responses."""

    def __init__(self, base_url: str, path: str, key: str, seed: int) -> None:
        super().__init__(name=f"player-{seed}")
        self.faults: list[str] = []
        self.seeks = 0
        self._client, self._path, self._key = Client(base_url), path, key
        self._random = random.Random(seed)
        self._stopping = threading.Event()

    def run(self) -> None:
        # At times of their own, so that some player seeks during the shortest outage.
        while not self._stopping.wait(self._random.uniform(0, 0.4)):
            self.seek()

    def seek(self) -> None:
        first = self._random.randrange(len(CONTENT) - 65_536)
        try:
            status, body, _ = self._client.get(self._path, self._key, (first, first + 65_535))
        except (OSError, http.client.HTTPException) as error:
            self.faults.append(repr(error))
            return
        if (status, body) != (206, CONTENT[first : first + 65_536]):
            self.faults.append(f"{status} {body[:200]!r}")
        self.seeks += 1

    def stop(self) -> None:
        self._stopping.set()
        self.join(SOON)
        self._client.close()


def until_heard(gateway: Gateway, base_urls: Sequence[str]) -> None:
    """Wait until the gateways have received all notifications so far: they arrive in order, and this one is the last."""
    key = gateway.add_key()
    clients = [Client(url) for url in base_urls]
    for client in clients:
        assert client.get("/recordings", key)[0] == 200
    gateway.wait(gateway.backends.api_keys.revoke_key(key[:12]))
    for client in clients:
        eventually(lambda: client.get("/recordings", key)[0] == 401)  # noqa: B023 - called here
        client.close()


def raw(ids: Ids) -> str:
    return f"/recordings/{ids[0]}/media/{ids[1]}/raw"


@contextmanager
def playing(base_urls: Sequence[str], paths: Sequence[str], key: str) -> Iterator[list[Player]]:
    """Sixteen players that have each sought once; at the end none of them may have a fault."""
    gateways, choice = cycle(base_urls), cycle(paths)
    players = [Player(next(gateways), next(choice), key, seed) for seed in range(PLAYERS)]
    for player in players:
        player.seek()
    for player in players:
        player.start()
    try:
        yield players
        eventually(lambda: all(player.seeks > 1 or player.faults for player in players))
    finally:
        for player in players:
            player.stop()
    assert [fault for player in players for fault in player.faults] == []


def eventually(check: Callable[[], bool]) -> None:
    deadline = monotonic() + SOON
    while not check():
        assert monotonic() < deadline
        sleep(0.05)


@pytest.fixture
def server(debian_cluster: Path) -> Iterator[DebianServer]:
    with debian_server(debian_cluster) as started:
        yield started


def test_cached_media_plays_through_an_outage_and_a_key_revoked_meanwhile_is_refused_after_it(
    server: DebianServer, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        first = stack.enter_context(gateway_on(server.url(), tmp_path, GRACE))
        others = [Process(gateway_environ(server.url(), tmp_path, GRACE)) for _ in range(2)]
        for other in others:
            stack.callback(other.stop)
        urls = [first.base_url, *(other.base_url for other in others)]
        files = [first.add(f"known-{number}", CONTENT, "mp3") for number in range(4)]
        unknown, revoked = raw(first.add("unknown", CONTENT, "mp3")), first.add_key()
        clients = [Client(url) for url in urls]
        until_heard(first, urls)
        for client in clients:
            assert client.get(raw(files[0]), revoked, (0, 9))[0] == 206
        with playing(urls, [raw(ids) for ids in files], first.key):
            server.stop("immediate")
            sleep(AWAY_SECONDS)
            for client in clients:
                for path in (unknown, "/recordings", "/v1/recordings"):
                    status, _, retry_after = client.get(path, first.key)
                    assert (status, retry_after is not None) == (503, True)
                assert client.get(raw(files[0]), revoked, (0, 9))[0] == 206
                status, body, _ = client.get("/readyz", "")
                assert (status, json.loads(body)["checks"]["database"]) == (200, "unreachable, serving from memory")
            _change_while_away(server, first, revoked)
            for client in clients:
                eventually(lambda: client.get(raw(files[0]), revoked, (0, 9))[0] == 401)  # noqa: B023 - called here
                eventually(lambda: client.get(unknown, first.key, (0, 9))[0] == 206)  # noqa: B023 - called here
                client.close()


def _change_while_away(server: DebianServer, gateway: Gateway, key: str) -> None:
    """Revoke the key while no gateway is connected, and start the server again."""
    port = server.port
    with reserved_ports(1) as (server.port,):
        server.start()
        revoke = f"UPDATE api_keys SET revoked_at = now() WHERE prefix = '{key[:12]}'"  # noqa: S608 - a key of ours
        gateway.wait(_execute(server.url(), revoke))
        server.stop("fast")
    server.port = port
    server.start()


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def test_cached_media_plays_through_an_outage_of_a_pooler(server: DebianServer, tmp_path: Path) -> None:
    with pgbouncer(server) as pooled:
        settings = GRACE | {"SEEKGATE_DATABASE__LISTEN_URL": server.url()}
        with gateway_on(pooled, tmp_path, settings) as gateway:
            ids = gateway.add("known", CONTENT, "mp3")
            until_heard(gateway, [gateway.base_url])
            with playing([gateway.base_url], [raw(ids)], gateway.key):
                server.stop("immediate")
                sleep(AWAY_SECONDS)
                server.start()
                client, revoked = Client(gateway.base_url), gateway.key
                eventually(lambda: client.get("/recordings", revoked)[0] == 200)
                client.close()


def test_without_grace_nothing_is_served_during_an_outage(server: DebianServer, tmp_path: Path) -> None:
    settings = {"SEEKGATE_DATABASE__OUTAGE_GRACE_SECONDS": "0"}
    with gateway_on(server.url(), tmp_path, settings) as gateway:
        ids = gateway.add("known", CONTENT, "mp3")
        client = Client(gateway.base_url)
        assert client.get(raw(ids), gateway.key, (0, 9))[0] == 206
        server.stop("immediate")
        eventually(lambda: client.get(raw(ids), gateway.key, (0, 9))[0] == 503)
        eventually(lambda: client.get("/readyz", "")[0] == 503)
        client.close()
        server.start()


def test_playback_continues_while_the_embedded_server_restarts(postgres_folder: Path, tmp_path: Path) -> None:
    settings = GRACE | {"SEEKGATE_DATA_DIR": str(postgres_folder)}
    with gateway_on("embedded", tmp_path, settings) as gateway:
        ids = gateway.add("known", CONTENT, "mp3")
        until_heard(gateway, [gateway.base_url])
        with playing([gateway.base_url], [raw(ids)], gateway.key):
            cluster = postgres_folder / "postgres" / "cluster"
            postmaster = find_postmaster(cluster)
            assert postmaster is not None
            os.kill(postmaster.pid, signal.SIGQUIT)
            client = Client(gateway.base_url)
            eventually(lambda: (find_postmaster(cluster) or postmaster).pid != postmaster.pid)
            eventually(lambda: client.get("/recordings", gateway.key)[0] == 200)
            client.close()
