"""Meeting bots that send to a read-only storage backend: refused before anything of the chunk is kept."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.gateway_process import gateway_on, running_gateway
from tests.uploads.client import Client, open_client
from tests.uploads.conftest import SETTINGS
from tests.uploads.test_sessions import send

REFUSED = (409, {"detail": "The storage backend is read-only: it accepts no uploads"})
COUNT_ROWS = """
    SELECT (SELECT count(*) FROM recordings), (SELECT count(*) FROM session_chunks), (SELECT count(*) FROM object_deletions)
"""


class ReadOnly:
    """A gateway whose backend is writable, and another on its database for which the same one is read-only."""

    def __init__(self, writable: Client, client: Client, database_url: str) -> None:
        self.writable = writable
        self.client = client
        self._database_url = database_url

    async def count_rows(self) -> tuple[int, int, int]:
        """The recordings, the chunks, and the objects to delete."""
        connection = await asyncpg.connect(self._database_url)
        try:
            (row,) = await connection.fetch(COUNT_ROWS)
            return row[0], row[1], row[2]
        finally:
            await connection.close()


@pytest.fixture(params=["default", "former"])
async def backends(postgres: str, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncGenerator[ReadOnly]:
    """The read-only backend is the `default` for new files, or another one is by now."""
    settings = {**SETTINGS, "SEEKGATE_STORAGES__LOCAL__READ_ONLY": "true"}
    if request.param == "former":
        settings |= {
            "SEEKGATE_STORAGES__NEW__KIND": "local",
            "SEEKGATE_STORAGES__NEW__ROOT": str(tmp_path / "new"),
            "SEEKGATE_DEFAULT_STORAGE": "new",
        }
    with (
        running_gateway(postgres, tmp_path, SETTINGS) as first,
        gateway_on(first.database_url, tmp_path, settings) as second,
    ):
        async with open_client(first.base_url, first.key) as one, open_client(second.base_url, first.key) as other:
            yield ReadOnly(one, other, first.database_url)


async def test_a_chunk_for_a_session_in_a_read_only_backend_leaves_no_trace(backends: ReadOnly) -> None:
    about: dict[str, Any] = {"session_uid": "begun", "chunk_seq": 0, "is_final": False}
    assert (await send(backends.writable, b"first", {}, **about)).status == 200
    before = await backends.count_rows()
    for _ in range(2):
        response = await send(backends.client, b"second", {}, **about | {"chunk_seq": 1})
        assert (response.status, response.json) == REFUSED
    assert await backends.count_rows() == before


@pytest.mark.parametrize("backends", ["default"], indirect=True)
async def test_a_new_session_is_not_begun_in_a_read_only_backend(backends: ReadOnly) -> None:
    for content in (b"first", b""):
        response = await send(backends.client, content, {}, session_uid="new", chunk_seq=0, is_final=False)
        assert (response.status, response.json) == REFUSED
    assert await backends.count_rows() == (0, 0, 0)
