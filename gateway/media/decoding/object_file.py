"""Presents an object as a file for PyAV, and requests its blocks from the gateway within a budget of bytes and time."""

import os
import sys
from collections import OrderedDict
from collections.abc import Callable, Mapping
from time import monotonic
from typing import BinaryIO, Final

from gateway.media.messages import HEAD, LENGTH, READ, WRITTEN, WRITTEN_BYTES, Job

_KEPT_BYTES: Final = 16 << 20
# Sequential reads request at most this many blocks at a time.
_RUN_BLOCKS: Final = 8


class Gateway:
    """The gateway at the other end of the connection. Methods raise EOFError once it has closed it."""

    def __init__(self, responses: BinaryIO = sys.stdin.buffer, requests: BinaryIO = sys.stdout.buffer) -> None:
        self._responses = responses
        self._requests = requests

    def read_job(self) -> Job:
        """Read the job that this process was started for."""
        (length,) = LENGTH.unpack(self._take(LENGTH.size))
        return Job.decode(self._take(length))

    def read(self, part: int, offset: int, length: int) -> bytes:
        """Request these bytes of the job's object number `part`."""
        self.send(READ, part, offset, length)
        return self._take(length)

    def write(self, content: bytes) -> None:
        """Send the next bytes of a file or transcript."""
        for start in range(0, len(content), WRITTEN_BYTES):
            self.send(WRITTEN, content=content[start : start + WRITTEN_BYTES])

    def send(self, kind: bytes, part: int = 0, one: int = 0, other: int = 0, content: bytes = b"") -> None:
        """Send a message; its second long number is the length of its content, if it has any."""
        self._requests.write(HEAD.pack(kind, part, one, len(content) or other) + content)
        self._requests.flush()

    def _take(self, length: int) -> bytes:
        found = self._responses.read(length)
        if len(found) < length:
            raise EOFError("the gateway closed the connection")
        return found


class ReadBudget:
    """How many bytes may still be requested, and until when; `spent` once a request was refused."""

    def __init__(self, budget_bytes: int | None, seconds: float) -> None:
        self._bytes = budget_bytes
        self._deadline = monotonic() + seconds
        self.spent = False

    def left(self) -> int:
        """How many bytes may still be requested."""
        return sys.maxsize if self._bytes is None else self._bytes

    def grant(self, length: int) -> bool:
        """Take this many bytes from the budget; False if it does not allow them."""
        if monotonic() >= self._deadline or (self._bytes is not None and self._bytes < length):
            return False
        if self._bytes is not None:
            self._bytes -= length
        return True


class ObjectBlocks:
    """The object's bytes, in blocks that are requested once and cached. Once the budget is spent, reads return fewer."""

    def __init__(self, read: Callable[[int, int], bytes], size: int, block_bytes: int, budget: ReadBudget) -> None:
        self._read = read
        self.size = size
        self.block_bytes = block_bytes
        self.budget = budget
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._next_block = 0
        self._run = 1

    def at(self, offset: int, length: int) -> bytes:
        """These bytes, or fewer at the end."""
        end = min(offset + length, self.size)
        pieces = []
        while offset < end:
            number, inside = divmod(offset, self.block_bytes)
            piece = self._block(number)[inside : inside + end - offset]
            if not piece:
                break
            pieces.append(piece)
            offset += len(piece)
        return b"".join(pieces)

    def release(self) -> None:
        """Free the cached blocks; they are requested again when they are needed."""
        self._blocks.clear()

    def _block(self, number: int) -> bytes:
        if number in self._blocks:
            self._blocks.move_to_end(number)
            return self._blocks[number]
        self._run = min(self._run * 2, _RUN_BLOCKS) if number == self._next_block else 1
        self._request(number, self._run)
        return self._blocks.get(number, b"")

    def _request(self, first: int, count: int) -> None:
        """Request these blocks up to the first that is cached; fewer if the object ends or the budget is too small."""
        count = next((n for n in range(count) if first + n in self._blocks), count)
        start = first * self.block_bytes
        while count and not self.budget.grant(length := min(count * self.block_bytes, self.size - start)):
            count //= 2
        self.budget.spent |= not count
        if count:
            content = self._read(start, length)
            for n in range(0, length, self.block_bytes):
                self._blocks[first + n // self.block_bytes] = content[n : n + self.block_bytes]
            self._next_block = first + count
        while len(self._blocks) * self.block_bytes > _KEPT_BYTES:
            self._blocks.popitem(last=False)


class ObjectFile:
    """A window of the object as a file object that PyAV can read."""

    def __init__(self, blocks: ObjectBlocks, start: int = 0, end: int | None = None) -> None:
        self._blocks = blocks
        self._start = start
        self.size = (blocks.size if end is None else end) - start
        self._position = 0
        self._patches: Mapping[int, bytes] = {}

    @property
    def spent(self) -> bool:
        """Whether bytes were withheld because the budget was spent."""
        return self._blocks.budget.spent

    @property
    def blocks_left(self) -> int:
        """How many more blocks of the object may be requested."""
        return self._blocks.budget.left() // self._blocks.block_bytes

    def patched(self, patches: Mapping[int, bytes]) -> "ObjectFile":
        """The same file with these bytes at these offsets instead of its own."""
        file = ObjectFile(self._blocks, self._start, self._start + self.size)
        file._patches = patches
        return file

    def window(self, start: int, end: int | None = None) -> "ObjectFile":
        """A part of this window as a file."""
        return ObjectFile(self._blocks, self._start + start, self._start + (self.size if end is None else end))

    def at(self, offset: int, length: int) -> bytes:
        """These bytes, or fewer at the end; does not move the position."""
        found = self._blocks.at(self._start + offset, max(min(length, self.size - offset), 0))
        for start, octets in self._patches.items():
            if offset <= start and start + len(octets) <= offset + len(found):
                found = found[: start - offset] + octets + found[start - offset + len(octets) :]
        return found

    def release(self) -> None:
        """Free the cached blocks of the object."""
        self._blocks.release()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move the position. Raises ValueError if it would be before the beginning."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise ValueError("before the beginning")
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        """Where the next read begins."""
        return self._position

    def read(self, length: int) -> bytes:
        """This many bytes, or fewer at the end."""
        found = self.at(self._position, length)
        self._position += len(found)
        return found
