"""Is this answer to a ranged GET exactly the bytes that were asked for? Pure.

Knows: status, Content-Range, Content-Length and ETag of RFC 9110, and how compatibles bend them.
Refuses to know: sockets and bodies.

    206, Content-Range exact, Content-Length exact    the bytes (Amazon, Ceph, Swift, MinIO)
    200, Content-Range exact, Content-Length exact    the bytes (rclone)
    200, no Content-Range, Content-Length the size    the whole object: the server ignores Range

The whole object is used only if the span starts in its first `SKIP_LIMIT_BYTES`; to serve a later
span would read everything before it, so that is refused. Nothing else is accepted.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from storage_adapters.base import ObjectChanged, ObjectStat, StorageUnavailable
from storage_adapters.s3.response_heads import content_length

SKIP_LIMIT_BYTES: Final = 1024 * 1024

# RFC 9110 section 14.4; 19 digits hold any size.
CONTENT_RANGE: Final = re.compile(r"bytes ([0-9]{1,19})-([0-9]{1,19})/([0-9]{1,19}|\*)")
# RFC 9110 section 8.8.3 without the weak form; some compatibles forget the quotes.
STRONG_ETAG: Final = re.compile(r'"([\x21\x23-\x7e\x80-\xff]+)"|(?!W/)([\x21\x23-\x7e\x80-\xff]+)')


@dataclass(frozen=True, slots=True)
class Span:
    """`length` bytes at `offset`; never empty."""

    offset: int
    length: int

    @property
    def end(self) -> int:
        return self.offset + self.length

    def header(self) -> str:
        """As the value of a Range header, the only place where the last byte is named."""
        return f"bytes={self.offset}-{self.end - 1}"


@dataclass(frozen=True, slots=True)
class BodyPlan:
    """How to use a body: drop `skip` bytes, then take; `whole` if it runs on to the end of the object."""

    skip: int = 0
    whole: bool = False


def parse_etag(text: str) -> str | None:
    """The opaque tag without quotes; None for a weak or malformed one, which pins nothing."""
    match = STRONG_ETAG.fullmatch(text)
    return match and (match[1] or match[2])


def judge(key: str, stat: ObjectStat, span: Span, status: int, headers: Mapping[str, str]) -> BodyPlan:
    """How to use the body of this 200 or 206; the names of `headers` are in lower case.

    Raises ObjectChanged if it belongs to another version, StorageUnavailable if it is not exact.
    """
    check_version(key, stat, headers)
    length = content_length(headers)
    found = CONTENT_RANGE.fullmatch(headers.get("content-range", ""))
    if found is not None:
        if found[3] not in {"*", str(stat.size)}:
            raise ObjectChanged(key, f"it has {found[3]} bytes now, not {stat.size}")
        if (int(found[1]), int(found[2]), length) == (span.offset, span.end - 1, span.length):
            return BodyPlan()
    elif status == 200 and "content-range" not in headers and length == stat.size:
        return plan_whole(key, span)
    raise StorageUnavailable(
        key,
        f"S3 answered {span.header()} with {status}, "
        f"Content-Range {headers.get('content-range')!r}, Content-Length {headers.get('content-length')!r}",
    )


def check_version(key: str, stat: ObjectStat, headers: Mapping[str, str]) -> None:
    """Some compatibles ignore If-Match: compare the tag too, where there is one."""
    etag = headers.get("etag")
    if etag is not None and parse_etag(etag) != stat.etag:
        raise ObjectChanged(key, f"its ETag is {etag} now, not {stat.etag!r}")


def plan_whole(key: str, span: Span) -> BodyPlan:
    """The server ignores Range and sends everything."""
    if span.offset > SKIP_LIMIT_BYTES:
        raise StorageUnavailable(key, f"S3 ignores Range; byte {span.offset} is too far in to read up to")
    return BodyPlan(skip=span.offset, whole=True)
