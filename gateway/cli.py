"""The command line: `seekgate COMMAND`.

Exit codes: 0 done, 1 failed, 2 wrong usage or settings, 130 interrupted. An expected error is one clear line on stderr;
a traceback is a bug. A command's module is imported when the command is used, so that help is quick.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Final, NamedTuple

import click

from gateway import __version__


class CommandRow(NamedTuple):
    """The module and function of a command, and the sentence that the list of commands shows for it."""

    module: str
    function: str
    summary: str


COMMANDS: Final[Mapping[str, CommandRow]] = {
    "serve": CommandRow("serve", "serve", "Run the gateway until it receives a signal to stop."),
    "demo": CommandRow("demo", "demo", "Run a gateway with an account, a key and recordings to try."),
    "create-key": CommandRow("manage_keys", "create_key", "Create an API key and print it, once."),
    "list-keys": CommandRow("manage_keys", "list_keys", "List the API keys, newest first."),
    "revoke-key": CommandRow("manage_keys", "revoke_key", "Revoke an API key, immediately and for good."),
    "users": CommandRow("manage_users", "list_users", "List the accounts, oldest first, with what each holds."),
    "delete-user": CommandRow(
        "manage_users",
        "delete_user",
        "Delete an account with its keys, meetings, transcripts and recordings, for good.",
    ),
    "import": CommandRow(
        "import_recordings", "import_media", "Import media files, folders of them, and stored objects."
    ),
    "move-from-vexa": CommandRow("move_from_vexa", "move_from_vexa", "Take over a Vexa deployment."),
    "sign-url": CommandRow("sign_url", "sign_url", "Print a URL that plays a media file without a key."),
    "rotate-signing-key": CommandRow(
        "rotate_signing_key",
        "rotate_signing_key",
        "Replace the gateway's own signing key, which ends every URL that it signed.",
    ),
    "list-links": CommandRow(
        "list_links", "list_links", "List the share links that still work, with their use counts."
    ),
    "migrate": CommandRow("migrate", "migrate", "Apply the migrations that the database lacks."),
    "verify": CommandRow("verify", "verify", "Read what is stored again, and correct the catalogue where it differs."),
    "check-config": CommandRow("check_config", "check_config", "Print the settings in force, without secrets."),
}


class LazyGroup(click.Group):
    """The commands of the table, each imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        row = COMMANDS.get(cmd_name)
        if row is None:
            return None
        command: click.Command = getattr(import_module(f"gateway.commands.{row.module}"), row.function)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        with formatter.section("Commands"):
            formatter.write_dl([(name, row.summary) for name, row in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="seekgate")
def seekgate() -> None:
    """Stream recorded media with exact byte-range serving."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit with its code. Only its own account may read what it creates, unless a setting says more."""
    os.umask(0o077)
    sys.exit(_run(arguments))


def _run(arguments: Sequence[str] | None) -> int:
    try:
        # A command that ends early calls ctx.exit(); click returns that exit code as the result.
        code = seekgate.main(args=arguments, prog_name="seekgate", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:  # Ctrl-C
        return 130
    return code if isinstance(code, int) else 0
