"""Log lines arrive whole, and a blocked, slow or closed reader loses lines but delays no request."""

import io
import os
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

import pytest

from gateway.telemetry.access_log import AccessLog
from gateway.telemetry.line_writer import LineWriter
from gateway.telemetry.log_lines import json_line

LINE: Final = b"x" * 999 + b"\n"


class Pipe:
    """A pipe; `writing` is its unbuffered end for the writer."""

    def __init__(self) -> None:
        self.read_fd, write_fd = os.pipe()
        self.writing: BinaryIO = os.fdopen(write_fd, "wb", buffering=0)
        weakref.finalize(self, self.writing.close)

    def read_all(self, count: int) -> bytes:
        found = b""
        while len(found) < count:
            found += os.read(self.read_fd, 65_536)
        return found


@pytest.fixture(params=[True, False], ids=["blocking", "non-blocking"])
def pipe(request: pytest.FixtureRequest) -> Iterator[Pipe]:
    opened = Pipe()
    os.set_blocking(opened.writing.fileno(), request.param)
    yield opened
    opened.writing.close()
    os.close(opened.read_fd)


def test_every_line_arrives_whole_and_in_order(pipe: Pipe) -> None:
    writer = LineWriter(pipe.writing, delay_seconds=0)
    lines = [b"%06d %s" % (number, LINE) for number in range(2000)]
    found: list[bytes] = []
    reader = threading.Thread(target=lambda: found.append(pipe.read_all(sum(map(len, lines)))))
    reader.start()
    assert all(map(writer.put, lines))
    reader.join()
    assert found[0].splitlines(keepends=True) == lines


def test_a_file_gets_every_line_in_order(tmp_path: Path) -> None:
    lines = [b"%06d %s" % (number, LINE) for number in range(2000)]
    with (tmp_path / "log").open("wb", buffering=0) as file:
        writer = LineWriter(file, delay_seconds=0)
        assert all(map(writer.put, lines))
        assert writer.flush()
    assert (tmp_path / "log").read_bytes().splitlines(keepends=True) == lines


def test_a_full_pipe_blocks_no_request_and_costs_no_cpu_time(pipe: Pipe) -> None:
    writer = LineWriter(pipe.writing, delay_seconds=0, max_waiting_bytes=1_000_000)
    started = time.monotonic()
    taken = sum(writer.put(LINE) for _ in range(3000))
    assert time.monotonic() - started < 5
    # What the bound and the pipe itself hold.
    assert 1000 <= taken <= 1200
    before = time.process_time()
    assert not writer.flush(1.5)
    assert time.process_time() - before < 0.5
    assert pipe.read_all(taken * len(LINE)) == LINE * taken
    assert writer.flush()


def test_a_closed_pipe_costs_its_lines_only(pipe: Pipe) -> None:
    other = os.dup(pipe.read_fd)
    os.close(pipe.read_fd)
    os.close(other)
    writer = LineWriter(pipe.writing, delay_seconds=0)
    assert writer.put(LINE)
    assert writer.flush()
    pipe.read_fd = os.open(os.devnull, os.O_RDONLY)


async def test_the_next_line_says_how_many_were_dropped() -> None:
    stream = io.BytesIO()
    log = AccessLog(stream, delay_seconds=0.3, max_waiting_bytes=200)
    log.write({"n": number, "text": "y" * 50} for number in range(10))
    await log.close()
    log.write([{"n": 10}])
    await log.close()
    assert stream.getvalue().splitlines()[-1] == b'{"n":10,"dropped_before":8}'


@pytest.mark.parametrize(
    "text", ["\x1b[31m", "\x7f", "\x9b31m", "\u2028", "\u202e", "\ufeff", "\n", "\0", "\U000e0001", "\ud800"]
)
def test_characters_that_a_terminal_acts_on_are_escaped(text: str) -> None:
    line = json_line({"path": f"/a{text}b"})
    assert line.endswith(b"\n")
    assert line[:-1].decode().isprintable()


def test_letters_of_any_language_are_written_as_they_are() -> None:
    assert json_line({"name": "ä語"}) == '{"name":"ä語"}\n'.encode()
