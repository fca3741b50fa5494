"""Is it alive, is it ready, what does it count.

Knows: the operations routes. Refuses to know: how a database or a storage is checked (it is given the checks).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiohttp import web

from gateway.catalog import DeletionQueue
from gateway.errors import Refusal
from gateway.web.journal import Journal
from gateway.web.responses import json_response

Check = Callable[[], Awaitable[object]]

_log: Final = logging.getLogger(__name__)

# A probe that takes longer counts as a no: probers give up after a second or a few.
CHECK_TIMEOUT_SECONDS: Final = 2.0


class HealthRoutes:
    """`checks` are what must work for the gateway to be useful, by name; `is_draining` ends readiness."""

    def __init__(
        self,
        *,
        checks: Mapping[str, Check],
        is_draining: Callable[[], bool],
        journal: Journal,
        deletions: DeletionQueue,
    ) -> None:
        self._checks = checks
        self._is_draining = is_draining
        self._journal = journal
        self._deletions = deletions

    async def livez(self, _request: web.Request) -> web.Response:
        """`GET /livez`: the event loop turns."""
        return json_response({"status": "alive"})

    async def readyz(self, _request: web.Request) -> web.Response:
        """`GET /readyz`: 200 when every check passes in time, else 503 with the names of those that do not."""
        if self._is_draining():
            return json_response({"status": "draining"}, status=503)
        passed = await asyncio.gather(*(_passes(name, check) for name, check in self._checks.items()))
        results = dict(zip(self._checks, passed, strict=True))
        ready = all(passed)
        checks = {name: "ok" if good else "failed" for name, good in results.items()}
        return json_response(
            {"status": "ready" if ready else "unready", "checks": checks}, status=200 if ready else 503
        )

    async def metrics(self, _request: web.Request) -> web.Response:
        """`GET /metrics`: Prometheus text."""
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
                depth = await self._deletions.count_deletions()
        except (Refusal, TimeoutError):
            depth = None
        return web.Response(
            body=self._journal.metrics(depth), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        )


async def _passes(name: str, check: Check) -> bool:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
            await check()
    except Exception as error:  # noqa: BLE001 - whatever is wrong with a dependency, the answer is "not ready"
        _log.warning("a readiness check failed", extra={"check": name, "cause": repr(error)})
        return False
    return True
