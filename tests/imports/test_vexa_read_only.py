"""A Vexa deployment whose folders may only be read is moved, listed and played; uploads to them are refused."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.imports.vexa_deployment.move_report import MoveReport
from gateway.settings.load import load
from tests.conformance.bota_calls import create, post
from tests.conformance.calling import call, fetch
from tests.gateway_process import Gateway, gateway_environ, running_gateway
from tests.imports.test_vexa_deployment import ALL_SCOPES_KEYS, EXPECTED
from tests.imports.vexa.deployment import move, storage_settings, vexa_database
from tests.imports.vexa.vexa_objects import StoredObject, make_objects

READ_ONLY = {"SEEKGATE_STORAGES__BUCKET__READ_ONLY": "true", "SEEKGATE_STORAGES__OLD__READ_ONLY": "true"}


def tree(folder: Path) -> set[tuple[str, int]]:
    return {(str(path), path.lstat().st_mtime_ns) for path in folder.rglob("*")}


@pytest.fixture
def moved(
    postgres: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Gateway, MoveReport, Path, dict[str, StoredObject]]]:
    folder = tmp_path / "vexa"
    objects = make_objects(tmp_path_factory, folder)
    for root, folders, _ in os.walk(folder):
        for name in folders:
            (Path(root) / name).chmod(0o555)  # binds everybody but root; for root the comparison below shows the same
    settings = storage_settings(folder) | READ_ONLY

    async def run(database_url: str) -> MoveReport:
        config = load(None, gateway_environ(database_url, tmp_path / "data", settings))
        async with vexa_database(postgres, "vexa-0.10.sql") as url:
            return await move(url, config)

    with running_gateway(postgres, tmp_path / "data", settings) as gateway:
        yield gateway, gateway.wait(run(gateway.database_url)), folder, objects
    for root, folders, _ in os.walk(folder):
        for name in folders:
            (Path(root) / name).chmod(0o755)


async def test_a_deployment_in_read_only_folders_is_moved_and_played_and_stays_as_it_was(
    moved: tuple[Gateway, MoveReport, Path, dict[str, StoredObject]],
) -> None:
    site, report, folder, objects = moved
    before = tree(folder)
    assert report.sections["recordings"].moved == len(EXPECTED["recordings"])
    for expected in EXPECTED["recordings"]:
        key = ALL_SCOPES_KEYS.get(expected["user"])
        for media in expected["media_files"] if key else ():
            if media["available"]:
                raw = await call(site, f"/recordings/{expected['id']}/media/{media['id']}/raw", key=key)
                assert raw.body == objects[f"{media['object']['storage']}/{media['object']['key']}"].data
        if key:
            await fetch(site, f"/recordings/{expected['id']}", method="DELETE", key=key)
            await fetch(site, f"/recordings/{expected['id']}", key=key, status=404)
    assert tree(folder) == before


async def test_an_upload_to_a_read_only_storage_backend_is_refused_when_it_is_announced(
    moved: tuple[Gateway, MoveReport, Path, dict[str, StoredObject]],
) -> None:
    site, _, folder, _ = moved
    before = tree(folder)
    assert (await fetch(site, "/readyz"))["status"] == "ready"
    recording = await create(site)
    response = await post(site, f"/v1/recordings/{recording['id']}/upload-url", {"type": "audio"}, status=409)
    assert response["error"]["message"] == "The storage backend is read-only: it accepts no uploads"
    assert (await fetch(site, f"/v1/recordings/{recording['id']}"))["media"] == []
    assert tree(folder) == before
