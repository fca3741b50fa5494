"""The limit of a lifetime only ever shortens max-age."""

import pytest

from gateway.protocol.cache_control import limit_lifetime


@pytest.mark.parametrize(
    ("given", "seconds", "limited"),
    [
        ("max-age=3600, public", 7200, "max-age=3600, public"),
        ("max-age=3600, public", 60, "max-age=60, public"),
        ("max-age=3600, public", -5, "max-age=0, public"),
        (
            "Max-Age=10, S-MaxAge=3600, stale-while-revalidate=90",
            60,
            "Max-Age=10, S-MaxAge=60, stale-while-revalidate=60",
        ),
        ("no-store", 60, "no-store"),
    ],
)
def test_a_lifetime_is_limited(given: str, seconds: int, limited: str) -> None:
    assert limit_lifetime(given, seconds) == limited
