"""Processes of `python -m gateway` that need not import everything again: they are forked from one that has done so.

Imports take most of a gateway's start, and the suite starts some hundred. They also share one fork server of decoding
processes, which each gateway would start for itself. Tests of what only a fresh interpreter does start one with
`subprocess`.

This module runs in two processes. The tests use `ForkedProcess`; `python -m tests.forked_process FD` receives its requests,
and forks for each of them a process that starts the gateway, waits for it and reports its exit code.
"""

import asyncio
import atexit
import gc
import json
import os
import runpy
import secrets
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Final, NoReturn

TOP: Final = Path(__file__).resolve().parent.parent
IMPORTED: Final = (
    "aiobotocore.session",
    "aiofiles",
    "aiohttp.web",
    "asyncpg",
    "brotli",
    "click",
    "encodings.idna",
    "gateway.assembly.site",
    "gateway.cli",
    "gateway.commands.import_recordings",
    "gateway.commands.move_from_vexa",
    "gateway.commands.serve",
    "gateway.commands.verify",
    "gateway.process.server",
    "multiprocessing.connection",
    "orjson",
    "prometheus_client",
    "pydantic",
    "rich._emoji_codes",
    "rich.console",
    "storage_adapters.local",
    "storage_adapters.s3.s3_storage",
    "uvloop",
    "yaml",
)
REQUEST_BYTES: Final = 1 << 17


class ForkedProcess:
    """A process of `python -m gateway`, for the tests what `subprocess.Popen` would be; its standard input is empty."""

    def __init__(
        self, arguments: Sequence[str], environ: Mapping[str, str], folder: Path, *, stdout: int, stderr: int
    ) -> None:
        # Each number is one message: of a stream, two that were sent before the first was received would be read as one.
        self._answers, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        request = json.dumps([arguments, dict(environ), str(folder)]).encode()
        with theirs, Path(os.devnull).open("rb") as nothing:
            socket.send_fds(_forking_server(), [request], [nothing.fileno(), stdout, stderr, theirs.fileno()])
        self.pid = int(self._line())
        self.returncode: int | None = None

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while the process runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, seconds: float | None = None) -> int:
        """The exit code, once the process has ended; raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            self._answers.settimeout(seconds)
            try:
                self.returncode = int(self._line())
            except (BlockingIOError, TimeoutError):
                raise subprocess.TimeoutExpired("gateway", seconds or 0) from None
            self._answers.close()
        return self.returncode

    def _line(self) -> bytes:
        """A number from the process that waits for the gateway."""
        line = self._answers.recv(16)
        if not line:
            raise RuntimeError("the server that forks the gateways has ended")
        return line


@cache
def _forking_server() -> socket.socket:
    """The connection to this process's own server, which ends when the connection does."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-m", "tests.forked_process", str(theirs.fileno())]
    server = subprocess.Popen(command, cwd=TOP, pass_fds=[theirs.fileno()])
    theirs.close()

    def stop() -> None:
        ours.close()
        server.wait()

    atexit.register(stop)
    return ours


def serve(requests: socket.socket) -> None:
    """Fork for each request, until the tests have ended."""
    for name in IMPORTED:
        import_module(name)
    share_decoding_processes()
    parse_contract_once()
    parse_model_of_s3_once()
    gc.collect()
    gc.freeze()  # so that collections in the children copy none of these pages
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel forgets those that waited for a gateway
    while True:
        request, descriptors, _, _ = socket.recv_fds(requests, REQUEST_BYTES, 4)
        if not request:
            return
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            run_and_report(request, *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def share_decoding_processes() -> None:
    """Start the fork server of decoding processes to which all gateways send their jobs, as if each had started it.

    A gateway that finds it ended starts another for itself.
    """
    from gateway.media.fork_server import _INHERITED, DECODING

    environ = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    ours, theirs = socket.socketpair()
    with theirs:
        DECODING._server = subprocess.Popen(
            DECODING._program,
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environ,
            cwd="/",
        )
    ours.settimeout(0)
    DECODING._requests = ours


def parse_contract_once() -> None:
    """Parse openapi.yaml, for which each gateway would need 30 ms. They never change what was parsed."""
    site = vars(import_module("gateway.assembly.site"))
    contract = site["load_contract"]()
    site["load_contract"] = lambda: contract


def parse_model_of_s3_once() -> None:
    """Parse what the SDK reads for its first client, for which each gateway with a bucket would need 60 ms."""
    botocore = vars(import_module("botocore.session"))
    botocore["create_loader"] = cache(botocore["create_loader"])

    async def make_client() -> None:
        # Without keys it would ask the network for those of the machine, and wait for a reply.
        keys = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
        session = import_module("aiobotocore.session").AioSession()
        async with session.create_client("s3", region_name="us-east-1", **keys):
            pass

    asyncio.run(make_client())


def run_and_report(request: bytes, stdin: int, stdout: int, stderr: int, answers: int) -> NoReturn:
    """Fork the gateway, and send its process id and then its exit code."""
    pid = os.fork()
    if pid == 0:
        from gateway.media.fork_server import DECODING

        assert DECODING._requests is not None
        kept = DECODING._requests.fileno()
        for number, descriptor in enumerate((stdin, stdout, stderr)):
            os.dup2(descriptor, number)
        os.closerange(3, kept)
        os.closerange(kept + 1, os.sysconf("SC_OPEN_MAX"))
        run_gateway(*json.loads(request))
    for descriptor in (stdin, stdout, stderr):
        os.close(descriptor)
    os.write(answers, str(pid).encode())
    _, status = os.waitpid(pid, 0)
    with suppress(OSError):  # the tests may have ended without waiting
        os.write(answers, str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def run_gateway(arguments: Sequence[str], environ: Mapping[str, str], folder: str) -> NoReturn:
    """What `python -m gateway` does in that folder and that environment."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    sys.argv = ["gateway", *arguments]
    sys.path[:1] = [folder, *environ.get("PYTHONPATH", "").split(os.pathsep)]
    # The first half of a request's id, which a new process chooses for itself.
    exchange = vars(import_module("gateway.web.exchange"))
    assert "_process_id" in exchange
    exchange["_process_id"] = secrets.token_hex(4)
    try:
        runpy.run_module("gateway", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if isinstance(end.code, int):
            exit_quickly(end.code)
        raise
    sys.exit(0)


def exit_quickly(code: int) -> NoReturn:
    """Exit as the interpreter does, but leave its memory to the kernel: freeing it copies most of the inherited pages."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
