"""`seekgate create-key`, `list-keys` and `revoke-key`."""

from datetime import UTC, datetime, timedelta

import click

from gateway.assembly.backends import Backends
from gateway.catalog import ALL_SCOPES, ApiKey, Owner, Scope
from gateway.commands.options import Duration, Email, Name, json_option, print_json, printable
from gateway.commands.with_backends import with_backends
from gateway.keys import issue_key


@click.command("create-key")
@with_backends
@click.option("--user", "email", type=Email(), required=True, help="The owner of the key, created if unknown.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice([str(s) for s in Scope]),
    help="Grant only this; repeatable. All by default.",
)
@click.option("--name", type=Name(), help="A name for list-keys, such as what the key is for.")
@click.option("--test", is_flag=True, help="A key for test data instead of live data.")
@click.option("--expires-in", type=Duration(), metavar="30d|12h|90m|45s", help="When it expires; never by default.")
@json_option
async def create_key(
    backends: Backends,
    *,
    email: str,
    scopes: tuple[str, ...],
    test: bool,
    expires_in: int | None,
    as_json: bool,
    name: str | None,
) -> None:
    """Create an API key and print it, once."""
    chosen = frozenset(map(Scope, scopes)) or ALL_SCOPES
    expires_at = datetime.now(UTC) + timedelta(seconds=expires_in) if expires_in else None
    owner = Owner(await backends.api_keys.ensure_user(email), live=not test)
    key, stored = await issue_key(backends.api_keys, owner, scopes=chosen, expires_at=expires_at, name=name)
    if as_json:
        print_json({"key": key, **_shown(stored)})
    else:
        click.echo(key)
        click.echo("Keep it: it is not stored and will not be shown again.", err=True)


@click.command("list-keys")
@with_backends
@json_option
async def list_keys(backends: Backends, *, as_json: bool) -> None:
    """List the API keys, newest first."""
    keys = await backends.api_keys.list_keys()
    if as_json:
        print_json([_shown(key) for key in keys])
        return
    now = datetime.now(UTC)
    for key in keys:
        scopes = "all scopes" if key.scopes == ALL_SCOPES else ", ".join(sorted(key.scopes))
        name = f"  {key.name}" if key.name else ""
        line = f"{key.id:<12}  {key.prefix + '…':<13}  {_state(key, now):<20}  {key.email:<32}  {scopes:<24}"
        used = f"used {key.last_used_at:%Y-%m-%d %H:%M}Z" if key.last_used_at else "never used"
        click.echo(printable(f"{line}  {used}{name}"))


@click.command("revoke-key")
@with_backends
@click.argument("key", metavar="PREFIX|ID")
@json_option
async def revoke_key(backends: Backends, *, key: str, as_json: bool) -> None:
    """Revoke an API key, immediately and for good.

    PREFIX and ID are as list-keys shows them. Keys may share a prefix; then only the id names one.
    """
    revoked = await backends.api_keys.revoke_key(key)
    if revoked is None:
        raise click.ClickException(f"no key has the prefix or id {key!r}; `seekgate list-keys` shows them")
    if as_json:
        print_json(_shown(revoked))
    else:
        click.echo(printable(f"{revoked.prefix}… of {revoked.email} is revoked"))


def _shown(key: ApiKey) -> dict[str, object]:
    return {
        "id": key.id,
        "prefix": key.prefix,
        "name": key.name,
        "user": key.email,
        "live": key.owner.live,
        "scopes": sorted(key.scopes),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "last_used_at": key.last_used_at,
    }


def _state(key: ApiKey, now: datetime) -> str:
    if key.revoked_at:
        return f"revoked {key.revoked_at:%Y-%m-%d}"
    if key.expires_at:
        return f"{'expired' if key.expires_at <= now else 'until'} {key.expires_at:%Y-%m-%d}"
    return "valid"
