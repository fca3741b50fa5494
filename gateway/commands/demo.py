"""demo: a gateway with something to play, from nothing.

Knows: the flags, the page of text that a demo begins with, and that a demo can always read the synthetic corpus.
Refuses to know: what a demo consists of (gateway.demo.recording, gateway.demo.corpus), and how it is served.
"""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from gateway.commands.options import config_option, read_config
from gateway.commands.serve import host_option, port_option, serve_gateway, server_flags, tell_vexa_variables
from gateway.commands.with_backends import run_with_backends

if TYPE_CHECKING:
    from gateway.assembly.backends import Backends
    from gateway.demo.recording import Demo
    from gateway.settings.load import Config

# The storage that holds them; recordings that an earlier demo added stay readable.
_SYNTHETIC: Final = "synthetic"


@click.command()
@config_option
@host_option
@port_option
@click.option(
    "--recordings", type=click.IntRange(0, 262_139), default=0, help="Add so many synthetic recordings, for load tests."
)
def demo(*, config_path: Path | None, host: str | None, port: int | None, recordings: int) -> int:
    """Make an account, a key and a recording to try, and run the gateway."""
    flags = server_flags(host=host, port=port) | {"storages": {_SYNTHETIC: {"kind": "synthetic"}}}
    config = read_config(config_path, flags)
    ready = run_with_backends(config, lambda backends: _prepare(config, backends, recordings))

    def announce(base_url: str) -> None:
        tell_vexa_variables(base_url)
        console = Console(highlight=False)
        player = f"Player  [bold]{base_url}/[/]\nKey     [bold]{ready.key}[/]"
        console.print(Panel.fit(player, title="seekgate demo"))
        for line in ready.curl_lines(base_url):
            console.print(line, markup=False, soft_wrap=True)

    return serve_gateway(config, announce)


async def _prepare(config: "Config", backends: "Backends", recordings: int) -> "Demo":
    from gateway.demo.corpus import seed_synthetic
    from gateway.demo.recording import prepare

    ready = await prepare(config, backends)
    if recordings:
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("registering synthetic recordings", total=recordings)
            storage = backends.storages[_SYNTHETIC]
            await seed_synthetic(backends.catalog, storage, ready.owner, recordings, partial(progress.advance, task))
    return ready
