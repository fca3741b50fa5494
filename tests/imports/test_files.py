"""Files into storage and catalogue: in place or copied, whole or not at all, and once however often it is repeated."""

import asyncio
import os
from collections.abc import AsyncGenerator, Hashable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from gateway.catalog import MediaFile, NewMedia, NewMeeting, Owner
from gateway.db.api_keys import PgApiKeys
from gateway.db.deletions import PgDeletionQueue
from gateway.db.recordings import PgRecordingCatalog
from gateway.errors import Conflict
from gateway.imports.files import FileImporter
from gateway.imports.local_files import LocalFile, NotImportable, find_files
from gateway.media.facts import MediaFacts, NotMedia
from gateway.media.prober import Prober
from gateway.storage import Storage
from storage_adapters import connect
from storage_adapters.base import Listable, StorageAdapter, StoredObject
from tests.media_files import make_sound, make_still


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "out side"
    folder.mkdir()
    return folder


@pytest_asyncio.fixture
async def storage(tmp_path: Path) -> AsyncGenerator[Storage]:
    root = tmp_path / "root é"
    adapter = await connect("local", {"root": root})
    yield Storage("local", "local", adapter, root)
    await adapter.close()


@pytest_asyncio.fixture
async def importer(pool: asyncpg.Pool, storage: Storage) -> FileImporter:
    owner = Owner(await PgApiKeys(pool).ensure_user("ada@example.org"))
    return FileImporter(PgRecordingCatalog(pool), storage, owner, Prober())


def root_of(importer: FileImporter) -> Path:
    assert importer.storage.root is not None
    return importer.storage.root


async def stored_bytes(importer: FileImporter, media: MediaFile) -> bytes:
    async with importer.storage.adapter.open(media.object_key) as stored:
        return b"".join([chunk async for chunk in stored.read(0, stored.stat.size)])


async def keys(importer: FileImporter) -> list[str]:
    assert isinstance(importer.storage.adapter, Listable)
    return [listed.key async for listed in importer.storage.adapter.list("")]


async def test_a_file_from_elsewhere_is_copied_in_under_its_digest(importer: FileImporter, outside: Path) -> None:
    path = make_sound(outside / "sound.mp3")
    media, new = await importer.add(LocalFile(path))
    digest = sha256(path.read_bytes()).hexdigest()
    assert new
    assert media.object_key == f"imports/{importer.owner.user_id}/{digest[:2]}/{digest}.mp3"
    assert await stored_bytes(importer, media) == path.read_bytes()
    assert (media.size, media.content_type, media.status) == (path.stat().st_size, "audio/mpeg", "uploaded")
    assert media.duration_seconds == pytest.approx(2.0, abs=0.06)
    found = await importer.catalog.find_recording(importer.owner, media.recording_id)
    assert found is not None
    assert (found.name, found.status) == ("sound.mp3", "completed")


async def test_the_same_bytes_again_make_no_second_copy_and_no_second_row(
    importer: FileImporter, outside: Path
) -> None:
    path = make_sound(outside / "sound.mp3")
    again = outside / "another name.mp3"
    again.write_bytes(path.read_bytes())
    first, _ = await importer.add(LocalFile(path))
    second, new = await importer.add(LocalFile(again))
    assert (second.id, new) == (first.id, False)
    assert await keys(importer) == [first.object_key]


async def test_a_file_inside_the_root_is_registered_where_it_is(importer: FileImporter) -> None:
    folder = root_of(importer) / "2026 é%20"
    folder.mkdir()
    path = make_sound(folder / "sound.wav")
    media, new = await importer.add(LocalFile(path))
    assert (media.object_key, new) == ("2026 é%20/sound.wav", True)
    assert await keys(importer) == ["2026 é%20/sound.wav"]
    assert (await importer.add(LocalFile(path)))[1] is False


async def test_a_link_from_elsewhere_into_the_root_is_the_file_inside(importer: FileImporter, outside: Path) -> None:
    path = make_sound(root_of(importer) / "sound.wav")
    link = outside / "link.wav"
    link.symlink_to(path)
    assert (await importer.add(LocalFile(link)))[0].object_key == "sound.wav"


async def test_a_file_changed_in_place_is_measured_anew(importer: FileImporter) -> None:
    path = make_sound(root_of(importer) / "sound.wav")
    first, _ = await importer.add(LocalFile(path))
    make_sound(path, seconds=3.0)
    second, new = await importer.add(LocalFile(path))
    found = await importer.catalog.find_media_file(importer.owner, second.recording_id, second.id)
    assert found is not None
    assert (second.id, new, found.size) == (first.id, False, path.stat().st_size)


