"""Serves the player page and its files.

Its Content-Security-Policy allows the origins of media and of uploads.
"""

from importlib.resources import files

from aiohttp import web

from gateway.web.pages.page_files import PageFiles


class PageRoutes:
    """The page at `/` and the files that it loads from `/player/`.

    Besides the gateway's own origin, media may come from `media_sources`, and files may be sent to `upload_sources`:
    the origins of buckets that presigned URLs lead to.
    """

    def __init__(self, media_sources: tuple[str, ...] = (), upload_sources: tuple[str, ...] = ()) -> None:
        folder = files("gateway.web.pages") / "player"
        media = " ".join(("'self'", *media_sources))
        self._files = PageFiles(
            {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()},
            policy={
                "media-src": media,
                "img-src": f"{media} data:",
                "connect-src": " ".join(("'self'", *upload_sources)),
            },
        )

    async def index(self, request: web.Request) -> web.Response:
        """`GET /`."""
        return await self._files.answer(request, "index.html")

    async def asset(self, request: web.Request) -> web.Response:
        """`GET /player/{name}`."""
        return await self._files.answer(request, request.match_info["name"])
