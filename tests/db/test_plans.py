"""Each statement is an index scan in a catalogue of 100 000 recordings.

One owner has half of them and a thousand owners have the rest; plans for both are checked. Statements are planned,
never run.
"""

import json
from collections.abc import AsyncGenerator, Iterator
from dataclasses import astuple, replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any, Final

import asyncpg
import pytest
import pytest_asyncio
from asyncpg.pool import PoolConnectionProxy

from gateway.catalog import MediaType, Owner, Position, RecordingFilter, RecordingSort
from gateway.db.pool import open_pool
from gateway.db.recording_pages import page_arguments, page_statement
from gateway.db.search import PgRecordingSearch
from gateway.protocol.search_words import parse_search
from tests.conftest import scratch_database
from tests.db.statements import STATEMENTS

RECORDINGS: Final = 100_000
BASE: Final = 100_000_000_000

# The rows satisfy the foreign keys by construction; checking them would take most of the time.
FILL: Final = f"""
    SET session_replication_role = replica;
    INSERT INTO users (id, email) SELECT {BASE} + n, n || '@example.org' FROM generate_series(0, 1000) n;
    INSERT INTO api_keys (id, user_id, live, digest, prefix, scopes)
        SELECT {BASE} + n, {BASE} + n % 1000, true, sha256(n::text::bytea), lpad(n::text, 12, '_'), '{{}}'
        FROM generate_series(1, 5000) n;
    INSERT INTO meetings (id, user_id, live, platform, native_meeting_id)
        SELECT {BASE} + n, {BASE} + n % 1000, true, 'zoom', (n / 2)::text FROM generate_series(1, 5000) n;
    INSERT INTO transcript_segments (meeting_id, position, start_seconds, end_seconds, text)
        SELECT {BASE} + n, position, position, position + 1, 'hello'
        FROM generate_series(1, 5000) n, generate_series(1, 4) position;
    INSERT INTO transcript_words (meeting_id, position, words)
        SELECT meeting_id, position, words_of(m.user_id, m.live, s.language, s.text)
        FROM transcript_segments s JOIN meetings m ON m.id = s.meeting_id;
    INSERT INTO recordings (id, user_id, live, meeting_id, source, status, created_at, device_id, end_user_id, main_type, duration_seconds)
        SELECT {BASE} + n, {BASE} + CASE WHEN n % 2 = 0 THEN 0 ELSE 1 + n % 1000 END, n % 10 > 0,
               CASE WHEN n % 5 = 0 THEN {BASE} + 1 + n % 5000 END, 'bot',
               (ARRAY['completed', 'failed', 'pending'])[1 + n % 3], now() - n * interval '1 minute',
               'device ' || n % 5, 'user ' || n % 7, (ARRAY['audio', 'video', 'image'])[1 + n % 3], n % 5000
        FROM generate_series(1, {RECORDINGS}) n;
    INSERT INTO media_files (id, recording_id, type, format, content_type, storage, object_key, status, size, etag, object_modified_at)
        SELECT {BASE} + n, {BASE} + n, 'audio', 'mp3', 'audio/mpeg', 'local', n || '.mp3', 'uploaded', n, 'e', now()
        FROM generate_series(1, {RECORDINGS}) n;
    INSERT INTO upload_writers (media_file_id) SELECT {BASE} + n FROM generate_series(1, 20000) n;
    INSERT INTO upload_sessions (media_file_id, recording_id, type, changed)
        SELECT {BASE} + n, {BASE} + n, 'audio', n % 100 / 99 FROM generate_series(1, 20000) n;
    INSERT INTO session_chunks (media_file_id, number, size, digest, storage, object_key, object_size)
        SELECT {BASE} + n / 4, n % 4, 1, sha256('x'), 'local', n || '.chunk', 1 FROM generate_series(4, 20000) n;
    INSERT INTO bot_sessions (user_id, live, session_uid, recording_id)
        SELECT {BASE} + n % 1000, true, n::text, {BASE} + n FROM generate_series(1, 20000) n;
    INSERT INTO object_deletions (storage, object_key, due_at)
        SELECT 'local', n || '.gone', now() + n * interval '1 second' FROM generate_series(1, 20000) n;
    INSERT INTO idempotency_keys (user_id, live, key, digest, answer, created_at)
        SELECT {BASE} + n % 1000, true, 'key ' || n, sha256('x'), '{{}}', now() - n * interval '5 seconds'
        FROM generate_series(1, 20000) n;
    INSERT INTO vexa_moves (kind, identity, here_id)
        SELECT (ARRAY['user', 'key', 'meeting', 'recording'])[1 + n % 4], sha256(n::text::bytea), {BASE} + n
        FROM generate_series(1, 20000) n;
    INSERT INTO account_bytes (user_id, bytes) SELECT {BASE} + n % 1000, n FROM generate_series(1, 20000) n;
    INSERT INTO upload_reservations (user_id, bytes, expires_at)
        SELECT {BASE} + n % 1000, n, now() + interval '1 minute' FROM generate_series(1, 20000) n;
    INSERT INTO signing_keys (kid, secret) SELECT n::text, 'x' FROM generate_series(1, 1000) n;
"""  # noqa: S608 - numbers of our own

