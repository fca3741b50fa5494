"""The page that a share link leads to, and what it loads: one recording, read-only, without an API key.

    /shared/{token}                        the page, with Open Graph fields for the message in which it was sent
    /shared/{token}/embed                  the same in a small layout, for an <iframe> on an allowed origin
    /shared/{token}/recording.json         name, media with playback URLs, captions, and where to start
    /shared/{token}/captions.vtt           the transcript as WebVTT
    /shared/{token}/picture                leads to the recording's image, for previews of the link
    /shared/{token}/media/{number}/waveform

Playback URLs carry the link's id and are valid only while the link is. They contain the ids of the recording and its
file; nothing of the account is shown, not even its id.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

from aiohttp import hdrs, web

from gateway.catalog import MediaFile, Recording, RecordingCatalog, Segment
from gateway.catalog.share_links import ShareLink, ShareLinks
from gateway.errors import NotFound, require
from gateway.keys import digest
from gateway.media.captions import write_vtt
from gateway.media.fair_semaphore import FairSemaphore
from gateway.media.waveforms import Waveforms
from gateway.storage import Storage
from gateway.web.exchange import EXCHANGE
from gateway.web.links import Links
from gateway.web.media_files import waveform_response
from gateway.web.pages.link_preview import SITE, image_of, open_graph
from gateway.web.pages.page_files import content_security_policy
from gateway.web.responses import built_json_response, whole_seconds

_PAGE: Final = "shared.html"


@dataclass(frozen=True, slots=True)
class _Opened:
    """A link that works, and its recording."""

    link: ShareLink
    recording: Recording

    @property
    def media(self) -> Sequence[MediaFile]:
        """The files that can be played. The routes name each by its number in this list."""
        return [each for each in self.recording.media_files if each.status == "uploaded" and each.missing_at is None]


class SharedPage:
    """The routes below `/shared/{token}`.

    `embed_origins` are the origins whose pages may embed a recording; `release` is the player page's.
    """

    def __init__(
        self,
        share_links: ShareLinks,
        catalog: RecordingCatalog,
        storages: Mapping[str, Storage],
        waveforms: Waveforms,
        links: Links,
        *,
        turns: FairSemaphore,
        embed_origins: Sequence[str],
        release: str,
    ) -> None:
        self._share_links = share_links
        self._catalog = catalog
        self._storages = storages
        self._waveforms = waveforms
        self._links = links
        self._turns = turns
        page = (files("gateway.web.pages") / "player" / _PAGE).read_text("utf-8")
        self._page = page.replace("{release}", release)
        self._stand_in = f"/player/{release}/share.png"
        # Its playback URLs are never redirected to a storage backend.
        policy = {"media-src": "'self'"}
        self._policy = content_security_policy(policy)
        self._embed_policy = content_security_policy(policy | {"frame-ancestors": " ".join(("'self'", *embed_origins))})

    async def page(self, request: web.Request) -> web.Response:
        """`GET /shared/{token}`: the page; opening it is counted."""
        return await self._show(request, "page", self._policy)

    async def embed(self, request: web.Request) -> web.Response:
        """`GET /shared/{token}/embed`."""
        return await self._show(request, "embed", self._embed_policy)

    async def recording(self, request: web.Request) -> web.Response:
        """`GET /shared/{token}/recording.json`."""
        opened = await self._open(request)
        async with self._turns.permit(opened.link.owner.user_id):
            transcript = await self._catalog.find_transcript_of(opened.link.owner, opened.recording.id)
            segments = transcript.segments if transcript else ()
            return await built_json_response(
                lambda: {
                    "name": title_of(opened.recording),
                    "created_at": whole_seconds(opened.recording.created_at),
                    "start_seconds": opened.link.start_seconds,
                    "expires_at": whole_seconds(opened.link.expires_at),
                    "media": [self._media_json(request, each) for each in opened.media],
                    "segments": list(map(_segment_json, segments)),
                }
            )

    async def captions(self, request: web.Request) -> web.Response:
        """`GET /shared/{token}/captions.vtt`."""
        opened = await self._open(request)
        async with self._turns.permit(opened.link.owner.user_id):
            transcript = await self._catalog.find_transcript_of(opened.link.owner, opened.recording.id)
            octets = await asyncio.to_thread(write_vtt, require(transcript, "Transcript").segments)
        headers = {hdrs.CACHE_CONTROL: "no-store"}
        return web.Response(body=octets, content_type="text/vtt", charset="utf-8", headers=headers)

    async def picture(self, request: web.Request) -> web.Response:
        """`GET /shared/{token}/picture`: a redirect to a playback URL, because a preview is read again later."""
        image = require(image_of((await self._open(request)).media), "Image")
        url = self._links.playback(request, None, image, "inline").url
        raise web.HTTPFound(url, headers={hdrs.CACHE_CONTROL: "no-store"})

    async def waveform(self, request: web.Request) -> web.Response:
        """`GET /shared/{token}/media/{number}/waveform`: the bins computed so far, as for the owner."""
        opened = await self._open(request)
        number = request.match_info["number"]
        if int(number) >= len(opened.media):
            raise NotFound("Media file not found")
        return await waveform_response(self._waveforms, self._storages, opened.media[int(number)], opened.link.owner)

    async def _show(self, request: web.Request, layout: str, policy: str) -> web.Response:
        try:
            opened = await self._open(request)
        except NotFound:
            # The page itself shows the explanation: its own requests get 404, too.
            return self._html(404, layout, policy, f"<title>{SITE}</title>")
        await self._share_links.record_link_use(opened.link.id)
        url = self._links.shared(request, request.match_info["token"])
        head = open_graph(title_of(opened.recording), opened.media, url, self._stand_in)
        return self._html(200, layout, policy, head)

    def _html(self, status: int, layout: str, policy: str, head: str) -> web.Response:
        text = self._page.replace("<!-- open graph -->", head).replace('data-layout="page"', f'data-layout="{layout}"')
        return web.Response(
            status=status,
            text=text,
            content_type="text/html",
            charset="utf-8",
            headers={
                "Content-Security-Policy": policy,
                "Cache-Control": "no-store",
                "Referrer-Policy": "no-referrer",
                "X-Content-Type-Options": "nosniff",
                "X-Robots-Tag": "noindex",
            },
        )

    async def _open(self, request: web.Request) -> _Opened:
        """The link's recording. Raises NotFound, with the same message for an ended link and an unknown one."""
        link = await self._share_links.find_link(digest(request.match_info["token"]))
        if link is not None and _works(link):
            request[EXCHANGE].principal, request[EXCHANGE].key_id = f"link:{link.id}", link.id
            recording = await self._catalog.find_recording(link.owner, link.recording_id)
            if recording is not None:
                return _Opened(link, recording)
        raise NotFound("This link does not work: it has expired, was ended, or was not copied whole")

    def _media_json(self, request: web.Request, media: MediaFile) -> dict[str, Any]:
        url = self._links.playback(request, None, media, "inline")
        return {
            "type": media.type,
            "content_type": media.content_type,
            "file_size_bytes": media.size,
            "duration_seconds": media.duration_seconds,
            "url": url.url,
            "expires_at": whole_seconds(url.expires_at),
        }


def title_of(recording: Recording) -> str:
    """The recording's title: its name, else the minute at which it was created."""
    return recording.name or f"{recording.created_at:%Y-%m-%d %H:%M} UTC"


def _works(link: ShareLink) -> bool:
    return link.revoked_at is None and (link.expires_at is None or link.expires_at.timestamp() > time.time())


def _segment_json(segment: Segment) -> dict[str, Any]:
    seconds = {"start": segment.start_seconds, "end": segment.end_seconds}
    return seconds | {"speaker": segment.speaker, "text": segment.text}
