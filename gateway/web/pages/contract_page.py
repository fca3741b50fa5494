"""The published contract: the document, and a page that shows it.

Knows: where Swagger UI lies (flask-swagger-ui carries its files; none of its code is run) and which of its files the
page loads. Refuses to know: what the contract promises.
"""

from collections.abc import Mapping
from importlib.metadata import distribution
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from gateway.web.pages.page_files import PageFiles
from gateway.web.responses import json_response

_SWAGGER_UI: Final = ("swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png")


class ContractRoutes:
    """`/openapi.json`, the page at `/docs`, and what it loads from `/docs/`."""

    def __init__(self, contract: Mapping[str, Any]) -> None:
        self._contract = contract
        ours, theirs = files("gateway.web.pages") / "contract", _swagger_ui()
        self._files = PageFiles(
            {file.name: file.read_bytes() for file in ours.iterdir()}
            | {name: (theirs / name).read_bytes() for name in _SWAGGER_UI},
            policy={},
        )

    async def document(self, _request: web.Request) -> web.Response:
        """`GET /openapi.json`: the OpenAPI document."""
        return json_response(self._contract)

    async def index(self, request: web.Request) -> web.Response:
        """`GET /docs`: the page."""
        return self._files.answer(request, "index.html")

    async def asset(self, request: web.Request) -> web.Response:
        """`GET /docs/{name}`."""
        return self._files.answer(request, request.match_info["name"])


def _swagger_ui() -> Path:
    """Its folder, found without importing the package: that would load a web framework that nobody needs here."""
    return Path(str(distribution("flask-swagger-ui").locate_file("flask_swagger_ui/dist")))
