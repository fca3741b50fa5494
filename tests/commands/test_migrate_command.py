"""`seekgate migrate` and gateways over a database of an older version."""

import asyncio
from pathlib import Path
from typing import Final

import asyncpg
import pytest

from gateway.db.migrations import load_migrations
from tests.commands.command_line import CommandLine, command_line

DB: Final = Path(__file__).resolve().parents[1] / "db"
FILES: Final = [each.file_name for each in load_migrations()]


async def _execute(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


@pytest.fixture
def seekgate(tmp_path: Path, empty_database_url: str) -> CommandLine:
    return command_line(tmp_path, database__url=empty_database_url)


async def test_migrate_lists_what_it_would_apply_then_applies_it_then_has_nothing_to_do(
    seekgate: CommandLine, empty_database_url: str
) -> None:
    await _execute(empty_database_url, (DB / "schema_version_1.sql").read_text("utf-8"))

    async def printed(*arguments: str) -> str:
        done = await asyncio.to_thread(seekgate.run, "migrate", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert (await printed("--dry-run")).splitlines() == [f"Would apply {name}" for name in FILES]
    assert (await printed()).splitlines() == [f"Applied {name}" for name in FILES]
    assert await printed() == "The database has the newest schema already\n"


async def test_migrate_gives_an_empty_database_the_whole_schema(seekgate: CommandLine) -> None:
    (report,) = await asyncio.to_thread(seekgate.json_lines, "migrate", "--dry-run")
    assert report == {"applied": [], "pending": ["schema.sql"]}
    (report,) = await asyncio.to_thread(seekgate.json_lines, "migrate")
    assert report == {"applied": ["schema.sql"], "pending": []}


async def test_a_command_refuses_a_newer_database_in_one_line(seekgate: CommandLine, empty_database_url: str) -> None:
    await asyncio.to_thread(seekgate.run, "migrate")
    await _execute(empty_database_url, "INSERT INTO schema_version (version) VALUES (9999)")
    done = await asyncio.to_thread(seekgate.run, "list-keys")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "schema version 9999" in done.stderr
