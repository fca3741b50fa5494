"""What happened, told in batches: every exchange becomes a line of the access log and a count in the metrics.

Knows: which facts of an exchange are told, and when. Refuses to know: how a line or a metric looks.

A request only leaves its exchange here. The telling costs as much as a seek when it is done in the middle of
one, and a third of that when it is done for many at once: at most BATCH at a time, so that nobody waits for it.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from gateway.telemetry.observability import AccessLog, Metrics
from gateway.web.exchange import Exchange

BATCH: Final = 128
DELAY_SECONDS: Final = 0.05

HEARTBEAT_SECONDS: Final = 1.0


class Journal:
    """Takes what happened in one event loop; tells it within DELAY_SECONDS.

    `look` has the metrics take what others count: whenever something is told, and every HEARTBEAT_SECONDS (`run`),
    for a scrape that another process answers.
    """

    def __init__(self, metrics: Metrics, access_log: AccessLog, look: Callable[[Metrics], None]) -> None:
        self._metrics = metrics
        self._access_log = access_log
        self._look = look
        self._waiting: list[Exchange] = []
        self._timer: asyncio.TimerHandle | None = None

    def take(self, exchange: Exchange) -> None:
        """The exchange is over."""
        exchange.seconds = time.perf_counter() - exchange.started
        self._waiting.append(exchange)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(DELAY_SECONDS, self._on_time)
        elif len(self._waiting) >= BATCH:
            self._tell()

    async def run(self) -> None:
        """Tell regularly, until cancelled."""
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            self._tell()

    def metrics(self, deletions: int | None) -> bytes:
        """The metrics until now, as `Metrics.render` writes them."""
        self._tell()
        return self._metrics.render(deletions)

    async def close(self) -> None:
        """Tell all that still waits."""
        if self._timer is not None:
            self._timer.cancel()
        self._tell()
        await self._access_log.close()

    def _on_time(self) -> None:
        self._timer = None
        self._tell()

    def _tell(self) -> None:
        exchanges, self._waiting = self._waiting, []
        self._count(exchanges)
        self._access_log.write(_lines(exchanges))

    def _count(self, exchanges: Sequence[Exchange]) -> None:
        alike: defaultdict[tuple[str, str, int, str, str | None], list[Exchange]] = defaultdict(list)
        for each in exchanges:
            alike[each.route, each.method, each.status, each.outcome, each.storage].append(each)
        for (route, method, status, outcome, storage), those in alike.items():
            self._metrics.count(route, method, status, outcome, len(those))
            self._metrics.observe(route, [each.seconds for each in those])
            if storage is not None:
                self._metrics.count_sent(storage, sum([each.sent for each in those]))
        self._look(self._metrics)


def _lines(exchanges: Sequence[Exchange]) -> Iterator[dict[str, object]]:
    # The clock of the log is read once; each line's time is reckoned from it.
    epoch = time.time() - time.perf_counter()
    for each in exchanges:
        yield {
            "time": _thousandths(epoch + each.started + each.seconds),
            "event": "request",
            "request_id": each.request_id,
            "remote": each.remote,
            "principal": each.principal,
            "method": each.method,
            "path": each.path,
            "range": each.range,
            "status": each.status,
            "promised": each.promised,
            "sent": each.sent,
            "outcome": each.outcome,
            "milliseconds": _thousandths(each.seconds * 1000),
        }


def _thousandths(number: float) -> float:
    """The nearest thousandth of what is not negative; `round` takes twice as long."""
    return int(number * 1000 + 0.5) / 1000
