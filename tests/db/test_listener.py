"""The listener ends when it is cancelled, whatever arrives at the same time."""

import asyncio

import asyncpg

from gateway.db.listener import listen


class Hearer:
    """Cancels the listening task in the very turn of the loop in which the greeting is heard."""

    def __init__(self) -> None:
        self.task: asyncio.Task[None] | None = None

    def trust(self, *, trusted: bool) -> None:
        pass

    def beat(self) -> None:
        pass

    def receive(self, _text: str) -> None:
        assert self.task is not None
        self.task.cancel()


async def test_a_listener_that_is_cancelled_while_its_greeting_arrives_ends(
    pool: asyncpg.Pool, database_url: str
) -> None:
    async def send(channel: str, text: str) -> None:
        async with pool.acquire() as connection:
            await connection.execute("SELECT pg_notify($1, $2)", channel, text)

    sending = []

    async def greet(channel: str, text: str) -> None:
        # The listener waits already when it arrives.
        sending.append(asyncio.create_task(send(channel, text)))

    hearer = Hearer()
    hearer.task = asyncio.create_task(listen(database_url, "seekgate", hearer, greet))
    done, _ = await asyncio.wait([hearer.task], timeout=20)
    hearer.task.cancel()
    assert done, "the cancellation was lost"
    assert hearer.task.cancelled()
    await asyncio.gather(*sending)
