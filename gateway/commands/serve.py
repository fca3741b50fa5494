"""serve, check-config.

Knows: the flags that stand above settings.
Refuses to know: sockets, signals, workers; `gateway/process/server.py` runs the gateway.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from gateway.commands.options import config_option, read_config
from gateway.commands.with_backends import options_told_plainly, told_plainly
from gateway.settings.load import Config, load, redacted, vexa_variables

_log: Final = logging.getLogger(__name__)

host_option = click.option("--host", help="The address to listen on.")
port_option = click.option("--port", type=int, help="The port to listen on; 0 lets the kernel choose.")


@click.command()
@config_option
@host_option
@port_option
@click.option("--workers", type=int, help="Processes that share the port; one per core unless given.")
def serve(*, config_path: Path | None, host: str | None, port: int | None, workers: int | None) -> int:
    """Run the gateway until it is told to stop."""
    flags = server_flags(host=host, port=port, workers=workers)
    config = read_config(config_path, flags)
    return serve_gateway(config, tell_vexa_variables, reload=lambda: load(config_path, overrides=flags))


@click.command("check-config")
@config_option
def check_config(config_path: Path | None) -> None:
    """Print the settings in force, without secrets; exit code 2 tells of faults."""
    click.echo(redacted(read_config(config_path)), nl=False)
    if found := vexa_variables():
        click.echo(f"Understood from Vexa's environment: {', '.join(found)}", err=True)


def tell_vexa_variables(_base_url: str) -> None:
    """Log what was understood."""
    if found := vexa_variables():
        _log.info("understood from Vexa's environment", extra={"variables": found})


def serve_gateway(
    config: Config,
    announce: Callable[[str], None] | None = None,
    reload: Callable[[], Config] | None = None,
) -> int:
    """Serve until told to stop; the exit code. `announce` and `reload` are those of `gateway.process.server.serve`."""
    from gateway.process.server import serve as serve_until_signal

    with told_plainly(), options_told_plainly():
        return serve_until_signal(config, announce, reload)


def server_flags(**flags: Any) -> dict[str, Any]:
    """The flags that were given, as settings."""
    return {"server": {name: value for name, value in flags.items() if value is not None}}
