"""What clients can make a gateway with TLS hold."""

import asyncio
import contextlib
import resource
import socket
import ssl
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest
import uvloop

from gateway.assembly import tls_listener
from gateway.assembly.site import running
from gateway.process.drain import Drain
from gateway.process.listening import Sockets, open_sockets
from gateway.settings.load import load
from tests.conformance.raw_http import compose
from tests.gateway_process import gateway_environ, running_gateway
from tests.web.access.test_bounds import MEMORY_BOUND, resident

CLIENTS: Final = 150


@pytest.fixture(scope="module")
def tls_settings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The settings with a certificate of its own."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
    made = ("openssl", "req", "-x509", *curve, "-nodes", "-days", "2", "-subj", "/CN=localhost")
    subprocess.run((*made, "-keyout", key, "-out", certificate), check=True, capture_output=True)
    return {"SEEKGATE_SERVER__TLS_CERTIFICATE": str(certificate), "SEEKGATE_SERVER__TLS_KEY": str(key)}


def test_unread_responses_over_tls_are_held_within_a_bound(
    postgres: str, tmp_path: Path, tls_settings: dict[str, str]
) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with running_gateway(postgres, tmp_path, tls_settings) as site, ExitStack() as stack:
        recording_id, media_file_id = site.add("long", bytes(16 * 2**20), "mp3")
        request = compose("GET", f"/recordings/{recording_id}/media/{media_file_id}/raw", [("X-API-Key", site.key)])
        idle = resident(site)
        for _ in range(CLIENTS):
            client = socket.create_connection((site.host, site.port), timeout=60)
            encrypted = stack.enter_context(context.wrap_socket(client))
            encrypted.sendall(request)
            assert encrypted.recv(1)
        with context.wrap_socket(socket.create_connection((site.host, site.port), timeout=60)) as another:
            for _ in range(50):
                another.sendall(compose("GET", "/livez"))
                assert another.recv(4096).startswith(b"HTTP/1.1 200 ")
        assert resident(site) - idle < MEMORY_BOUND


async def test_a_handshake_that_stalls_ends_the_connection(
    database_url: str, tmp_path: Path, tls_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls_listener, "HANDSHAKE_SECONDS", 0.2)
    config = load(None, gateway_environ(database_url, tmp_path, tls_settings))
    with ExitStack() as stack:
        (sockets,) = open_sockets(config, stack)
        async with running(config, sockets, Drain()):
            for begun in (b"", b"\x16", b"\x16\x03\x01\x00\xc8\x01\x00"):
                reader, writer = await asyncio.open_connection("127.0.0.1", sockets.public.getsockname()[1])
                writer.write(begun)
                async with asyncio.timeout(30):
                    with contextlib.suppress(ConnectionResetError):
                        assert await reader.read() == b""
                writer.close()


def test_connections_without_a_handshake_wait_in_the_kernel_beyond_a_number(
    database_url: str, tmp_path: Path, tls_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The handshakes of those that wait begin when others are over."""
    monkeypatch.setattr(tls_listener, "MAX_HANDSHAKES", 3)
    config = load(None, gateway_environ(database_url, tmp_path, tls_settings))
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    async def crowd(port: int) -> None:
        for _ in range(7):
            _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
            writer.close()
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        waiting = asyncio.create_task(asyncio.open_connection("127.0.0.1", port, ssl=context))
        done, _ = await asyncio.wait({waiting}, timeout=0.5)
        assert not done
        for _, writer in silent:
            writer.close()
        _, writer = await waiting
        writer.close()

    async def serve(sockets: Sockets) -> None:
        async with running(config, sockets, Drain()):
            await crowd(sockets.public.getsockname()[1])

    with ExitStack() as stack:
        (sockets,) = open_sockets(config, stack)
        uvloop.run(serve(sockets))


class Silent(asyncio.Protocol):
    """A connection that says nothing."""


async def test_a_listener_that_finds_no_free_descriptor_listens_again_later(
    tls_settings: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    server, client = (ssl.SSLContext(each) for each in (ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT))
    server.load_cert_chain(tls_settings["SEEKGATE_SERVER__TLS_CERTIFICATE"], tls_settings["SEEKGATE_SERVER__TLS_KEY"])
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listener = tls_listener.TlsListener(Silent, listening, server)
        await listener.listen()
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
        try:
            listener._pause()
            for _ in range(600):
                if caplog.records or (listener._listening_again is not None and listener._listening_again.done()):
                    break
                await asyncio.sleep(0.05)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        async with asyncio.timeout(30):
            _, writer = await asyncio.open_connection(*listening.getsockname(), ssl=client)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        listener.close()
    assert caplog.records
