"""`seekgate serve`, and the functions that `demo` shares with it: flags that override settings, and running the gateway."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from gateway.commands.options import config_option, read_config
from gateway.commands.with_backends import expected_errors_reported, wrong_options_reported
from gateway.settings.load import Config, load, vexa_variables

_log: Final = logging.getLogger(__name__)

host_option = click.option("--host", help="The address to listen on.")
port_option = click.option("--port", type=int, help="The port to listen on; 0 means one that the kernel chooses.")


@click.command()
@config_option
@host_option
@port_option
@click.option("--workers", type=int, help="Processes that share the port; one for each core by default.")
def serve(*, config_path: Path | None, host: str | None, port: int | None, workers: int | None) -> int:
    """Run the gateway until it receives a signal to stop."""
    flags = server_flags(host=host, port=port, workers=workers)
    config = read_config(config_path, flags)
    return serve_gateway(config, log_vexa_variables, reload=lambda: load(config_path, overrides=flags))


def log_vexa_variables(_base_url: str) -> None:
    """Log Vexa's environment variables that gave settings."""
    if found := vexa_variables():
        _log.info("settings come from Vexa's environment variables", extra={"variables": found})


def serve_gateway(
    config: Config,
    announce: Callable[[str], None] | None = None,
    reload: Callable[[], Config] | None = None,
) -> int:
    """Serve until a signal arrives, and return the exit code. For the arguments see `gateway.process.server.serve`."""
    from gateway.assembly.backends import open_backends
    from gateway.assembly.site import running
    from gateway.process.server import Site
    from gateway.process.server import serve as serve_until_signal

    with expected_errors_reported(), wrong_options_reported():
        return serve_until_signal(Site(running, open_backends), config, announce, reload)


def server_flags(**flags: Any) -> dict[str, Any]:
    """The flags that were given, as settings."""
    return {"server": {name: value for name, value in flags.items() if value is not None}}
