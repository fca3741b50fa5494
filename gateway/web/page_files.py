"""Files of a page, and the security policy they are served under.

Knows: which files there are (read once, at start). Refuses to know: what they do.
"""

from collections.abc import Mapping
from mimetypes import guess_type
from typing import Final

from aiohttp import web

_POLICY: Final = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "connect-src": "'self'",
    "img-src": "'self' data:",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}


class PageFiles:
    """Files by name; `policy` replaces or adds directives (CSP Level 3): nothing inline, nothing of others."""

    def __init__(self, files: Mapping[str, bytes], policy: Mapping[str, str]) -> None:
        self._files = files
        self._policy = "; ".join(f"{directive} {sources}" for directive, sources in (_POLICY | dict(policy)).items())

    def answer(self, name: str) -> web.Response:
        """The file. Raises HTTPNotFound."""
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
