"""`seekgate sign-url`: a playback URL from the command line."""

import time
from pathlib import Path

import click

from gateway.assembly.backends import Backends
from gateway.commands.options import Duration, config_option, read_config
from gateway.commands.with_backends import run_with_backends
from gateway.protocol.byte_path import byte_path
from gateway.protocol.signing import Disposition, Grant, owner_text


@click.command("sign-url")
@config_option
@click.argument("recording", type=int)
@click.argument("media", type=int)
@click.option(
    "--expires-in", type=Duration(), metavar="30d|12h|90m|45s", help="When it expires, instead of the setting."
)
@click.option("--attachment", is_flag=True, help="Make browsers save the file instead of playing it.")
def sign_url(*, config_path: Path | None, recording: int, media: int, expires_in: int | None, attachment: bool) -> None:
    """Print a URL that plays a media file without a key.

    RECORDING and MEDIA are ids. The URL works until it expires.
    """
    config = read_config(config_path)
    if config.server.port == 0 and config.server.public_url is None:
        raise click.ClickException("the port is chosen at each start: set server.port or server.public_url")
    disposition: Disposition = "attachment" if attachment else "inline"

    async def sign(backends: Backends) -> str | None:
        owner = await backends.catalog.find_owner(recording, media)
        if owner is None:
            return None
        grant = Grant(owner_text(owner.user_id, owner.live), recording, media, disposition)
        return backends.signer.sign(grant, now=time.time(), expires_in_seconds=expires_in).query

    query = run_with_backends(config, sign)
    if query is None:
        raise click.ClickException(f"there is no media file {media} in a recording {recording}")
    click.echo(f"{config.server.base_url(config.server.port)}{byte_path(recording, media)}?{query}")
