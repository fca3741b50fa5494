"""A waveform from the object to the client: real files of every family, a real decoding process, a real cache folder."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.errors import Unavailable
from gateway.media.peaks import BINS, Waveform
from gateway.media.waveform_cache import WaveformCache
from gateway.media.waveforms import NO_SOUND, UNDECODABLE, Waveforms, decode
from gateway.storage import Storage
from storage_adapters.base import ObjectNotFound, ObjectStat, StorageError, StorageUnavailable
from storage_adapters.memory import MemoryObject, MemoryStorage
from tests.media.signals import RATE, SECONDS, SOUNDS, half_silent, half_silent_video, wav
from tests.media_files import make_still, make_video
from tests.uploads.wav import wav_header

KEY = "object"
TONE = wav(b"\0\x40\0\xc0" * 24_000)  # a second at half of full scale


class Observed:
    """An object whose reads its storage backend records, delays, or fails."""

    def __init__(self, inner: MemoryObject, storage: "ObservedStorage") -> None:
        self._inner = inner
        self._storage = storage
        self.stat = inner.stat

    async def read(self, offset: int, length: int) -> AsyncGenerator[bytes, None]:
        await self._storage.observe(offset, length)
        async for chunk in self._inner.read(offset, length):
            yield chunk


class ObservedStorage(MemoryStorage):
    """Objects in a dict; `reads` are those begun, each of which waits for the `gate`, and fails in `trouble`."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[tuple[int, int]] = []
        self.waiting = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()
        self.trouble: StorageError | None = None

    async def observe(self, offset: int, length: int) -> None:
        self.reads.append((offset, length))
        self.waiting.set()
        await self.gate.wait()
        if self.trouble is not None:
            raise self.trouble

    @asynccontextmanager
    async def open(self, key: str, expected: ObjectStat | None = None) -> AsyncGenerator[Observed, None]:  # type: ignore[override]
        async with super().open(key, expected) as stored:
            yield Observed(stored, self)


class Long:
    """Half an hour of a tone, generated as it is read."""

    BLOCK = b"\0\x40\0\xc0" * 16_384
    SIZE = 44 + 2 * RATE * 1800

    stat = ObjectStat(SIZE, "tone", datetime(2026, 1, 1, tzinfo=UTC))

    async def read(self, offset: int, length: int) -> AsyncGenerator[bytes, None]:
        head = wav_header(self.SIZE)[offset : offset + length]
        if head:
            yield head
        position, end = offset + len(head), offset + length
        while position < end:
            start = (position - 44) % 4
            chunk = self.BLOCK[start : start + end - position]
            yield chunk
            position += len(chunk)


async def put(adapter: MemoryStorage, content: bytes) -> None:
    async with adapter.create(KEY) as writer:
        await writer.write(content)


async def whole(content: bytes) -> Waveform:
    """The waveform of these bytes, as the decoding process reports it last."""
    adapter = MemoryStorage()
    await put(adapter, content)
    async with adapter.open(KEY) as stored, aclosing(decode(stored)) as waveforms:
        found = [waveform async for waveform in waveforms]
    assert [waveform.complete for waveform in found] == [False] * (len(found) - 1) + [True]
    return found[-1]


@pytest.fixture
def adapter() -> ObservedStorage:
    return ObservedStorage()


@pytest.fixture
def storage(adapter: ObservedStorage) -> Storage:
    return Storage("local", "memory", adapter)


@asynccontextmanager
async def computing(folder: Path, seconds: float = 60) -> AsyncGenerator[Waveforms]:
    waveforms = Waveforms(WaveformCache(folder, 1 << 20), max_concurrent=1, timeout_seconds=seconds)
    yield waveforms
    await waveforms.close()


async def until_complete(waveforms: Waveforms, storage: Storage) -> Waveform:
    """The whole, once the process that computed it has ended too: a cancellation before that would leave the process."""
    async with asyncio.timeout(120):
        while not (waveform := await waveforms.find(storage, KEY, 1)).complete:
            pass
        await asyncio.gather(*waveforms._running.values(), return_exceptions=True)
    return waveform


async def ended_or_empty(asking: asyncio.Task[Waveform]) -> None:
    """The client got the error that it ended; on a busy machine it got an empty waveform before."""
    await asyncio.wait({asking})
    error = asking.exception()
    assert isinstance(error, Unavailable) if error else asking.result() == Waveform()


@pytest.mark.parametrize("name", SOUNDS)
async def test_a_waveform_has_silence_and_noise_where_the_file_has_them(tmp_path: Path, name: str) -> None:
    waveform = await whole(half_silent(tmp_path / name).read_bytes())
    assert waveform.seconds_covered == pytest.approx(SECONDS, abs=0.1)
    assert len(waveform.bins) == BINS
    # Lossy codecs smear the edge, and the first bins are their run-up.
    assert max(waveform.bins[20:470]) <= 8
    assert min(waveform.bins[530:960]) >= 150


