"""Who can read what a gateway writes: nobody else, whatever the umask is; a group, if the settings say so."""

import asyncio
import os
import stat
from pathlib import Path

import pytest

from storage_adapters.local.paths import GROUP_READABLE, PRIVATE
from tests.commands.command_line import CommandLine
from tests.gateway_process import Process
from tests.media_files import make_sound
from tests.uploads.client import open_client, raw_path


def environ_of(data_dir: Path, *, group: bool) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SEEKGATE_")}
    return inherited | {
        "SEEKGATE_SERVER__PORT": "0",
        "SEEKGATE_DATA_DIR": str(data_dir),
        "SEEKGATE_STORAGES__LOCAL__READABLE_BY_GROUP": str(group).lower(),
    }


def modes_beneath(folder: Path) -> dict[Path, int]:
    return {path: stat.S_IMODE(path.lstat().st_mode) for path in (folder, *folder.rglob("*")) if not path.is_socket()}


@pytest.mark.parametrize("group", [False, True], ids=["nobody else", "a group"])
async def test_only_its_account_and_group_can_read_what_a_gateway_writes(
    postgres_folder: Path, tmp_path: Path, *, group: bool
) -> None:
    data = postgres_folder / "made" / "data"
    environ = environ_of(data, group=group)
    before = os.umask(0o022)
    process = Process(environ, fresh=True)
    try:
        base_url = await asyncio.to_thread(getattr, process, "base_url")
        create_key = CommandLine(tmp_path, environ).run
        key = (await asyncio.to_thread(create_key, "create-key", "--user", "owner@example.org")).stdout.split()[0]
        async with open_client(base_url, key) as client:
            recording, media = await client.upload(make_sound(tmp_path / "sound.wav").read_bytes())
            peaks = raw_path(recording, media).removesuffix("raw") + "waveform"
            response = await client.ask("GET", peaks, headers={"X-API-Key": key})
        assert response.status == 200
    finally:
        os.umask(before)
        process.stop()
    modes = modes_beneath(data)
    assert {path.name for path in data.iterdir()} == {"media", "postgres", "waveforms"}
    opened = {path for path in modes if group and (path == data or path.is_relative_to(data / "media"))}
    expected = {path: (GROUP_READABLE if path in opened else PRIVATE)[path.is_file()] for path in modes}
    assert {path: mode for path, mode in modes.items() if mode != expected[path]} == {}
    assert stat.S_IMODE(data.parent.stat().st_mode) == 0o700
