"""Reads settings from environment variables: `SEEKGATE_SERVER__PORT=9000` → {"server": {"port": "9000"}}.

`__` separates the parts of a name, and `_FILE` at its end means a file that contains the value. Text is not parsed, so
that a secret may contain any character; only the text of a list is YAML, and `null` means "not set".
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, get_origin

from pydantic import BaseModel

from gateway.settings.faults import SettingFault
from gateway.settings.sections import Config

PREFIX: Final = "SEEKGATE_"
CONFIG_VARIABLE: Final = "SEEKGATE_CONFIG"
_FILE: Final = "_FILE"


class Environment:
    """The settings that the environment gives; `sources` says which variable gave which setting."""

    def __init__(self, variables: Mapping[str, str], parse: Callable[[str], Any]) -> None:
        self.document: dict[str, Any] = {}
        self.sources: dict[str, str] = {}
        self.faults: list[SettingFault] = []
        self._parse = parse
        for name in sorted(variables):
            if name.startswith(PREFIX) and name != CONFIG_VARIABLE:
                self._take(name, variables[name])

    def _take(self, variable: str, text: str) -> None:
        path = variable.removeprefix(PREFIX).removesuffix(_FILE).lower().split("__")
        try:
            value = self._value(path, _contents(text) if variable.endswith(_FILE) else text)
        except ValueError as error:
            self.faults.append(SettingFault(".".join(path), "(hidden)", str(error), variable))
        else:
            self._set(path, value, variable)

    def _value(self, path: list[str], text: str) -> Any:
        if text == "null":
            return None
        return self._parse(text) if _is_list(path) else text

    def _set(self, path: list[str], value: Any, variable: str) -> None:
        name = ".".join(path)
        if name in self.sources:
            self.faults.append(SettingFault(name, f"also by {self.sources[name]}", "one of the two", variable))
        inner = self.document
        for part in path[:-1]:
            inner = inner.setdefault(part, {})
            if not isinstance(inner, dict):
                inner = {}  # the outer variable is a fault of its own: a section is not text
        inner[path[-1]] = value
        self.sources[name] = variable


def _contents(path: str) -> str:
    try:
        return Path(path).read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"a readable file with the value ({path}: {error})") from None


def _is_list(path: list[str]) -> bool:
    field = Config.model_fields.get(path[0])
    section = field.annotation if field else None
    if len(path) != 2 or not isinstance(section, type) or not issubclass(section, BaseModel):
        return False
    inner = section.model_fields.get(path[1])
    return inner is not None and get_origin(inner.annotation) is tuple
