"""`seekgate demo`: runs a gateway with recordings to play, which `gateway/demo` prepares."""

from functools import partial
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.panel import Panel
from rich.progress import MofNCompleteColumn
from rich.status import Status

from gateway.assembly.backends import Backends
from gateway.commands.bulk_work import progress_bar
from gateway.commands.options import config_option, read_config
from gateway.commands.serve import host_option, log_vexa_variables, port_option, serve_gateway, server_flags
from gateway.commands.with_backends import run_with_backends
from gateway.demo.corpus import seed_synthetic
from gateway.demo.preparation import Demo, prepare
from gateway.settings.load import Config

# Every demo has the storage backend, so that synthetic recordings of an earlier one stay readable.
_SYNTHETIC: Final = "synthetic"


@click.command()
@config_option
@host_option
@port_option
@click.option(
    "--recordings",
    type=click.IntRange(0, 262_139),
    default=0,
    help="Also add this many synthetic recordings, for load tests.",
)
def demo(*, config_path: Path | None, host: str | None, port: int | None, recordings: int) -> int:
    """Run a gateway with an account, a key and recordings to try."""
    flags = server_flags(host=host, port=port) | {"storages": {_SYNTHETIC: {"kind": "synthetic"}}}
    config = read_config(config_path, flags)
    with Console(stderr=True).status("Preparing the database and the recordings of the demo ...") as status:
        ready = run_with_backends(config, lambda backends: _prepare(config, backends, recordings, status))

    def announce(base_url: str) -> None:
        log_vexa_variables(base_url)
        console = Console(highlight=False)
        player = f"Player  [bold]{base_url}/[/]\nKey     [bold]{ready.key}[/]"
        console.print(Panel.fit(player, title="seekgate demo"))
        for line in ready.curl_lines(base_url):
            console.print(line, markup=False, soft_wrap=True)
        console.print(f"Data directory: {config.data_dir}. Ctrl-C stops the gateway.", markup=False, soft_wrap=True)

    return serve_gateway(config, announce)


async def _prepare(config: Config, backends: Backends, recordings: int, status: Status) -> Demo:
    ready = await prepare(config, backends)
    if recordings:
        status.stop()
        with progress_bar(Console(stderr=True), MofNCompleteColumn()) as progress:
            task = progress.add_task("registering synthetic recordings", total=recordings)
            storage = backends.storages[_SYNTHETIC]
            await seed_synthetic(backends.catalog, storage, ready.owner, recordings, partial(progress.advance, task))
    return ready
