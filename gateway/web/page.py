"""The player page and its files.

Knows: which files there are (read once, at start) and the page's security policy. Refuses to know: what they do.
"""

from importlib.resources import files
from mimetypes import guess_type
from typing import Final

from aiohttp import web

_POLICY: Final = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}


class PageRoutes:
    """The page at `/` and what it loads from `/player/`.

    `media_sources` are where media may come from besides the gateway itself: storages that serve their readers.
    """

    def __init__(self, media_sources: tuple[str, ...] = ()) -> None:
        folder = files("gateway.web") / "player"
        self._files = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
        media = " ".join(("'self'", *media_sources))
        policy = _POLICY | {"media-src": media, "img-src": f"{media} data:"}
        self._policy = "; ".join(f"{directive} {sources}" for directive, sources in policy.items())

    async def index(self, _request: web.Request) -> web.Response:
        """`GET /`."""
        return self._file("index.html")

    async def asset(self, request: web.Request) -> web.Response:
        """`GET /player/{name}`."""
        return self._file(request.match_info["name"])

    def _file(self, name: str) -> web.Response:
        content = self._files.get(name)
        if content is None:
            raise web.HTTPNotFound
        media_type = guess_type(name)[0] or "application/octet-stream"
        if media_type.startswith("text/"):
            media_type += "; charset=utf-8"
        return web.Response(
            body=content,
            headers={
                "Content-Type": media_type,
                "Cache-Control": "no-cache",
                "Content-Security-Policy": self._policy,
                "Referrer-Policy": "no-referrer",
                "X-Content-Type-Options": "nosniff",
            },
        )
