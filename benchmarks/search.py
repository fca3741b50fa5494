"""python -m benchmarks.search: full-text search among a million transcript segments.

One account has half of the segments, a thousand accounts have the rest. The words are as frequent as those of a language: the
n-th most frequent one is said 1/n times as often as the first.
"""

import asyncio
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Final

import asyncpg
import click
from rich.console import Console
from rich.progress import track

from benchmarks.__main__ import RESULTS
from benchmarks.corpus import write_corpus
from benchmarks.goals import Goal, judge
from benchmarks.machine import REPOSITORY, describe_machine
from benchmarks.plan import KIB
from benchmarks.processes import NotStarted, choose_cores
from benchmarks.recordings_list import Page, always, measure
from benchmarks.report import SEARCH_BLOCK, Run, performance_text, table, targets_table, write_block, write_results
from benchmarks.rows import Round, as_round
from benchmarks.seekgate import installed, running_gateway
from gateway.keys import digest, new_key, visible_prefix

PER_MEETING: Final = 100
_CONSOLE: Final = Console(stderr=True)
_BASE: Final = 100_000_000_000
_SMALL_ACCOUNT: Final = _BASE + 7
# The segments are made of 20 000 sentences; words and then their index are added as a migration does it.
_FILL: Final = f"""
    SET session_replication_role = replica;
    INSERT INTO users (id, email) SELECT {_BASE} + n, n || '@localhost' FROM generate_series(1, 1000) n;
    INSERT INTO meetings (id, user_id, live, platform, native_meeting_id)
        SELECT {_BASE} + n, CASE WHEN n % 2 = 0 THEN owner.id ELSE {_BASE} + 1 + n / 2 % 1000 END, true, 'zoom', n::text
        FROM users owner, generate_series(1, {{meetings}}) n WHERE owner.email = 'benchmark@localhost';
    INSERT INTO recordings (id, user_id, live, meeting_id, source, status, name, created_at)
        SELECT id, user_id, true, id, 'bot', 'completed', 'Weekly meeting ' || native_meeting_id,
               now() - (id - {_BASE}) * interval '1 minute'
        FROM meetings;
    SELECT setseed(0);
    CREATE TEMP TABLE sentences AS
        SELECT n, (SELECT string_agg('word' || power(20000, random())::int, ' ') FROM generate_series(1, 10 + n % 5)) AS text
        FROM generate_series(0, 19999) n;
    INSERT INTO transcript_segments (meeting_id, position, start_seconds, end_seconds, text, language)
        SELECT m.id, p, p * 5, p * 5 + 5, s.text, 'en'
        FROM meetings m, generate_series(1, {PER_MEETING}) p JOIN sentences s ON true
        WHERE s.n = abs(hashint8(m.id * {PER_MEETING} + p)) % 20000;
    DROP INDEX transcript_words_by_word;
    INSERT INTO transcript_words (meeting_id, position, words)
        SELECT s.meeting_id, s.position, words_of(m.user_id, m.live, s.language, s.text)
        FROM transcript_segments s JOIN meetings m ON m.id = s.meeting_id;
    CREATE INDEX transcript_words_by_word ON transcript_words USING gin (words);
"""  # noqa: S608 - numbers of our own
_ADD_KEY: Final = """
    INSERT INTO api_keys (user_id, live, digest, prefix, scopes) VALUES ($1, true, $2, $3, ARRAY['recordings:read'])
"""
SEARCHES: Final = {
    "the most frequent word": "word1",
    "the beginning of every word": "wo",
    "a word of one in a hundred": "word100",
    "a rare word": "word19876",
    "a phrase of frequent words": '"word1 word2"',
    "one word three times in a row": '"word1 word1 word1"',
    "a word and the beginning of another": "word100 w",
    "a phrase of less frequent words": '"word3 word20"',
    "four frequent words": "word7 word8 word9 word10",
    "five frequent words, the last one the beginning of thousands": "word3 word4 word5 word6 word1",
    "a phrase of every name": '"weekly meeting"',
    "three frequent words": "word2 word3 word5",
    "what is not said": "-word1",
    "a word of every name": "weekly",
    "nothing": "zeppelin",
}


def _slowest(rows: Round) -> float:
    return max(row.values["p99_ms"] for row in rows.values())


GOALS: Final[tuple[Goal, ...]] = (Goal("any search, 99 of 100", 50, " ms", _slowest),)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--segments", type=click.IntRange(1_000), default=1_000_000, show_default=True, help="Segments in all.")
@click.option("--requests", type=click.IntRange(20), default=200, show_default=True, help="Searches per measurement.")
@click.option("--rounds", type=click.IntRange(1, 20), default=3, show_default=True, help="How often each is measured.")
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep the filled database in this folder, and measure there again next time.",
)
@click.option("--output", type=click.Path(path_type=Path, file_okay=False), help="The folder for the results.")
def main(*, segments: int, requests: int, rounds: int, keep: Path | None, output: Path | None) -> None:
    """Measure searches over HTTP, and write a report."""
    try:
        with _folder(keep) as folder:
            run = measure_all(folder, segments, requests, rounds)
    except (NotStarted, OSError, HTTPException) as error:
        raise click.ClickException(str(error)) from error
    results = output or RESULTS / "search"
    write_results(run, results)
    if output is None:
        write_block(REPOSITORY / SEARCH_BLOCK.document, SEARCH_BLOCK, performance_text(run, SEARCH_BLOCK))
    click.echo(targets_table(run.verdicts))
    click.echo(table(run.rows))
    click.echo(f"\n{results}/results.md", err=True)


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """The folder of the database: one that stays, or one that is removed."""
    if keep:
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="seekgate-search-") as name:
        yield Path(name)


def measure_all(folder: Path, segments: int, requests: int, rounds: int) -> Run:
    """Measure every search of both accounts in each round."""
    machine, cores = describe_machine(), choose_cores()
    (folder / "media").mkdir(parents=True, exist_ok=True)
    with installed(folder, write_corpus(folder / "media", KIB)) as installation:
        small = replace(installation, key=new_key(live=True, restricted=False))
        asyncio.run(_fill(installation.database_url, segments // PER_MEETING, small.key))
        with running_gateway(installation, workers=1, cores=cores[:1]) as gateway:
            accounts = {"half of the segments": gateway, "a small account": replace(gateway, installation=small)}
            work = [
                (number, Page(account, what, partial(always, q=text)), by)
                for number in range(rounds)
                for account, by in accounts.items()
                for what, text in SEARCHES.items()
            ]
            found = [
                (number, measure(by, page, requests, seed=number))
                for number, page, by in track(work, "measuring", console=_CONSOLE)
            ]
    measured = [as_round(row for number, row in found if number == wanted) for wanted in range(rounds)]
    notes = [f"{segments:,} segments, {requests} searches one after the other; the gateway on core {cores[0]}"]
    machine["load average after"] = " ".join(f"{load:.2f}" for load in os.getloadavg())
    return Run(machine, measured, judge(GOALS, measured), notes)


async def _fill(database_url: str, meetings: int, key: str) -> None:
    """Fill the tables, unless an earlier run did, and add the small account's key."""
    connection = await asyncpg.connect(database_url)
    try:
        if not await connection.fetchval("SELECT EXISTS (SELECT FROM meetings)"):
            await connection.execute(_FILL.format(meetings=meetings))
            await connection.execute("VACUUM ANALYZE")
        await connection.execute(_ADD_KEY, _SMALL_ACCOUNT, digest(key), visible_prefix(key))
    finally:
        await connection.close()


if __name__ == "__main__":
    main()
