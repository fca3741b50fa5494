"""Sends responses to media elements at the pace of the recording (gateway/protocol/pacing.py)."""

import asyncio
import time
from collections.abc import Callable

from multidict import CIMultiDictProxy

from gateway.catalog import MediaFile
from gateway.protocol.pacing import (
    PacedFile,
    PaceRule,
    SendingPace,
    full_bucket,
    grant,
    media_element,
    pace_of,
    pause_seconds,
)


class Pacing:
    """Decides which responses are paced; none without a `rule`."""

    def __init__(self, rule: PaceRule | None) -> None:
        self._rule = rule

    def pace(self, headers: CIMultiDictProxy[str], media: MediaFile, size: int) -> SendingPace | None:
        """The pace of the response to a request with these headers, from an object of `size` bytes; None for no pace."""
        if self._rule is None:
            return None
        element = media_element(headers)
        if element is None:
            return None
        return pace_of(
            self._rule, element, PacedFile(size, media.format, media.duration_seconds, media.type == "video")
        )


class PacedBody:
    """The pace of one response that has begun. Once the gateway is draining, it no longer delays any bytes."""

    def __init__(self, pace: SendingPace, is_draining: Callable[[], bool]) -> None:
        self._pace = pace
        self._is_draining = is_draining
        self._bucket = full_bucket(pace, time.monotonic())

    async def grant(self, offset: int, wanted: int) -> int:
        """Wait until bytes from `offset` on may be sent, and return how many of the `wanted` ones.

        They are not counted yet: fewer may be sent.
        """
        while not self._is_draining():
            granted, bucket = grant(self._pace, self._bucket, offset, wanted, time.monotonic())
            if granted:
                return granted
            self._bucket = bucket
            await asyncio.sleep(pause_seconds(self._pace, self._bucket))
        return wanted

    def count(self, offset: int, sent: int) -> None:
        """Count `sent` bytes from `offset` on, which were granted."""
        _, self._bucket = grant(self._pace, self._bucket, offset, sent, time.monotonic())


def initial_grant(pace: SendingPace, offset: int, wanted: int) -> int:
    """How many of the `wanted` bytes from `offset` on are sent without a pause."""
    return grant(pace, full_bucket(pace, 0), offset, wanted, 0)[0]
