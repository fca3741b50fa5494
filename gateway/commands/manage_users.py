"""`seekgate users` and `seekgate delete-user`."""

from dataclasses import asdict

import click

from gateway.assembly.backends import Backends
from gateway.commands.options import counted, json_option, print_json, printable
from gateway.commands.with_backends import with_backends


@click.command("users")
@with_backends
@json_option
async def list_users(backends: Backends, *, as_json: bool) -> None:
    """List the accounts, oldest first, with what each holds."""
    users = await backends.users.list_users()
    if as_json:
        print_json([asdict(user) for user in users])
        return
    for user in users:
        held = f"{counted(user.keys, 'key')}, {counted(user.recordings, 'recording')}, {user.bytes / 2**20:.1f} MiB"
        click.echo(printable(f"{user.id:<12}  {user.created_at:%Y-%m-%d}  {user.email:<32}  {held}"))


@click.command("delete-user")
@with_backends
@click.argument("email")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
async def delete_user(backends: Backends, *, email: str, yes: bool, as_json: bool) -> None:
    """Delete an account with its keys, meetings, transcripts and recordings, for good.

    Its keys and playback URLs end immediately. The stored objects are queued, and a running gateway deletes them.
    If the command is interrupted, run it again: it deletes what is left.
    """
    user = await backends.users.find_user(email)
    if user is None:
        raise click.ClickException(f"no account has the address {email!r}; `seekgate users` lists them")
    if not yes:
        held = f"{counted(user.keys, 'valid key')} and {counted(user.recordings, 'recording')}"
        click.confirm(printable(f"Delete {user.email} with {held}, for good?"), abort=True, err=True)
    await backends.users.delete_user(user.id)
    if as_json:
        print_json({"deleted": asdict(user)})
    else:
        objects = f"the objects of {counted(user.recordings, 'recording')}"
        click.echo(printable(f"{user.email} is deleted; {objects} are queued for deletion"))
