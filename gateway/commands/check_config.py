"""`seekgate check-config`: the settings in force."""

from pathlib import Path

import click

from gateway.commands.options import config_option, read_config
from gateway.settings.load import redacted, vexa_variables


@click.command("check-config")
@config_option
def check_config(config_path: Path | None) -> None:
    """Print the settings in force, without secrets.

    The exit code is 2 if a setting cannot be used; every fault is printed.
    """
    click.echo(redacted(read_config(config_path)), nl=False)
    if found := vexa_variables():
        click.echo(f"Read from Vexa's environment variables: {', '.join(found)}", err=True)
