"""WebKitGTK, the engine nearest to Safari: its MiniBrowser on a virtual display, controlled by WebKitWebDriver.

Without a sound card GStreamer plays into its fake sink, which takes samples at the real pace.
"""

import asyncio
import os
import shutil
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

from tests.ports import reserved_ports

PATIENCE_SECONDS: Final = 60
CAPABILITIES: Final = "webkitgtk:browserOptions"


def mini_browser() -> str | None:
    """The path of MiniBrowser, if it and the programs to control it are installed."""
    found = sorted(Path("/usr/lib").glob("*/webkit2gtk-4.*/MiniBrowser"))
    programs = all(map(shutil.which, ("WebKitWebDriver", "Xvfb")))
    return str(found[-1]) if found and programs else None


def capabilities(program: str) -> dict[str, Any]:
    """What a new session asks of the driver: this browser, in which pages may play without a click."""
    return {CAPABILITIES: {"binary": program, "args": ["--automation", "--autoplay-policy=allow"]}}


@asynccontextmanager
async def running_webkit_driver() -> AsyncGenerator[str]:
    """The URL of a WebKitWebDriver, whose browsers appear on a virtual display."""
    async with _virtual_display() as display:
        environ = {**os.environ, "DISPLAY": display, "GDK_BACKEND": "x11", "NO_AT_BRIDGE": "1"}
        with reserved_ports(1) as (port,):
            async with _running("WebKitWebDriver", f"--port={port}", env=environ):
                await _until_it_listens(port)
                yield f"http://127.0.0.1:{port}"


@asynccontextmanager
async def _virtual_display() -> AsyncGenerator[str]:
    """The name of a new display. Xvfb chooses a free number and writes it once it is ready."""
    reading, writing = os.pipe()
    words = ("-displayfd", str(writing), "-screen", "0", "1280x820x24", "-nolisten", "tcp")
    with os.fdopen(reading, "rb") as pipe:
        async with _running("Xvfb", *words, pass_fds=(writing,)):
            os.close(writing)
            async with asyncio.timeout(PATIENCE_SECONDS):
                number = await asyncio.to_thread(pipe.readline)
            if not number:
                raise RuntimeError("Xvfb ended before its display was ready")
            yield f":{number.decode().strip()}"


@asynccontextmanager
async def _running(
    program: str, *words: str, env: Mapping[str, str] | None = None, pass_fds: tuple[int, ...] = ()
) -> AsyncGenerator[None]:
    process = await asyncio.create_subprocess_exec(
        program, *words, env=env, pass_fds=pass_fds, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL
    )
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _until_it_listens(port: int) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.05)
