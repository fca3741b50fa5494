"""The recordings of the player page's tests: real files, imported as the command line imports them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.catalog import MediaFile, NewMeeting, Owner, Segment
from gateway.imports.files import FileImporter
from gateway.imports.local_files import LocalFile
from tests.gateway_process import Gateway
from tests.media_files import make_sound, make_still, make_video

PLATFORM: Final = "google_meet"
MEETING: Final = "page-test-meeting"
SAID: Final = (
    (0.0, "Ada", "Good morning. This recording is six minutes long."),
    (30.0, "Grace", "Every five seconds the tone rises by twenty hertz."),
    (60.0, "Ada", "So a listener hears where a seek has landed."),
    (120.0, "Grace", "And see below which ranges the browser holds."),
)


@dataclass(frozen=True)
class Library:
    """
    `sound` is the demo recording, of a meeting; `picture` a video of two seconds; `still` a PNG. The files at
    `sound_path` and `short_path`, an MP3 of five seconds, can be uploaded.
    """

    sound: MediaFile
    picture: MediaFile
    still: MediaFile
    sound_path: Path
    short_path: Path


def import_file(site: Gateway, path: Path, meeting: NewMeeting | None = None) -> MediaFile:
    storage = next(iter(site.backends.storages.values()))
    importer = FileImporter(site.backends.catalog, storage, Owner(site.user_id), site.backends.prober, meeting)
    # The site's connections belong to its own loop.
    media, _ = site.wait(importer.add(LocalFile(path)))
    return media


def fill(site: Gateway, sound_path: Path, folder: Path) -> Library:
    segments = [Segment(start, start + 20.0, text, speaker) for start, speaker, text in SAID]
    return Library(
        still=import_file(site, make_still(folder / "still.png")),
        picture=import_file(site, make_video(folder / "moving.webm")),
        sound=import_file(site, sound_path, NewMeeting(PLATFORM, MEETING, segments)),
        sound_path=sound_path,
        short_path=make_sound(folder / "sound.mp3", 5.0),
    )