async def test_the_waveform_of_a_video_is_its_sounds(tmp_path: Path) -> None:
    waveform = await whole(half_silent_video(tmp_path / "half.mp4").read_bytes())
    assert waveform.seconds_covered == pytest.approx(SECONDS, abs=0.1)
    assert max(waveform.bins[20:470]) <= 8
    assert min(waveform.bins[530:960]) >= 150


async def test_levels_are_those_of_the_samples() -> None:
    ramp = b"".join((n * 32_767 // RATE).to_bytes(2, "little", signed=True) for n in range(RATE))
    waveform = await whole(wav(ramp))
    assert waveform.seconds_covered == 1.0
    assert [abs(level - n * 255 / BINS) <= 4 for n, level in enumerate(waveform.bins)] == [True] * BINS


@pytest.mark.parametrize("make", [make_video, make_still], ids=["video", "still"])
async def test_a_picture_without_sound_has_no_waveform(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    name = "moving.webm" if make is make_video else "still.png"
    assert await whole(make(tmp_path / name).read_bytes()) == NO_SOUND


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"no media at all" * 1000, id="text"),
        pytest.param(TONE[:44], id="nothing-after-the-header"),
        pytest.param(b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n", id="playlist"),
    ],
)
async def test_a_file_that_cannot_be_decoded_is_undecodable(content: bytes) -> None:
    assert await whole(content) == UNDECODABLE


async def test_a_file_that_breaks_off_has_the_waveform_of_its_beginning(tmp_path: Path) -> None:
    content = half_silent(tmp_path / "half.mp3").read_bytes()
    waveform = await whole(content[: len(content) // 2])
    assert len(waveform.bins) == BINS
    assert 1 < waveform.seconds_covered < SECONDS - 0.5


async def test_a_long_recording_reports_how_far_it_has_come() -> None:
    async with aclosing(decode(Long())) as waveforms:
        found = [waveform async for waveform in waveforms]
    covered = [waveform.seconds_covered for waveform in found]
    assert len(found) > 1
    assert covered == sorted(covered)
    assert covered[-1] == 1800
    assert {level for waveform in found for level in waveform.bins} == {128}


async def test_clients_that_ask_at_the_same_time_share_one_computation(
    tmp_path: Path, storage: Storage, adapter: ObservedStorage
) -> None:
    await put(adapter, TONE)
    async with computing(tmp_path) as waveforms:
        found = await asyncio.gather(*(until_complete(waveforms, storage) for _ in range(5)))
    assert {waveform.seconds_covered for waveform in found} == {1.0}
    assert adapter.reads == [(0, len(TONE))]


async def test_a_version_is_computed_once_even_if_the_gateway_restarts(
    tmp_path: Path, storage: Storage, adapter: ObservedStorage
) -> None:
    for content in (TONE, TONE, b"broken", b"broken", wav(bytes(RATE))):
        await put(adapter, content)
        async with computing(tmp_path) as waveforms:
            last = await until_complete(waveforms, storage)
    assert [length for _, length in adapter.reads] == [len(TONE), len(b"broken"), len(wav(bytes(RATE)))]
    assert set(last.bins) == {0}


async def test_a_response_comes_soon_and_the_whole_waveform_once_it_is_computed(
    tmp_path: Path, storage: Storage, adapter: ObservedStorage
) -> None:
    await put(adapter, TONE)
    adapter.gate.clear()
    async with computing(tmp_path) as waveforms:
        assert await waveforms.find(storage, KEY, 1) == Waveform()
        adapter.gate.set()
        assert (await until_complete(waveforms, storage)).seconds_covered == 1.0


async def test_a_client_that_disconnects_does_not_end_the_computation(
    tmp_path: Path, storage: Storage, adapter: ObservedStorage
) -> None:
    await put(adapter, TONE)
    adapter.gate.clear()
    async with computing(tmp_path) as waveforms:
        leaving = asyncio.create_task(waveforms.find(storage, KEY, 1))
        await adapter.waiting.wait()
        leaving.cancel()
        adapter.gate.set()
        await until_complete(waveforms, storage)
    assert len(adapter.reads) == 1


async def test_closing_ends_a_computation_and_the_next_start_begins_it_again(
    tmp_path: Path, storage: Storage, adapter: ObservedStorage
) -> None:
    await put(adapter, TONE)
    adapter.gate.clear()
    async with computing(tmp_path) as waveforms:
        asking = asyncio.create_task(waveforms.find(storage, KEY, 1))
        await adapter.waiting.wait()
    await ended_or_empty(asking)
    adapter.gate.set()
    async with computing(tmp_path) as waveforms:
        assert (await until_complete(waveforms, storage)).complete


async def test_a_deleted_objects_waveform_is_removed(
    tmp_path: Path, adapter: ObservedStorage, storage: Storage
) -> None:
    await put(adapter, TONE)
    async with computing(tmp_path / "waveforms") as waveforms:
        await waveforms.forget("local", [KEY])  # nothing was kept yet
        await until_complete(waveforms, storage)
        await waveforms.forget("local", ["another"])
        await waveforms.forget("elsewhere", [KEY])
        assert len(list((tmp_path / "waveforms").iterdir())) == 1
        await waveforms.forget("local", [KEY])
        assert list((tmp_path / "waveforms").iterdir()) == []


async def test_the_computation_of_a_deleted_object_ends(
    tmp_path: Path, adapter: ObservedStorage, storage: Storage
) -> None:
    await put(adapter, TONE)
    adapter.gate.clear()
    async with computing(tmp_path / "waveforms") as waveforms:
        asking = asyncio.create_task(waveforms.find(storage, KEY, 1))
        await adapter.waiting.wait()
        await waveforms.forget("local", [KEY])
        assert list((tmp_path / "waveforms").iterdir()) == []
    await ended_or_empty(asking)


async def test_another_gateways_computation_is_awaited_and_not_repeated(
    tmp_path: Path, storage: Storage, adapter: ObservedStorage
) -> None:
    await put(adapter, TONE)
    adapter.gate.clear()
    async with computing(tmp_path) as ours, computing(tmp_path) as theirs:
        first = asyncio.create_task(until_complete(theirs, storage))
        await adapter.waiting.wait()
        assert not (await ours.find(storage, KEY, 1)).complete
        adapter.gate.set()
        await first
        assert (await ours.find(storage, KEY, 1)).complete
    assert len(adapter.reads) == 1


async def test_a_computation_that_exceeds_its_deadline_is_not_repeated(
    tmp_path: Path, storage: Storage, adapter: ObservedStorage
) -> None:
    await put(adapter, TONE)
    adapter.gate.clear()
    async with computing(tmp_path, seconds=0.5) as waveforms:
        assert await until_complete(waveforms, storage) == UNDECODABLE
        begun = len(adapter.reads)  # one; none if the time was over before the decoder had started
        assert await waveforms.find(storage, KEY, 1) == UNDECODABLE
    assert len(adapter.reads) == begun <= 1


async def test_an_object_that_was_deleted_has_no_waveform(
    tmp_path: Path, storage: Storage, adapter: ObservedStorage
) -> None:
    await put(adapter, TONE)
    async with computing(tmp_path) as waveforms:
        await until_complete(waveforms, storage)
        await adapter.delete(KEY)
        with pytest.raises(ObjectNotFound):
            await waveforms.find(storage, KEY, 1)


async def test_a_storage_error_is_raised_and_not_cached(
    tmp_path: Path, storage: Storage, adapter: ObservedStorage
) -> None:
    await put(adapter, TONE)
    adapter.trouble = StorageUnavailable(KEY, "away")
    async with computing(tmp_path) as waveforms:
        with pytest.raises(StorageUnavailable):
            await until_complete(waveforms, storage)
        adapter.trouble = None
        assert (await until_complete(waveforms, storage)).seconds_covered == 1.0


async def test_a_cache_that_cannot_be_written_makes_waveforms_unavailable(
    tmp_path: Path, storage: Storage, adapter: ObservedStorage
) -> None:
    await put(adapter, TONE)
    (tmp_path / "file").touch()
    async with computing(tmp_path / "file" / "folder") as waveforms:
        with pytest.raises(Unavailable):
            await waveforms.find(storage, KEY, 1)


async def test_too_many_computations_make_further_ones_unavailable(tmp_path: Path, adapter: ObservedStorage) -> None:
    await put(adapter, TONE)
    adapter.gate.clear()
    storages = [Storage(f"storage-{n}", "memory", adapter) for n in range(101)]
    async with computing(tmp_path) as waveforms:
        asking = [asyncio.create_task(waveforms.find(storage, KEY, 1)) for storage in storages[:100]]
        await asyncio.gather(*asking)
        with pytest.raises(Unavailable):
            await waveforms.find(storages[100], KEY, 1)


async def test_owners_take_turns(tmp_path: Path, adapter: ObservedStorage) -> None:
    await put(adapter, TONE)
    adapter.gate.clear()
    backends = [Storage(f"backend-{n}", "memory", adapter) for n in range(5)]
    async with computing(tmp_path) as waveforms:
        first = [asyncio.create_task(waveforms.find(each, KEY, 1)) for each in backends[:4]]
        await adapter.waiting.wait()
        other = asyncio.create_task(waveforms.find(backends[4], KEY, 2))
        await asyncio.gather(*first, other)
        order: list[str] = []
        for name, task in waveforms._running.items():
            task.add_done_callback(lambda _, name=name: order.append(name))  # type: ignore[misc]
        names = list(waveforms._running)
        adapter.gate.set()
        await asyncio.gather(*waveforms._running.values())
    assert order.index(names[4]) == 1
