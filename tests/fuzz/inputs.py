"""Hostile requests, made from a seed: what a grammar allows, and what is one mutation away from it.

Each kind of input is a function of a `random.Random`, so that a failing case is found again by its number.
"""

import json
from collections.abc import Callable
from random import Random
from typing import Any, Final, NamedTuple

BOUNDARY: Final = "B0undary"


class Targets(NamedTuple):
    """What the requests aim at: a key, the shared secret of bots, the byte route, a recording, upload tokens."""

    key: str
    secret: str
    target: str
    recording: str
    put: str
    tus: str


class Case(NamedTuple):
    """The octets of a request, in the pieces in which they are sent; `method` is None where they may be anything."""

    pieces: tuple[bytes, ...]
    method: str | None


# fmt: off
METHODS: Final = (
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PRI", "get", "PROPFIND", "QUERY", "M-SEARCH", "", "G\0T", "GET\t", "A" * 40,
)
VERSIONS: Final = ("HTTP/1.1",) * 60 + ("HTTP/1.0", "HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/1.2", "HTTP/1.11", "http/1.1", "HTTP/1.1 ", "", "ICY/1.0", "HTTP/-1.1")
TARGETS: Final = (
    "/", "/livez", "/readyz", "/metrics", "/openapi.json", "/docs", "/docs/000000000000/swagger-ui.css", "/player/000000000000/player.css", "/no/such", "/recordings",
    "/recordings/1", "/recordings/1/master", "/recordings/1/transcript", "/recordings/1/media/2/raw", "/recordings/1/media/2/download",
    "/recordings/1/media/2/playback-url", "/recordings/1/media/2/waveform", "/transcripts/zoom/1", "/internal/recordings/upload", "/v1/recordings",
    "/v1/recordings/$recording", "/v1/recordings/$recording/transcript", "/v1/recordings/$recording/links", "/v1/recordings/$recording/links/lnk_1",
    "/v1/recordings/$recording/upload-url", "/v1/recordings/$recording/upload-complete", "/v1/recordings/$recording/download-url", "/v1/uploads/tus",
    "/shared/lk_1", "/shared/lk_1/embed", "/shared/lk_1/recording.json", "/shared/lk_1/captions.vtt", "/shared/lk_1/media/0/waveform",
    "$target", "$target", "$target", "$put", "$tus", "*", "http://x/livez", "https://x$target", "http://x:99999/", "//", "//x/livez", "/%00", "/%2e%2e/%2f",
    "/recordings/%ff", "livez", "x:80", "", "/ /", "/\x7f", "/livez#x", "/livez?#", "http:/livez", "http://", "http://[::1/", "/%", "/%zz", "ftp://x/", "/recordings/../livez", "/./livez",
)
QUERIES: Final = ("limit", "offset", "meeting_id", "status", "cursor", "device_id", "end_user_id", "q", "created_after", "created_before", "type", "sig", "exp", "kid", "own", "by", "dis", "x", "")
VALUES: Final = (
    "", "0", "1", "-1", "25", "9" * 19, "9" * 5000, str(2**63), "1.5", "1e9", "NaN", "+1", "%00", "%ff", "%ed%a0%80", "%", "%zz", "%c3%a4", "true", "null", "a" * 300,
    "completed", "audio", "[]", "{}", "%22", "'", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "2026-02-30T00:00:00Z", "2026-01-01T00:00:60Z", "2026-01-01T24:00:00Z",
    "%D9%A1", "%3B", "+", "%0d%0aX:1", "(a|b)*%3A%26!", "%F0%9F%8E%A7", "&&", "=", "1%002", "-", "a%20-b", "%22a b%22", "%E2%80%AE",
)
FIELDS: Final = (
    "Accept", "Accept-Encoding", "Authorization", "Connection", "Content-Encoding", "Content-Length", "Content-MD5", "Content-Range", "Content-Type", "Cookie", "Date",
    "Expect", "Forwarded", "Host", "Idempotency-Key", "If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since", "Keep-Alive", "Origin",
    "Access-Control-Request-Method", "Access-Control-Request-Headers", "Prefer", "Proxy-Authorization", "Range", "Referer", "Sec-WebSocket-Key", "Sec-WebSocket-Version", "TE", "Trailer", "Transfer-Encoding", "Tus-Resumable",
    "Upgrade", "HTTP2-Settings", "Upload-Checksum", "Upload-Length", "Upload-Metadata", "Upload-Offset", "Upload-Defer-Length", "User-Agent", "Via", "X-API-Key",
    "X-Amz-Checksum-Sha256", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-HTTP-Method-Override", "X-Request-Id", "traceparent", "X", "Received-Expect", "Received-Upgrade",
)
FIELD_VALUES: Final = (
    b"", b" ", b"0", b"1", b"-1", b"+1", b"5, 5", b"5,6", b"9" * 30, b"1_0", b"0x10", b"\xff", b"\xed\xa0\x80", b"\xc3\xa4", b"\t", b"a\tb", b"\0", b"\x0b", b"\x7f", b"\x1b[31m", b"a" * 300, b"a" * 5000, b",", b"," * 600, b";", b"=",
    b"*", b'"x"', b'W/"x"', b'"', b'"x", "y"', b'"x" "y"', b"bytes=0-0", b"bytes=0-", b"bytes=-1", b"bytes=-0", b"bytes=" + b"0-0," * 500, b"bytes=" + b"9" * 5000 + b"-", b"bytes=1-0", b"bytes=a-b", b"BYTES=0-1", b"bytes = 0-1", b"items=0-1",
    b"bytes=0-1,5-6", b"bytes=0-1,,,5-6", b"bytes 0-1/2", b"chunked", b"Chunked", b"gzip, chunked", b"chunked, chunked", b"identity", b"xchunked", b"close", b"keep-alive", b"upgrade", b"Upgrade, HTTP2-Settings", b"websocket", b"h2c", b"100-continue", b"100-CONTINUE", b"a miracle",
    b"100-continue, 100-continue", b"application/json", b"text/vtt", b"multipart/form-data; boundary=" + BOUNDARY.encode(), b"multipart/form-data", b'multipart/form-data; boundary=""', b"multipart/mixed; boundary=x", b"application/offset+octet-stream", b"audio/mpeg", b"text/plain; charset=x-unknown", b"application/json; charset=utf-16",
    b"Sun, 06 Nov 1994 08:49:37 GMT", b"Sunday, 06-Nov-94 08:49:37 GMT", b"Sun Nov  6 08:49:37 1994", b"Fri, 31 Dec 9999 23:59:59 GMT", b"Mon, 01 Jan 0001 00:00:00 GMT", b"Thu, 30 Feb 2026 00:00:00 GMT", b"1.0.0", b"0.2.2", b"PATCH", b"HEAD", b"DELETE", b"TRACE",
    b"sha1 2jmj7l5rSw0yVb/vlWAYkK/YBwk=", b"md5 x", b"crc32 AAAA", b"recording_id cmVj,type YXVkaW8=", b"recording_id", b"recording_id ====", b"x y z", b"https://player.example", b"null", b"x", b"x:80", b"[::1]:80", b"a b", b"x/y", b"gzip;q=1.0, *;q=0", b"*;q=0.000", b"gzip" + b";q=1" * 300,
    b"Basic eDp5", b"Bearer", b"Bearer ", b"Bearer x", b"bearer sk_live_x", b"basic", b"id", b"4f2a",
)
# fmt: on


