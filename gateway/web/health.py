"""The operations routes: liveness, readiness and metrics."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from aiohttp import web

from gateway.catalog import DeletionQueue
from gateway.errors import Refusal
from gateway.telemetry.latest_metrics import LatestMetrics
from gateway.web.journal import Journal
from gateway.web.responses import json_response

Check = Callable[[], Awaitable[str | None]]
"""Raises an error if requests cannot be served. A returned text is a warning for the operator."""

_log: Final = logging.getLogger(__name__)

# A check that takes longer has failed: probers give up after a second or a few.
CHECK_TIMEOUT_SECONDS: Final = 2.0
FAILED: Final = "failed"


@dataclass(slots=True)
class HealthRoutes:
    """`checks` maps each thing that the gateway needs to its check. While `is_draining()`, the process is not ready."""

    checks: Mapping[str, Check]
    is_draining: Callable[[], bool]
    journal: Journal
    deletions: DeletionQueue
    _latest: LatestMetrics = field(default_factory=LatestMetrics, init=False)
    _rendering: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def livez(self, _request: web.Request) -> web.Response:
        """`GET /livez`: 200 whenever the event loop runs."""
        return json_response({"status": "alive"})

    async def readyz(self, _request: web.Request) -> web.Response:
        """`GET /readyz`: 200 when every check passes in time, else 503 that names those that do not."""
        if self.is_draining():
            return json_response({"status": "draining"}, status=503)
        results = await asyncio.gather(*(_result(name, check) for name, check in self.checks.items()))
        ready = FAILED not in results
        checks = dict(zip(self.checks, results, strict=True))
        return json_response(
            {"status": "ready" if ready else "unready", "checks": checks}, status=200 if ready else 503
        )

    async def metrics(self, _request: web.Request) -> web.Response:
        """`GET /metrics`: Prometheus text, at most FRESH_SECONDS old."""
        async with self._rendering:
            body = self._latest.read()
            if body is None:
                body = self._latest.renew(partial(self.journal.metrics, await self._count_deletions()))
        return web.Response(body=body, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    async def _count_deletions(self) -> int | None:
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
                return await self.deletions.count_deletions()
        except (Refusal, TimeoutError):
            return None


async def _result(name: str, check: Check) -> str:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
            return await check() or "ok"
    except Exception as error:  # noqa: BLE001 - any fault of a dependency means "not ready"
        _log.warning("a readiness check failed", extra={"check": name, "cause": repr(error)})
        return FAILED