# Filling the table and then making its indexes takes half as long as filling both.
INDEXES: Final = """
    SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition FROM pg_index
    WHERE indrelid = 'recordings'::regclass AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
    ORDER BY indexrelid
"""

WHALE: Final = (BASE, True)
MINNOW: Final = (BASE + 8, True)
WHEN: Final = datetime(2026, 1, 1, tzinfo=UTC)
DIGEST: Final = b"\x01" * 32

# Statements that need no index, and why.
WITHOUT_INDEX: Final = {
    "LIST_USERS": "the command line shows the whole table",
    "LIST_KEYS": "the command line shows the whole table",
    "COUNT_AUDITED": "the command line reads the whole table",
    "COUNT_DELETIONS": "the queue's depth is all of it",
    "REMOVE_SIGNING_KEYS": "removes the only row, or the few that an older gateway left",
    "ADD_FIRST_SIGNING_KEY": "stops at the first row it meets",
    "LIST_VERSIONS": "the table has a row for each migration",
    "FIND_SERVER_PROCESS": "reads no table",
    "NOTIFY": "reads no table",
    "LIMIT_LOCK_WAIT": "reads no table",
    "FIND_SCHEMA": "reads no table",
    "LOCK_SCHEMA": "reads no table",
    "PREPARE_SEARCH": "reads no table",
    "SEARCH": "is planned after PREPARE_SEARCH, in a test of its own",
    "LOCK_NAME": "reads no table",
    "LOCK_SIGNING_KEYS": "reads no table",
    "LOCK_MOVES": "reads no table",
    "PROVE_LIFE": "reads no table",
}

