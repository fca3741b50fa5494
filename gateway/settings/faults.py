"""Describes the faults of settings for the person who wrote them.

A fault never shows a secret. An unknown name may be a misspelt one, so its value is not shown either.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from gateway.settings.sections import Config, SigningKeySettings
from gateway.settings.storages import LocalSettings, MemorySettings, S3Settings, SyntheticSettings

Location = tuple[int | str, ...]

_STORAGES: Final[Mapping[object, type[BaseModel]]] = {
    "local": LocalSettings,
    "memory": MemorySettings,
    "s3": S3Settings,
    "synthetic": SyntheticSettings,
}
_SECRETS: Final = {"internal_secret", "secret", "secret_access_key", "session_token"}
# A value in the place of a section may contain the secrets of that section.
_SECTION: Final = frozenset({"dict_type", "model_attributes_type", "model_type"})
_WHOLE: Final = _SECTION | {"tuple_type"}
_ALLOWED: Final[Mapping[str, str]] = dict.fromkeys(_SECTION, "a mapping of names to settings") | {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "float_parsing": "a number",
    "int_parsing": "a whole number",
    "missing": "a value: it has no default",
    "path_not_file": "the path of a file that exists",
    "string_type": "text (numbers need quotes to be text)",
    "tuple_type": "a list, as [a, b]",
    "union_tag_invalid": "local, memory, s3 or synthetic",
    "union_tag_not_found": "local, memory, s3 or synthetic",
}


@dataclass(frozen=True, slots=True)
class SettingFault:
    """One setting that cannot be used: its dotted name, what was given, what is allowed."""

    name: str
    given: str
    allowed: str
    source: str | None = None

    def __str__(self) -> str:
        source = f" by {self.source}" if self.source else ""
        return f"{self.name}: given{source} {self.given}; allowed: {self.allowed}"


class ConfigError(Exception):
    """The settings cannot be used; `faults` lists every reason."""

    def __init__(self, faults: Sequence[SettingFault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = tuple(faults)


def without_password(url: str) -> str:
    """The URL as it may be shown: everything before the last `@` and in the query is hidden."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url if "@" not in url else "(hidden)"
    shown, question, _ = rest.rpartition("@")[2].partition("?")
    return f"{scheme}://{'***@' if '@' in rest else ''}{shown}{'?***' if question else ''}"


def faults_of(trouble: ValidationError, sources: Mapping[str, str]) -> list[SettingFault]:
    """Pydantic's errors in our words; `sources` says which environment variable gave a setting."""
    return [_fault(error["type"], error["loc"], error, sources) for error in trouble.errors(include_url=False)]


def _fault(kind: str, loc: Location, error: Mapping[str, Any], sources: Mapping[str, str]) -> SettingFault:
    name = _dotted(loc) + (".kind" if kind.startswith("union_tag") else "")
    given = "nothing" if kind in {"missing", "union_tag_not_found"} else _shown(kind, loc, error)
    allowed, source = _allowed(kind, loc, error), sources.get(name)
    if source is not None and kind in _SECTION:
        allowed += f" (a variable gives one setting: {source}__...)"
    return SettingFault(name, given, allowed, source)


def _dotted(loc: Location) -> str:
    if loc[0] == "storages" and len(loc) > 2:
        loc = loc[:2] + loc[3:]  # pydantic puts the storage's kind between its name and the setting
    return ".".join(map(str, loc))


def _shown(kind: str, loc: Location, error: Mapping[str, Any]) -> str:
    value = error["ctx"]["tag"] if kind == "union_tag_invalid" else error["input"]
    if kind == "extra_forbidden":
        return "a name that is not a setting"
    if _SECRETS.intersection(loc):
        return "(hidden)"
    if isinstance(value, Mapping | list | tuple):
        return "a mapping" if isinstance(value, Mapping) else "a list"
    if kind in _WHOLE and isinstance(value, str):
        return "text"
    return repr(without_password(value)[:200] if isinstance(value, str) else value)


def _allowed(kind: str, loc: Location, error: Mapping[str, Any]) -> str:
    if kind == "value_error":
        return str(error["ctx"]["error"])
    if kind == "extra_forbidden":
        return ", ".join(_section_at(loc[:-1]).model_fields)
    return _ALLOWED.get(kind) or re.sub(r"^(Input|String) should ", "", error["msg"]).removeprefix("be ")


def _section_at(loc: Location) -> type[BaseModel]:
    match loc:
        case ():
            return Config
        case ("storages", _, kind):
            return _STORAGES[kind]
        case ("playback", "signing_keys", _):
            return SigningKeySettings
    section = Config.model_fields[str(loc[0])].annotation
    return section if isinstance(section, type) and issubclass(section, BaseModel) else Config
