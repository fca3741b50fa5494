"""What the gateway and a decoding process exchange, over the process's standard input and output.

    to the process     a length (4 bytes) and that much JSON, the job; then, for each READ, exactly the bytes asked for
    from the process   a kind (1 byte), three numbers (4, 8 and 8 bytes), and the bytes that the kind has

    READ part offset length     requests these bytes of one of the job's objects, all inside it
    FACTS 0 0 length            what the object is, as JSON; the last message of a probe
    SO_FAR 0 microseconds 0     BINS bytes: the waveform of the beginning
    DONE 0 microseconds 0       BINS bytes: the whole waveform; the last message
    SILENT 0 0 0                there is no sound in the object; the last message
    HEARD 0 microseconds 0      this much of the object can be decoded; the last message
    WRITTEN 0 0 length          the next bytes of the file that objects are joined to, or of a transcript; at most 1 MiB
    JOINED 0 unreadable 0       that is whole; this many objects are not part of it; the last message
    REFUSED 0 0 length          why the object cannot be read, as text; the last message

Numbers are unsigned, the most significant byte first. Every length is bounded, and every answer is validated: a hostile
file may have taken the process over.
"""

import json
from dataclasses import asdict, dataclass
from struct import Struct
from typing import Final, Literal

LENGTH: Final = Struct(">I")
HEAD: Final = Struct(">cIQQ")

READ: Final = b"R"
FACTS: Final = b"F"
SO_FAR: Final = b"P"
DONE: Final = b"D"
SILENT: Final = b"S"
HEARD: Final = b"H"
WRITTEN: Final = b"W"
JOINED: Final = b"J"
REFUSED: Final = b"N"

TEXT_BYTES: Final = 64 * 1024
"""The longest JSON or text that a process may answer with."""
WRITTEN_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Job:
    """What a process is started for.

    `sizes` are the bytes of each object. At most `budget_bytes` of them are asked for (None: as many as are needed),
    `block_bytes` at least at a time. After `seconds` the process is killed; it should answer with what it knows before.
    """

    kind: Literal["probe", "count", "waveform", "join", "captions"]
    sizes: tuple[int, ...]
    seconds: float
    block_bytes: int
    budget_bytes: int | None = None
    content_type: str = ""
    """That of captions."""

    def encode(self) -> bytes:
        """The job as the process reads it."""
        text = json.dumps(asdict(self)).encode()
        return LENGTH.pack(len(text)) + text

    @classmethod
    def decode(cls, text: bytes) -> "Job":
        """The job that `encode` wrote, without its length."""
        fields = json.loads(text)
        return cls(**fields | {"sizes": tuple(fields["sizes"])})