async def test_a_file_that_is_replaced_while_it_is_examined_is_refused(importer: FileImporter) -> None:
    path = make_sound(root_of(importer) / "sound.wav")

    class Replacing(Prober):
        async def probe(self, stored: StoredObject, account: Hashable = None, *, remote: bool = False) -> MediaFacts:
            found = await super().probe(stored, account, remote=remote)
            path.unlink()
            path.write_bytes(b"another file, which nobody examined")
            return found

    with pytest.raises(NotImportable, match="changed"):
        await replace(importer, prober=Replacing()).add(LocalFile(path))


async def test_an_import_can_belong_to_a_meeting(importer: FileImporter, outside: Path) -> None:
    meeting = NewMeeting("google_meet", "abc-defg-hij")
    media, _ = await replace(importer, meeting=meeting).add(LocalFile(make_sound(outside / "sound.mp3")))
    transcript = await importer.catalog.find_transcript(importer.owner, "google_meet", "abc-defg-hij")
    assert transcript is not None
    assert [recording.id for recording in transcript.recordings] == [media.recording_id]


async def test_every_byte_is_reported_once(importer: FileImporter, outside: Path) -> None:
    path, inside = make_sound(outside / "sound.wav", 30.0), make_sound(root_of(importer) / "sound.mp3")
    counted: list[int] = []
    counting = replace(importer, report=counted.append)
    await counting.add(LocalFile(path))
    await counting.add(LocalFile(inside))
    assert sum(counted) == path.stat().st_size + inside.stat().st_size


async def test_another_owners_object_is_a_conflict(importer: FileImporter, pool: asyncpg.Pool) -> None:
    path = make_sound(root_of(importer) / "sound.wav")
    await importer.add(LocalFile(path))
    other = Owner(await PgApiKeys(pool).ensure_user("bob@example.org"))
    with pytest.raises(Conflict):
        await replace(importer, owner=other).add(LocalFile(path))


async def test_another_owner_may_have_the_same_bytes(importer: FileImporter, pool: asyncpg.Pool, outside: Path) -> None:
    path = make_sound(outside / "sound.mp3")
    first, _ = await importer.add(LocalFile(path))
    other = Owner(await PgApiKeys(pool).ensure_user("bob@example.org"))
    second, new = await replace(importer, owner=other).add(LocalFile(path))
    assert new
    assert first.object_key != second.object_key


async def test_a_deleted_file_can_be_imported_again(importer: FileImporter, pool: asyncpg.Pool, outside: Path) -> None:
    path = make_sound(outside / "sound.mp3")
    first, _ = await importer.add(LocalFile(path))
    await importer.catalog.delete_recording(importer.owner, first.recording_id)
    second, new = await importer.add(LocalFile(path))
    assert (new, second.object_key) == (True, first.object_key)
    assert await PgDeletionQueue(pool).count_deletions() == 0
    assert await stored_bytes(importer, second) == path.read_bytes()


async def test_an_object_deleted_between_look_and_row_is_copied_again(
    importer: FileImporter, pool: asyncpg.Pool, outside: Path
) -> None:
    path = make_sound(outside / "sound.mp3")
    racing = replace(importer, catalog=DeletingAtTheWorstMoment(pool, importer.storage.adapter))
    media, _ = await racing.add(LocalFile(path))
    assert await stored_bytes(importer, media) == path.read_bytes()
    found = await importer.catalog.find_media_file(importer.owner, media.recording_id, media.id)
    async with importer.storage.adapter.open(media.object_key) as stored:
        assert found is not None
        assert found.etag == stored.stat.etag


class DeletingAtTheWorstMoment(PgRecordingCatalog):
    """The real catalogue; a deletion that was claimed earlier is carried out right after the row was added."""

    def __init__(self, pool: asyncpg.Pool, adapter: StorageAdapter) -> None:
        super().__init__(pool)
        self._adapter = adapter

    async def register(
        self,
        owner: Owner,
        media: NewMedia,
        *,
        name: str | None = None,
        meeting: NewMeeting | None = None,
        recording_id: int | None = None,
    ) -> tuple[MediaFile, bool]:
        added = await super().register(owner, media, name=name, meeting=meeting, recording_id=recording_id)
        await self._adapter.delete(media.object_key)
        return added


# --- what is refused


async def refusal(importer: FileImporter, path: Path) -> str:
    with pytest.raises((NotImportable, NotMedia)) as caught:
        await importer.add(LocalFile(path))
    assert await keys(importer) == [] or path.is_relative_to(root_of(importer))
    assert not await importer.catalog.list_recordings(importer.owner, limit=10, offset=0)
    return str(caught.value)


