"""Malformed forms, which no client library sends, are refused, and the refusal does not repeat their fields."""

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

import pytest

from tests.conformance.raw_http import compose, connect
from tests.uploads.client import Client, Response
from tests.uploads.test_sessions import PATH

DISPOSITION: Final = b'Content-Disposition: form-data; name="%s"'
FILE: Final = (DISPOSITION % b"file", b"bytes")
SESSION: Final = (DISPOSITION % b"session_uid", b"a session")
# fmt: off
HEADS: Final = {
    "a-name-with-a-space": b"Content Disposition: form-data",
    "a-control-character": DISPOSITION % b"\x0e",
    "a-line-of-10000-bytes": DISPOSITION % (b"a" * 10_000),
    "a-thousand-fields": b"X: y\r\n" * 1000 + DISPOSITION % b"metadata",
    "no-colon": b"Content-Disposition",
}
# fmt: on


def form(parts: Iterable[tuple[bytes, bytes]]) -> bytes:
    return b"".join(b"--B\r\n%s\r\n\r\n%s\r\n" % part for part in parts) + b"--B--\r\n"


async def send(client: Client, body: bytes) -> Response:
    fields = {"Authorization": f"Bearer {client.key}", "Content-Type": "multipart/form-data; boundary=B"}
    return await client.ask("POST", PATH, body, headers=fields)


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
async def test_a_part_whose_head_cannot_be_read_is_refused(client: Client, head: bytes) -> None:
    response = await send(client, form([(head, b"{}"), SESSION, FILE]))
    assert (response.status, response.json["detail"][0]["msg"]) == (422, "It is not well-formed multipart/form-data")


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable", "x-zip"])
async def test_a_part_with_an_encoding_is_refused_before_it_is_read(client: Client, encoding: str) -> None:
    # aiohttp aligns each chunk of base64 anew: few bytes of it cost minutes of CPU time.
    body = b"AAAAA" + b"!" * 1_000_000
    for name in (b"file", b"metadata"):
        head = DISPOSITION % name + b"\r\nContent-Transfer-Encoding: " + encoding.encode()
        response = await send(client, form([SESSION, (head, body)]))
        (fault,) = response.json["detail"]
        assert (response.status, fault["msg"]) == (422, "Content-Transfer-Encoding is not supported")


async def test_the_identity_encodings_of_a_part_are_accepted(client: Client) -> None:
    head = DISPOSITION % b"file" + b"\r\nContent-Transfer-Encoding: %s"
    for number, encoding in enumerate((b"7bit", b"8bit", b" BINARY ")):
        session = (DISPOSITION % b"session_uid", b"encoded-%d" % number)
        parts = [session, (DISPOSITION % b"is_final", b"false"), (head % encoding, b"bytes")]
        assert (await send(client, form(parts))).status == 200


@pytest.mark.parametrize("path", [PATH, "/v1/recordings"])
async def test_a_body_with_a_content_coding_is_refused(client: Client, path: str) -> None:
    fields = {"Authorization": f"Bearer {client.key}", "Content-Encoding": "gzip"}
    kind = "multipart/form-data; boundary=B" if path == PATH else "application/json"
    body = form([SESSION, FILE]) if path == PATH else b"{}"
    assert (await client.ask("POST", path, body, headers=fields | {"Content-Type": kind})).status == 415


async def test_only_form_data_is_a_form(client: Client) -> None:
    fields = {"Authorization": f"Bearer {client.key}", "Content-Type": "multipart/mixed; boundary=B"}
    response = await client.ask("POST", PATH, form([SESSION, FILE]), headers=fields)
    assert (response.status, response.json["detail"][0]["msg"]) == (422, "It should be multipart/form-data")


async def test_a_form_is_refused_before_it_ends_if_lines_without_parts_precede_it(client: Client) -> None:
    url = urlsplit(client.base_url)
    fields = [("Authorization", f"Bearer {client.key}"), ("Content-Type", "multipart/form-data; boundary=B")]
    async with connect(url.hostname or "", url.port or 0) as connection:
        await connection.send(compose("POST", PATH, [*fields, ("Content-Length", "900000000")], body=b"x\r\n" * 9000))
        assert (await connection.read_head()).status == 422


async def test_an_unknown_field_is_ignored_and_not_returned(client: Client) -> None:
    unknown = (DISPOSITION % b"x\xf2\x83\xb6\x8c'\xf1", b"{}")
    response = await send(client, form([unknown, FILE]))
    assert response.status == 422
    (fault,) = response.json["detail"]
    assert (fault["loc"], fault["input"]) == (["body", "session_uid"], {})
