"""Serves a page and its files under a Content-Security-Policy, with entity tags so that browsers can cache them.

All files are read at start-up, and each is compressed once, when a client first asks for that content coding; they change
only with the gateway's version. The URLs of the files contain the page's release, a digest of all of them: browsers ask
for the page at each visit, and for the files again only if the page names another release.
"""

import asyncio
import gzip
import time
from collections.abc import Callable, Mapping
from functools import partial
from hashlib import sha256
from mimetypes import guess_type
from typing import Final, NamedTuple

import brotli
from aiohttp import hdrs, web

from gateway.protocol.conditional import Validators, failed_precondition
from gateway.web.conditions import conditions_of
from gateway.web.encodings import preferred_encoding

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
    """The policy of a page (CSP Level 3): nothing inline and no other origin, unless `directives` override it."""
    return "; ".join(f"{directive} {sources}" for directive, sources in (_POLICY | dict(directives)).items())


_ASK_EVERY_TIME: Final = "no-cache"
_KEEP: Final = "public, max-age=31536000, immutable"  # RFC 8246; a year
# The better one first.
_COMPRESS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "br": partial(brotli.compress, quality=5),
    "gzip": partial(gzip.compress, compresslevel=6, mtime=0),
}


class _Variant(NamedTuple):
    """The file's bytes in one content coding, with an entity tag of their own (RFC 9110 section 8.8.3.3)."""

    content: bytes
    etag: str


class _File:
    """One file, in every content coding."""

    def __init__(self, name: str, content: bytes) -> None:
        media_type = guess_type(name)[0] or "application/octet-stream"
        is_text = media_type.startswith("text/") or media_type == "image/svg+xml"
        self.media_type = f"{media_type}; charset=utf-8" if media_type.startswith("text/") else media_type
        self.codings = tuple(_COMPRESS) if is_text else ()
        self._content = content
        self.digest = sha256(content).hexdigest()[:32]
        self._variants: dict[str | None, _Variant] = {None: _Variant(content, f'"{self.digest}"')}

    async def variant(self, coding: str | None) -> _Variant:
        """The file in one of its `codings`, or as it is."""
        if coding is not None and coding not in self._variants:
            # 40 ms for the 1.5 MB of the contract page, in which the event loop serves others.
            compressed = await asyncio.to_thread(_COMPRESS[coding], self._content)
            self._variants[coding] = _Variant(compressed, f'"{self.digest}-{coding}"')
        return self._variants[coding]


class PageFiles:
    """A page, `index.html`, and its other files by name; `policy` overrides directives of `content_security_policy`.

    `{release}` in the page stands for `release`, the digest of the files that are not HTML. HTML has no path of its own.
    """

    def __init__(self, files: Mapping[str, bytes], policy: Mapping[str, str]) -> None:
        self._files = {name: _File(name, content) for name, content in files.items() if not name.endswith(".html")}
        named = "".join(f"{name} {file.digest}\n" for name, file in sorted(self._files.items()))
        self.release = sha256(named.encode()).hexdigest()[:12]
        self._index = _File("index.html", files["index.html"].replace(b"{release}", self.release.encode()))
        self._policy = content_security_policy(policy)

    async def index(self, request: web.Request) -> web.Response:
        """`GET` of the page itself."""
        return await self._response(request, self._index, _ASK_EVERY_TIME)

    async def asset(self, request: web.Request) -> web.Response:
        """`GET` of the file `name` of any `release`: there is only the present one. Raises HTTPNotFound.

        During an upgrade a page may come from one gateway and its files from another. Such a file must not be kept.
        """
        file = self._files.get(request.match_info["name"])
        if file is None:
            raise web.HTTPNotFound
        is_present = request.match_info["release"] == self.release
        return await self._response(request, file, _KEEP if is_present else _ASK_EVERY_TIME)

    async def _response(self, request: web.Request, file: _File, cache_control: str) -> web.Response:
        """The file, or 304 if the client's copy is current. Raises HTTPPreconditionFailed."""
        coding = preferred_encoding(request.headers.get(hdrs.ACCEPT_ENCODING, ""), file.codings)
        variant = await file.variant(coding)
        headers = {"ETag": variant.etag, "Cache-Control": cache_control, "Content-Security-Policy": self._policy}
        if file.codings:
            headers["Vary"] = "Accept-Encoding"
        match _failed(request, variant):
            case 304:
                return web.Response(status=304, headers=headers)
            case 412:
                raise web.HTTPPreconditionFailed
        headers |= {
            "Content-Type": file.media_type,
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }
        if coding:
            headers["Content-Encoding"] = coding
        return web.Response(body=variant.content, headers=headers)


def _failed(request: web.Request, file: _Variant) -> int | None:
    """304 or 412 if a condition on the entity tag says so, else None.

    The files have no date, so preconditions by date are ignored (RFC 9110 sections 13.1.3 and 13.1.4).
    """
    by_tag = conditions_of(request.headers)._replace(if_modified_since=None, if_unmodified_since=None)
    return failed_precondition(by_tag, Validators(file.etag, 0), now=time.time())
