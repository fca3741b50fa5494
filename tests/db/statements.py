"""Every statement of `gateway.db`: the text constants of its modules and classes that begin with a verb of SQL."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any, Final

import gateway.db

# `DELETE 0` is a command tag.
VERBS: Final = re.compile(
    r"(?!DELETE \d+$)\s*(SELECT|INSERT|UPDATE|DELETE|WITH|LOCK|CREATE|ALTER|DROP|NOTIFY|LISTEN)\b", re.ASCII
)
PLACEHOLDER: Final = re.compile(r"{\w+}", re.ASCII)

# Its statements are for Vexa's tables; tests/imports runs every one of them.
OF_ANOTHER_DATABASE: Final = "gateway.db.vexa_move.vexa_source"


def modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(gateway.db.__path__, "gateway.db."):
        if found.name != OF_ANOTHER_DATABASE:
            yield importlib.import_module(found.name)


def _constants(owner: Any) -> Iterator[tuple[str, str]]:
    for name, value in vars(owner).items():
        if isinstance(value, str) and name.isupper() and VERBS.match(value):
            yield name, value


def is_template(text: str) -> bool:
    """Whether the text has a placeholder, such as `{order}`: it is not a statement yet."""
    return PLACEHOLDER.search(text) is not None


def _all_constants() -> Iterator[tuple[str, str]]:
    for module in modules():
        yield from _constants(module)
        for value in list(vars(module).values()):
            if isinstance(value, type) and value.__module__ == module.__name__:
                yield from _constants(value)


CONSTANTS: Final = dict(_all_constants())
STATEMENTS: Final = {name: text for name, text in CONSTANTS.items() if not is_template(text)}
