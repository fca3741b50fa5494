"""Which texts are keys, and which kinds of files are objects."""

import os
import stat
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage_adapters.base import InvalidKey, ObjectNotFound
from storage_adapters.local import LocalStorage
from storage_adapters.local.paths import check_key, open_regular
from tests.contracts.storage_helpers import read_whole
from tests.storage_adapters.local_operations import Operation, create_it, delete_it, every_operation, open_it
from tests.storage_adapters.local_storage import LocalFixtures

MALFORMED_KEYS = {
    "empty": "",
    "absolute": "/etc/passwd",
    "only_a_slash": "/",
    "trailing_slash": "a/",
    "doubled_slash": "a//b",
    "parent": "..",
    "parent_at_the_start": "../outside/secret",
    "parent_in_the_middle": "a/../../outside/secret",
    "parent_at_the_end": "a/..",
    "dot": ".",
    "dot_in_the_middle": "a/./b",
    "nul": "a\0b",
    "lone_surrogate": "a\ud800b",
    "not_utf8": os.fsdecode(b"a\xffb"),
    "drafts": ".seekgate-tmp",
    "a_draft": ".seekgate-tmp/draft",
}


class TestKeys(LocalFixtures):
    @every_operation
    @pytest.mark.parametrize("key", MALFORMED_KEYS.values(), ids=MALFORMED_KEYS.keys())
    async def test_a_malformed_key_is_invalid_with_a_reason(
        self, adapter: LocalStorage, operation: Operation, key: str
    ) -> None:
        with pytest.raises(InvalidKey) as caught:
            await operation(adapter, key)
        assert caught.value.key == key
        assert caught.value.reason

    @every_operation
    @pytest.mark.parametrize("key", ["x" * 256, "a/" + "x" * 256 + "/b", "ü" * 128], ids=["name", "directory", "utf8"])
    async def test_a_name_longer_than_the_file_system_takes_is_invalid(
        self, adapter: LocalStorage, root: Path, operation: Operation, key: str
    ) -> None:
        (root / "a").mkdir()
        with pytest.raises(InvalidKey):
            await operation(adapter, key)

    @given(key=st.text(alphabet="./a\0\ud800é"))
    def test_a_key_is_either_invalid_or_stays_beneath_whatever_it_is_joined_to(self, key: str) -> None:
        with suppress(InvalidKey):
            check_key(key)
            assert os.path.normpath(f"/top/{key}") == f"/top/{key}" != "/top/"

    async def test_a_backslash_is_a_letter_like_any_other(self, adapter: LocalStorage, root: Path) -> None:
        await create_it(adapter, "..\\a")
        assert (root / "..\\a").read_bytes() == b"new"

    async def test_the_drafts_directory_is_special_only_in_the_root(self, adapter: LocalStorage) -> None:
        await create_it(adapter, "a/.seekgate-tmp")
        assert await read_whole(adapter, "a/.seekgate-tmp") == b"new"


class TestKinds(LocalFixtures):
    @every_operation
    async def test_a_directory_is_not_an_object(self, adapter: LocalStorage, root: Path, operation: Operation) -> None:
        (root / "directory").mkdir()
        with pytest.raises(InvalidKey):
            await operation(adapter, "directory")
        assert (root / "directory").is_dir()

    @pytest.mark.parametrize("operation", [open_it, delete_it])
    @pytest.mark.parametrize("kind", [stat.S_IFIFO, stat.S_IFSOCK], ids=["fifo", "socket"])
    async def test_a_fifo_or_socket_is_not_an_object_and_does_not_block(
        self, adapter: LocalStorage, root: Path, operation: Operation, kind: int
    ) -> None:
        os.mknod(root / "special", 0o600 | kind)
        with pytest.raises(InvalidKey):
            await operation(adapter, "special")
        assert (root / "special").exists()

    @pytest.mark.parametrize("name", ["null", "zero", "tty"])
    def test_a_device_is_not_an_object(self, name: str) -> None:
        with pytest.raises(InvalidKey, match="no regular file"):
            open_regular(Path("/dev"), name)

    @every_operation
    async def test_a_file_is_not_a_directory(self, adapter: LocalStorage, root: Path, operation: Operation) -> None:
        (root / "file").write_bytes(b"content")
        if operation is delete_it:
            await operation(adapter, "file/inner")
        else:
            with pytest.raises(ObjectNotFound):
                await operation(adapter, "file/inner")
        assert (root / "file").read_bytes() == b"content"
