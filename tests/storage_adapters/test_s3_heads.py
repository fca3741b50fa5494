"""Heads of S3's responses: one that RFC 9112 allows is read, and an ambiguous one is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage_adapters.s3.http_heads import MalformedResponse, opening_of_get, parse_head, ranged_get


def fields_of(*lines: str) -> dict[str, str]:
    return dict(parse_head("".join(f"{line}\r\n" for line in ("HTTP/1.1 206 Partial Content", *lines)).encode()).fields)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        pytest.param("X: a b", "a b", id="plain"),
        pytest.param("X:a", "a", id="no-space"),
        pytest.param("X: \t a \t ", "a", id="white-space-around"),
        pytest.param("X:", "", id="empty"),
        pytest.param("X: a: b", "a: b", id="a-colon-inside"),
        pytest.param("x: a", "a", id="lower-case"),
    ],
)
def test_a_field_is_its_name_in_lower_case_and_its_value_trimmed(line: str, value: str) -> None:
    assert fields_of(line) == {"x": value}


def test_repeated_fields_are_a_list() -> None:
    assert fields_of("A: 1", "B: 2", "a: 3") == {"a": "1, 3", "b": "2"}


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"HTTP/2 200\r\n", id="another-version"),
        pytest.param(b"HTTP/1.1 20 OK\r\n", id="no-status"),
        pytest.param(b"HTTP/1.1 600 Odd\r\n", id="no-such-class"),
        pytest.param(b"HTTP/1.1 200OK\r\n", id="no-space-after-the-status"),
        pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n", id="another-protocol"),
        pytest.param(b"HTTP/1.1 200 OK\r\nno colon\r\n", id="no-colon"),
        pytest.param(b"HTTP/1.1 200 OK\r\nA : 1\r\n", id="white-space-before-the-colon"),
        pytest.param(b"HTTP/1.1 200 OK\r\n: 1\r\n", id="no-name"),
        pytest.param(b"HTTP/1.1 200 OK\r\nA: 1\r\n b\r\n", id="folded"),
        pytest.param(b"HTTP/1.1 200 OK\r\nA: 1\nB: 2\r\n", id="a-bare-lf"),
        pytest.param(b"HTTP/1.1 200 OK\r\nA: 1\rB: 2\r\n", id="a-bare-cr"),
        pytest.param(b"HTTP/1.1 200 OK\r\nA: \x00\r\n", id="nul"),
        pytest.param(b"HTTP/1.1 200 OK\r\nA: 1", id="cut"),
    ],
)
def test_bytes_that_are_not_a_head_are_malformed(octets: bytes) -> None:
    with pytest.raises(MalformedResponse):
        parse_head(octets)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_head_or_malformed(octets: bytes) -> None:
    try:
        head = parse_head(b"HTTP/1.1 206 " + octets + b"\r\n")
    except MalformedResponse:
        return
    assert head.status == 206
    assert all(name == name.lower() and not set(value) & set("\r\n\0") for name, value in head.fields.items())


@pytest.mark.parametrize(
    ("status", "fields", "length"),
    [
        pytest.param(206, ["Content-Length: 5"], 5, id="said"),
        pytest.param(206, [], None, id="not-said"),
        pytest.param(206, ["Content-Length: 5", "Content-Length: 5"], None, id="said-twice"),
        pytest.param(206, ["Content-Length: +5"], None, id="no-digits"),
        pytest.param(206, [f"Content-Length: {'9' * 5000}"], None, id="endless"),
        pytest.param(206, ["Content-Length: 5", "Transfer-Encoding: chunked"], None, id="chunked-overrides"),
        pytest.param(204, [], 0, id="no-content"),
        pytest.param(304, ["Content-Length: 5"], 0, id="not-modified"),
    ],
)
def test_the_length_of_the_body_is_what_rfc_9112_says(status: int, fields: list[str], length: int | None) -> None:
    lines = "".join(f"{field}\r\n" for field in fields)
    assert parse_head(f"HTTP/1.1 {status} \r\n{lines}".encode()).body_bytes == length


@pytest.mark.parametrize(
    ("octets", "persists"),
    [
        pytest.param(b"HTTP/1.1 206\r\n", True, id="by-default"),
        pytest.param(b"HTTP/1.1 206 \r\nConnection: Keep-Alive\r\n", True, id="said-so"),
        pytest.param(b"HTTP/1.1 206 \r\nConnection: x, Close\r\n", False, id="close"),
        pytest.param(b"HTTP/1.0 206 \r\n", False, id="http-1.0"),
    ],
)
def test_a_connection_persists_unless_it_is_said_to_close(octets: bytes, *, persists: bool) -> None:
    assert parse_head(octets).is_persistent is persists


def test_a_request_names_the_span_and_the_version() -> None:
    opening = opening_of_get("/bucket/key?signature", "s3.example.test")
    lines = ranged_get(opening, "bytes=0-9", "abc").decode().split("\r\n")
    assert lines[:2] == ["GET /bucket/key?signature HTTP/1.1", "Host: s3.example.test"]
    assert lines[-4:] == ["Range: bytes=0-9", 'If-Match: "abc"', "", ""]
    assert "Accept-Encoding: identity" in lines