async def test_a_link_out_of_the_root_is_refused(importer: FileImporter, outside: Path) -> None:
    link = root_of(importer) / "link.mp3"
    link.symlink_to(make_sound(outside / "sound.mp3"))
    assert "leads out of the storage backend's root" in await refusal(importer, link)


async def test_a_fifo_is_refused_without_waiting_for_a_writer(importer: FileImporter, outside: Path) -> None:
    os.mkfifo(outside / "fifo.mp3")
    async with asyncio.timeout(60):
        assert await refusal(importer, outside / "fifo.mp3") == "it is not a regular file"


@pytest.mark.parametrize("path", ["/dev/null", "/dev/zero", "/"])
async def test_a_device_or_folder_is_refused(importer: FileImporter, path: str) -> None:
    assert await refusal(importer, Path(path)) == "it is not a regular file"


async def test_a_missing_file_is_refused(importer: FileImporter, outside: Path) -> None:
    assert await refusal(importer, outside / "absent.mp3") == "it cannot be opened: No such file or directory"


async def test_a_loop_of_links_is_refused(importer: FileImporter, outside: Path) -> None:
    (outside / "loop").symlink_to(outside / "loop")
    assert "it cannot be opened: " in await refusal(importer, outside / "loop")


async def test_text_is_refused(importer: FileImporter, outside: Path) -> None:
    (outside / "notes.mp3").write_text("hello\n" * 1000)
    assert "it cannot be read as" in await refusal(importer, outside / "notes.mp3")


async def test_a_name_inside_the_root_that_is_not_utf_8_is_refused(importer: FileImporter) -> None:
    path = make_sound(root_of(importer) / "sound.wav")
    renamed = Path(os.fsdecode(os.fsencode(root_of(importer)) + b"/\xff.wav"))
    path.rename(renamed)
    assert await refusal(importer, renamed) == "its name is not UTF-8"


async def test_a_name_elsewhere_that_is_not_utf_8_is_accepted(importer: FileImporter, outside: Path) -> None:
    path = make_sound(outside / "sound.wav")
    renamed = Path(os.fsdecode(os.fsencode(outside) + b"/\xff.wav"))
    path.rename(renamed)
    media, _ = await importer.add(LocalFile(renamed))
    found = await importer.catalog.find_recording(importer.owner, media.recording_id)
    assert found is not None
    assert found.name == "\ufffd.wav"


async def test_a_file_that_changes_while_it_is_copied_is_not_taken_in(importer: FileImporter, outside: Path) -> None:
    path = make_sound(outside / "sound.wav", 30.0)
    size = path.stat().st_size

    def change(_: int) -> None:
        with path.open("r+b") as file:
            file.seek(size // 2)
            file.write(os.urandom(16))

    assert await refusal(replace(importer, report=change), path) == "it changed while it was read"


async def test_an_import_that_is_cancelled_leaves_nothing(importer: FileImporter, outside: Path) -> None:
    path = make_sound(outside / "sound.wav", 60.0)
    begun = asyncio.Event()
    task = asyncio.create_task(replace(importer, report=lambda _: begun.set()).add(LocalFile(path)))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await keys(importer) == []
    assert not await importer.catalog.list_recordings(importer.owner, limit=10, offset=0)


# --- folders


def test_a_folder_is_walked_in_order_without_hidden_unfinished_and_linked(tmp_path: Path) -> None:
    for name in ["b/2.wav", "b/1.wav", "a.wav", ".hidden", ".git/x", "b/half.wav.part", "b/copy~", "c.TMP", "Z.wav"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "linked").symlink_to(tmp_path / "b")
    (tmp_path / "link.wav").symlink_to(tmp_path / "a.wav")
    refused: list[OSError] = []
    found = [path.relative_to(tmp_path).as_posix() for path in find_files(tmp_path, refused.append)]
    assert found == ["Z.wav", "a.wav", "link.wav", "b/1.wav", "b/2.wav"]
    assert not refused


def test_a_folder_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    refused: list[OSError] = []
    assert list(find_files(tmp_path / "absent", refused.append)) == []
    assert [error.filename for error in refused] == [str(tmp_path / "absent")]


async def test_a_picture_is_taken_in_too(importer: FileImporter, outside: Path) -> None:
    media, _ = await importer.add(LocalFile(make_still(outside / "still.png")))
    assert (media.type, media.content_type, media.duration_seconds) == ("image", "image/png", None)
