"""The protocol between the gateway and a decoding process, over the process's standard input and output.

    from the process   STARTED, once
    to the process     the job: a length (4 bytes) and JSON of that length; then, for each READ, the bytes requested
    from the process   messages: a kind (1 byte), three numbers (4, 8 and 8 bytes), and the content of that kind

    READ part offset length     requests these bytes of one of the job's objects, all inside it
    FACTS 0 0 length            the object's MediaFacts as JSON; the last message
    SO_FAR 0 microseconds BINS  BINS bytes: the waveform of the beginning, which covers this much time
    DONE 0 microseconds BINS    BINS bytes: the whole waveform; the last message
    SILENT 0 0 0                the object contains no sound; the last message
    COUNTED 0 microseconds 0    this much of the object can be decoded; the last message
    WRITTEN 0 0 length          the next bytes of the joined file or of the parsed transcript; at most 1 MiB
    JOINED 0 unreadable 0       the WRITTEN bytes are complete, without this many objects; the last message
    REFUSED 0 0 length          why the object cannot be read, as text; the last message

Numbers are unsigned and big-endian. The gateway bounds every length and validates every message: a hostile file may have
taken over the process.
"""

import json
from dataclasses import asdict, dataclass
from struct import Struct
from typing import Final, Literal

LENGTH: Final = Struct(">I")
HEAD: Final = Struct(">cIQQ")

STARTED: Final = b"\0"
READ: Final = b"R"
FACTS: Final = b"F"
SO_FAR: Final = b"P"
DONE: Final = b"D"
SILENT: Final = b"S"
COUNTED: Final = b"C"
WRITTEN: Final = b"W"
JOINED: Final = b"J"
REFUSED: Final = b"N"

TEXT_BYTES: Final = 64 * 1024
"""The longest JSON or text that a process may send."""
WRITTEN_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Job:
    """The job of one process.

    `sizes` are the sizes of the objects in bytes. The process requests at most `budget_bytes` in total (None: no
    limit), in blocks of `block_bytes`. It is killed after `seconds`, and should send what it knows before that.
    """

    kind: Literal["probe", "count", "waveform", "join", "captions"]
    sizes: tuple[int, ...]
    seconds: float
    block_bytes: int
    budget_bytes: int | None = None
    content_type: str = ""
    """The media type of a transcript; "" for other kinds."""

    def encode(self) -> bytes:
        """The job as bytes: its length and JSON."""
        text = json.dumps(asdict(self)).encode()
        return LENGTH.pack(len(text)) + text

    @classmethod
    def decode(cls, text: bytes) -> "Job":
        """The job from the JSON that `encode` wrote, without the length before it."""
        fields = json.loads(text)
        return cls(**fields | {"sizes": tuple(fields["sizes"])})
