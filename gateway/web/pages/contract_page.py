"""The published contract: the OpenAPI document, and a page that renders it with Swagger UI.

Swagger UI's files come from the package mkdocs-swagger-ui-tag. None of the package's code is imported.
"""

from collections.abc import Iterator, Mapping
from importlib.metadata import distribution
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from gateway.web.pages.page_files import PageFiles
from gateway.web.responses import json_response

_SWAGGER_UI: Final = ("javascripts/swagger-ui-bundle.js", "stylesheets/swagger-ui.css")


class ContractRoutes(PageFiles):
    """`/openapi.json`, the page at `/docs`, and the files that it loads from `/docs/{release}/`."""

    def __init__(self, contract: Mapping[str, Any]) -> None:
        # Serialized once: many clients may wait for these bytes at the same time.
        self._document = json_response(contract).body
        pages = files("gateway.web.pages")
        ours = (*(pages / "contract").iterdir(), pages / "player" / "icon.svg")
        super().__init__({file.name: file.read_bytes() for file in (*ours, *_swagger_ui())}, policy={})

    async def document(self, _request: web.Request) -> web.Response:
        """`GET /openapi.json`: the OpenAPI document."""
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        return web.Response(body=self._document, content_type="application/json", headers=headers)


def _swagger_ui() -> Iterator[Path]:
    """Swagger UI's files. The package is not imported, because that would load an HTML parser."""
    package = distribution("mkdocs-swagger-ui-tag")
    return (Path(str(package.locate_file(f"mkdocs_swagger_ui_tag/swagger-ui/{name}"))) for name in _SWAGGER_UI)
