"""Serves the player page and its files, with a Content-Security-Policy that allows its media sources."""

from importlib.resources import files

from aiohttp import web

from gateway.web.pages.page_files import PageFiles


class PageRoutes:
    """The page at `/` and the files that it loads from `/player/`.

    `media_sources` are the origins of media besides the gateway itself: storage backends that clients are redirected to.
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
