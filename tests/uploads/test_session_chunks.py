"""Chunks that come late, twice, out of order or not at all: what plays afterwards is everything that arrived."""

import asyncio
import io
import struct
import wave
from collections.abc import Callable, Sequence
from random import Random
from typing import Any
from uuid import uuid4

import pytest

from gateway.protocol.ids import encode_id
from gateway.uploads.joining.chunk_headers import read_ogg_page, wav_header
from tests.gateway_process import Gateway
from tests.uploads.client import Client, Response
from tests.uploads.conftest import Content
from tests.uploads.test_sessions import chunks_of, recording_of, send
from tests.uploads.waiting import PATIENCE_SECONDS

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

    async def send(self, body: bytes, number: int | None = None, *, final: bool | None = False) -> Response:
        given = {"chunk_seq": number, "is_final": final}
        declared: dict[str, Any] = self._declared | {name: value for name, value in given.items() if value is not None}
        response = await send(self._client, body, {}, key=self.key, **declared)
        if response.status == 200:
            self._receipt = response.json
        return response

    async def must_send(self, body: bytes, number: int | None = None, *, final: bool | None = False) -> None:
        response = await self.send(body, number, final=final)
        assert response.status == 200, response

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
        response = await self._client.raw(*ids)
        assert response.status == 200, response
        return response.body


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
        responses = await asyncio.gather(*(bot.send(last, 1, final=True) for _ in range(4)))
        assert {response.status for response in responses} == {200}
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
    assert "1 of the files that arrived cannot be joined; they are kept" in recording["error_message"]
    assert media["metadata"]["unreadable_parts"] == 1
    assert media["duration_seconds"] == pytest.approx(4, abs=0.3)


async def test_a_final_that_comes_first_is_kept_until_the_others_come(bot: Bot, content: Content) -> None:
    body = content("sound.webm")
    pieces = chunks_of(body, 3)
    for number in (2, 1, 0):
        await bot.must_send(pieces[number], number, final=number == 2)
    assert await bot.played() == body
    assert (await bot.recording())["error_message"] is None


async def test_a_beginning_that_was_refused_is_used_when_the_rest_comes(bot: Bot, content: Content) -> None:
    body = content("sound.webm")
    beginning = await bot.send(body[:200], 0, final=None)
    assert beginning.status == 422
    await bot.must_send(body[200:900], 1)
    await bot.must_send(body[900:], 2, final=True)
    assert await bot.played() == body
    assert (await bot.recording())["error_message"] is None


@pytest.mark.parametrize("number", [None, 0])
async def test_a_refused_final_does_not_take_its_number(bot: Bot, content: Content, number: int | None) -> None:
    body = content("sound.webm")
    for wrong in (body[:200], body[:200], b"no sound at all" * 9):
        assert (await bot.send(wrong, number, final=True)).status == 422
    for place, piece in enumerate(chunks_of(body, 3)):
        await bot.must_send(piece, place, final=place == 2)
    assert await bot.played() == body


def spoiled(body: bytes) -> bytes:
    """The file with other bytes in its middle: its ends still promise its whole length."""
    quarter = len(body) // 4
    return body[:quarter] + Random(1).randbytes(len(body) - 2 * quarter) + body[-quarter:]


NOT_USED = "A whole file arrived that plays less than the chunks; it is kept, and not used"


