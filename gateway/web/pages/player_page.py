"""Serves the player page and its files.

Its Content-Security-Policy allows the origins of media and of uploads.
"""

from importlib.resources import files

from gateway.web.pages.page_files import PageFiles


class PageRoutes(PageFiles):
    """The page at `/` and the files that it loads from `/player/{release}/`.

    Besides the gateway's own origin, media may come from `media_sources`, and files may be sent to `upload_sources`:
    the origins of buckets that presigned URLs lead to.
    """

    def __init__(self, media_sources: tuple[str, ...] = (), upload_sources: tuple[str, ...] = ()) -> None:
        folder = files("gateway.web.pages") / "player"
        media = " ".join(("'self'", *media_sources))
        super().__init__(
            {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()},
            policy={
                "media-src": f"{media} blob:",  # captions
                "img-src": f"{media} data:",
                "connect-src": " ".join(("'self'", *upload_sources)),
            },
        )
