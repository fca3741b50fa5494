"""The preview that messengers make of a share link: title, duration and picture, as Open Graph fields (https://ogp.me)."""

import html
from collections.abc import Sequence
from typing import Final

from gateway.catalog import MediaFile

SITE: Final = "seekgate"


def image_of(files: Sequence[MediaFile]) -> MediaFile | None:
    """The first image among the files."""
    return next((each for each in files if each.type == "image"), None)


def open_graph(title: str, files: Sequence[MediaFile], url: str, stand_in: str) -> str:
    """The head of the page at `url`: the fields, and the title. `stand_in` is the path of the image for a recording without one."""
    durations = [each.duration_seconds for each in files if each.duration_seconds is not None]
    is_video = any(each.type == "video" for each in files)
    fields = {
        "og:title": title,
        "og:type": "video.other" if is_video else "music.song",
        "og:url": url,
        "og:site_name": SITE,
        "og:image": f"{url}/picture" if image_of(files) else url.partition("/shared/")[0] + stand_in,
    }
    if durations:
        minutes, seconds = divmod(round(max(durations)), 60)
        fields["og:description"] = f"{minutes}:{seconds:02} min"
        fields[f"{'video' if is_video else 'music'}:duration"] = str(round(max(durations)))
    lines = [f'<meta property="{name}" content="{html.escape(value)}">' for name, value in fields.items()]
    return "\n    ".join([*lines, f"<title>{html.escape(title)}</title>"])
