"""`seekgate rotate-signing-key`: replaces the gateway's own signing key, which ends every URL that it signed."""

from pathlib import Path

import click

from gateway.assembly.backends import Backends
from gateway.commands.options import config_option, json_option, print_json, read_config
from gateway.commands.with_backends import run_with_backends
from gateway.protocol.signing import new_signing_key


@click.command("rotate-signing-key")
@config_option
@json_option
def rotate_signing_key(*, config_path: Path | None, as_json: bool) -> None:
    """Replace the gateway's own signing key, which ends every URL that it signed.

    Playback, download and upload URLs that were signed before are refused within a second by every running gateway.
    Presigned URLs of a storage backend are not affected. Keys in playback.signing_keys are rotated in the settings.
    """
    config = read_config(config_path)
    if config.playback.signing_keys:
        kids = ", ".join(key.kid for key in config.playback.signing_keys)
        raise click.ClickException(
            f"playback.signing_keys is set ({kids}), so the gateway's own key signs nothing: put a new key first in that"
            " setting, remove the old ones, and reload every gateway"
        )
    new = new_signing_key()

    async def rotate(backends: Backends) -> None:
        await backends.signing_secrets.replace_signing_key(new.kid, new.secret)

    run_with_backends(config, rotate)
    if as_json:
        print_json({"kid": new.kid})
    else:
        click.echo(f"{new.kid} signs from now on; every URL that was signed before is refused within a second")
