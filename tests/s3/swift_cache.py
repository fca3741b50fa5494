"""What Swift's proxy asks of memcached, in a dict: runs inside the proxy, not in the tests.

Without it every request asks for the account and the container again.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

Application = Callable[[dict[str, Any], Any], Any]


class LocalCache:
    """Values with an expiry, by key; the arguments that only concern a network are taken and not used."""

    def __init__(self) -> None:
        self._values: dict[str, tuple[Any, float]] = {}

    def get(self, key: str, **_: object) -> Any:
        value, expires_at = self._values.get(key, (None, 0.0))
        if expires_at and expires_at < time.time():
            del self._values[key]
            return None
        return value

    def set(self, key: str, value: Any, time: float = 0, **_: object) -> bool:
        self._values[key] = (value, now() + time if time else 0.0)
        return True

    def incr(self, key: str, delta: int = 1, time: float = 0, **_: object) -> int:
        value = max(0, int(self.get(key) or 0) + int(delta))
        self.set(key, value, time=time)
        return value

    def decr(self, key: str, delta: int = 1, time: float = 0, **_: object) -> int:
        return self.incr(key, -int(delta), time)

    def delete(self, key: str, **_: object) -> None:
        self._values.pop(key, None)

    def set_multi(self, mapping: Mapping[str, Any], *_: object, time: float = 0, **__: object) -> bool:
        return all(self.set(key, value, time=time) for key, value in mapping.items())

    def get_multi(self, keys: list[str], *_: object, **__: object) -> list[Any]:
        return [self.get(key) for key in keys]


def now() -> float:
    """The clock, by a name that no argument hides."""
    return time.time()


def filter_factory(_: Mapping[str, str], **__: str) -> Callable[[Application], Application]:
    """What PasteDeploy calls: put the cache into every request's environment."""
    cache = LocalCache()

    def wrap(application: Application) -> Application:
        def call(environ: dict[str, Any], start_response: Any) -> Any:
            environ["swift.cache"] = cache
            return application(environ, start_response)

        return call

    return wrap
