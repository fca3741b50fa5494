"""Starlette's FileResponse; uvicorn runs it (`uvicorn --app-dir benchmarks/servers starlette_file:app`).

Knows: one file, named by the environment variable BENCHMARK_FILE. Refuses to know: keys, catalogues, logs.
"""

import os

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import Route


async def file(_: Request) -> FileResponse:
    """The file, at every address."""
    return FileResponse(os.environ["BENCHMARK_FILE"], media_type="audio/wav")


app = Starlette(routes=[Route("/{name}", file)])