ARGUMENTS: Final[dict[str, tuple[Any, ...]]] = {
    "LIST_RECORDINGS": (*WHALE, 50, 0),
    "LIST_RECORDINGS_OF_MEETING": (*WHALE, 50, 0, BASE + 1),
    "FIND_RECORDING": (*WHALE, BASE + 2),
    "FIND_MEDIA_FILE": (*WHALE, BASE + 2, BASE + 2),
    "FIND_OWNER": (BASE + 2, BASE + 2),
    "FIND_MASTER": (*WHALE, BASE + 2, "audio"),
    "RECORD_MISSING": (BASE + 2,),
    "LIST_AUDITED": (BASE + 2, 200, True),
    "CORRECT_MEDIA": (BASE + 2, "e", "audio", "mp3", "audio/mpeg", "local", "k", 1, "e", WHEN, 1.0, None),
    "RECORD_OBJECT_VERSION": (BASE + 2, 1, "e", WHEN),
    "DELETE_RECORDING": (*WHALE, BASE + 2),
    "FIND_MEETING": (*WHALE, "zoom", "1"),
    "FIND_MEETING_ID": (*WHALE, "zoom", "1"),
    "FIND_MEETING_BY_ID": (*WHALE, "zoom", "1", BASE + 2),
    "FIND_MEETING_OF_RECORDING": (*WHALE, BASE + 10),
    "FIND_TRANSCRIPT_VERSION": (BASE + 2,),
    "LIST_SEGMENTS": (BASE + 2,),
    "ADD_MEETING": (*WHALE, "zoom", "1"),
    "FIND_REGISTERED": ("local", "2.mp3", *WHALE),
    "FIND_UNFINISHED": (*WHALE, "session"),
    "REPLACE_MEDIA_FILE": (BASE, "audio", "mp3", "audio/mpeg", "local", "k", 1, "e", WHEN, 1.0, None),
    "QUEUE_REPLACED": ("local", "k"),
    "WITHDRAW_DELETION": ("local", "2.gone"),
    "FIND_DELETION": ("local", "2.gone"),
    "ADD_RECORDING": (*WHALE, None, None),
    "ADD_MEDIA_FILE": (BASE, "audio", "mp3", "audio/mpeg", "local", "k", 1, "e", WHEN, 1.0, None),
    "RECORD_VERSION": (9999, True),
    "CREATE_LINK": (*WHALE, BASE + 2, DIGEST, "lk_123456789", WHEN, 1.0),
    "FIND_LINK": (DIGEST,),
    "LIST_LINKS": WHALE,
    "LIST_LINKS_OF_RECORDING": (*WHALE, BASE + 2),
    "END_LINK": (*WHALE, BASE + 2, BASE + 2),
    "RECORD_LINK_USE": (BASE + 2,),
    "LOCK_FOR_EDIT": (*WHALE, BASE + 2),
    "UPDATE_RECORDING": (BASE + 2, "n", None, None, None, None, None),
    "FIND_MEETING_OF": (*WHALE, BASE + 2),
    "ADD_MEETING_OF": (BASE + 2, "upload", "rec"),
    "GIVE_MEETING": (BASE + 2, BASE + 2),
    "LOCK_MEETING": (BASE + 2,),
    "DELETE_SEGMENTS": (BASE + 2,),
    "ADD_SEGMENTS": (BASE + 2, [9], [0.0], [1.0], ["t"], [None], [None]),
    "CREATE_RECORDING": (*WHALE, "n", "device 3", "user 3", "{}", None, None),
    "FIND_RESPONSE": (*WHALE, "key 8"),
    "STORE_RESPONSE": (*WHALE, "key 8", DIGEST, "{}"),
    "DELETE_EXPIRED_RESPONSES": (),
    "ADD_UPLOAD": (WHALE[0], BASE, "audio", "bin", "audio/mpeg", "local", 1, None, WHEN),
    "COMPLETE_RECORDING": (BASE + 2,),
    "COMPLETE_UPLOAD": (BASE + 2, BASE + 2, None, "audio", "mp3", "audio/mpeg", "local", "k", 1, "e", WHEN, 1.0, None),
    "COUNT_MEDIA": (BASE + 2,),
    "SUM_SIZES": (BASE, 1),
    "REMOVE_REPLACED_RESERVATIONS": (BASE, 1),
    "FIND_COUNTED": (BASE + 2,),
    "ADD_RESERVATION": (BASE, 1, timedelta(seconds=15)),
    "EXTEND_RESERVATION": (1, timedelta(seconds=15)),
    "REMOVE_RESERVATION": (1,),
    "LOCK_PENDING": (*WHALE, BASE + 2, BASE + 2),
    "LOCK_MEDIA_FILES": ([BASE + 2],),
    "BEGIN_PUBLISHING": (BASE + 2, 1, timedelta(seconds=15)),
    "DELAY_DELETION": (BASE + 2, timedelta(minutes=10)),
    "LOCK_RECORDING": (*WHALE, BASE + 2),
    "RECORD_PUBLICATION": (BASE + 2, "e", WHEN, WHEN, None),
    "HASTEN_DELETION": ("local", "k", None),
    "FIND_STATUS": (BASE + 2,),
    "RENEW_UPLOAD": (BASE + 2, WHEN),
    "REMOVE_UPLOAD": (*WHALE, BASE + 2, BASE + 2),
    "FIND_BOT_SESSION": (*WHALE, "session"),
    "CLAIM_BOT_SESSION": (*WHALE, "session"),
    "SET_SESSION_RECORDING": (*WHALE, "session", BASE + 2),
    "FIND_SESSION_RECORDING": (*WHALE, "session"),
    "ADD_SESSION_RECORDING": (*WHALE, "session"),
    "BEGIN_WRITING": (BASE + 2, timedelta(seconds=15)),
    "EXTEND_WRITING": (BASE + 2, 1, timedelta(seconds=15)),
    "END_WRITING": (BASE + 2, 1),
    "RECORD_STORED": (BASE + 2, 10),
    "DROP_UPLOAD": (BASE + 2,),
    "FIND_SESSION": (BASE + 2, "audio"),
    "ADD_SESSION": (BASE + 2, BASE + 2, "audio", timedelta(seconds=300)),
    "EXPECT_OBJECT": ("local", "k", timedelta(days=1)),
    "LOCK_SESSION": (BASE + 2, BASE + 2),
    "LOCK_RECORDING_OF_SESSION": (BASE + 2,),
    "LOCK_MOVED_RECORDINGS": ([BASE + 2],),
    "FIND_CHUNK": (BASE + 2, 1, DIGEST),
    "ADD_CHUNK": (BASE + 2, 1, 10, DIGEST, None, "local", "k", False),
    "SET_CHUNK_ASIDE": (1,),
    "REMOVE_CHUNK": (1,),
    "REMOVE_REPLACED": (1,),
    "CHANGE_SESSION": (BASE + 2, True, 1, timedelta(0), 1),
    "CLAIM_SESSION": (BASE + 2, timedelta(seconds=15)),
    "FIND_CLAIMED_MEDIA": (BASE + 2,),
    "LIST_CHUNKS": (BASE + 2,),
    "FIND_UNJOINED": (BASE + 2,),
    "LIST_DUE_SESSIONS": (20,),
    "EXTEND_CLAIM": (BASE + 2, 1, timedelta(seconds=15)),
    "POSTPONE_SESSION": (BASE + 2, 1, timedelta(seconds=10)),
    "FINISH_SESSION": (BASE + 2, 1, 1, None),
    "COMPLETE_SESSION_RECORDING": (BASE + 2,),
    "SHARE_OBJECT": ([1, 2], "k", 1),
    "QUEUE_UNNAMED": ("local", ["2.mp3"], "3.mp3"),
    "REMOVE_ABANDONED_UPLOADS": (timedelta(days=1), 100),
    "CLAIM_DELETIONS": (100, timedelta(seconds=60)),
    "FINISH_DELETION": (1,),
    "POSTPONE_DELETION": (1, timedelta(seconds=60), "e"),
    "FIND_KEY": (DIGEST,),
    "FIND_DIGEST": (BASE + 2,),
    "CREATE_KEY": (DIGEST, "sk_live_ab12", *WHALE, [], None, None),
    "FIND_KEY_IDS": ("sk_live_ab12", BASE + 2),
    "DELETE_KEYS_OF_USER": (BASE + 2,),
    "DELETE_SOME_RECORDINGS": (BASE + 2, 500),
    "LOCK_USER": (BASE + 2,),
    "DELETE_SOME_MEETINGS": (BASE + 2, 20),
    "IS_EMPTY": (BASE + 2,),
    "DELETE_USER": (BASE + 2,),
    "REVOKE_KEY": (BASE + 2,),
    "RECORD_KEY_USE": (BASE + 2,),
    "ENSURE_USER": ("a@example.org",),
    "FIND_NEWEST_SIGNING_KEY": (),
    "ADD_SIGNING_KEY": ("k", b"s"),
    "FIND_NOTE": ("user", DIGEST),
    "WRITE_NOTE": ("user", DIGEST, BASE, DIGEST),
    "FIND_USER_BY_ADDRESS": ("2@example.org",),
    "FIND_USER": (BASE + 2,),
    "FIND_NAMESAKE": (BASE + 2, DIGEST),
    "ADD_USER": (7, "new@example.org", WHEN),
    "FIND_KEY_TO_MOVE": (DIGEST,),
    "ADD_MOVED_KEY": (DIGEST, BASE, "vxa_browser_", None, [], None, None, None),
    "UPDATE_MOVED_KEY": (DIGEST, [], None),
    "LIST_OTHER_KEYS": (BASE + 2, [DIGEST]),
    "FIND_MEETING_TO_MOVE": (BASE + 2,),
    "ADD_MOVED_MEETING": (7, BASE, "zoom", "1", WHEN, "completed", None, None, None),
    "UPDATE_MOVED_MEETING": (BASE + 2, "completed", None, None, None),
    "DIGEST_SEGMENTS": (BASE + 2,),
    "WRITE_SEGMENTS": (BASE + 2, [9], [0.0], [1.0], ["t"], [None], [None], [WHEN], [None], [None]),
    "FIND_RECORDING_TO_MOVE": (BASE + 2,),
    "ADD_MOVED_RECORDING": (7, BASE, None, "bot", WHEN, None, "completed", None, None),
    "UPDATE_MOVED_RECORDING": (BASE + 2, None, "completed", None, None),
    "FIND_MOVED_MEDIA": ([BASE + 2],),
    "ADD_MOVED_MEDIA": (7, BASE, WHEN, False, "audio", "mp3", "audio/mpeg", "local", "k", 1, "e", WHEN, 1.0, None),
    "FIND_OBJECT": ("local", "2.mp3", BASE),
}

