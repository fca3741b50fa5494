"""The command line: `seekgate COMMAND`.

Knows: the commands and the exit codes (0 done, 1 failed, 2 wrong usage or settings, 130 interrupted).
Refuses to know: what the commands do; each has its room in `gateway/commands`.

Expected trouble is one clear line on stderr; a traceback is a bug.
"""

import sys
from collections.abc import Sequence

import click

from gateway import __version__
from gateway.commands.demo import demo
from gateway.commands.import_recordings import import_media
from gateway.commands.manage_keys import create_key, list_keys, revoke_key
from gateway.commands.migrate import migrate
from gateway.commands.move_from_vexa import move_from_vexa
from gateway.commands.serve import check_config, serve
from gateway.commands.sign_url import sign_url


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="seekgate")
def seekgate() -> None:
    """Stream recorded media with exact byte-range serving."""


for _command in (
    serve,
    demo,
    create_key,
    list_keys,
    revoke_key,
    import_media,
    move_from_vexa,
    sign_url,
    migrate,
    check_config,
):
    seekgate.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and leave with its exit code."""
    sys.exit(_run(arguments))


def _run(arguments: Sequence[str] | None) -> int:
    try:
        # A command that ends early leaves through ctx.exit(), whose code comes back as the result.
        code = seekgate.main(args=arguments, prog_name="seekgate", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:  # click's word for Ctrl-C
        return 130
    return code if isinstance(code, int) else 0
