"""curl, wget and aria2c: ranges, resumed and split downloads give exactly the object's bytes."""

from email.parser import BytesHeaderParser
from pathlib import Path
from typing import Final

import pytest

from tests.clients.conftest import Program
from tests.conformance.media import Media

HALF: Final = 7_000_001


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("0-0", slice(0, 1)),
        ("1000000-1000999", slice(1_000_000, 1_001_000)),
        ("-500", slice(-500, None)),
        ("16777000-", slice(16_777_000, None)),
    ],
    ids=["first-byte", "middle", "suffix", "open-ended"],
)
def test_curl_gets_a_range(program: Program, url: str, key_field: str, media: Media, asked: str, part: slice) -> None:
    got = program("curl", "-sS", "--fail", "-r", asked, "-H", key_field, url)
    assert (got.returncode, got.stdout) == (0, media.content[part])


@pytest.mark.parametrize("options", [[], ["--http1.0"], ["--compressed"]], ids=["plain", "http-1.0", "compressed"])
def test_curl_gets_the_whole(program: Program, url: str, key_field: str, media: Media, options: list[str]) -> None:
    got = program("curl", "-sS", "--fail", *options, "-H", key_field, url)
    assert (got.returncode, got.stdout) == (0, media.content)


def test_curl_resumes(program: Program, url: str, key_field: str, media: Media, tmp_path: Path) -> None:
    (tmp_path / "got").write_bytes(media.content[:HALF])
    got = program("curl", "-sS", "--fail", "-C", "-", "-o", "got", "-H", key_field, url)
    assert got.returncode == 0, got.stderr
    assert (tmp_path / "got").read_bytes() == media.content


def test_curl_gets_the_head(program: Program, url: str, key_field: str, media: Media) -> None:
    got = program("curl", "-sS", "--fail", "-I", "-H", key_field, url)
    head = BytesHeaderParser().parsebytes(got.stdout.split(b"\r\n", 1)[1])
    assert (head["Content-Length"], head["ETag"]) == (str(len(media.content)), media.etag)


def test_curl_gets_304_for_a_current_copy(program: Program, url: str, key_field: str, media: Media) -> None:
    arguments = ("-sS", "--fail", "-w", "%{response_code}", "-H", key_field, url)
    assert program("curl", "-H", f"If-None-Match: {media.etag}", *arguments).stdout == b"304"
    assert program("curl", "-z", media.last_modified, *arguments).stdout == b"304"


def test_wget_resumes(program: Program, url: str, key_field: str, media: Media, tmp_path: Path) -> None:
    (tmp_path / "got").write_bytes(media.content[:HALF])
    got = program("wget", "-q", "-c", "--header", key_field, "-O", "got", url)
    assert got.returncode == 0, got.stderr
    assert (tmp_path / "got").read_bytes() == media.content


def test_wget_notices_that_it_has_everything(
    program: Program, url: str, key_field: str, media: Media, tmp_path: Path
) -> None:
    (tmp_path / "got").write_bytes(media.content)
    got = program("wget", "-c", "--header", key_field, "-O", "got", url)
    assert got.returncode == 0, got.stderr
    assert b"416" in got.stderr
    assert (tmp_path / "got").read_bytes() == media.content


def test_aria2c_downloads_in_eight_connections(
    program: Program, url: str, key_field: str, media: Media, tmp_path: Path
) -> None:
    options = ("--no-conf", "-q", "-x8", "-s8", "-k1M", "--file-allocation=none", "--header", key_field)
    got = program("aria2c", *options, "-o", "got", url)
    assert got.returncode == 0, got.stdout
    assert (tmp_path / "got").read_bytes() == media.content
