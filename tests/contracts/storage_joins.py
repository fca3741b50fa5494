"""What every adapter that is Composing must do: one object of pieces of others, whole or not at all.

Inherit `ComposingContract` beside `StorageContract`; it uses the same fixtures.
"""

import pytest

from storage_adapters.base import ObjectNotFound, StorageAdapter
from storage_adapters.resumable import Composing, Piece
from tests.contracts.storage_helpers import LARGE, Put, exists, read_whole


class ComposingStorage(StorageAdapter, Composing):
    """What these tests need of an adapter."""


class ComposingContract:
    """Joining; for adapters that claim Composing."""

    async def test_pieces_and_bytes_are_joined_in_order(self, adapter: ComposingStorage, put: Put) -> None:
        await put("chunks/1", LARGE)
        await put("chunks/2", b"0123456789")
        pieces: list[Piece | bytes] = [
            b"header",
            Piece("chunks/1", 44, len(LARGE) - 44),
            Piece("chunks/2", 3, 4),
            b"",
            Piece("chunks/2", 0, 0),
        ]
        await adapter.compose("joined", pieces)
        assert await read_whole(adapter, "joined") == b"header" + LARGE[44:] + b"3456"
        assert await read_whole(adapter, "chunks/2") == b"0123456789"

    async def test_nothing_at_all_is_an_empty_object(self, adapter: ComposingStorage) -> None:
        await adapter.compose("joined", [])
        assert await read_whole(adapter, "joined") == b""

    async def test_without_one_of_the_objects_nothing_appears(self, adapter: ComposingStorage, put: Put) -> None:
        await put("chunks/1", b"0123456789")
        with pytest.raises(ObjectNotFound) as caught:
            await adapter.compose("joined", [Piece("chunks/1", 0, 10), Piece("chunks/2", 0, 1)])
        assert caught.value.key == "chunks/2"
        assert not await exists(adapter, "joined")

    async def test_a_piece_outside_its_object_is_refused(self, adapter: ComposingStorage, put: Put) -> None:
        await put("chunks/1", b"0123456789")
        with pytest.raises(ValueError, match="not inside"):
            await adapter.compose("joined", [Piece("chunks/1", 5, 6)])
        assert not await exists(adapter, "joined")
