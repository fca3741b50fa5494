"""`seekgate move-from-vexa`: take a Vexa deployment over, with its keys, ids, meetings, transcripts and recordings."""

import asyncio
import re
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.progress import MofNCompleteColumn
from rich.table import Table

from gateway.assembly.vexa_move import MoveBackends, open_move
from gateway.commands.bulk_work import progress_bar
from gateway.commands.options import config_option, counted, json_option, print_json, printable, read_config
from gateway.commands.with_backends import expected_errors_reported, wrong_options_reported
from gateway.imports.vexa_deployment.deployment_move import BackendMap, DeploymentMove, UnknownBackend
from gateway.imports.vexa_deployment.move_report import NEVER_MOVED, MoveReport
from gateway.imports.vexa_deployment.stored_objects import VexaBackend
from gateway.settings.load import Config


@click.command("move-from-vexa")
@config_option
@click.argument("database_url", envvar="VEXA_DATABASE_URL")
@click.option(
    "--map",
    "mappings",
    multiple=True,
    metavar="BACKEND=STORAGE",
    help="Where the objects of Vexa's storage backend (minio, s3, local) are; default_storage without this. Repeatable.",
)
@click.option("--user", "emails", multiple=True, metavar="EMAIL", help="Move only this user of Vexa. Repeatable.")
@click.option(
    "--join-chunks", is_flag=True, help="Where only chunks exist, join them into a new object in default_storage."
)
@click.option("--dry-run", is_flag=True, help="Report what would be moved, and change nothing.")
@json_option
def move_from_vexa(
    *,
    config_path: Path | None,
    database_url: str,
    mappings: tuple[str, ...],
    emails: tuple[str, ...],
    join_chunks: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Take over a Vexa deployment.

    DATABASE_URL is the database of Vexa 0.9, 0.10 or 0.12; it is only read. Keys, ids, meetings, transcripts and
    recordings stay the same; objects are registered where they are stored. The command can be repeated and interrupted: a
    later run adds new rows. The URL may also be given as VEXA_DATABASE_URL. The exit code is 0 if everything was moved,
    and 1 if the report counts something that was not.
    """
    config = read_config(config_path)
    names = _parse_mappings(mappings, config)
    # Vexa's own settings name SQLAlchemy's driver in the scheme.
    url = re.sub(r"^postgres(ql)?\+\w+://", "postgresql://", database_url)

    async def run() -> MoveReport:
        async with AsyncExitStack() as stack:
            with wrong_options_reported():
                backends = await stack.enter_async_context(open_move(config, url, dry_run=dry_run))
            backend_map = _backend_map(backends, config, names)
            return await _move(backends, backend_map, emails, dry_run=dry_run, join_chunks=join_chunks)

    try:
        with expected_errors_reported():
            report = asyncio.run(run())
    except UnknownBackend as error:
        raise click.UsageError(str(error)) from error
    if as_json:
        print_json(report.as_json())
    else:
        _print(report)
    return 0 if report.is_complete else 1


def _parse_mappings(mappings: tuple[str, ...], config: Config) -> Mapping[str, str]:
    """Vexa's name of a storage backend → ours. Raises UsageError."""
    names: dict[str, str] = {}
    for text in mappings:
        backend, separator, storage = text.partition("=")
        if not separator or not backend:
            raise click.UsageError(f"--map {text!r} is not like minio=STORAGE")
        if storage not in config.storages:
            known = ", ".join(config.storages)
            raise click.UsageError(f"--map {text!r}: no storage backend is named {storage!r}; there are: {known}")
        if backend in names:
            raise click.UsageError(f"--map names Vexa's {backend!r} twice: {names[backend]!r} and {storage!r}")
        names[backend] = storage
    return names


def _backend_map(backends: MoveBackends, config: Config, names: Mapping[str, str]) -> BackendMap:
    def find(name: str) -> VexaBackend:
        return VexaBackend(backends.storages[name], getattr(config.storages[name], "prefix", ""))

    return BackendMap({backend: find(name) for backend, name in names.items()}, find(config.default_storage))


async def _move(
    backends: MoveBackends, backend_map: BackendMap, emails: tuple[str, ...], *, dry_run: bool, join_chunks: bool
) -> MoveReport:
    total = None if emails else await backends.source.count_meetings()
    with progress_bar(Console(stderr=True), MofNCompleteColumn()) as progress:
        task = progress.add_task("moving meetings", total=total)
        report = await DeploymentMove(
            backends.source,
            backends.target,
            backend_map,
            backends.probe,
            now=datetime.now(UTC),
            only=frozenset(email.lower() for email in emails),
            dry_run=dry_run,
            join_chunks=join_chunks,
            advance=lambda count: progress.advance(task, count),
        ).run()
    unknown = [email for email in emails if email.lower() not in {each.email.lower() for each in report.by_user}]
    if unknown:
        raise click.ClickException(f"Vexa has no user with the address {unknown[0]!r}")
    return report


def _print(report: MoveReport) -> None:
    """The report for people: a table, a line for each user and each flag."""
    console = Console(highlight=False, soft_wrap=True)
    title = f"{'Dry run: ' if report.dry_run else ''}Vexa {report.generation}"
    table = Table("", "moved", "already here", "deleted here since", "not moved", title=title, title_justify="left")
    for name, counts in report.sections.items():
        details = _details(report).get(name)
        moved = f"{counts.moved} ({details})" if details and counts.moved else str(counts.moved)
        reasons = ", ".join(f"{count} {reason}" for reason, count in counts.not_moved.items() if count)
        table.add_row(name, moved, str(counts.already_here), str(counts.deleted_here), reasons or "0")
    console.print(table)
    for user in report.by_user:
        hours = f"{user.seconds / 3600:.1f} hours"
        here = (
            f"{counted(user.recordings, 'recording')}, {hours}, {counted(user.keys, 'key')}"
            if user.user_id
            else "left out"
        )
        click.echo(printable(f"user {user.vexa_id} {user.email}: {here}"))
    for flag in report.flags:
        click.echo(printable(f"{flag.kind} {flag.id} of {flag.owner}: {flag.reason}"))
    for count, what in (
        (report.chunk_entries_beside_a_master, "entries of chunks beside a master were left out"),
        (report.objects_without_a_recording, "objects belong to no recording that Vexa knows"),
    ):
        if count:
            click.echo(f"{count} {what}")
    click.echo(f"Never moved: {NEVER_MOVED}")


def _details(report: MoveReport) -> Mapping[str, str]:
    statuses = ", ".join(f"{count} {status}" for status, count in report.recordings_by_status.items())
    return {
        "keys": f"{report.keys_expired} expired, {report.keys_without_scopes} without scopes",
        "recordings": statuses,
        "media files": f"{report.media_bytes} bytes, {report.media_joined} joined from chunks",
    }
