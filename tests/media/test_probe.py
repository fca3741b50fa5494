"""What a file is, found by reading it: real files of every accepted type, and what is refused."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.media.facts import MediaFacts, NotMedia
from tests.media.probing import probe
from tests.media_files import PICTURES, SOUNDS, STILLS, make_sound, make_still, make_vbr_mp3_without_header, make_video


def probe_path(path: Path) -> MediaFacts:
    return probe(path.read_bytes())


@pytest.mark.parametrize(
    ("name", "format", "content_type", "codec"),
    [
        ("sound.wav", "wav", "audio/wav", "pcm_s16le"),
        ("sound.mp3", "mp3", "audio/mpeg", "mp3"),
        ("sound.flac", "flac", "audio/flac", "flac"),
        ("sound.aac", "aac", "audio/aac", "aac"),
        ("sound.ogg", "ogg", "audio/ogg", "opus"),
        ("sound.webm", "webm", "audio/webm", "opus"),
        ("live.webm", "webm", "audio/webm", "opus"),
        ("sound.mka", "mka", "audio/matroska", "opus"),
        ("moov-last.m4a", "m4a", "audio/mp4", "aac"),
        ("moov-first.m4a", "m4a", "audio/mp4", "aac"),
    ],
)
def test_sound_has_its_type_and_length(tmp_path: Path, name: str, format: str, content_type: str, codec: str) -> None:
    found = probe_path(make_sound(tmp_path / name))
    assert (found.type, found.format, found.content_type) == ("audio", format, content_type)
    assert found.duration_seconds == pytest.approx(2.0, abs=0.06)  # encoders add up to a frame
    assert (found.sample_rate, found.channels, found.metadata["codec"]) == (48_000, 1, codec)


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("moving.mp4", "video/mp4"),
        ("moving.mov", "video/quicktime"),
        ("moving.mkv", "video/matroska"),
        ("moving.webm", "video/webm"),
    ],
)
def test_a_moving_picture_has_its_type_and_size(tmp_path: Path, name: str, content_type: str) -> None:
    found = probe_path(make_video(tmp_path / name))
    assert (found.type, found.format, found.content_type) == ("video", name.partition(".")[2], content_type)
    assert found.duration_seconds == pytest.approx(2.0, abs=0.11)
    assert (found.metadata["width"], found.metadata["height"]) == (64, 48)


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("still.jpg", "image/jpeg"),
        ("still.png", "image/png"),
        ("still.gif", "image/gif"),
        ("still.webp", "image/webp"),
    ],
)
def test_a_still_picture_has_no_length(tmp_path: Path, name: str, content_type: str) -> None:
    found = probe_path(make_still(tmp_path / name))
    assert (found.type, found.format, found.content_type) == ("image", name.partition(".")[2], content_type)
    assert (found.duration_seconds, found.sample_rate, found.channels) == (None, None, None)
    assert (found.metadata["width"], found.metadata["height"]) == (64, 48)


def make(name: str, path: Path) -> Path:
    makers: dict[str, Callable[..., Path]] = {
        **dict.fromkeys(SOUNDS, make_sound),
        **dict.fromkeys(PICTURES, make_video),
        **dict.fromkeys(STILLS, make_still),
    }
    return makers[name](path, name=name)


@pytest.mark.parametrize("name", [*SOUNDS, *PICTURES, *STILLS])
def test_the_name_of_a_file_says_nothing(tmp_path: Path, name: str) -> None:
    content = make(name, tmp_path / name).read_bytes()
    misnamed = tmp_path / ("x.wav" if name != "sound.wav" else "x.jpg")
    misnamed.write_bytes(content)
    assert probe_path(misnamed) == probe(content)


def test_a_variable_bit_rate_without_a_header_is_counted_to_its_end(tmp_path: Path) -> None:
    found = probe_path(make_vbr_mp3_without_header(tmp_path / "vbr.mp3", seconds=30))
    assert found.duration_seconds == pytest.approx(30.0, abs=0.06)


def test_a_cover_does_not_make_a_video(tmp_path: Path) -> None:
    import av

    cover = make_still(tmp_path / "still.jpg")
    with (
        av.open(str(make_sound(tmp_path / "sound.mp3"))) as sound,
        av.open(str(cover)) as picture,
        av.open(str(tmp_path / "covered.mp3"), "w") as covered,
    ):
        copies = [covered.add_stream_from_template(c.streams[0]) for c in (sound, picture)]
        for container, copy in ((picture, copies[1]), (sound, copies[0])):
            for packet in container.demux():
                if packet.dts is not None:
                    packet.stream = copy
                    covered.mux(packet)
    found = probe_path(tmp_path / "covered.mp3")
    assert (found.type, found.content_type, found.metadata["codec"]) == ("audio", "audio/mpeg", "mp3")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"hello, world\n" * 1000, id="text"),
        pytest.param(b"<html><body>hello</body></html>", id="HTML"),
        pytest.param(bytes(100_000), id="zeros"),
        pytest.param(b"RIFF\0\0\0\0WAVE", id="a bare RIFF header"),
        pytest.param(b"ID3\x04\0\0\0\0\0\0", id="a bare ID3 tag"),
        pytest.param(b"\x1a\x45\xdf\xa3" + bytes(1000), id="EBML with nothing in it"),
        pytest.param(b"%PDF-1.7\n" + bytes(1000), id="PDF"),
    ],
)
def test_what_is_not_media_is_refused(content: bytes) -> None:
    with pytest.raises(NotMedia, match="it cannot be read as wav, mp3"):
        probe(content)


def test_an_mp4_cut_before_its_index_is_refused(tmp_path: Path) -> None:
    content = make_sound(tmp_path / "moov-last.m4a").read_bytes()
    with pytest.raises(NotMedia):
        probe(content[: len(content) // 2])


@pytest.mark.parametrize("kind", ["m3u8", "concat", "sdp", "mpd"])
def test_a_playlist_opens_no_other_file_and_no_connection(tmp_path: Path, kind: str) -> None:
    playable = make_sound(tmp_path / "sound.wav")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/x.wav"
        playlist = {
            "m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{playable}\n#EXTINF:2,\n{url}\n#EXT-X-ENDLIST\n",
            "concat": f"ffconcat version 1.0\nfile '{playable}'\nfile '{url}'\n",
            "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 9 RTP/AVP 0\n",
            "mpd": f'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><AdaptationSet><Representation id="0"><BaseURL>{url}</BaseURL></Representation></AdaptationSet></Period></MPD>',
        }[kind]
        path = tmp_path / f"list.{kind}"
        path.write_text(playlist)
        with pytest.raises(NotMedia):
            probe_path(path)
        with pytest.raises(BlockingIOError):
            server.accept()


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_damaged_media_is_probed_or_refused(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([*SOUNDS, *PICTURES, *STILLS]))
    path = tmp_path_factory.getbasetemp() / name
    content = bytearray((path if path.exists() else make(name, path)).read_bytes())
    for position in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=20)):
        content[position] = data.draw(st.integers(0, 255))
    del content[data.draw(st.integers(0, len(content))) :]
    try:
        found = probe(bytes(content))
    except NotMedia:
        return
    assert found.duration_seconds is None or found.duration_seconds > 0
    assert "/" in found.content_type
