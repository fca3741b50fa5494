"""The statements and the schema agree, and so do the columns and the records."""

import ast
import inspect
import re
from dataclasses import fields

import asyncpg
import pytest

from gateway.catalog import ApiKey, MediaFile, Meeting, Recording, Segment
from tests.db.statements import CONSTANTS, PLACEHOLDER, STATEMENTS, VERBS, is_template, modules

RECORDS = {
    "recordings": (
        Recording,
        {"owner", "media_files", "meeting"},
        {"user_id", "live", "main_type", "duration_seconds"},
    ),
    "media_files": (MediaFile, {"validity"}, {"upload_expires_at"}),
    "meetings": (Meeting, {"owner"}, {"user_id", "live"}),
    "transcript_segments": (Segment, set(), {"meeting_id", "position"}),
    "api_keys": (
        ApiKey,
        {"owner", "email", "validity"},
        {"user_id", "live", "digest", "start_seconds", "use_count"},
    ),
}


async def test_every_statement_fits_the_schema(pool: asyncpg.Pool) -> None:
    faults = {}
    async with pool.acquire() as connection:
        for name, statement in STATEMENTS.items():
            try:
                await connection.prepare(statement)
            except asyncpg.PostgresError as error:
                faults[name] = str(error)
    assert faults == {}


def test_no_statement_hides_inside_a_function() -> None:
    written = [
        node.value
        for module in modules()
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and VERBS.match(node.value)
    ]
    templates = [each for each in written if is_template(each)]
    made = {each for each in CONSTANTS.values() if any(_is_made_of(each, template) for template in templates)}
    assert sorted(each for each in written if each not in templates) == sorted({*CONSTANTS.values()} - made)
    assert all(any(_is_made_of(each, template) for each in made) for template in templates)


def _is_made_of(statement: str, template: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, PLACEHOLDER.split(template))), statement, re.DOTALL) is not None


@pytest.mark.parametrize("table", RECORDS)
async def test_a_records_fields_are_its_tables_columns(pool: asyncpg.Pool, table: str) -> None:
    record, only_in_record, only_in_table = RECORDS[table]
    rows = await pool.fetch("SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0", table)
    columns = {row["attname"] for row in rows}
    assert {field.name for field in fields(record)} - only_in_record == columns - only_in_table
