"""The byte route's path: written and read in one place."""

import pytest

from gateway.protocol.byte_path import BYTE_PATH, byte_path, parse_byte_target


def test_the_path_is_the_routers_pattern_filled_in() -> None:
    assert byte_path(12, 345) == BYTE_PATH.format(recording_id=12, media_file_id=345)


@pytest.mark.parametrize("query", ["", "?", "?exp=1&sig=a/b?c"])
def test_a_target_in_its_usual_spelling_is_parsed(query: str) -> None:
    assert parse_byte_target(byte_path(12, 345) + query) == (byte_path(12, 345), 12, 345)


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/recordings/1/media/2",
        "/recordings/1/media/2/raw/",
        "/recordings/%31/media/2/raw",
        "/recordings/-1/media/2/raw",
        "/recordings/\u0661/media/2/raw",
        "http://gateway/recordings/1/media/2/raw",
        "/recordings/1/media/2/raw#fragment",
        f"/recordings/{10**18}/media/2/raw",
    ],
)
def test_any_other_target_goes_to_the_application(target: str) -> None:
    assert parse_byte_target(target) is None