@pytest.mark.parametrize("name", ["sound.webm", "sound.ogg", "sound.flac", "moov-last.m4a", "sound.mp3"])
@pytest.mark.parametrize("damage", [spoiled, lambda body: body[: len(body) * 2 // 3]], ids=["spoiled", "cut"])
async def test_a_damaged_whole_file_takes_no_place_and_a_good_one_does(
    bot: Bot, content: Content, name: str, damage: Callable[[bytes], bytes]
) -> None:
    chunked = content("sound.webm")
    for place, piece in enumerate(chunks_of(chunked, 3)):
        await bot.must_send(piece, place)
    wrong = await bot.send(damage(content(name)), final=True)
    assert wrong.status in {200, 422}
    assert await bot.played() == chunked
    assert (await bot.recording())["error_message"] == (NOT_USED if wrong.status == 200 else None)
    await bot.must_send(content(name), final=True)
    assert await bot.played() == content(name)


async def test_a_cut_copy_of_wav_chunks_takes_no_place(bot: Bot) -> None:
    sounds = [Random(number).randbytes(16_000) for number in range(3)]
    for number, sound in enumerate(sounds):
        await bot.must_send(wav(sound), number)
    await bot.must_send(wav(b"".join(sounds))[:-9000], final=True)
    assert await bot.played() == wav(b"".join(sounds))
    assert (await bot.recording())["error_message"] == NOT_USED


async def test_chunks_after_their_whole_file_add_nothing(client: Client, content: Content) -> None:
    sounds = [Random(number).randbytes(16_000) for number in range(3)]
    whole, body = wav(b"".join(sounds)), content("sound.webm")
    for file, chunks in ((whole, [wav(sound) for sound in sounds][1:]), (body, chunks_of(body, 4)[1:])):
        bot = Bot(client)
        await bot.must_send(file, final=True)
        for number, chunk in enumerate(chunks, start=1):
            await bot.must_send(chunk, number, final=chunk == chunks[-1])
        assert await bot.played() == file


async def test_wav_files_in_one_chunk_and_samples_after_a_headers_end_are_heard(client: Client) -> None:
    sounds = [Random(number).randbytes(16_000) for number in range(3)]
    for file in (b"".join(map(wav, sounds)), wav(sounds[0]) + sounds[1] + sounds[2]):
        bot = Bot(client)
        await bot.must_send(file, final=True)
        assert await bot.played() == wav(b"".join(sounds))


async def test_a_silent_final_without_a_number_follows_a_silent_chunk(bot: Bot) -> None:
    await bot.must_send(wav(bytes(16_000)), 0)
    await bot.must_send(wav(bytes(15_998)), final=True)
    assert await bot.played() == wav(bytes(31_998))


@pytest.mark.parametrize(
    ("names", "seconds", "format"),
    [
        (["sound.wav", "sound.mp3", "sound.webm"], 6.0, "flac"),
        (["sound.wav", "sound.aac", "sound.flac"], 6.0, "flac"),
        (["sound.mp3", "sound.mp3"], 4.0, "mp3"),
        (["sound.aac", "sound.aac"], 4.0, "aac"),
        (["sound.ogg", "sound.webm"], 4.0, "webm"),
        (["sound.aac", "sound.mp3"], 4.0, "flac"),
    ],
    ids=["wav-mp3-webm", "wav-aac-flac", "mp3", "aac", "ogg-webm", "aac-mp3"],
)
async def test_files_of_several_kinds_are_one_recording(
    bot: Bot, content: Content, names: list[str], seconds: float, format: str
) -> None:
    await bot.send_all([content(name) for name in names])
    media = await bot.media()
    assert media["format"] == format
    assert media["duration_seconds"] == pytest.approx(seconds, abs=0.15)
    assert (await bot.recording())["error_message"] is None


async def test_pictures_of_several_kinds_are_one_recording(client: Client, content: Content) -> None:
    bot = Bot(client, media_type="video")
    await bot.send_all([content("moving.webm"), content("moving.mp4"), content("sound.wav")])
    media = await bot.media()
    assert (media["type"], media["format"]) == ("video", "webm")
    assert media["duration_seconds"] == pytest.approx(6, abs=0.2)


async def test_a_file_that_is_not_accepted_is_reported_and_not_heard(bot: Bot) -> None:
    await bot.send_all([wav(tone(1)), b"FORM\0\0\x40\0AIFF" + bytes(16_000), wav(tone(2))])
    assert (await bot.recording())["error_message"] == "1 of the files that arrived cannot be joined; they are kept"
    assert (await bot.media())["duration_seconds"] == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("cut", [1, 2, 3, 4, 5, 11, 12, 100])
async def test_a_first_chunk_of_a_few_bytes_is_the_beginning(bot: Bot, content: Content, cut: int) -> None:
    body = content("sound.webm")
    await bot.send_all([body[:cut], b"", body[cut:]])
    assert await bot.played() == body


async def test_a_session_that_was_deleted_begins_anew(bot: Bot, client: Client, content: Content) -> None:
    pieces = chunks_of(content("sound.webm"), 2)
    await bot.must_send(pieces[0], 0)
    deleted = (await bot.recording())["id"]
    assert (await client.call("DELETE", f"/recordings/{deleted}")).status == 200
    await bot.must_send(pieces[1], 1)
    await bot.must_send(pieces[0], 0, final=True)
    assert await bot.played() == content("sound.webm")
    assert (await bot.recording())["id"] != deleted


async def test_a_session_in_which_nothing_arrives_fails_and_still_takes_what_comes(bot: Bot, site: Gateway) -> None:
    await bot.must_send(b"", 0)
    media_file_id = (await bot.media())["id"]
    await site.execute(f"UPDATE upload_sessions SET due_at = now() WHERE media_file_id = {media_file_id}")  # noqa: S608
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await bot.recording())["status"] != "failed":  # noqa: ASYNC110 - another process sets no Event of ours
            await asyncio.sleep(0.1)
    assert (await bot.recording())["error_message"] == "The audio cannot be played: nothing arrived"
    await bot.must_send(wav(tone(1)), 0, final=True)
    assert await bot.played() == wav(tone(1))
