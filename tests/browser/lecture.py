"""A recording with a video, a sound, an image, sentences, and a name that is read from right to left."""

import asyncio
import json
import wave
from dataclasses import dataclass
from math import pi, sin
from pathlib import Path
from struct import pack
from typing import Any, Final

import aiohttp

from gateway.protocol.ids import decode_id
from tests.gateway_process import Gateway
from tests.media_files import make_still, make_video

NAME: Final = "مقابلة مع المهندس"
SAID: Final = ((1.0, "Ada", "Welcome to the lecture."), (11.0, "عمر", "وهذا هو الجزء الأخير."))
# A place near the beginning or the end is not remembered: long enough that the video still plays when it is looked at.
VIDEO_SECONDS: Final = 40.0
SOUND_SECONDS: Final = 14
# A pause between two tones.
SILENT_FROM, SILENT_TO = 4, 10
_RATE: Final = 8000


@dataclass(frozen=True)
class Lecture:
    """The recording at its gateway."""

    site: Gateway
    recording_id: int
    public_id: str


def write_sound_with_pause(path: Path) -> Path:
    """A tone, silence, a tone."""
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(_RATE)
        for second in range(SOUND_SECONDS):
            loud = 0 if SILENT_FROM <= second < SILENT_TO else 8000
            sound.writeframes(pack(f"<{_RATE}h", *(int(loud * sin(2 * pi * 440 * n / _RATE)) for n in range(_RATE))))
    return path


def give_lecture(site: Gateway, folder: Path, key: str) -> Lecture:
    """Upload the lecture with this key."""
    files = (
        ("video", "video/webm", make_video(folder / "moving.webm", VIDEO_SECONDS)),
        ("audio", "audio/wav", write_sound_with_pause(folder / "pause.wav")),
        ("image", "image/png", make_still(folder / "still.png")),
    )
    return asyncio.run(_upload(site, files, key))


async def _upload(site: Gateway, files: tuple[tuple[str, str, Path], ...], key: str) -> Lecture:
    async with aiohttp.ClientSession(site.base_url, headers={"X-API-Key": key}, raise_for_status=True) as client:

        async def send(method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
            async with client.request(method, path, json=body) as response:
                sent: dict[str, Any] = json.loads(await response.read() or b"{}")
                return sent

        public_id: str = (await send("POST", "/v1/recordings", {"name": NAME}))["id"]
        for type, content_type, path in files:
            content = path.read_bytes()
            about = {"type": type, "content_type": content_type, "file_size_bytes": len(content)}
            target = await send("POST", f"/v1/recordings/{public_id}/upload-url", about)
            await client.put(
                target["upload_url"], data=content, headers={**target["headers"], "Content-Type": content_type}
            )
        await send("POST", f"/v1/recordings/{public_id}/upload-complete")
        segments = [{"start": at, "end": at + 2, "speaker": who, "text": text} for at, who, text in SAID]
        await send("PUT", f"/v1/recordings/{public_id}/transcript", {"segments": segments})
    recording_id = decode_id("rec", public_id)
    assert recording_id is not None
    return Lecture(site, recording_id, public_id)