# The index of each list: the filtered columns, then the order of the list.
DEVICE: Final = RecordingFilter(device_id="device 3")
USER: Final = RecordingFilter(end_user_id="user 3")
PAGES: Final = {
    "recordings_newest": RecordingFilter(),
    "recordings_of_device": DEVICE,
    "recordings_of_end_user": USER,
    "recordings_by_status": RecordingFilter(status="failed"),
    "recordings_by_type": RecordingFilter(type="audio"),
    "recordings_of_device_and_end_user": replace(DEVICE, end_user_id="user 3"),
    "recordings_of_device_by_status": replace(DEVICE, status="failed"),
    "recordings_of_end_user_by_status": replace(USER, status="failed"),
    "recordings_of_device_and_end_user_by_status": replace(DEVICE, end_user_id="user 3", status="failed"),
}
ORDERS: Final[dict[RecordingSort, str]] = {
    "-created_at": "recordings_newest",
    "created_at": "recordings_newest",
    "-duration": "recordings_longest",
    "duration": "recordings_shortest",
    "-type": "recordings_by_type",
    "type": "recordings_by_type",
    "-status": "recordings_by_status",
    "status": "recordings_by_status",
}
AGO: Final = datetime.now(UTC) - timedelta(days=30)
BOUNDS: Final = {
    "without bounds": {},
    "after a cursor": {"older_than": Position(AGO, BASE + 7)},
    "between two moments": {"created_before": AGO, "created_after": AGO - timedelta(days=10)},
}
VALUES: Final = {"duration": "60.5", "type": "audio", "status": "failed"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def large(postgres: str) -> AsyncGenerator[asyncpg.Pool]:
    """Connections to a catalogue of 100 000 recordings."""
    async with (
        scratch_database(postgres) as url,
        open_pool(url, min_size=1, max_size=1, command_timeout_seconds=120) as pool,
    ):
        indexes = await pool.fetch(INDEXES)
        await pool.execute("; ".join(f"DROP INDEX {index['name']}" for index in indexes))
        await pool.execute(FILL)
        await pool.execute("; ".join(index["definition"] for index in indexes))
        await pool.execute("VACUUM ANALYZE")
        yield pool


async def plan_of(pool: asyncpg.Pool | PoolConnectionProxy, statement: str, *arguments: object) -> list[dict[str, Any]]:
    """The nodes of the statement's plan for these arguments."""
    text = await pool.fetchval(f"EXPLAIN (FORMAT JSON) {statement}", *arguments)
    (explained,) = json.loads(text)
    return list(_nodes(explained["Plan"]))


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)


