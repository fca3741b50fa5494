"""The byte route's path: `/recordings/{recording_id}/media/{media_file_id}/raw`."""

import re
from typing import Final, NamedTuple

BYTE_PATH: Final = "/recordings/{recording_id}/media/{media_file_id}/raw"
"""The path as the router and the metrics write it."""

# Ids of up to 18 digits fit PostgreSQL's bigint; the application refuses longer ones.
_TARGET: Final = re.compile(r"(/recordings/([0-9]{1,18})/media/([0-9]{1,18})/raw)(?:\?[^#]*)?")


class ByteTarget(NamedTuple):
    """A request target of the byte route: its path without the query, and the ids in it."""

    path: str
    recording_id: int
    media_file_id: int


def byte_path(recording_id: int, media_file_id: int) -> str:
    """The path of one media file's bytes."""
    return f"/recordings/{recording_id}/media/{media_file_id}/raw"


def parse_byte_target(target: str) -> ByteTarget | None:
    """The ids in a target in its usual spelling; None for any other (percent signs, an absolute URL, long ids)."""
    match = _TARGET.fullmatch(target)
    return None if match is None else ByteTarget(match[1], int(match[2]), int(match[3]))
