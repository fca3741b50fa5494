"""The operations on a key, one function each, so that a rule can be tested against all of them."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from storage_adapters.local import LocalStorage


async def open_it(storage: LocalStorage, key: str) -> None:
    async with asyncio.timeout(60), storage.open(key):
        pass


async def write(storage: LocalStorage, key: str, content: bytes) -> None:
    async with storage.create(key) as writer:
        await writer.write(content)


async def create_it(storage: LocalStorage, key: str) -> None:
    await write(storage, key, b"new")


async def delete_it(storage: LocalStorage, key: str) -> None:
    await storage.delete(key)


async def list_it(storage: LocalStorage, key: str) -> None:
    assert [listed.key async for listed in storage.list(key)] != []


Operation = Callable[[LocalStorage, str], Awaitable[None]]
every_operation = pytest.mark.parametrize("operation", [open_it, create_it, delete_it])
