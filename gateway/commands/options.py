"""Options that several commands share, the types of their values, and how results are printed."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click
import orjson

from gateway.settings.load import Config, ConfigError, load

_UNITS: Final = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_LONGEST_SECONDS: Final = 100 * 365 * 86_400
_LONGEST_NAME: Final = 255

config_option = click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    envvar="SEEKGATE_CONFIG",
    help="A file of settings; a setting that it leaves out keeps its default.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


class WrongConfig(click.ClickException):
    """Settings that cannot be used: every fault on a line of its own, exit code 2."""

    exit_code = 2


class Duration(click.ParamType[int]):
    """A length of time like 30d, 12h, 90m or 45s, in seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        match = re.fullmatch(r"([0-9]{1,10})([dhms])", str(value))
        seconds = int(match[1]) * _UNITS[match[2]] if match else 0
        if not 0 < seconds <= _LONGEST_SECONDS:
            self.fail(f"{value!r} is not a duration like 30d, 12h, 90m or 45s (at most 100 years)", param, ctx)
        return seconds


class Email(click.ParamType[str]):
    """An e-mail address: one @ with something printable on both sides."""

    name = "email"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value)
        if not re.fullmatch(r"[^@\s]+@[^@\s]+", text) or not text.isprintable() or len(text) > 254:
            self.fail(f"{text!r} is not an e-mail address like ada@example.org", param, ctx)
        return text


class Name(click.ParamType[str]):
    """A name for lists: one line that can be printed."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value).strip()
        if not text or not text.isprintable() or len(text) > _LONGEST_NAME:
            self.fail(f"{text!r} is not a line of 1 to {_LONGEST_NAME} printable characters", param, ctx)
        return text


def read_config(path: Path | None, overrides: Mapping[str, Any] | None = None) -> Config:
    """The configuration in force; faults in it end the command with code 2."""
    try:
        return load(path, overrides=overrides)
    except ConfigError as error:
        raise WrongConfig(f"the settings cannot be used\n{error}") from error


def counted(count: int, noun: str) -> str:
    """The number and the noun, which takes an s in the plural."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def print_json(value: object) -> None:
    """One line of JSON on stdout; times are RFC 3339 with `Z`."""
    click.echo(orjson.dumps(value, option=orjson.OPT_UTC_Z))


def printable(text: str) -> str:
    """The text without characters that a terminal would obey or cannot show: names may contain anything."""
    # File names are bytes: those that are not UTF-8 are surrogates here.
    shown = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in shown)
