"""Every format has its true type, is resumed and split exactly by downloaders, and is sought exactly by players."""

from array import array
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from gateway.catalog import MediaFile, Owner
from gateway.demo.recording import frequency_at
from tests.browser.library import import_file
from tests.clients.conftest import Program
from tests.conformance.calling import call, fetch, target_of
from tests.gateway_process import Gateway
from tests.made_once import made_once
from tests.media_files import make_still
from tests.toned_files import KINDS, loudest, make_toned

GUIDE: Final = Path(__file__).resolve().parents[2] / "docs" / "browsers.md"
RATE: Final = 8000
# Inside a step of the tone, so that a decoder's delay of a fraction of a second does not reach another tone.
SECOND: Final = 32
TYPES: Final = {name: kind.content_type for name, kind in KINDS.items()} | {"jpg": "image/jpeg", "png": "image/png"}
RAW: Final = ("-ac", "1", "-ar", str(RATE), "-f", "s16le")


class Sample(NamedTuple):
    """A file as it was made, and its playback URL."""

    content: bytes
    url: str


Make = Callable[[str], Path]


@pytest.fixture(scope="session")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """The file of that name, made once."""
    folder = tmp_path_factory.mktemp("formats")

    @cache
    def make_one(name: str) -> Path:
        if name in KINDS:
            return made_once(tmp_path_factory, name, lambda shared: make_toned(shared, name))
        return make_still(folder / f"still.{name}")

    return make_one


@pytest.fixture(scope="session")
def brought_in(site: Gateway, make: Make) -> Callable[[str], MediaFile]:
    """The media file of that name, imported once."""
    return cache(lambda name: import_file(site, make(name)))


@pytest.fixture
async def sample(
    request: pytest.FixtureRequest, site: Gateway, make: Make, brought_in: Callable[[str], MediaFile]
) -> Sample:
    path, media = make(request.param), brought_in(request.param)
    target = f"/recordings/{media.recording_id}/media/{media.id}/playback-url"
    return Sample(path.read_bytes(), (await fetch(site, target, method="POST"))["url"])


# mpv 0.35 sometimes hangs when it seeks in this one, even in a local file.
NOT_FOR_MPV: Final = "webm-video"
each_kind = pytest.mark.parametrize("sample", KINDS, indirect=True)


def heard(samples: bytes) -> int:
    """The tone of raw sound, 16 bit and mono, in Hz."""
    return loudest(array("h", samples).tolist()[: RATE // 2], RATE)


@pytest.mark.parametrize(("name", "content_type"), TYPES.items())
async def test_a_format_has_its_type_and_is_shown_in_the_page(
    site: Gateway, make: Make, brought_in: Callable[[str], MediaFile], name: str, content_type: str
) -> None:
    media = brought_in(name)
    target = f"/recordings/{media.recording_id}/media/{media.id}/raw"
    head = (await call(site, target, method="HEAD", key=site.key)).head
    kind, suffix = content_type.partition("/")[0], make(name).suffix
    assert head["Content-Type"] == content_type
    assert head["Content-Disposition"] == f'inline; filename="{media.recording_id}_{kind}{suffix}"'
    assert head["X-Content-Type-Options"] == "nosniff"


def test_the_guide_lists_every_format_with_its_type() -> None:
    rows = [line for line in GUIDE.read_text("utf-8").splitlines() if line.startswith("|")]
    for name, kind in KINDS.items():
        assert [row for row in rows if f"`{name}`" in row and f" {kind.content_type} " in row], name


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("Größe — 会議 🎙", id="Unicode"),
        pytest.param('"; filename="evil.exe', id="quotes"),
        pytest.param("a\r\nX-Injected: yes", id="line-breaks"),
        pytest.param("\u202egpm.exe", id="right-to-left"),
        pytest.param("..\\..\\%2e%2e%2f;*=UTF-8''x", id="paths-and-escapes"),
    ],
)
async def test_no_name_of_a_recording_reaches_the_file_name(
    site: Gateway, make: Make, tmp_path: Path, name: str
) -> None:
    # Each file differs, or they would be one recording.
    content = make("mp3-vbr").read_bytes() + name.encode()
    (tmp_path / name).write_bytes(content)
    media = import_file(site, tmp_path / name)
    recording = site.wait(site.backends.catalog.find_recording(Owner(site.user_id), media.recording_id))
    assert recording is not None
    assert recording.name == name
    link = await fetch(site, f"/recordings/{media.recording_id}/media/{media.id}/download")
    response = await call(site, target_of(link["url"]))
    assert response.head["Content-Disposition"] == f'attachment; filename="{media.recording_id}_audio.mp3"'
    assert response.body == content


@each_kind
def test_ffmpeg_seeks(program: Program, sample: Sample) -> None:
    got = program("ffmpeg", "-v", "error", "-ss", str(SECOND), "-i", sample.url, "-t", "1", "-vn", *RAW, "-")
    assert got.returncode == 0, got.stderr
    assert heard(got.stdout) == frequency_at(SECOND)


@pytest.mark.parametrize("sample", [kind for kind in KINDS if kind != NOT_FOR_MPV], indirect=True)
def test_mpv_starts_in_the_middle(program: Program, sample: Sample, tmp_path: Path) -> None:
    quiet = (
        "--no-config",
        "--msg-level=all=error",
        "--no-video",
        "--ao=pcm",
        "--ao-pcm-file=got",
        "--ao-pcm-waveheader=no",
    )
    sound = ("--audio-format=s16", f"--audio-samplerate={RATE}", "--audio-channels=mono")
    got = program("mpv", *quiet, *sound, f"--start={SECOND}", "--length=1", sample.url)
    assert got.returncode == 0, got.stdout + got.stderr
    assert heard((tmp_path / "got").read_bytes()) == frequency_at(SECOND)


@each_kind
@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("curl", "-sS", "--fail", "-C", "-", "-o", "got"), id="curl"),
        pytest.param(("wget", "-q", "-c", "-O", "got"), id="wget"),
    ],
)
def test_a_download_is_resumed(program: Program, sample: Sample, tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "got").write_bytes(sample.content[: len(sample.content) // 3])
    got = program(*command, sample.url)
    assert got.returncode == 0, got.stderr
    assert (tmp_path / "got").read_bytes() == sample.content


@each_kind
def test_aria2c_downloads_in_up_to_eight_pieces(program: Program, sample: Sample, tmp_path: Path) -> None:
    options = ("--no-conf", "-q", "-x8", "-s8", "-k1M", "--file-allocation=none", "-o", "got")
    got = program("aria2c", *options, sample.url)
    assert got.returncode == 0, got.stdout
    assert (tmp_path / "got").read_bytes() == sample.content