def kinds(plan: list[dict[str, Any]]) -> set[str]:
    return {node["Node Type"] for node in plan}


def test_every_statement_has_arguments_here() -> None:
    assert set(STATEMENTS) == set(ARGUMENTS) | set(WITHOUT_INDEX)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("owner", [WHALE, MINNOW], ids=["owner of half", "owner of few"])
@pytest.mark.parametrize("name", ARGUMENTS)
async def test_a_statement_reads_only_by_index(large: asyncpg.Pool, name: str, owner: tuple[int, bool]) -> None:
    arguments = ARGUMENTS[name]
    if arguments[:2] == WHALE:
        arguments = owner + arguments[2:]
    plan = await plan_of(large, STATEMENTS[name], *arguments)
    assert "Seq Scan" not in kinds(plan), plan


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("owner", "offset"),
    [(WHALE, 0), (WHALE, 1000), (MINNOW, 0)],
    ids=["owner of half", "far into half", "owner of few"],
)
async def test_a_page_is_read_in_index_order_and_not_sorted(
    large: asyncpg.Pool, owner: tuple[int, bool], offset: int
) -> None:
    plan = await plan_of(large, STATEMENTS["LIST_RECORDINGS"], *owner, 50, offset)
    (scan,) = [node for node in plan if node.get("Relation Name") == "recordings"]
    assert (scan["Node Type"], scan["Index Name"]) == ("Index Scan", "recordings_newest")


