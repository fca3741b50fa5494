"""The version in every answer of the tus routes: of refusals too, and then also which versions are spoken."""

from collections.abc import Mapping

import pytest

from tests.uploads.client import Client
from tests.uploads.test_tus import TUS, create


@pytest.mark.parametrize(
    ("method", "path", "fields", "status"),
    [
        pytest.param("POST", "/v1/uploads/tus", {}, 401, id="no-key"),
        pytest.param("HEAD", "/v1/uploads/up_x", TUS, 403, id="a-forged-token"),
        pytest.param("PATCH", None, TUS, 400, id="no-offset"),
        pytest.param("PATCH", None, {**TUS, "Upload-Offset": "7"}, 409, id="another-offset"),
        pytest.param("DELETE", None, {"Tus-Resumable": "0.2.2"}, 412, id="another-version"),
        pytest.param("HEAD", None, {}, 412, id="no-version"),
    ],
)
async def test_a_refusal_names_the_version(
    client: Client, method: str, path: str | None, fields: Mapping[str, str], status: int
) -> None:
    where = path or (await create(client, 1000)).headers["Location"]
    answer = await client.ask(method, where, headers=fields)
    assert (answer.status, answer.headers["Tus-Resumable"]) == (status, "1.0.0")
    assert answer.headers.get("Tus-Version") == ("1.0.0" if status == 412 else None)
