"""Decides whether a response to a ranged GET has exactly the requested bytes. Pure.

    206, Content-Range exact, length exact or chunked     the bytes (Amazon, Ceph, Swift, MinIO; a proxy)
    200, Content-Range exact, length exact or chunked     the bytes (rclone)
    200, no Content-Range, length the object's size       the whole object: the server ignores Range
    200, no Content-Range, chunked, the expected ETag     the same

The whole object is used only if the span starts in its first `SKIP_LIMIT_BYTES`, because everything before the span has
to be read and dropped. Any other response is refused. The reader checks the length of a chunked body.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from storage_adapters.base import ObjectChanged, ObjectStat, StorageUnavailable
from storage_adapters.s3.http_heads import Head

SKIP_LIMIT_BYTES: Final = 1024 * 1024

# RFC 9110 section 14.4; 19 digits suffice for any size.
CONTENT_RANGE: Final = re.compile(r"bytes ([0-9]{1,19})-([0-9]{1,19})/([0-9]{1,19}|\*)")
# RFC 9110 section 8.8.3 without the weak form; some compatible servers omit the quotes.
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
        """The value of a Range header, which names the last byte and not the length."""
        return f"bytes={self.offset}-{self.end - 1}"


@dataclass(frozen=True, slots=True)
class BodyPlan:
    """How to use a body: drop its first `skip` bytes; `whole` if it continues to the end of the object."""

    skip: int = 0
    whole: bool = False


def parse_etag(text: str) -> str | None:
    """The opaque tag without quotes; None for a weak or malformed one, which cannot pin a version."""
    match = STRONG_ETAG.fullmatch(text)
    return match and (match[1] or match[2])


def plan_body(key: str, stat: ObjectStat, span: Span, head: Head) -> BodyPlan:
    """Decide how to use the body of this 200 or 206.

    Raises ObjectChanged if it belongs to another version, StorageUnavailable if it is not what was requested.
    """
    headers = head.fields
    check_version(key, stat, headers)
    length = head.body_bytes
    found = CONTENT_RANGE.fullmatch(headers.get("content-range", ""))
    if found is not None:
        if found[3] not in {"*", str(stat.size)}:
            raise ObjectChanged(key, f"it has {found[3]} bytes now, not {stat.size}")
        is_asked = (int(found[1]), int(found[2])) == (span.offset, span.end - 1)
        if is_asked and (head.is_chunked or length == span.length):
            return BodyPlan()
    elif head.status == 200 and "content-range" not in headers and is_whole(stat, head):
        return plan_whole(key, span)
    raise StorageUnavailable(
        key,
        f"S3 answered {span.header()} with {head.status}, Content-Range {headers.get('content-range')!r}, "
        f"Content-Length {headers.get('content-length')!r}",
    )


def check_version(key: str, stat: ObjectStat, headers: Mapping[str, str]) -> None:
    """Raise ObjectChanged if the ETag differs: some compatible servers ignore If-Match."""
    etag = headers.get("etag")
    if etag is not None and parse_etag(etag) != stat.etag:
        raise ObjectChanged(key, f"its ETag is {etag} now, not {stat.etag!r}")


def is_whole(stat: ObjectStat, head: Head) -> bool:
    """Whether the body is the whole object: by its length or, if it is chunked, by an ETag (checked before)."""
    return head.body_bytes == stat.size or (head.is_chunked and "etag" in head.fields)


def plan_whole(key: str, span: Span) -> BodyPlan:
    """How to use the whole object from a server that ignores Range. Raises StorageUnavailable beyond the limit."""
    if span.offset > SKIP_LIMIT_BYTES:
        raise StorageUnavailable(key, f"S3 ignores Range; byte {span.offset} is too far in to skip up to")
    return BodyPlan(skip=span.offset, whole=True)
