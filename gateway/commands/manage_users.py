"""`seekgate users` and `seekgate delete-user`."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from gateway.assembly.backends import Backends
from gateway.catalog.users import User
from gateway.commands.options import config_option, json_option, print_json, printable, read_config
from gateway.commands.with_backends import run_with_backends


@click.command("users")
@config_option
@json_option
def list_users(*, config_path: Path | None, as_json: bool) -> None:
    """List the accounts, oldest first, with what each holds."""

    async def find(backends: Backends) -> Sequence[User]:
        return await backends.users.list_users()

    users = run_with_backends(read_config(config_path), find)
    if as_json:
        print_json([asdict(user) for user in users])
        return
    for user in users:
        held = f"{user.keys} keys, {user.recordings} recordings, {user.bytes / 2**20:.1f} MiB"
        click.echo(printable(f"{user.id:<12}  {user.created_at:%Y-%m-%d}  {user.email:<32}  {held}"))


@click.command("delete-user")
@config_option
@click.argument("email")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def delete_user(*, config_path: Path | None, email: str, yes: bool, as_json: bool) -> None:
    """Delete an account with its keys, meetings, transcripts and recordings, for good.

    Its keys and playback URLs end immediately. The stored objects are queued, and a running gateway deletes them.
    """

    async def delete(backends: Backends) -> User:
        user = await backends.users.find_user(email)
        if user is None:
            raise click.ClickException(f"no account has the address {email!r}; `seekgate users` lists them")
        if not yes:
            held = f"{user.keys} valid keys and {user.recordings} recordings"
            click.confirm(printable(f"Delete {user.email} with {held}, for good?"), abort=True, err=True)
        await backends.users.delete_user(user.id)
        return user

    user = run_with_backends(read_config(config_path), delete)
    if as_json:
        print_json({"deleted": asdict(user)})
    else:
        said = f"{user.email} is deleted; the objects of {user.recordings} recordings are queued for deletion"
        click.echo(printable(said))
