"""Loads one frozen Config from files, environment and flags; all faults are reported together.

Each layer overrides those before it: the packaged `config.yaml`, Vexa's names in the environment, `--config FILE`,
`SEEKGATE_…`, flags. Mappings are merged key by key. A storage backend given as `null` is left out, and one of another
`kind` replaces that of the earlier layer.
"""

import os
from collections.abc import Iterable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import ValidationError

from gateway.settings.documents import SafeLoader, read_text
from gateway.settings.environment import Environment
from gateway.settings.faults import ConfigError, SettingFault, faults_of, without_password
from gateway.settings.sections import Config
from gateway.settings.vexa_environment import read_vexa

__all__ = ["Config", "ConfigError", "SettingFault", "load", "redacted", "vexa_variables"]

# Kind of storage backend, its setting, and the default folder of that setting in the data directory.
_FOLDERS: Final = (("local", "root", "media"), ("s3", "cache_folder", "slices"))


class _Loader(SafeLoader):
    """Safe YAML in which a name given twice is a fault: the first value would be lost silently."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's signature
        names = [key.value for key, _ in node.value]
        for number, (key, _) in enumerate(node.value):
            if key.value in names[:number]:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} is given twice", key.start_mark)
        return super().construct_mapping(node, deep)


def load(
    path: Path | None, environ: Mapping[str, str] | None = None, overrides: Mapping[str, Any] | None = None
) -> Config:
    """The configuration in force.

    `path` is a file of settings, or None; `environ` defaults to the process's own; `overrides` is a
    document like the file's, from flags. Raises ConfigError with every fault.
    """
    variables = os.environ if environ is None else environ
    environment, vexa = Environment(variables, _parse), read_vexa(variables)
    faults = [*vexa.faults, *environment.faults]
    document = _parse(read_text("config.yaml"))
    for layer in (deepcopy(vexa.document), _read(path, faults), environment.document, overrides or {}):
        _merge_top(document, layer)
    in_force = {name: by for name, by in vexa.sources.items() if _at(document, name) == _at(vexa.document, name)}
    _fill_in(document, variables)
    return _check(document, in_force | environment.sources, faults)


def vexa_variables(environ: Mapping[str, str] | None = None) -> list[str]:
    """Vexa's environment variables that give settings, to be shown with the configuration."""
    return sorted(set(read_vexa(os.environ if environ is None else environ).sources.values()))


def redacted(config: Config) -> str:
    """The configuration as YAML, without its secrets."""
    document = config.model_dump(mode="json")
    document["database"]["url"] = without_password(config.database.url)
    if config.database.listen_url:
        document["database"]["listen_url"] = without_password(config.database.listen_url)
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


def default_data_dir(environ: Mapping[str, str], user_id: int) -> str:
    """The default data directory (XDG Base Directory Specification); for root, that of system services."""
    home = environ.get("XDG_DATA_HOME", "")
    if home.startswith("/"):  # the specification says to ignore relative ones
        return f"{home}/seekgate"
    return "/var/lib/seekgate" if user_id == 0 else "~/.local/share/seekgate"


def _parse(text: str) -> Any:
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader that refuses more
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise ValueError(f"YAML; line {mark.line + 1 if mark else '?'}: {error.problem}") from None
    except yaml.YAMLError as error:
        raise ValueError(f"YAML; {error}".splitlines()[0]) from None


def _read(path: Path | None, faults: list[SettingFault]) -> dict[str, Any]:
    """The file's document; an error goes to `faults`, so that it hides no other."""
    if path is None:
        return {}
    try:
        document = _parse(path.read_text("utf-8"))
    except OSError as error:
        faults.append(SettingFault(f"--config {path}", "a file that cannot be read", f"a readable file ({error})"))
    except ValueError as error:
        faults.append(SettingFault(f"--config {path}", "a malformed file", str(error)))
    else:
        if isinstance(document, dict):
            return {str(name): value for name, value in document.items()}
        if document is not None:
            faults.append(SettingFault(f"--config {path}", f"a {type(document).__name__}", "a mapping of settings"))
    return {}


def _at(document: Mapping[str, Any], name: str) -> Any:
    """The setting of this dotted name, None if there is none."""
    found: Any = document
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _merge_top(base: dict[str, Any], layer: Mapping[str, Any]) -> None:
    # `server:` with nothing below it, as when all its settings are commented out, sets nothing.
    _merge(base, {k: v for k, v in layer.items() if v is not None or not isinstance(base.get(k), dict)})


def _merge(base: dict[str, Any], layer: Mapping[str, Any]) -> None:
    for name, value in layer.items():
        below = base.get(name)
        if (
            isinstance(below, dict)
            and isinstance(value, dict)
            and value.get("kind", below.get("kind")) == below.get("kind")
        ):
            _merge(below, value)
        else:
            base[name] = value


def _fill_in(document: dict[str, Any], environ: Mapping[str, str]) -> None:
    """Add the default data directory and folders, and remove storage backends that are null."""
    fallback = default_data_dir(environ, os.geteuid())
    document["data_dir"] = document.get("data_dir") or fallback
    folder = document["data_dir"] if isinstance(document["data_dir"], str | Path) else fallback
    storages = document["storages"]
    if isinstance(storages, dict):
        document["storages"] = {str(name): value for name, value in storages.items() if value is not None}
        for kind, setting, name in _FOLDERS:
            for storage in _of_kind(kind, document["storages"].values()):
                storage[setting] = storage.get(setting) or str(Path(folder) / name)


def _of_kind(kind: str, storages: Iterable[Any]) -> list[dict[str, Any]]:
    return [storage for storage in storages if isinstance(storage, dict) and storage.get("kind") == kind]


def _check(document: dict[str, Any], sources: Mapping[str, str], faults: list[SettingFault]) -> Config:
    storages, default = document["storages"], document["default_storage"]
    if isinstance(storages, dict) and isinstance(default, str) and default not in storages:
        allowed = ", ".join(storages) or "the name of a storage backend, and none is configured"
        faults.append(SettingFault("default_storage", repr(default), allowed, sources.get("default_storage")))
    try:
        config = Config.model_validate(document)
    except ValidationError as error:
        raise ConfigError([*faults, *faults_of(error, sources)]) from None
    if faults:
        raise ConfigError(faults)
    return config
