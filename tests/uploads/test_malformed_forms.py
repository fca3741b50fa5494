"""Forms that are none: what no client library would send is refused, and its fields are not given back."""

from collections.abc import Iterable
from typing import Final

import pytest

from tests.uploads.client import Answer, Client
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


async def send(client: Client, body: bytes) -> Answer:
    fields = {"Authorization": f"Bearer {client.key}", "Content-Type": "multipart/form-data; boundary=B"}
    return await client.ask("POST", PATH, body, headers=fields)


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
async def test_a_part_whose_head_cannot_be_read_is_refused(client: Client, head: bytes) -> None:
    answer = await send(client, form([(head, b"{}"), SESSION, FILE]))
    assert (answer.status, answer.json["detail"][0]["msg"]) == (422, "It is not well-formed multipart/form-data")


async def test_an_unknown_field_is_ignored_and_not_returned(client: Client) -> None:
    unknown = (DISPOSITION % b"x\xf2\x83\xb6\x8c'\xf1", b"{}")
    answer = await send(client, form([unknown, FILE]))
    assert answer.status == 422
    (fault,) = answer.json["detail"]
    assert (fault["loc"], fault["input"]) == (["body", "session_uid"], {})
