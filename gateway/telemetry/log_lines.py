"""The log of events: one JSON object for each line, on standard error.

Nothing that a client sent is written raw: control characters, and those that change how a terminal shows a line, are
escaped. Query strings, keys and signatures are never logged.
"""

import logging
import warnings
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from gateway.telemetry.line_writer import LineWriter

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


def json_line(line: dict[str, Any]) -> bytes:
    """The line as JSON. Bytes from a client that are not text are shown as escapes."""
    try:
        octets = orjson.dumps(line, default=str, option=orjson.OPT_APPEND_NEWLINE)
    except orjson.JSONEncodeError:
        shown = {name: str(value).encode(errors="backslashreplace").decode() for name, value in line.items()}
        octets = orjson.dumps(shown, option=orjson.OPT_APPEND_NEWLINE)
    if octets.isascii() and b"\x7f" not in octets:
        return octets
    printable = (
        character if character.isprintable() else _escaped(character) for character in octets.decode().rstrip("\n")
    )
    return f"{''.join(printable)}\n".encode()


def _escaped(character: str) -> str:
    """The escape of a character that JSON allows raw but a log must not contain, such as U+009B, which terminals obey."""
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[n]:02x}{units[n + 1]:02x}" for n in range(0, len(units), 2))


class LineHandler(logging.Handler):
    """Writes each record as one JSON object with a LineWriter. The values in `extra` become its members."""

    def __init__(self, writer: LineWriter) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            line["traceback"] = logging.Formatter().formatException(record.exc_info)
        self._writer.put(json_line(line))

    def flush(self) -> None:
        """Called by `logging.shutdown` at the end of the process."""
        self._writer.flush()


def configure_logging(level: str) -> None:
    """Send the records of every logger to standard error as JSON lines, and Python's warnings with them."""
    stderr = open(2, "wb", buffering=0, closefd=False)  # noqa: SIM115 - open as long as the process
    logging.basicConfig(level=level.upper(), handlers=[LineHandler(LineWriter(stderr))], force=True)
    logging.captureWarnings(True)  # noqa: FBT003 - the standard library's signature
    # aiohttp warns of odd parts of forms and quotes them. Python remembers each text of a warning forever.
    warnings.filterwarnings("ignore", module=r"aiohttp\.")
