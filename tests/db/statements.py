"""Every statement that the database room knows, found by looking through its modules.

Knows: that statements are text constants of modules and classes. Refuses to know: what they say.
"""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any, Final

import gateway.db

VERBS: Final = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH|LOCK|CREATE|ALTER|DROP|NOTIFY|LISTEN)\b", re.ASCII)


def modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(gateway.db.__path__, "gateway.db."):
        yield importlib.import_module(found.name)


def _constants(owner: Any) -> Iterator[tuple[str, str]]:
    for name, value in vars(owner).items():
        if isinstance(value, str) and name.isupper() and VERBS.match(value):
            yield name, value


def _statements() -> Iterator[tuple[str, str]]:
    for module in modules():
        yield from _constants(module)
        for value in list(vars(module).values()):
            if isinstance(value, type) and value.__module__ == module.__name__:
                yield from _constants(value)


STATEMENTS: Final = dict(_statements())
