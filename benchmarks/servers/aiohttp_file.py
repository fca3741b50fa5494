"""Serves one file with aiohttp's FileResponse, as its documentation shows: `python aiohttp_file.py FILE PORT WORKERS`."""

import os
import signal
import sys

from aiohttp import web


def serve(path: str, port: int) -> None:
    """Serve the file at every path until SIGTERM, on the standard event loop, because that has `sendfile`."""

    async def file(_: web.Request) -> web.FileResponse:
        return web.FileResponse(path)

    app = web.Application()
    app.router.add_get("/{name}", file)
    web.run_app(app, host="127.0.0.1", port=port, access_log=None, reuse_port=True, print=None)


def main(path: str, port: str, workers: str) -> None:
    """Serve from one process, or from several that share the port."""
    if workers == "1":
        serve(path, int(port))
        return
    children = [_fork(path, int(port)) for _ in range(int(workers))]
    signal.signal(signal.SIGTERM, lambda *_: _end(children))
    for child in children:
        os.waitpid(child, 0)


def _fork(path: str, port: int) -> int:
    child = os.fork()
    if not child:
        serve(path, port)
        os._exit(0)
    return child


def _end(children: list[int]) -> None:
    for child in children:
        os.kill(child, signal.SIGTERM)


if __name__ == "__main__":
    main(*sys.argv[1:4])