async def plan_of_page(pool: asyncpg.Pool, owner: tuple[int, bool], wanted: RecordingFilter) -> list[dict[str, Any]]:
    arguments = page_arguments(Owner(*owner), wanted, limit=26, offset=0)
    return await plan_of(pool, page_statement(wanted), *arguments)


def scan_of_recordings(plan: list[dict[str, Any]]) -> dict[str, Any]:
    (limit,) = [node for node in plan if node["Node Type"] == "Limit"]
    scan: dict[str, Any]
    (scan,) = limit["Plans"]
    # The page is read in its order: nothing is sorted before the limit.
    assert (scan["Node Type"], scan["Relation Name"]) == ("Index Scan", "recordings")
    return scan


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("bounds", BOUNDS.values(), ids=BOUNDS)
@pytest.mark.parametrize("direction", ["-created_at", "created_at"])
@pytest.mark.parametrize("index", PAGES)
async def test_a_filtered_page_is_a_range_of_its_own_index(
    large: asyncpg.Pool, index: str, direction: RecordingSort, bounds: dict[str, Any]
) -> None:
    scan = scan_of_recordings(await plan_of_page(large, WHALE, replace(PAGES[index], sort=direction, **bounds)))
    # Every condition is an index condition, none is checked row by row.
    assert (scan["Index Name"], scan.get("Filter")) == (index, None)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("sort", ORDERS)