def raw_request(targets: Targets, random: Random) -> Case:
    """A request of any method, target and fields; half of them are mutated octet by octet."""
    method, target, version = _method(random), _target(targets, random), random.choice(VERSIONS)
    lines = [f"{method} {target} {version}".encode("latin-1")]
    if random.random() < 0.9:
        lines.append(b"Host: x")
    if random.random() < 0.6:
        lines.append(b"X-API-Key: " + targets.key.encode())
    lines += [_field(random) for _ in range(random.choice((0, 1, 1, 2, 3, 5, 8, 70)))]
    body = _any_body(random)
    if body and random.random() < 0.8:
        lines.append(b"Content-Length: %d" % len(body))
    lines.append(b"Connection: close")
    octets = b"\r\n".join(lines) + b"\r\n\r\n" + body
    if random.random() < 0.4:
        octets = _mutated(octets, random)
    return Case(_cut(octets, random), None)


def json_request(targets: Targets, random: Random) -> Case:
    """A JSON body for any of the routes that take one, or what is nearly JSON."""
    method, path, members = random.choice(JSON_ROUTES)
    if random.random() < 0.7:
        document: Any = {random.choice(members): _value(random, 0) for _ in range(random.randrange(5))}
    else:
        document = _value(random, 0)
    body = json.dumps(document, ensure_ascii=random.random() < 0.5).encode(errors="surrogatepass")
    if random.random() < 0.3:
        body = _mutated(body, random)
    kind = random.choice(("application/json", "application/json", "text/vtt", "application/x-subrip"))
    fields = [("Content-Type", kind)]
    if random.random() < 0.2:
        fields.append(("Idempotency-Key", random.choice(("a", "b", "x" * 255, "x" * 256, "", " "))))
    return _whole(targets, method, path.replace("$recording", targets.recording), fields, body, random)


