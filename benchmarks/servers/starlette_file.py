"""Serves one file, named by the environment variable BENCHMARK_FILE, with Starlette's FileResponse.

`uvicorn --app-dir benchmarks/servers starlette_file:app` runs it.
"""

import os

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import Route


async def file(_: Request) -> FileResponse:
    """Serve the file at every path."""
    return FileResponse(os.environ["BENCHMARK_FILE"], media_type="audio/wav")


app = Starlette(routes=[Route("/{name}", file)])
