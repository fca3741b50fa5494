"""serve, demo, check-config.

Knows: the flags that stand above settings, and the page of text that a demo begins with.
Refuses to know: sockets, signals, workers; `gateway/server.py` runs the gateway.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.panel import Panel

from gateway.commands.backends import options_told_plainly, run_with_backends, told_plainly
from gateway.commands.options import config_option, read_config
from gateway.config import Config, load, redacted, vexa_variables

_log: Final = logging.getLogger(__name__)

host_option = click.option("--host", help="The address to listen on.")
port_option = click.option("--port", type=int, help="The port to listen on; 0 lets the kernel choose.")


@click.command()
@config_option
@host_option
@port_option
@click.option("--workers", type=int, help="Processes that share the port.")
def serve(*, config_path: Path | None, host: str | None, port: int | None, workers: int | None) -> int:
    """Run the gateway until it is told to stop."""
    flags = _server(host=host, port=port, workers=workers)
    config = read_config(config_path, flags)
    return _serve(config, _tell_vexa_variables, reload=lambda: load(config_path, overrides=flags))


@click.command()
@config_option
@host_option
@port_option
def demo(*, config_path: Path | None, host: str | None, port: int | None) -> int:
    """Make an account, a key and a recording to try, and run the gateway."""
    from gateway.demo import prepare

    config = read_config(config_path, _server(host=host, port=port))
    ready = run_with_backends(config, lambda backends: prepare(config, backends))

    def announce(base_url: str) -> None:
        _tell_vexa_variables(base_url)
        console = Console(highlight=False)
        player = f"Player  [bold]{base_url}/[/]\nKey     [bold]{ready.key}[/]"
        console.print(Panel.fit(player, title="seekgate demo"))
        for line in ready.curl_lines(base_url):
            console.print(line, markup=False, soft_wrap=True)

    return _serve(config, announce)


@click.command("check-config")
@config_option
def check_config(config_path: Path | None) -> None:
    """Print the settings in force, without secrets; exit code 2 tells of faults."""
    click.echo(redacted(read_config(config_path)), nl=False)
    if found := vexa_variables():
        click.echo(f"Understood from Vexa's environment: {', '.join(found)}", err=True)


def _tell_vexa_variables(_base_url: str) -> None:
    if found := vexa_variables():
        _log.info("understood from Vexa's environment", extra={"variables": found})


def _serve(
    config: Config,
    announce: Callable[[str], None] | None = None,
    reload: Callable[[], Config] | None = None,
) -> int:
    from gateway.server import serve as serve_until_signal

    with told_plainly(), options_told_plainly():
        return serve_until_signal(config, announce, reload)


def _server(**flags: Any) -> dict[str, Any]:
    return {"server": {name: value for name, value in flags.items() if value is not None}}
