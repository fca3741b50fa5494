"""The player page and its files.

Knows: where its files lie, and where its media may come from. Refuses to know: what they do.
"""

from importlib.resources import files

from aiohttp import web

from gateway.web.pages.page_files import PageFiles


class PageRoutes:
    """The page at `/` and what it loads from `/player/`.

    `media_sources` are where media may come from besides the gateway itself: storages that serve their readers.
    """

    def __init__(self, media_sources: tuple[str, ...] = ()) -> None:
        folder = files("gateway.web.pages") / "player"
        media = " ".join(("'self'", *media_sources))
        self._files = PageFiles(
            {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()},
            policy={"media-src": media, "img-src": f"{media} data:"},
        )

    async def index(self, request: web.Request) -> web.Response:
        """`GET /`."""
        return self._files.answer(request, "index.html")

    async def asset(self, request: web.Request) -> web.Response:
        """`GET /player/{name}`."""
        return self._files.answer(request, request.match_info["name"])
