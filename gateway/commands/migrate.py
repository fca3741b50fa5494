"""`seekgate migrate`: bring the database to the newest schema without starting a gateway."""

import asyncio
from pathlib import Path

import click

from gateway.commands.options import config_option, json_option, print_json, read_config
from gateway.commands.with_backends import expected_errors_reported
from gateway.db.database import migrate_database


@click.command()
@config_option
@click.option("--dry-run", is_flag=True, help="Print what would be applied, and change nothing.")
@json_option
def migrate(*, config_path: Path | None, dry_run: bool, as_json: bool) -> None:
    """Apply the migrations that the database lacks.

    A gateway does the same when it starts.
    """
    config = read_config(config_path)
    with expected_errors_reported():
        names = asyncio.run(migrate_database(config, dry_run=dry_run))
    if as_json:
        print_json({"applied": [] if dry_run else names, "pending": names if dry_run else []})
        return
    for name in names:
        click.echo(f"{'Would apply' if dry_run else 'Applied'} {name}")
    if not names:
        click.echo("The database has the newest schema already")