def query_request(targets: Targets, random: Random) -> Case:
    """A GET with an unexpected query."""
    target = random.choice([each for each in TARGETS if each.startswith("/") or each == "$target"])
    return _whole(targets, "GET", f"{_named(targets, target)}?{_query(random)}", [], b"", random)


def form_request(targets: Targets, random: Random) -> Case:
    """A meeting bot's form, or what is nearly one."""
    parts = [_part(random) for _ in range(random.choice((0, 1, 2, 3, 4, 40)))]
    if random.random() < 0.7:
        parts = [PART_HEADS[0] % b"session_uid" + b"\r\n\r\ns%d" % random.randrange(9), *parts[:3]]
    if random.random() < 0.7:
        parts.append(b'Content-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + random.randbytes(50))
    mark = b"\r\n--" + BOUNDARY.encode()
    body = b"".join(mark + b"\r\n" + part for part in parts) + mark + random.choice((b"--\r\n", b"--", b"", b"\r\n"))
    body = random.choice((b"", b"preamble")) + (body[2:] if random.random() < 0.8 else body)
    if random.random() < 0.4:
        body = _mutated(body, random)
    kind = random.choice((f"multipart/form-data; boundary={BOUNDARY}",) * 8 + FORM_TYPES)
    return _whole(targets, "POST", "/internal/recordings/upload", [("Content-Type", kind)], body, random)


def upload_request(targets: Targets, random: Random) -> Case:
    """A PUT or a tus request with fields that do not fit each other."""
    method = random.choice(
        ("PUT", "PATCH", "HEAD", "DELETE" if random.random() < 0.002 else "PATCH", "POST", "OPTIONS")
    )
    path = random.choice((targets.put, targets.tus, "/v1/uploads/tus"))
    fields = [("Tus-Resumable", "1.0.0")] if random.random() < 0.8 else []
    for _ in range(random.randrange(4)):
        name, values = random.choice(UPLOAD_FIELDS)
        fields.append((name, random.choice(values)))
    return _whole(targets, method, path, fields, random.randbytes(random.choice((0, 1, 5, 100))), random)


_DEEPEST: Final = 6

KINDS: Final[dict[str, Callable[[Targets, Random], Case]]] = {
    "raw requests": raw_request,
    "JSON bodies": json_request,
    "queries": query_request,
    "forms": form_request,
    "uploads": upload_request,
}

# fmt: off
JSON_ROUTES: Final = (
    ("POST", "/v1/recordings", ("device_id", "end_user_id", "name", "started_at", "ended_at", "metadata", "x")),
    ("PATCH", "/v1/recordings/$recording", ("device_id", "end_user_id", "name", "started_at", "ended_at", "metadata", "x")),
    ("POST", "/v1/recordings/$recording/upload-url", ("type", "content_type", "file_size_bytes", "captured_at", "x")),
    ("POST", "/v1/recordings/$recording/download-url", ("media_id", "x")),
    ("POST", "/v1/recordings/$recording/upload-complete", ("media_ids", "x")),
    ("POST", "/v1/recordings/$recording/links", ("expires_in_seconds", "start_seconds", "x")),
    ("PUT", "/v1/recordings/$recording/transcript", ("segments", "language", "x")),
)
TEXTS: Final = (
    "", "a", "a" * 256, "a" * 501, "\0", "\ud800", "\udc00\ud800", "\U0001f3a7", "\u202e", "audio", "image", "video", "audio/mpeg", "video/webm;codecs=vp8,opus", 'audio/x;a="\\"', "audio/ogg; a=b" * 30,
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "2026-01-01T00:00:00+99:99", "2026-01-01T00:00:00.123456789123456789Z", "2026-01-01t00:00:00z",
    "med_1", "rec_1", "WEBVTT\n\n00:00.000 --> 00:01.000\nx", "NaN", "1", "true",
)
NUMBERS: Final = (0, 1, -1, 1.5, 60.0, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64, 10**30, -(2**63) - 1, 1e308, 5e-324, -0.0, float("nan"), float("inf"))
SEGMENT: Final = ("start", "end", "start_time", "end_time", "text", "speaker", "language")
FORM_TYPES: Final = (
    "multipart/form-data", 'multipart/form-data; boundary=""', f"multipart/form-data; boundary={'b' * 71}", f'multipart/form-data; boundary="{BOUNDARY}"; charset=utf-7', "multipart/mixed; boundary=B0undary",
    "application/x-www-form-urlencoded", "multipart/form-data; boundary=\xff", "multipart/form-data; boundary=a b", "text/plain", "",
)
FORM_NAMES: Final = (b"metadata", b"session_uid", b"media_type", b"chunk_seq", b"is_final", b"file", b"_charset_", b"x", b"", b"\xff", b"a" * 9000)
PART_HEADS: Final = (
    b'Content-Disposition: form-data; name="%s"', b"Content-Disposition: form-data; name=%s", b"Content-Disposition: form-data; name*=utf-8''%s", b'content-disposition:form-data;name="%s"', b'Content-Disposition: attachment; filename="%s"',
    b'Content-Disposition: form-data; name="%s', b"Content-Disposition: ;;;%s", b"X: %s", b"", b'Content-Disposition: form-data; name="%s"\r\nContent-Type: multipart/mixed; boundary=C', b'Content-Disposition: form-data; name="%s"\r\nContent-Transfer-Encoding: base64',
    b'Content-Disposition: form-data; name="%s"\r\nContent-Transfer-Encoding: x-rot13', b'Content-Disposition: form-data; name="%s"\r\nContent-Encoding: gzip', b'Content-Disposition: form-data; name="%s"\r\nContent-Length: 3', b'Content-Disposition: form-data; name="%s"\r\nContent-Length: -3',
    b'Content-Disposition: form-data; name="%s"\r\nContent-Type: text/plain; charset=x-none', b'Content-Disposition: form-data; name="%s"\n folded',
)
PART_BODIES: Final = (
    b"", b"s", b"utf-8", b"x-none", b"0", b"1", b"-1", b"9" * 4000, b"true", b"maybe", b"audio", b"text", b"{}", b"[]", b'{"session_uid": "s", "chunk_seq": 1}', b'{"chunk_seq": 1e400}', b'{"session_uid": "\\ud800"}',
    b'{"is_final": {"a": []}}', b"[" * 5000, b'{"session_uid":' * 900, b"\xff\xfe", b"\0", b"a" * 70_000, b"--B0undary", b"\r\n--B0undar", b"fuzzed",
)
UPLOAD_FIELDS: Final = (
    ("Upload-Offset", ("0", "1", "5", "-1", "9" * 18, "9" * 19, "", "0, 0", "0x0")), ("Upload-Length", ("0", "100", "-1", "9" * 18, "", "1.5")),
    ("Upload-Metadata", ("", ",", "recording_id", "recording_id !!!", "recording_id cmVjXzE=,type YXVkaW8=", "type /w==", "a b,c", "filetype")), ("Upload-Checksum", ("sha1 x", "md5 1B2M2Y8AsgTpgAmY7PhCfg==", "sha256", "crc32 AAAA", "")),
    ("Upload-Defer-Length", ("1", "0")), ("Upload-Concat", ("partial", "final;/a /b")), ("X-HTTP-Method-Override", ("PATCH", "HEAD", "delete!", "PUT", "GET", "POST", "", "patch")),
    ("Content-Type", ("application/offset+octet-stream", "audio/mpeg", "", "text/plain")), ("Content-Range", ("bytes 0-1/2", "x")), ("Content-Encoding", ("gzip", "identity", "")), ("Content-MD5", ("x", "1B2M2Y8AsgTpgAmY7PhCfg==")), ("X-Amz-Checksum-Sha256", ("x", "", "=")),
    ("If-Match", ("*", '"x"', "x")), ("If-None-Match", ("*", '"x"')), ("If-Unmodified-Since", ("Sun, 06 Nov 1994 08:49:37 GMT", "x", "Fri, 31 Dec 9999 23:59:59 GMT")), ("Tus-Resumable", ("0.2.2", "", "1.0.0")), ("Expect", ("100-continue",)),
)
# fmt: on


def _method(random: Random) -> str:
    return random.choice(METHODS[:7]) if random.random() < 0.8 else random.choice(METHODS)


def _named(targets: Targets, target: str) -> str:
    for name in ("target", "recording", "put", "tus"):
        target = target.replace(f"${name}", getattr(targets, name))
    return target


def _target(targets: Targets, random: Random) -> str:
    target = _named(targets, random.choice(TARGETS))
    return f"{target}?{_query(random)}" if random.random() < 0.3 else target


def _query(random: Random) -> str:
    pairs = (f"{random.choice(QUERIES)}={random.choice(VALUES)}" for _ in range(random.choice((0, 1, 2, 3, 6, 300))))
    return "&".join(pairs)[:20_000]


def _field(random: Random) -> bytes:
    name = random.choice(FIELDS)
    if random.random() < 0.04:
        name = random.choice(
            (name.upper(), name.lower(), f"{name} ", f" {name}", f"{name}\t", "", "\xff", "a b", "\x00")
        )
    end = random.choice((b": ", b":", b":\t ", b" : ")) if random.random() < 0.03 else b": "
    return name.encode("latin-1") + end + random.choice(FIELD_VALUES)


def _any_body(random: Random) -> bytes:
    if random.random() < 0.5:
        return b""
    return random.choice(
        (
            b"{}",
            b"x" * 100,
            b"5\r\nhello\r\n0\r\n\r\n",
            b"0\r\nX: y\r\n\r\n",
            b"1;" + b"e" * 3000 + b"\r\nx\r\n0\r\n\r\n",
            b"FFFFFFFFFFFFFFFFF\r\n",
            b"-1\r\n\r\n",
            b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n",
        )
    )


def _value(random: Random, depth: int) -> Any:
    kind = random.randrange(10 if depth < _DEEPEST else 6)
    if kind < 3:
        return random.choice(TEXTS)
    if kind < 5:
        return random.choice(NUMBERS)
    if kind == 5:
        return random.choice((None, True, False))
    if kind < 8:
        return [_value(random, depth + 1) for _ in range(random.randrange(4))]
    names = SEGMENT if random.random() < 0.6 else TEXTS
    return {random.choice(names): _value(random, depth + 1) for _ in range(random.randrange(6))}


def _part(random: Random) -> bytes:
    head = PART_HEADS[0] if random.random() < 0.5 else random.choice(PART_HEADS)
    name = random.choice(FORM_NAMES)
    return (head % name if b"%s" in head else head) + b"\r\n\r\n" + random.choice(PART_BODIES)


def _whole(
    targets: Targets, method: str, path: str, fields: list[tuple[str, str]], body: bytes, random: Random
) -> Case:
    credential = (
        f"Authorization: Bearer {random.choice((targets.key, targets.secret))}"
        if path.startswith("/internal")
        else f"X-API-Key: {targets.key}"
    )
    lines = [f"{method} {path} HTTP/1.1", "Host: x", credential, "Connection: close"]
    lines += [f"{name}: {value}" for name, value in fields]
    if random.random() < 0.8:
        octets = "\r\n".join((*lines, f"Content-Length: {len(body)}", "", "")).encode("latin-1") + body
    else:
        octets = "\r\n".join((*lines, "Transfer-Encoding: chunked", "", "")).encode("latin-1") + _chunks(body, random)
    return Case(_cut(octets, random), method)


def _chunks(body: bytes, random: Random) -> bytes:
    found = b""
    while body:
        size = random.randrange(1, 200)
        piece, body = body[:size], body[size:]
        found += b"%x\r\n" % len(piece) + piece + b"\r\n"
    return found + b"0\r\n\r\n"


def _mutated(octets: bytes, random: Random) -> bytes:
    """One to four changes: octets replaced, removed, repeated, inserted, or everything after one cut off."""
    changed = bytearray(octets)
    for _ in range(random.randrange(1, 5)):
        if not changed:
            break
        at, size = random.randrange(len(changed)), random.choice((1, 1, 1, 2, 8, 64))
        act = random.randrange(6)
        if act == 0:
            changed[at : at + size] = random.randbytes(size)
        elif act == 1:
            del changed[at : at + size]
        elif act == 2:
            changed[at:at] = changed[at : at + size] * random.choice((1, 2, 50))
        elif act == 3:
            changed[at:at] = random.choice(
                (
                    b"\r",
                    b"\n",
                    b"\r\n",
                    b"\0",
                    b"\r\n\r\n",
                    b" ",
                    b":",
                    b"\xff",
                    b"%",
                    b'"',
                    b"\\",
                    b"\t",
                    b",",
                    b"{",
                    b"[",
                )
            )
        elif act == 4:
            changed[at] ^= 1 << random.randrange(8)
        elif random.random() < 0.3:
            del changed[at:]
    return bytes(changed)


def _cut(octets: bytes, random: Random) -> tuple[bytes, ...]:
    if random.random() < 0.7:
        return (octets,)
    at = sorted(random.randrange(len(octets) + 1) for _ in range(random.choice((1, 1, 2, 5))))
    return tuple(octets[start:end] for start, end in zip((0, *at), (*at, len(octets)), strict=True))
