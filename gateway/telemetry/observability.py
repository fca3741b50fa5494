"""What the gateway tells of itself: JSON log lines and Prometheus metrics.

Knows: how a line and a metric look. Refuses to know: HTTP libraries, and secrets: a query string, a key or a
signature is never among what it is given.

Events go to standard error, one JSON object a line; the access log goes to standard output, one a request.
"""

import asyncio
import logging
import math
import os
import sys
from bisect import bisect_left
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, BinaryIO, Final

import orjson
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
_LATENCY_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600)


def json_line(line: dict[str, Any]) -> bytes:
    """The line as JSON. Octets of a client that are no text are shown as escapes, not refused."""
    try:
        return orjson.dumps(line, default=str, option=orjson.OPT_APPEND_NEWLINE)
    except orjson.JSONEncodeError:
        shown = {name: str(value).encode(errors="backslashreplace").decode() for name, value in line.items()}
        return orjson.dumps(shown, option=orjson.OPT_APPEND_NEWLINE)


class JsonFormatter(logging.Formatter):
    """A record as one JSON object; what was given as `extra` stands beside the message."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json_line(line).decode().rstrip("\n")


def _is_worth_telling(record: logging.LogRecord) -> bool:
    """Drop aiohttp's own traceback for requests that are not HTTP: the client's fault, answered with 400."""
    error = record.exc_info[1] if record.exc_info else None
    return not (record.name.startswith("aiohttp.") and type(error).__module__.startswith("aiohttp.http"))


def configure_logging(level: str) -> None:
    """Send every logger's records to standard error as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    handler.addFilter(_is_worth_telling)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


class AccessLog:
    """One JSON line a request, gathered and written by a thread within `delay_seconds`.

    `stream` is unbuffered; None writes nothing. A reader that is slower than the gateway (a pipe that fills)
    delays no request: what it leaves waiting beyond `max_waiting` lines is dropped, and the next line says how many.
    """

    def __init__(self, stream: BinaryIO | None, *, delay_seconds: float = 0.05, max_waiting: int = 100_000) -> None:
        self._stream = stream
        self._delay = delay_seconds
        self._max_waiting = max_waiting
        self._waiting: list[bytes] = []
        self._dropped = 0
        self._writing: asyncio.Task[None] | None = None

    def write(self, lines: Iterable[dict[str, Any]]) -> None:
        """Take the lines; called in the event loop."""
        if self._stream is None:
            return
        for line in lines:
            if len(self._waiting) >= self._max_waiting:
                self._dropped += 1
                continue
            if self._dropped:
                line["dropped_before"], self._dropped = self._dropped, 0
            self._waiting.append(json_line(line))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_soon(self._stream))

    async def _write_soon(self, stream: BinaryIO) -> None:
        await asyncio.sleep(self._delay)
        while self._waiting:
            lines, self._waiting = b"".join(self._waiting), []
            await asyncio.to_thread(_write_all, stream, lines)
        self._writing = None

    async def close(self) -> None:
        """Write what still waits."""
        if self._writing is not None:
            await self._writing


def _write_all(stream: BinaryIO, lines: bytes) -> None:
    """A raw stream may take less than it is given; one whose reader has gone takes nothing more."""
    rest = memoryview(lines)
    with suppress(BrokenPipeError):
        while rest:
            rest = rest[stream.write(rest) :]


class _Seconds(Histogram):
    """A histogram that takes many observations at once: one by one they cost as much as a seek's planning."""

    def observe_all(self, amounts: Iterable[float]) -> None:
        """Count them all."""
        counts = [0] * len(self._upper_bounds)
        total = 0.0
        for amount in amounts:
            counts[bisect_left(self._upper_bounds, amount)] += 1
            total += amount
        self._sum.inc(total)
        for bucket, count in zip(self._buckets, counts, strict=True):
            if count:
                bucket.inc(count)


class Metrics:
    """The gateway's metrics: this process's, or those of all workers where they keep them together.

    The supervisor has them kept together by PROMETHEUS_MULTIPROC_DIR, which prometheus_client looks for.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "seekgate_requests", "Answers, by route, method, status and outcome.",
            ["route", "method", "status", "outcome"], registry=self._registry,
        )  # fmt: skip
        self._seconds = _Seconds(
            "seekgate_request_seconds", "Time from a request's head to the end of its answer.",
            ["route"], buckets=_LATENCY_BUCKETS, registry=self._registry,
        )  # fmt: skip
        self._sent = Counter(
            "seekgate_sent_bytes", "Body bytes of the byte route handed to the kernel, by storage.",
            ["storage"], registry=self._registry,
        )  # fmt: skip
        self._running = Gauge(
            "seekgate_streams_running", "Bodies being sent now.", registry=self._registry, multiprocess_mode="livesum"
        )
        self._upstream_requests = Counter(
            "seekgate_upstream_requests",
            "Requests for bytes of objects that a storage made of its server, by what became of them.",
            ["storage", "outcome"], registry=self._registry,
        )  # fmt: skip
        self._upstream_seconds = _Seconds(
            "seekgate_upstream_first_byte_seconds", "Time from such a request to the beginning of its answer.",
            ["storage"], buckets=_LATENCY_BUCKETS, registry=self._registry,
        )  # fmt: skip
        self._received = Counter(
            "seekgate_upstream_received_bytes", "Bytes that these answers brought, heads included.",
            ["storage"], registry=self._registry,
        )  # fmt: skip
        self._cached = Gauge(
            "seekgate_cached_bytes", "Bytes of a storage's objects that are kept on this side.",
            ["storage"], registry=self._registry, multiprocess_mode="livesum",
        )  # fmt: skip
        self._deletions = Gauge(
            "seekgate_deletions_queued", "Objects waiting to be deleted.",
            registry=self._registry, multiprocess_mode="mostrecent",
        )  # fmt: skip

    def count(self, route: str, method: str, status: int, outcome: str, answers: int) -> None:
        """So many answers of one kind."""
        self._requests.labels(route, method, status, outcome).inc(answers)

    def observe(self, route: str, seconds: Iterable[float]) -> None:
        """How long each answer took."""
        self._seconds.labels(route).observe_all(seconds)

    def count_sent(self, storage: str, sent: int) -> None:
        """Body bytes that left."""
        self._sent.labels(storage).inc(sent)

    def set_running(self, streams: int) -> None:
        """How many bodies are being sent now."""
        self._running.set(streams)

    def count_upstream(
        self,
        storage: str,
        *,
        answered: int,
        failed: int,
        received: int,
        first_byte_seconds: Iterable[float],
        cached: int,
    ) -> None:
        """What a storage asked of its server since it was last counted, and how many bytes it keeps now."""
        self._upstream_requests.labels(storage, "answered").inc(answered)
        self._upstream_requests.labels(storage, "failed").inc(failed)
        self._upstream_seconds.labels(storage).observe_all(first_byte_seconds)
        self._received.labels(storage).inc(received)
        self._cached.labels(storage).set(cached)

    def render(self, deletions: int | None) -> bytes:
        """The text exposition format; `deletions` is the queue's depth, None where it cannot be told."""
        self._deletions.set(math.nan if deletions is None else deletions)
        folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
        if folder is None:
            return generate_latest(self._registry)
        together = CollectorRegistry()
        MultiProcessCollector(together, folder)  # type: ignore[no-untyped-call] # the library types all but this
        return generate_latest(together)
