"""`seekgate list-links`: the share links that still work."""

import click

from gateway.assembly.backends import Backends
from gateway.catalog.share_links import ShareLink
from gateway.commands.options import Email, json_option, print_json, printable
from gateway.commands.with_backends import with_backends


@click.command("list-links")
@with_backends
@click.option("--user", "email", type=Email(), help="List only the links of this user.")
@json_option
async def list_links(backends: Backends, *, email: str | None, as_json: bool) -> None:
    """List the share links that still work, with their use counts."""
    # A user with links has a key too, because links are made with keys.
    owners = {key.owner: key.email for key in await backends.api_keys.list_keys()}
    found = [
        (owner_email, link)
        for owner, owner_email in owners.items()
        if email is None or owner_email.lower() == email.lower()
        for link in await backends.share_links.list_links(owner)
    ]
    if as_json:
        print_json([_shown(owner, link) for owner, link in found])
        return
    for owner, link in found:
        expires = f"until {link.expires_at:%Y-%m-%d}" if link.expires_at else "for ever"
        line = f"{link.id:<12}  recording {link.recording_id:<12}  {expires}  used {link.use_count} times  {owner}"
        click.echo(printable(line))


def _shown(owner: str, link: ShareLink) -> dict[str, object]:
    return {
        "id": link.id,
        "recording_id": link.recording_id,
        "user": owner,
        "created_at": link.created_at,
        "expires_at": link.expires_at,
        "start_seconds": link.start_seconds,
        "use_count": link.use_count,
        "last_used_at": link.last_used_at,
    }
