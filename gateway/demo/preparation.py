"""Prepares a demo: an account, a key that is stored in the data directory, and three recordings with transcripts."""

import asyncio
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from gateway.assembly.backends import Backends
from gateway.catalog import ApiKeys, MediaFile, NewMeeting, Owner, RecordingCatalog, Segment
from gateway.demo.conversations import CONVERSATIONS, write_conversation
from gateway.demo.recording import tone_segments, write_recording
from gateway.imports.files import FileImporter
from gateway.imports.local_files import LocalFile
from gateway.keys import digest, issue_key
from gateway.protocol.byte_path import byte_path
from gateway.settings.load import Config
from gateway.storage import Storage

EMAIL: Final = "demo@localhost"
PLATFORM: Final = "google_meet"
NATIVE_MEETING_ID: Final = "demo-seek-gate"
TONE_NAME: Final = "A tone that rises every five seconds"

Write = Callable[[Path], tuple[Path, Sequence[Segment]]]
"""Writes a recording into a folder, and returns its file and its transcript."""


class DemoRecording(NamedTuple):
    """A recording of the demo, found again by its meeting."""

    name: str
    native_meeting_id: str
    write: Write


@dataclass(frozen=True, slots=True)
class Demo:
    """The demo's owner and key, and the recording that the printed commands read."""

    owner: Owner
    key: str
    recording_id: int
    media_file_id: int

    def curl_lines(self, base_url: str) -> tuple[str, str, str]:
        """Three lines to paste: the list, a thousand bytes from the middle, the headers."""
        curl = f'curl -sS -H "X-API-Key: {self.key}"'
        raw = f"{base_url}{byte_path(self.recording_id, self.media_file_id)}"
        return (
            f"{curl} {base_url}/recordings",
            f"{curl} -r 1000000-1000999 -D - -o /dev/null {raw}",
            f"{curl} -I {raw}",
        )


async def prepare(config: Config, backends: Backends) -> Demo:
    """Create the account, the key and the recordings, unless they exist already."""
    owner = Owner(await backends.api_keys.ensure_user(EMAIL))
    key = await _ensure_key(config.data_dir / "demo-key", backends.api_keys, owner)
    storage = backends.storages[config.default_storage]
    tone = DemoRecording(TONE_NAME, NATIVE_MEETING_ID, lambda folder: (write_recording(folder), tuple(tone_segments())))
    media = await _ensure(backends, storage, owner, tone)
    for each in CONVERSATIONS:
        write = partial(write_conversation, conversation=each)
        await _ensure(backends, storage, owner, DemoRecording(each.name, each.native_meeting_id, write))
    return Demo(owner, key, media.recording_id, media.id)


async def _ensure_key(path: Path, api_keys: ApiKeys, owner: Owner) -> str:
    """The key in the file if it is still valid, else a new one."""
    text = await asyncio.to_thread(_read, path)
    stored = await api_keys.find_key(digest(text))
    now = datetime.now(UTC)
    if stored and stored.owner == owner and not stored.revoked_at and (stored.expires_at or now) >= now:
        return text
    key, _ = await issue_key(api_keys, owner)
    await asyncio.to_thread(_write, path, key)
    return key


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        return ""


def _write(path: Path, key: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # an older file might be open to others
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(key + "\n")


async def _ensure(backends: Backends, storage: Storage, owner: Owner, recording: DemoRecording) -> MediaFile:
    """The recording of this meeting, created if absent."""
    found = await _find(backends.catalog, owner, recording.native_meeting_id)
    if found is not None:
        return found
    with tempfile.TemporaryDirectory(prefix="seekgate-demo-") as folder:
        path, segments = await asyncio.to_thread(recording.write, Path(folder))
        meeting = NewMeeting(PLATFORM, recording.native_meeting_id, segments)
        importer = FileImporter(backends.catalog, storage, owner, backends.prober, meeting, name=recording.name)
        media, _ = await importer.add(LocalFile(path))
    return media


async def _find(catalog: RecordingCatalog, owner: Owner, native_id: str) -> MediaFile | None:
    transcript = await catalog.find_transcript(owner, PLATFORM, native_id)
    media = [file for recording in transcript.recordings for file in recording.media_files] if transcript else []
    return media[0] if media else None
