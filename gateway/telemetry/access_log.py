"""The access log: one JSON line for each request, on standard output."""

import asyncio
from collections.abc import Iterable
from typing import Any, BinaryIO

from gateway.telemetry.line_writer import LineWriter
from gateway.telemetry.log_lines import json_line


class AccessLog:
    """Writes lines to an unbuffered `stream`; None writes nothing.

    If the stream's reader is so slow that more than `max_waiting_bytes` wait, lines are dropped; the next line says how
    many.
    """

    def __init__(
        self, stream: BinaryIO | None, *, delay_seconds: float = 0.05, max_waiting_bytes: int = 8 * 2**20
    ) -> None:
        self._writer = (
            None
            if stream is None
            else LineWriter(stream, delay_seconds=delay_seconds, max_waiting_bytes=max_waiting_bytes)
        )
        self._dropped = 0

    def write(self, lines: Iterable[dict[str, Any]]) -> None:
        """Queue the lines."""
        if self._writer is None:
            return
        octets: list[bytes] = []
        for line in lines:
            if self._dropped and not octets:
                line["dropped_before"] = self._dropped
            octets.append(json_line(line))
        taken = self._writer.put_all(octets)
        self._dropped = len(octets) - taken + (0 if taken else self._dropped)

    async def close(self) -> None:
        """Write the lines that still wait, unless the reader takes too long."""
        if self._writer is not None:
            await asyncio.to_thread(self._writer.flush)