@pytest.mark.parametrize("owner", [WHALE, MINNOW], ids=["owner of half", "owner of few"])
async def test_a_page_of_any_order_is_a_range_of_the_index_in_that_order(
    large: asyncpg.Pool, owner: tuple[int, bool], sort: RecordingSort
) -> None:
    cursor = Position(AGO, BASE + 7, sort, VALUES.get(sort.removeprefix("-"), ""))
    for wanted in (RecordingFilter(sort=sort), RecordingFilter(sort=sort, older_than=cursor)):
        if owner == WHALE:
            scan = scan_of_recordings(await plan_of_page(large, owner, wanted))
            assert (scan["Index Name"], scan.get("Filter")) == (ORDERS[sort], None)
        else:
            assert "Seq Scan" not in kinds(await plan_of_page(large, owner, wanted))


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("sort", ORDERS)
async def test_a_page_planned_once_for_all_values_is_read_in_its_order(
    large: asyncpg.Pool, sort: RecordingSort
) -> None:
    for wanted in (RecordingFilter(sort=sort), *(replace(each, sort=sort) for each in PAGES.values())):
        arguments = page_arguments(Owner(*WHALE), wanted, limit=26, offset=0)
        text = await large.fetchval(f"EXPLAIN (GENERIC_PLAN, FORMAT JSON) {page_statement(wanted)}", *arguments)
        (explained,) = json.loads(text)
        scan_of_recordings(list(_nodes(explained["Plan"])))


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("type", [None, "audio"])
async def test_a_recording_that_is_too_short_is_passed_over_in_the_index(
    large: asyncpg.Pool, type: MediaType | None
) -> None:
    wanted = RecordingFilter(type=type, min_duration_seconds=3600.0)
    arguments = page_arguments(Owner(*WHALE), wanted, limit=26, offset=0)
    (explained,) = json.loads(await large.fetchval(f"EXPLAIN (FORMAT JSON) {page_statement(wanted)}", *arguments))
    scan = scan_of_recordings(list(_nodes(explained["Plan"])))
    assert "duration_seconds" in scan["Index Cond"]
    assert "Filter" not in scan


@pytest.mark.asyncio(loop_scope="module")
async def test_every_search_is_planned_for_its_own_words(large: asyncpg.Pool) -> None:
    for _ in range(9):
        await PgRecordingSearch(large).search(Owner(*MINNOW), "hello", RecordingFilter(), limit=9, offset=0)
    plans = "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement = $1"
    assert [tuple(row) for row in await large.fetch(plans, STATEMENTS["SEARCH"])] == [(0, 9)]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("sort", ORDERS)
async def test_no_combination_of_filters_reads_the_whole_table(large: asyncpg.Pool, sort: RecordingSort) -> None:
    singles: dict[str, Any] = {
        "device_id": "device 3",
        "end_user_id": "user 3",
        "status": "failed",
        "type": "audio",
        "min_duration_seconds": 60.0,
    }
    for chosen in product((False, True), repeat=len(singles)):
        filters = {name: value for (name, value), wanted in zip(singles.items(), chosen, strict=True) if wanted}
        plan = await plan_of_page(large, WHALE, RecordingFilter(sort=sort, **filters))
        assert "Seq Scan" not in kinds(plan), (filters, plan)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("owner", [WHALE, MINNOW], ids=["owner of half", "owner of few"])
@pytest.mark.parametrize("text", ["hello", "h", "seldom", '"hello there"', "-hello", "hello t", '-"hello there"'])
async def test_a_search_reads_only_by_index_however_common_the_word(
    large: asyncpg.Pool, owner: tuple[int, bool], text: str
) -> None:
    async with large.acquire() as connection, connection.transaction():
        (prepared,) = await connection.fetch(STATEMENTS["PREPARE_SEARCH"], *owner, *astuple(parse_search(text)))
        queries = prepared["words"], prepared["likely"], prepared["unmarked"]
        plan = await plan_of(
            connection, STATEMENTS["SEARCH"], *owner, *queries, text, 26, 0, *(None,) * 8, prepared["others"]
        )
    assert "Seq Scan" not in kinds(plan), plan
    # What was ever said is found by its words, not by reading an index from its beginning.
    by_word = {node.get("Index Name") for node in plan if node["Node Type"] == "Bitmap Index Scan"}
    assert by_word >= {"transcript_words_by_word", "recordings_by_word"}
    # The newest segments are found without reading recordings that have no transcript.
    if owner == WHALE:
        assert "recordings_with_meeting" in {node.get("Index Name") for node in plan}


@pytest.mark.asyncio(loop_scope="module")
async def test_the_byte_path_reads_two_rows_by_primary_key(large: asyncpg.Pool) -> None:
    plan = await plan_of(large, STATEMENTS["FIND_MEDIA_FILE"], *ARGUMENTS["FIND_MEDIA_FILE"])
    scans = {node["Index Name"] for node in plan if "Index Name" in node}
    assert scans == {"media_files_pkey", "recordings_pkey"}
