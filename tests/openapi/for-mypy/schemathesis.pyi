# The names of schemathesis that hooks.py uses, with the library's own types. Without this file mypy reads the whole
# library and what that imports, a quarter of everything that it reads.

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

_Check = TypeVar("_Check", bound=Callable[[CheckContext, Response, Any], bool | None])

class CheckContext: ...
class SerializationContext: ...

class Response:
    status_code: int
    headers: Mapping[str, list[str]]

def check(func: _Check) -> _Check: ...
def serializer(*media_types: str) -> Callable[[Callable[[SerializationContext, Any], bytes | None]], None]: ...
