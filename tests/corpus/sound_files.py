"""MP3, AAC, FLAC and WAV: headers that lie, tags of any size before and after."""

import struct
from array import array
from collections.abc import Iterator

from tests.corpus import edits
from tests.corpus.edits import FFmpeg, Sample


def mp3s(ffmpeg: FFmpeg) -> Iterator[Sample]:
    cbr = ffmpeg.sound("mp3", "libmp3lame", "-b:a", "64k", "-id3v2_version", "0")
    vbr = ffmpeg.make("mp3", *_changing_sound(), "-c:a", "libmp3lame", "-q:a", "4", "-id3v2_version", "0")
    bare = ffmpeg.sound("mp3", "libmp3lame", "-b:a", "64k", "-id3v2_version", "0", "-write_xing", "0")
    bare_vbr = ffmpeg.make(
        "mp3", *_changing_sound(), "-c:a", "libmp3lame", "-q:a", "4", "-id3v2_version", "0", "-write_xing", "0"
    )
    estimate = "browsers estimate, and correct it as they play"
    yield Sample("mp3 cbr", cbr, 4, "audio/mpeg")
    yield Sample("mp3 vbr", vbr, 6, "audio/mpeg")
    yield Sample("mp3 cbr without header", bare, 4, "audio/mpeg")
    yield Sample("mp3 vbr without header", bare_vbr, 6, "audio/mpeg", browsers=estimate)
    for rate in (8_000, 16_000, 22_050, 44_100):
        yield Sample(f"mp3 {rate} Hz", ffmpeg.sound("mp3", "libmp3lame", "-b:a", "32k", rate=rate), 4, "audio/mpeg")
    yield Sample("mp2", ffmpeg.sound("mp2", "mp2"), 4, "audio/mpeg", browsers="Chromium does not play MP2")
    for frames in (0, 1, 20, 100_000):
        place = vbr.index(b"Xing") + 8
        yield Sample(
            f"mp3 Xing says {frames} frames",
            vbr[:place] + frames.to_bytes(4, "big") + vbr[place + 4 :],
            6,
            "audio/mpeg",
            browsers="browsers believe the header",
        )
    place = vbr.index(b"Xing") + 12
    for octets in (0, 5000, 1 << 30):
        yield Sample(
            f"mp3 Xing says {octets} bytes",
            vbr[:place] + octets.to_bytes(4, "big") + vbr[place + 4 :],
            6,
            "audio/mpeg",
            browsers="browsers believe the header",
        )
    place = vbr.index(b"Xing")
    yield Sample(
        "mp3 Xing without flags", vbr[: place + 4] + bytes(4) + vbr[place + 8 :], 6, "audio/mpeg", browsers=estimate
    )
    yield Sample("mp3 VBRI header", _vbri(bare_vbr, 260), 6, "audio/mpeg", 0.2, browsers="Firefox estimates")
    yield Sample(
        "mp3 VBRI header that is wrong",
        _vbri(bare_vbr, 20_000),
        6,
        "audio/mpeg",
        0.2,
        browsers="browsers believe the header",
    )
    lame = cbr.find(b"Lavf")
    if lame > 0:
        delay = lame + 21
        yield Sample(
            "mp3 LAME delay and padding of 4095", cbr[:delay] + b"\xff\xff\xff" + cbr[delay + 3 :], 4, "audio/mpeg", 0.2
        )
    for name, before in (
        ("garbage", b"garbage" * 99), ("zeros", bytes(3000)), ("id3 of 3 MB", edits.id3(3 << 20)), ("two id3", edits.id3(2000) + edits.id3(9000)), ("id3v2.4 with footer", edits.id3(3000, version=4, footer=True)),
        ("id3v2.2", edits.id3(3000, version=2)), ("id3 that looks like frames", edits.id3(70_000, filling=b"\xff\xfb\x90\x64")), ("id3 and zeros", edits.id3(3000) + bytes(2000)), ("id3 and garbage", edits.id3(3000) + b"garbage" * 300), ("APE", edits.ape(3000)),
    ):  # fmt: skip
        yield Sample(f"mp3 after {name}", before + cbr, 4, "audio/mpeg", 0.15)
    for name, after in (
        ("id3v1", edits.ID3V1),
        ("APE", edits.ape(3000)),
        ("APE of 2 MB and id3v1", edits.ape(2 << 20) + edits.ID3V1),
        ("zeros", bytes(30_000)),
        ("garbage", b"garbage" * 3000),
    ):
        yield Sample(f"mp3 then {name}", bare + after, 4, "audio/mpeg", 0.15, browsers=estimate)
    yield Sample("mp3 two in a row", cbr + cbr, 8, "audio/mpeg", browsers="browsers believe the first header")
    yield Sample("mp3 bare two in a row", bare + bare, 8, "audio/mpeg", 0.2)
    yield Sample(
        "mp3 damaged in the middle",
        cbr[: len(cbr) // 2] + bytes(3000) + cbr[len(cbr) // 2 + 3000 :],
        4,
        "audio/mpeg",
        0.5,
        browsers="browsers stay in the time line of the header",
    )


def _changing_sound() -> tuple[str, ...]:
    """Three seconds of silence, then three of noise."""
    return ("-f", "lavfi", "-i", "aevalsrc=if(gt(t\\,3)\\,random(0)-0.5\\,0):d=6:s=48000")


def _vbri(content: bytes, frames: int) -> bytes:
    """The MP3 file after a frame with a VBRI header (Fraunhofer)."""
    silent = bytearray(content[:4] + bytes(400))
    size = 144 * 128_000 // 48_000
    silent = bytearray(b"\xff\xfb\x94\x64" + bytes(size - 4))
    silent[36:62] = b"VBRI" + struct.pack(">HHHIIHHHH", 1, 0, 75, len(content) + size, frames, 0, 1, 2, 0)
    return bytes(silent) + content


def aacs(ffmpeg: FFmpeg) -> Iterator[Sample]:
    adts = ffmpeg.sound("aac", "aac", "-b:a", "64k")
    yield Sample("aac adts", adts, 4, "audio/aac", browsers="no length in the file")
    for rate in (16_000, 44_100):
        yield Sample(
            f"aac adts {rate}", ffmpeg.sound("aac", "aac", rate=rate), 4, "audio/aac", browsers="no length in the file"
        )
    for name, before in (
        ("id3", edits.id3(3000)),
        ("id3 of 3 MB", edits.id3(3 << 20)),
        ("two id3", edits.id3(2000) + edits.id3(9000)),
        ("id3 with footer", edits.id3(3000, version=4, footer=True)),
    ):
        yield Sample(f"aac after {name}", before + adts, 4, "audio/aac", browsers="no length in the file")
    yield Sample("aac then id3v1", adts + edits.ID3V1, 4, "audio/aac", browsers="no length in the file")
    yield Sample("aac two in a row", adts + adts, 8, "audio/aac", 0.2, browsers="no length in the file")
    source = ffmpeg.stored(ffmpeg.sound("m4a", "aac", "-b:a", "64k"), "m4a")
    yield Sample("aac latm", ffmpeg.make("latm", "-i", source, "-c", "copy"), None)
    flac = ffmpeg.sound("flac", "flac")
    yield Sample("flac", flac, 4, "audio/flac")
    counted = flac[:21] + bytes([flac[21] & 0xF0]) + bytes(4) + flac[26:]
    yield Sample("flac of unknown length", counted, 4, "audio/flac", browsers="no length in the file")
    yield Sample(
        "flac of a length that is wrong",
        flac[:22] + b"\0\x7f\0\0" + flac[26:],
        4,
        "audio/flac",
        browsers="browsers believe the header",
    )
    yield Sample(
        "flac of a length too short",
        flac[:22] + struct.pack(">I", 48_000) + flac[26:],
        4,
        "audio/flac",
        browsers="browsers believe the header",
    )
    for name, before in (("id3", edits.id3(3000)), ("id3 of 3 MB", edits.id3(3 << 20))):
        yield Sample(f"flac after {name}", before + flac, 4, "audio/flac")
    picture = b"\x06" + (3 << 20).to_bytes(3, "big") + bytes(3 << 20)
    yield Sample("flac with a big picture", flac[:42] + picture + flac[42:], 4, "audio/flac")
    yield Sample("flac with padding", flac[:42] + b"\x01\0\x40\0" + bytes(0x4000) + flac[42:], 4, "audio/flac")
    yield Sample("flac then id3v1", flac + edits.ID3V1, 4, "audio/flac")
    yield Sample("flac two in a row", flac + flac, 4, "audio/flac")
    yield Sample("flac 16000", ffmpeg.sound("flac", "flac", rate=16_000), 4, "audio/flac")


def wavs(ffmpeg: FFmpeg) -> Iterator[Sample]:
    samples = ffmpeg.sound("wav", "pcm_s16le")[-384_000:]
    plain = edits.wav_of(samples)
    yield Sample("wav", plain, 4, "audio/wav")
    for codec in (
        "pcm_u8",
        "pcm_s24le",
        "pcm_s32le",
        "pcm_f32le",
        "pcm_f64le",
        "pcm_alaw",
        "pcm_mulaw",
        "adpcm_ms",
        "adpcm_ima_wav",
    ):
        yield Sample(f"wav {codec}", ffmpeg.sound("wav", codec), 4, "audio/wav", browsers="not every browser plays it")
    yield Sample(
        "wav gsm", ffmpeg.sound("wav", "libgsm_ms", rate=8_000), 4, "audio/wav", browsers="no browser plays GSM"
    )
    yield Sample("wav mp3", ffmpeg.sound("wav", "libmp3lame"), 4, "audio/wav", browsers="not every browser plays it")
    yield Sample("wav stereo", ffmpeg.sound("wav", "pcm_s16le", "-ac", "2"), 4, "audio/wav")
    yield Sample("wav extensible", ffmpeg.sound("wav", "pcm_s24le", "-ac", "6"), 4, "audio/wav")
    for size in (0, 0xFFFFFFFF, 0xFFFFFFFE, 0x80000000, 10, 384_000 * 900):
        expected = 10 / 96_000 if size == 10 else 4
        if size != 10:
            yield Sample(
                f"wav data of {size:x}",
                edits.wav_of(samples, size=size),
                expected,
                "audio/wav",
                browsers="browsers that believe the header play another length",
            )
    yield Sample("wav data of half", edits.wav_of(samples, size=192_000), 2, "audio/wav")
    for size in (0, 0xFFFFFFFF, 36):
        yield Sample(f"wav riff of {size:x}", plain[:4] + struct.pack("<I", size) + plain[8:], 4, "audio/wav")
    info = edits.riff_chunk(b"LIST", b"INFOISFT" + struct.pack("<I", 5) + b"seek\0\0")
    yield Sample("wav LIST before fmt", edits.wav_of(samples, before=info), 4, "audio/wav")
    yield Sample("wav LIST after data", edits.wav_of(samples, after=info), 4, "audio/wav")
    yield Sample(
        "wav odd chunk before", edits.wav_of(samples, before=edits.riff_chunk(b"junk", b"odd")), 4, "audio/wav"
    )
    yield Sample(
        "wav odd chunk, not padded",
        edits.wav_of(samples, before=b"junk" + struct.pack("<I", 3) + b"odd"),
        None,
        browsers="undefined",
    )
    yield Sample(
        "wav 2 MB of JUNK", edits.wav_of(samples, before=edits.riff_chunk(b"JUNK", bytes(2 << 20))), 4, "audio/wav"
    )
    yield Sample("wav bext", edits.wav_of(samples, before=edits.riff_chunk(b"bext", bytes(602))), 4, "audio/wav")
    yield Sample(
        "wav id3 chunk after", edits.wav_of(samples, after=edits.riff_chunk(b"id3 ", edits.id3(30_000))), 4, "audio/wav"
    )
    yield Sample("wav after ID3", edits.id3(3000) + plain, 4, "audio/wav", browsers="Chromium refuses it")
    yield Sample("wav odd data", edits.wav_of(samples[:-1]), 4, "audio/wav")
    yield Sample("wav two in a row", plain + plain, 4, "audio/wav")
    yield Sample("wav garbage after", plain + b"garbage" * 999, 4, "audio/wav")
    yield Sample(
        "wav fact that is wrong",
        edits.wav_of(samples, before=edits.riff_chunk(b"fact", struct.pack("<I", 99))),
        4,
        "audio/wav",
    )
    for form in (b"RF64", b"BW64"):
        for size in (0, len(samples), 1 << 40, (1 << 64) - 1):
            ds64 = edits.riff_chunk(b"ds64", struct.pack("<QQQI", len(plain) + 28, size, 0, 0))
            content = edits.wav_of(samples, before=ds64, size=0xFFFFFFFF)
            yield Sample(
                f"{form.decode()} ds64 of {size:x}",
                form + b"\xff" * 4 + content[8:],
                4,
                "audio/wav",
                browsers="not every browser plays it",
            )
        content = edits.wav_of(samples, size=0xFFFFFFFF)
        yield Sample(
            f"{form.decode()} without ds64",
            form + b"\xff" * 4 + content[8:],
            None,
            browsers="not every browser plays it",
        )
    yield Sample("rifx", _rifx(samples), 4, "audio/wav", browsers="big-endian")
    yield Sample("w64", ffmpeg.sound("w64", "pcm_s16le"), None)
    yield Sample("aiff", ffmpeg.sound("aiff", "pcm_s16be"), None)
    yield Sample("caf", ffmpeg.sound("caf", "pcm_s16le"), None)
    yield Sample("au", ffmpeg.sound("au", "pcm_s16be"), None)
    yield Sample("mpegts", ffmpeg.sound("ts", "aac"), None)
    yield Sample("avi", ffmpeg.movie("avi", "mpeg4", "libmp3lame"), None)
    yield Sample("flv", ffmpeg.movie("flv", "flv1", "libmp3lame"), None)


def _rifx(samples: bytes) -> bytes:
    swapped = array("h", samples)
    swapped.byteswap()
    fmt = b"fmt " + struct.pack(">IHHIIHH", 16, 1, 1, edits.RATE, edits.RATE * 2, 2, 16)
    body = b"WAVE" + fmt + b"data" + struct.pack(">I", len(samples)) + swapped.tobytes()
    return b"RIFX" + struct.pack(">I", len(body)) + body
