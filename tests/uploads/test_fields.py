"""What clients say in fields and bodies: any text is understood or refused, and no split of a body changes it."""

import base64
import hashlib
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Invalid
from gateway.web.bota.tus_fields import parse_metadata
from gateway.web.bota.upload_urls import parse_promise
from gateway.web.receiving.upload_bodies import Allowance, Checksum, ReceiveLimits, checked

NAMES = st.from_regex(r"[a-z_]{1,9}", fullmatch=True)
# Octets that are not UTF-8 arrive as lone surrogates.
FIELDS = st.text(st.characters(max_codepoint=255) | st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
MEMBERS = st.sampled_from(["type", "content_type", "file_size_bytes", "captured_at"]) | st.text()
RECEIVE_LIMITS = ReceiveLimits(1, 0)
PIECES = st.lists(st.binary(max_size=50), max_size=8)


@given(st.dictionaries(NAMES, st.text()))
def test_metadata_is_what_was_encoded(metadata: dict[str, str]) -> None:
    pairs = [
        f"{name} {base64.b64encode(value.encode('utf-8', 'surrogatepass')).decode()}"
        for name, value in metadata.items()
    ]
    if all(value.isprintable() for value in metadata.values()):
        assert parse_metadata(",".join(pairs)) == metadata
        assert parse_metadata(" , ".join(pairs)) == metadata


def outcome(parse: Callable[[Any], Any], given: object) -> tuple[Any, list[tuple[str | int, ...]]]:
    """(what was understood, nothing), or (None, the places of the faults)."""
    try:
        return parse(given), []
    except Invalid as refusal:
        return None, [fault.loc for fault in refusal.faults]


@given(FIELDS | st.text())
def test_any_metadata_is_understood_or_refused(text: str) -> None:
    found, faults = outcome(parse_metadata, text)
    assert faults == ([] if found is not None else [("header", "Upload-Metadata")])
    assert all(isinstance(value, str) for value in (found or {}).values())


@given(st.dictionaries(MEMBERS, JSON))
def test_any_promise_is_understood_or_refused_by_field(members: dict[str, object]) -> None:
    promise, faults = outcome(parse_promise, members)
    assert {place[0] for place in faults} == (set() if promise else {"body"})
    assert promise is None or promise.type in {"audio", "image", "video"}


@given(st.text())
def test_a_media_type_never_breaks_out_of_its_header(text: str) -> None:
    for content_type in (text, f"audio/{text}", f"audio/mpeg; {text}"):
        promise, _ = outcome(parse_promise, {"type": "audio", "content_type": content_type})
        assert promise is None or promise.content_type is None or promise.content_type.isprintable()
        assert promise is None or content_type.isascii()


async def collected(pieces: Sequence[bytes], allowance: Allowance, checksums: Sequence[Checksum] = ()) -> bytes:
    async def arriving() -> AsyncGenerator[bytes, None]:
        for piece in pieces:
            yield piece

    return b"".join([chunk async for chunk in checked(arriving(), allowance, checksums)])


@given(PIECES)
async def test_no_split_changes_what_arrives(pieces: list[bytes]) -> None:
    body = b"".join(pieces)
    declared = base64.b64encode(hashlib.sha256(body).digest()).decode()
    sums = [Checksum("x-amz-checksum-sha256", declared, hashlib.sha256)]
    assert await collected(pieces, Allowance(len(body), len(body), None, RECEIVE_LIMITS), sums) == body


@given(PIECES, st.integers(1, 9))
async def test_no_split_lets_a_byte_more_or_less_pass(pieces: list[bytes], other: int) -> None:
    size = sum(map(len, pieces))
    with pytest.raises(Invalid):
        await collected(pieces, Allowance(10**9, size + other, None, RECEIVE_LIMITS))
    if size:
        with pytest.raises(web.HTTPRequestEntityTooLarge):
            await collected(pieces, Allowance(size - 1, None, None, RECEIVE_LIMITS))


@given(PIECES.filter(any), st.data())
async def test_no_split_hides_a_changed_byte(pieces: list[bytes], data: st.DataObject) -> None:
    body = bytearray(b"".join(pieces))
    body[data.draw(st.integers(0, len(body) - 1))] ^= data.draw(st.integers(1, 255))
    sums = [Checksum("Content-MD5", base64.b64encode(hashlib.md5(body).digest()).decode(), hashlib.md5)]  # noqa: S324 - RFC 1864's
    with pytest.raises(Invalid):
        await collected(pieces, Allowance(10**9, None, None, RECEIVE_LIMITS), sums)


@pytest.mark.parametrize(
    "content_type",
    [
        "video/webm;codecs=vp8,opus",
        "video/webm\t;\tcodecs=vp8",
        "video/mp4;codecs=avc1.42E01E,mp4a.40.2",
        'video/webm; codecs="vp9, opus"',
        'video/webm;foo="a;b=\\"c";codecs=vp8',
        "Video/WebM ; CODECS=vp8, opus",
        "video/webm;",
        "video/x-matroska;codecs=avc1,opus; ;",
        " video/webm ",
        "application/mp4",
        "application/octet-stream",
    ],
)
def test_a_media_type_that_recorders_write_is_accepted(content_type: str) -> None:
    assert parse_promise({"type": "video", "content_type": content_type}).content_type == content_type.strip().replace(
        "\t", " "
    )


@pytest.mark.parametrize(
    "content_type",
    [
        "video",
        "video/",
        "/webm",
        "video/we bm",
        "video/webm;codecs",
        "video/webm;codecs=",
        'video/webm;codecs="vp8',
        "video/webm;codecs=,",
        "video/webm;codecs=vp8 opus",
        "video/webm;codecs = vp8",
        "video/webm, audio/webm",
        "video/webm\n",
        'video/webm;a="é"',
        "text/plain",
        "audio/webm",
    ],
)
def test_anything_but_a_media_type_of_the_files_type_is_refused(content_type: str) -> None:
    with pytest.raises(Invalid):
        parse_promise({"type": "video", "content_type": content_type})
