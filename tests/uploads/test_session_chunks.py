"""Chunks that come late, twice, out of order or not at all: what plays afterwards is everything that arrived."""

import asyncio
import io
import struct
import wave
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest

from gateway.protocol.ids import encode_id
from gateway.uploads.chunk_headers import read_ogg_page, wav_header
from tests.uploads.client import Answer, Client
from tests.uploads.conftest import Content
from tests.uploads.test_sessions import chunks_of, recording_of, send

FORMAT = struct.pack("<HHIIHH", 1, 1, 16_000, 32_000, 2, 16)


def tone(number: int, frames: int = 8_000) -> bytes:
    """Samples that no other number has: half a second at 16 kHz."""
    return b"".join(struct.pack("<h", (number * 1000 + frame) % 20_000) for frame in range(frames))


def wav(samples: bytes) -> bytes:
    return wav_header(FORMAT, len(samples)) + samples


def rf64(samples: bytes) -> bytes:
    sizes = b"ds64" + struct.pack("<IQQQI", 28, len(samples) + 72, len(samples), len(samples) // 2, 0)
    start = b"RF64\xff\xff\xff\xffWAVE" + sizes + b"fmt \x10\0\0\0" + FORMAT
    return start + b"data\xff\xff\xff\xff" + samples


class Bot:
    """A meeting bot in one session."""

    def __init__(self, client: Client, **declared: Any) -> None:
        self._client = client
        self._declared = {"session_uid": str(uuid4()), **declared}
        self.key: str | None = None

    async def send(self, body: bytes, number: int | None = None, *, final: bool | None = False) -> Answer:
        given = {"chunk_seq": number, "is_final": final}
        declared: dict[str, Any] = self._declared | {name: value for name, value in given.items() if value is not None}
        answer = await send(self._client, body, {}, key=self.key, **declared)
        if answer.status == 200:
            self._receipt = answer.json
        return answer

    async def must_send(self, body: bytes, number: int | None = None, *, final: bool | None = False) -> None:
        answer = await self.send(body, number, final=final)
        assert answer.status == 200, answer

    async def send_all(self, bodies: Sequence[bytes]) -> None:
        for number, body in enumerate(bodies):
            await self.must_send(body, number, final=number == len(bodies) - 1)

    async def recording(self) -> Any:
        return await recording_of(self._client, self._receipt)

    async def media(self) -> Any:
        (media,) = (await self.recording())["media_files"]
        return media

    async def played(self) -> bytes:
        ids = encode_id("rec", self._receipt["recording_id"]), encode_id("med", self._receipt["media_file_id"])
        answer = await self._client.raw(*ids)
        assert answer.status == 200, answer
        return answer.body


@pytest.fixture
def bot(client: Client) -> Bot:
    return Bot(client)


@pytest.mark.parametrize("file", [wav, rf64], ids=["RIFF", "RF64"])
async def test_wav_files_become_one_file_with_the_samples_of_all(bot: Bot, file: Any) -> None:
    sounds = [tone(number) for number in range(4)]
    await bot.send_all([file(sound) for sound in sounds])
    assert await bot.played() == wav(b"".join(sounds))
    media = await bot.media()
    assert media["duration_seconds"] == pytest.approx(2.0, abs=0.01)
    assert (await bot.recording())["status"] == "completed"


async def test_wav_files_of_an_odd_length_and_with_tags_join_without_a_click(bot: Bot) -> None:
    tags = b"LIST\x04\0\0\0INFO"
    sounds = [tone(1), tone(2)]
    await bot.send_all([wav(sounds[0]) + tags, wav(sounds[1])[:-1]])
    assert await bot.played() == wav(sounds[0] + sounds[1][:-2])


async def test_cuts_of_a_wav_whose_header_has_the_first_cuts_size_play_to_their_end(bot: Bot) -> None:
    sounds = [tone(1), tone(2), tone(3)]
    await bot.send_all([wav(sounds[0]), *sounds[1:]])
    with wave.open(io.BytesIO(await bot.played())) as file:
        assert file.readframes(file.getnframes()) == b"".join(sounds)


async def test_ogg_files_become_a_chain_whose_streams_have_different_numbers(bot: Bot, content: Content) -> None:
    sound = content("sound.ogg")
    await bot.send_all([sound, b"", sound, sound])
    played = await bot.played()
    serials, at = [], 0
    while at < len(played):
        page = read_ogg_page(played[at:])
        assert page is not None
        if page.is_first:
            serials.append(page.serial)
        at += page.size
    assert len(played) == 3 * len(sound)
    assert len(set(serials)) == 3


async def test_chunks_in_any_order_are_put_in_the_order_of_their_numbers(bot: Bot, content: Content) -> None:
    body = content("sound.webm")
    pieces = chunks_of(body, 5)
    for number in (3, 0, 4, 2, 1):
        await bot.must_send(pieces[number], number, final=number == 4)
    assert await bot.played() == body
    assert (await bot.recording())["error_message"] is None


async def test_a_lost_chunk_is_reported_and_taken_in_when_it_comes_after_all(bot: Bot, content: Content) -> None:
    body = content("sound.webm")
    pieces = chunks_of(body, 4)
    for number in (0, 2, 3):
        await bot.must_send(pieces[number], number)
    await bot.must_send(b"", 4, final=True)
    recording, media = await bot.recording(), await bot.media()
    assert (recording["status"], recording["error_message"]) == ("completed", "Chunks 1 did not arrive")
    assert media["metadata"]["missing_chunks"] == "1"
    assert await bot.played() in {pieces[0], pieces[0] + pieces[2] + pieces[3]}
    await bot.must_send(pieces[1], 1)
    assert await bot.played() == body
    assert (await bot.recording())["error_message"] is None


async def test_a_session_without_its_beginning_fails_and_is_completed_by_it(bot: Bot, content: Content) -> None:
    pieces = chunks_of(content("sound.webm"), 3)
    await bot.must_send(pieces[1], 1)
    await bot.must_send(pieces[2], 2, final=True)
    recording = await bot.recording()
    assert recording["status"] == "failed"
    assert "chunks 0 did not arrive" in recording["error_message"]
    await bot.must_send(pieces[0], 0)
    assert await bot.played() == content("sound.webm")
    assert (await bot.recording())["status"] == "completed"


@pytest.mark.parametrize("number", [None, 0, 1, 3, 7])
async def test_an_empty_final_closes_the_session_whatever_its_number(
    bot: Bot, content: Content, number: int | None
) -> None:
    body = content("sound.webm")
    for place, piece in enumerate(chunks_of(body, 3)):
        await bot.must_send(piece, place)
    await bot.must_send(b"", number, final=True)
    assert (await bot.recording())["status"] == "completed"
    assert await bot.played() == body


async def test_chunks_without_numbers_are_put_in_the_order_of_their_arrival(bot: Bot, content: Content) -> None:
    body = content("sound.webm")
    for piece in chunks_of(body, 3):
        await bot.must_send(piece, final=None)
    assert await bot.played() == body


async def test_a_final_without_a_number_is_the_last_cut(bot: Bot, content: Content) -> None:
    body = content("sound.webm")
    first, second, last = chunks_of(body, 3)
    await bot.must_send(first, 0)
    await bot.must_send(second, 1)
    await bot.must_send(last, final=True)
    assert await bot.played() == body


async def test_a_final_file_without_a_number_that_is_shorter_than_the_chunks_follows_them(bot: Bot) -> None:
    sounds = [tone(number) for number in range(3)]
    await bot.must_send(wav(sounds[0]), 0)
    await bot.must_send(wav(sounds[1]), 1)
    await bot.must_send(wav(sounds[2]), final=True)
    assert await bot.played() == wav(b"".join(sounds))


async def test_a_second_file_as_long_as_the_first_follows_it(bot: Bot) -> None:
    await bot.must_send(wav(tone(1)), 0)
    await bot.must_send(wav(tone(7)), final=True)
    assert await bot.played() == wav(tone(1) + tone(7))


@pytest.mark.parametrize("number", [None, 0])
async def test_the_whole_file_takes_the_place_of_its_chunks(bot: Bot, content: Content, number: int | None) -> None:
    body = content("sound.webm")
    for place, piece in enumerate(chunks_of(body, 3)[:2]):
        await bot.must_send(piece, place)
    await bot.must_send(body, number, final=True)
    assert await bot.played() == body
    assert (await bot.recording())["error_message"] is None


async def test_a_final_that_cannot_be_read_replaces_nothing_and_the_right_one_still_completes(
    bot: Bot, content: Content
) -> None:
    body = content("sound.webm")
    pieces = chunks_of(body, 3)
    for number in (0, 1):
        await bot.must_send(pieces[number], number)
    wrong = await bot.send(b"\x1a\x45\xdf\xa3" + b"no sound at all" * 100, final=True)
    assert wrong.status == 422, wrong
    assert await bot.played() == pieces[0] + pieces[1]
    await bot.must_send(pieces[2], 2, final=True)
    assert await bot.played() == body


async def test_other_bytes_under_a_chunks_number_are_refused_and_more_of_the_same_are_not(
    bot: Bot, content: Content
) -> None:
    body = content("sound.webm")
    first, second = chunks_of(body, 2)
    await bot.must_send(first, 0)
    await bot.must_send(second[:50], 1)
    other = await bot.send(b"x" * 50, 1)
    assert (other.status, other.json) == (409, {"detail": "Chunk 1 arrived before with other bytes"})
    await bot.must_send(second, 1)
    await bot.must_send(second[:60], 1)
    await bot.must_send(b"", final=True)
    assert await bot.played() == body


async def test_simultaneous_and_repeated_finals_make_one_recording(bot: Bot, content: Content) -> None:
    body = content("sound.webm")
    first, last = chunks_of(body, 2)
    await bot.must_send(first, 0)
    for _ in range(2):
        answers = await asyncio.gather(*(bot.send(last, 1, final=True) for _ in range(4)))
        assert {answer.status for answer in answers} == {200}
        assert await bot.played() == body


async def test_a_chunk_after_the_final_is_taken_in(bot: Bot) -> None:
    sounds = [tone(number) for number in range(3)]
    await bot.must_send(wav(sounds[0]), 0)
    await bot.must_send(wav(sounds[1]), 1, final=True)
    assert await bot.played() == wav(b"".join(sounds[:2]))
    await bot.must_send(wav(sounds[2]), 2)
    assert await bot.played() == wav(b"".join(sounds))
    await bot.must_send(wav(sounds[1]), 1)
    assert await bot.played() == wav(b"".join(sounds))


@pytest.mark.parametrize(
    ("name", "type", "content_type", "seconds"),
    [
        ("sound.webm", "audio", "audio/webm", 2.0),
        ("moov-last.m4a", "audio", "audio/mp4", 2.0),
        ("moving.mp4", "video", "video/mp4", 2.0),
        ("moving.webm", "video", "video/webm", 2.0),
        ("sound.flac", "audio", "audio/flac", 2.0),
    ],
)
async def test_whole_files_of_other_containers_become_one_that_plays_as_long_as_all(
    client: Client, content: Content, name: str, type: str, content_type: str, seconds: float
) -> None:
    bot = Bot(client, media_type=type)
    await bot.send_all([content(name)] * 3)
    media = await bot.media()
    assert media["duration_seconds"] == pytest.approx(3 * seconds, abs=0.2)
    shown = await client.succeed("GET", f"/v1/recordings/{encode_id('rec', (await bot.recording())['id'])}")
    assert shown["media"][0]["mime_type"] == content_type


async def test_wav_files_of_different_rates_become_one_file_without_loss(bot: Bot) -> None:
    faster = struct.pack("<HHIIHH", 1, 1, 32_000, 64_000, 2, 16)
    await bot.send_all([wav(tone(1)), wav_header(faster, 64_000) + bytes(64_000)])
    media = await bot.media()
    assert media["format"] == "flac"
    assert media["duration_seconds"] == pytest.approx(1.5, abs=0.05)


async def test_a_file_that_cannot_be_read_is_reported_and_every_chunk_is_kept(bot: Bot, content: Content) -> None:
    webm = content("sound.webm")
    broken = webm[:64] + bytes(2000)
    await bot.send_all([webm, broken, webm])
    recording, media = await bot.recording(), await bot.media()
    assert "1 of the files that arrived cannot be read; they are kept" in recording["error_message"]
    assert media["metadata"]["unreadable_parts"] == 1
    assert media["duration_seconds"] == pytest.approx(4, abs=0.3)
