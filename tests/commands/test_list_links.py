"""`seekgate list-links` shows whose links still work and how often they were opened."""

import asyncio
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import asyncpg

from gateway.catalog import Owner
from gateway.db.api_keys import PgApiKeys
from gateway.db.recordings import PgRecordingCatalog
from gateway.db.share_links import PgShareLinks
from tests.commands.command_line import command_line
from tests.contracts.catalog_stores import new_media


async def test_links_that_work_are_listed_with_their_use_counts(
    pool: asyncpg.Pool, database_url: str, tmp_path: Path
) -> None:
    seekgate, links = command_line(tmp_path, database__url=database_url), PgShareLinks(pool)
    made = []
    for name in ("ada", "bob"):
        email = f"{name}@example.org"
        await asyncio.to_thread(seekgate.run, "create-key", "--user", email)
        owner = Owner(await PgApiKeys(pool).ensure_user(email))
        file, _ = await PgRecordingCatalog(pool).register(owner, new_media(f"{name}.mp3"))
        link = await links.create_link(
            owner,
            file.recording_id,
            digest=sha256(name.encode()).digest(),
            prefix="",
            expires_at=datetime.now(UTC) + timedelta(days=1),
            start_seconds=None,
        )
        assert link is not None
        made.append(link)
    await links.record_link_use(made[0].id)
    (listed,) = await asyncio.to_thread(seekgate.json_lines, "list-links")
    assert {(each["user"], each["id"], each["use_count"]) for each in listed} == {
        ("ada@example.org", made[0].id, 1),
        ("bob@example.org", made[1].id, 0),
    }
    done = await asyncio.to_thread(seekgate.run, "list-links", "--user", "ADA@example.org")
    assert (done.stdout.count("\n"), f"{made[0].id}  recording {made[0].recording_id}" in done.stdout) == (1, True)
