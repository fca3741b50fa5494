"""A head is recognised by what it has before and after its range-set, exactly as by its key."""

import re
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gateway
from gateway.protocol.ranges import plain_span
from gateway.web.fast_path.head_keys import IGNORED_FIELDS, MAX_IGNORED, around_range, split_head, without_ignored

SIZE: Final = 10**9
LINES: Final = (
    b"Host: a",
    b"Range: bytes=0-1",
    b"range: bytes=5-",
    b"X-Range: bytes=7-8",
    b"X-Request-Id: 4f2a",
    b"x-request-id: 77",
    b"Accept: */*",
    b'If-Range: "a"',
    b"A: equest-I",
)  # fmt: skip
heads = st.lists(st.sampled_from(LINES), max_size=5).map(
    lambda lines: b"\r\n".join([b"GET /a HTTP/1.1", *lines, b"", b""])
)
range_sets = st.sampled_from([b"0-1", b"5-", b"17-400", b"", b"-5", b"1-2\r\nA: b", b"1-2\r\nRange: bytes=3-4"])


@given(head=heads, other=heads, put=range_sets)
def test_the_range_set_between_the_two_parts_is_the_one_that_split_head_finds(
    head: bytes, other: bytes, put: bytes
) -> None:
    before, after = around_range(head)
    for asked in (before + put + after, other):
        if before and asked.startswith(before) and asked.endswith(after) and len(asked) >= len(before + after):
            between = asked[len(before) : len(asked) - len(after)].decode()
            if plain_span(between, SIZE) is not None:
                assert split_head(asked) == (before + after, between, None)


@pytest.mark.parametrize("line", [b"X-Request-Id: 4f2a", b"x-request-id: 4f2a", b"Accept: */*"])
def test_a_head_is_not_divided_without_a_range_or_with_a_request_id(line: bytes) -> None:
    assert around_range(b"GET /a HTTP/1.1\r\n" + line + b"\r\n\r\n") == (b"", b"")


NAMES: Final = st.sampled_from([*IGNORED_FIELDS, "X-Cookie", "Cookies", "Host", ""]).flatmap(
    lambda name: st.sampled_from([name, name.upper(), name.title(), f" {name}", f"{name} "])
)
VALUES: Final = st.sampled_from(["", "a", "a: b", "\ta ", "é", "a\0", "a\nCookie: b", "a\rb", "Cookie: a"])
fields = st.lists(st.builds("{}:{}{}".format, NAMES, st.sampled_from(["", " "]), VALUES), max_size=MAX_IGNORED + 2)


@given(fields)
def test_only_whole_lines_are_removed(lines: list[str]) -> None:
    octets = [line.encode("latin-1") for line in lines]
    left = [b"GET /a HTTP/1.1"]
    for line, after in pairwise([*octets, b""]):
        is_whole = re.fullmatch(rb"[^:]+:[\t -~]*", line) and not after.startswith((b" ", b"\t"))
        if not (is_whole and line.partition(b":")[0].decode("latin-1").lower() in IGNORED_FIELDS):
            left.append(line)
    head = b"\r\n".join([b"GET /a HTTP/1.1", *octets, b"", b""])
    if len(octets) + 1 - len(left) <= MAX_IGNORED:
        assert without_ignored(head) == b"\r\n".join([*left, b"", b""])
    assert without_ignored(head).startswith(b"GET /a HTTP/1.1\r\n")


@cache
def names_read() -> frozenset[str]:
    """Whatever the gateway's modules have in quotes, and the attributes of hdrs and of requests, in small letters."""
    reading = re.compile(r"""["']([a-z0-9-]+)(?=["'])|hdrs\.(\w+)|request\.(\w+)""")
    modules = [path for path in Path(gateway.__file__).parent.rglob("*.py") if path.name != "head_keys.py"]
    return frozenset(name for path in modules for found in reading.findall(path.read_text().lower()) for name in found)


@pytest.mark.parametrize("name", IGNORED_FIELDS)
def test_nothing_reads_the_fields_that_are_removed(name: str) -> None:
    attribute = name.replace("-", "_")
    assert not names_read() & {name, attribute, f"{attribute}s"}
