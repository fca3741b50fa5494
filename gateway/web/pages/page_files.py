"""Serves the files of a page under a Content-Security-Policy, with entity tags so that browsers can cache them.

All files are read once at start; they change only with the gateway's version.
"""

import time
from collections.abc import Mapping
from hashlib import sha256
from mimetypes import guess_type
from typing import Final, NamedTuple

from aiohttp import web

from gateway.protocol.conditional import Validators, failed_precondition
from gateway.web.bytes.conditions import conditions_of

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


def content_security_policy(directives: Mapping[str, str]) -> str:
    """The policy of every page (CSP Level 3): nothing inline, no other origin; `directives` override."""
    return "; ".join(f"{directive} {sources}" for directive, sources in (_POLICY | dict(directives)).items())


class _File(NamedTuple):
    content: bytes
    media_type: str
    etag: str


class PageFiles:
    """Files by name. The policy (CSP Level 3) allows nothing inline and no other origin; `policy` overrides directives."""

    def __init__(self, files: Mapping[str, bytes], policy: Mapping[str, str]) -> None:
        self._files = {name: _file(name, content) for name, content in files.items()}
        self._policy = content_security_policy(policy)

    def answer(self, request: web.Request, name: str) -> web.Response:
        """The file, or 304 if the client's copy is current. Raises HTTPNotFound and HTTPPreconditionFailed."""
        file = self._files.get(name)
        if file is None:
            raise web.HTTPNotFound
        headers = {"ETag": file.etag, "Cache-Control": "no-cache", "Content-Security-Policy": self._policy}
        match _failed(request, file):
            case 304:
                return web.Response(status=304, headers=headers)
            case 412:
                raise web.HTTPPreconditionFailed
        headers |= {
            "Content-Type": file.media_type,
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }
        return web.Response(body=file.content, headers=headers)


def _file(name: str, content: bytes) -> _File:
    media_type = guess_type(name)[0] or "application/octet-stream"
    if media_type.startswith("text/"):
        media_type += "; charset=utf-8"
    return _File(content, media_type, f'"{sha256(content).hexdigest()[:32]}"')


def _failed(request: web.Request, file: _File) -> int | None:
    """The status that the entity tags ask for. The files have no date, so preconditions by date are ignored (RFC 9110 sections 13.1.3 and 13.1.4)."""
    by_tag = conditions_of(request.headers)._replace(if_modified_since=None, if_unmodified_since=None)
    return failed_precondition(by_tag, Validators(file.etag, 0), now=time.time())
