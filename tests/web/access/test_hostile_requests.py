"""Requests that no client library would send: a documented status, a log line without raw text, and never a 500."""

import asyncio
import json
import time
from typing import Any, Final

import pytest

from tests.conformance.calling import call, document, fetch
from tests.conformance.metrics import samples
from tests.conformance.raw_http import Connection, Response, compose, connect
from tests.gateway_process import Gateway
from tests.uploads.client import Client

Fields = list[tuple[str, str | bytes]]


async def send_raw(site: Gateway, octets: bytes, method: str = "GET") -> Response:
    """One request as it is; the connection has to end after its response."""
    async with connect(site.host, site.port) as connection:
        await connection.send(octets)
        response = await connection.read_response(method)
        await connection.expect_end()
    return response


def is_vexa(body: Any) -> bool:
    return set(body) == {"detail"}


def is_bota(body: Any) -> bool:
    return set(body) == {"error"} and set(body["error"]) >= {"code", "message"}


# fmt: off
BROKEN: Final = {
    "no-version": (b"GET /v1/recordings\r\n\r\n", 400, is_bota),
    "another-protocol": (b"GET /recordings RTSP/1.0\r\nHost: x\r\n\r\n", 400, is_vexa),
    "http-2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, is_vexa),
    "tls": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, is_vexa),
    "binary": (bytes(range(256)), 400, is_vexa),
    "an-unknown-method": (b"BREW /v1/recordings HTTP/1.1\r\nHost: x\r\n\r\n", 400, is_bota),
    "line-feeds-alone": (b"GET /v1/recordings HTTP/1.1\nHost: x\n\n", 400, is_bota),
    "a-folded-field": (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", 400, is_vexa),
    "a-space-before-a-colon": (b"GET /v1/recordings HTTP/1.1\r\nHost : x\r\n\r\n", 400, is_bota),
    "a-nul": (b"GET / HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n", 400, is_vexa),
    "two-lengths": (b"POST /v1/recordings HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400, is_bota),
    "a-negative-length": (b"POST /v1/recordings HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400, is_bota),
    "a-length-of-40-digits": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1" + b"0" * 39 + b"\r\n\r\n", 400, is_vexa),
    "a-length-of-5000-digits": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", 400, is_vexa),
    "length-and-chunks": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, is_vexa),
    "a-coding-that-is-not-decoded": (b"POST /v1/recordings HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400, is_bota),
    "two-codings": (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, is_vexa),
    "chunks-in-http-1.0": (b"POST /v1/recordings HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, is_bota),
    "no-host": (b"GET /v1/recordings HTTP/1.1\r\n\r\n", 400, is_bota),
    "two-hosts": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, is_vexa),
    "bad-chunks": (b"POST /v1/recordings HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n", 400, is_bota),
    "a-head-of-33-kib": (b"GET /v1/recordings HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 33 * 1024 + b"\r\n\r\n", 431, is_bota),
    "a-head-without-an-end": (b"GET /recordings HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 40 * 1024, 431, is_vexa),
    "a-target-of-1-mib": (b"GET /v1/recordings?" + b"a" * 2**20 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431, is_bota),
    "65-fields": (b"GET /v1/recordings HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 64 + b"\r\n", 431, is_bota),
    "3000-fields": (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 3000 + b"\r\n", 431, is_vexa),
}
# fmt: on


@pytest.mark.parametrize("case", BROKEN)
async def test_a_broken_request_gets_the_dialects_refusal_and_a_line_in_the_log(site: Gateway, case: str) -> None:
    octets, status, is_in_dialect = BROKEN[case]
    response = await send_raw(site, octets)
    assert response.status == status
    assert is_in_dialect(document(response)), response.body
    assert response.head["Connection"] == "close"
    shown = f"{response.head.fields} {response.body!r}"
    assert not any(word in shown.lower() for word in ("aiohttp", "python", "llhttp", "uvloop"))
    line = await logged(site, response.head["X-Request-Id"])
    assert (line["status"], line["principal"]) == (status, None)


async def logged(site: Gateway, request_id: str) -> dict[str, Any]:
    """The request's line of the access log, which is written a moment later."""
    for _ in range(400):
        for line in site.process.accesses:
            if request_id in line:
                found: dict[str, Any] = json.loads(line)
                return found
        await asyncio.sleep(0.05)
    raise AssertionError(f"no line for {request_id}")


async def test_broken_requests_are_counted(site: Gateway) -> None:
    def counted(found: dict[tuple[str, frozenset[tuple[str, str]]], float]) -> float:
        wanted = {("route", "none"), ("status", "400"), ("method", "GET")}
        return sum(
            value for (name, labels), value in found.items() if name == "seekgate_requests_total" and wanted <= labels
        )

    before = counted(await samples(site))
    for _ in range(3):
        await send_raw(site, BROKEN["a-nul"][0])
    assert counted(await samples(site)) == before + 3


async def test_a_head_of_31_kib_and_64_fields_is_read(site: Gateway) -> None:
    fields: Fields = [(f"X-Padding-{number}", "a" * 480) for number in range(62)]
    response = await call(site, "/livez", fields=[*fields, ("Connection", "close")])
    assert response.status == 200


async def test_an_incomplete_head_is_kept_within_its_bound_and_answered_when_it_is_complete(site: Gateway) -> None:
    octets = b"\r\n\r\n" + compose("GET", "/livez", [("Connection", "close")])
    async with connect(site.host, site.port) as connection:
        await connection.send_bytewise(octets)
        assert (await connection.read_response()).status == 200


# fmt: off
HOSTS: Final = (
    b"", b" ", b"a b", b"x/y", b"x?y", b"x#y", b"user@x", b"\xfc", b"x:port", b"x:99999", b"x:1:2", b"[::1", b"[gg::1]", b"::1",
    b"http://x", b"x\\y", b'x"y', b"<script>", b"x%zz", b"a" * 256, b"x\ty",
)
GOOD_HOSTS: Final = ("x", "x:", "x:80", "127.0.0.1:8080", "[::1]:8080", "[::1]", "EXAMPLE.org", "xn--bcher-kva.example", "a_b")
# fmt: on


@pytest.mark.parametrize("host", HOSTS)
async def test_a_host_that_is_not_an_authority_is_refused_on_every_route(
    site: Gateway, target: str, host: bytes
) -> None:
    routes = (
        ("GET", target), ("GET", "/recordings"), ("POST", target.replace("/raw", "/playback-url")), ("GET", "/"),
        ("GET", "/v1/recordings"), ("OPTIONS", "/recordings"), ("GET", "/no/such/route"), ("GET", "/livez"),
    )  # fmt: skip
    for method, path in routes:
        head = f"{method} {path} HTTP/1.1\r\nX-API-Key: {site.key}\r\nContent-Length: 0\r\nConnection: close\r\nHost: "
        response = await send_raw(site, head.encode() + host + b"\r\n\r\n")
        assert response.status == 400, (method, path)


@pytest.mark.parametrize("host", GOOD_HOSTS)
async def test_a_created_url_starts_with_a_valid_host(site: Gateway, target: str, host: str) -> None:
    fields: Fields = [("X-API-Key", site.key), ("Content-Length", "0"), ("Connection", "close")]
    octets = compose("POST", target.replace("/raw", "/playback-url"), fields, host=host)
    response = await send_raw(site, octets, "POST")
    assert document(response)["url"].startswith(f"http://{host}/recordings/")


async def test_an_absolute_target_replaces_the_host(site: Gateway, target: str) -> None:
    fields: Fields = [("X-API-Key", site.key), ("Content-Length", "0"), ("Connection", "close")]
    path = target.replace("/raw", "/playback-url")
    response = await send_raw(site, compose("POST", f"http://real.example{path}", fields, host="other"), "POST")
    assert document(response)["url"].startswith("http://real.example/recordings/")
    response = await send_raw(site, compose("POST", f"http://a@b{path}", fields, host="other"), "POST")
    assert response.status == 400


async def test_an_upgrade_is_ignored_and_ends_the_connection(site: Gateway) -> None:
    smuggled = compose("GET", "/recordings", [("X-API-Key", site.key)])
    for fields in ([("Upgrade", "h2c")], [("Connection", "Upgrade"), ("Upgrade", "websocket")], [("UPGRADE", "x")]):
        sent: Fields = [*fields, ("Content-Length", str(len(smuggled)))]
        response = await send_raw(site, compose("POST", "/recordings", sent, body=smuggled), "POST")
        assert response.status == 405
        assert response.head["Connection"] == "close"


async def test_a_length_with_leading_zeros_frames_its_body(site: Gateway) -> None:
    sent: Fields = [("X-API-Key", site.key), ("Content-Length", "0" * 40 + "2"), ("Connection", "close")]
    response = await send_raw(site, compose("POST", "/v1/recordings", sent, body=b"{}"), "POST")
    assert response.status == 201


async def test_connect_is_refused(site: Gateway) -> None:
    octets = b"CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n" + compose("GET", "/livez")
    assert 400 <= (await send_raw(site, octets)).status < 500


async def test_options_of_the_server_is_204(site: Gateway) -> None:
    response = await call(site, "*", method="OPTIONS")
    assert response.status == 204
    assert {"GET", "HEAD", "PUT", "PATCH"} <= set(response.head["Allow"].split(", "))


async def interim_or_final(connection: Connection) -> int:
    return (await connection.read_head()).status


async def test_a_body_is_asked_for_only_where_it_is_read(site: Gateway, target: str) -> None:
    expecting: Fields = [("Expect", "100-Continue"), ("Content-Length", "2")]
    keyed: Fields = [*expecting, ("X-API-Key", site.key)]
    refused = (
        ("POST", "/v1/recordings", expecting, 401),
        ("POST", "/no/such/route", keyed, 404),
        ("POST", "/recordings", keyed, 405),
        ("PUT", "/v1/uploads/up_1", keyed, 403),
        ("POST", "/internal/recordings/upload", expecting, 401),
        ("OPTIONS", "/recordings", keyed, 204),
        ("POST", "/v1/recordings", [*keyed[:1], ("Content-Length", "65537"), keyed[2]], 413),
    )
    for method, path, fields, status in refused:
        async with connect(site.host, site.port) as connection:
            await connection.send(compose(method, path, fields))
            assert await interim_or_final(connection) == status, path
    async with connect(site.host, site.port) as connection:
        await connection.send(compose("POST", "/v1/recordings", keyed))
        assert await interim_or_final(connection) == 100
        await connection.send(b"{}")
        assert (await connection.read_response("POST")).status == 201
    async with connect(site.host, site.port) as connection:
        await connection.send(compose("GET", target, [("Expect", "100-continue"), ("X-API-Key", site.key)]))
        assert await interim_or_final(connection) == 200


@pytest.mark.parametrize("expectation", ["a miracle", "100-continue, a miracle", "100-continue=1"])
@pytest.mark.parametrize("path", ["/recordings", "/v1/recordings", "/no/such/route", "$target"])
async def test_an_unknown_expectation_fails_on_every_path(
    site: Gateway, target: str, path: str, expectation: str
) -> None:
    response = await call(site, path.replace("$target", target), key=site.key, fields=[("Expect", expectation)])
    assert response.status == 417
    assert document(response)


@pytest.mark.parametrize("name", ["Received-Expect", "received-expect", "Received-Received-Expect"])
async def test_a_field_with_the_name_that_we_give_expect_is_not_an_expectation(site: Gateway, name: str) -> None:
    response = await call(site, "/recordings", key=site.key, fields=[(name, "a miracle")])
    assert response.status == 200


async def test_a_get_that_announces_a_body_and_never_sends_it_is_closed_soon(site: Gateway, target: str) -> None:
    for path in ("/livez", target):
        started = time.monotonic()
        response = await send_raw(site, compose("GET", path, [("X-API-Key", site.key), ("Content-Length", "100000")]))
        assert response.status == 200
        assert time.monotonic() - started < 8  # aiohttp lingers for ten seconds


DEEP: Final = "[" * 1000 + "]" * 1000
# fmt: off
JSON_BODIES: Final = {
    "deep": DEEP, "deep-metadata": f'{{"metadata": {DEEP}}}', "deep-twice": f'{{"metadata": {DEEP}, "metadata": {{}}}}',
    "deep-name": f'{{"name": {DEEP}}}', "deep-unknown": f'{{"x": {DEEP}}}', "deep-type": f'{{"type": {DEEP}}}',
    "deeper": "[" * 30_000, "deep-objects": '{"a":' * 900 + "1" + "}" * 900,
    "surrogate": '{"name": "\\ud800"}', "surrogate-key": '{"\\udfff": 1}', "nul": '{"name": "\\u0000"}',
    "huge-number": '{"name": ' + "9" * 5000 + "}", "huge-float": '{"metadata": {"a": 1e999}}', "minus-zero": '{"metadata": {"a": -0}}',
    "many-members": "{" + ",".join(f'"m{n}": {n}' for n in range(3000)) + "}", "not-json": "{", "empty": "", "bom": "\ufeff{}",
    "nan": '{"metadata": {"a": NaN}}', "list": "[]", "null": "null", "string": '"x"',
    "numbers": '{"file_size_bytes": 99999999999999999999999, "type": "audio"}', "negative": '{"file_size_bytes": -1, "type": "audio"}',
    "long-type": '{"type": "audio", "content_type": "audio/' + "x" * 10_000 + '"}',
}
# fmt: on


@pytest.mark.parametrize("case", JSON_BODIES)
async def test_no_json_body_gives_a_500(site: Gateway, client: Client, case: str) -> None:
    recording = await client.new_recording()
    body = JSON_BODIES[case].encode()
    paths = (
        "/v1/recordings", f"/v1/recordings/{recording}/upload-url", f"/v1/recordings/{recording}/download-url",
        f"/v1/recordings/{recording}/upload-complete", f"/v1/recordings/{recording}/links",
    )  # fmt: skip
    for path in paths:
        headers = {"X-API-Key": site.key, "Idempotency-Key": case}
        for method in ("POST", "PATCH"):
            response = await client.ask(method, path, body, headers=headers)
            assert response.status < 500, (path, response)
    response = await client.ask("PATCH", f"/v1/recordings/{recording}", body, headers=headers)
    assert response.status < 500
    for kind in ("application/json", "text/vtt", "application/x-subrip"):
        path = f"/v1/recordings/{recording}/transcript"
        response = await client.ask("PUT", path, body, headers={"X-API-Key": site.key, "Content-Type": kind})
        assert response.status < 500, kind
    form = b'--B\r\nContent-Disposition: form-data; name="metadata"\r\n\r\n' + body + b"\r\n--B--\r\n"
    fields = {"X-API-Key": site.key, "Content-Type": "multipart/form-data; boundary=B"}
    response = await client.ask("POST", "/internal/recordings/upload", form, headers=fields)
    assert response.status < 500


@pytest.mark.parametrize("length", [0, 1, 31, 32, 33, 40_000])
async def test_no_default_charset_of_a_form_gives_a_500(site: Gateway, client: Client, length: int) -> None:
    part = b'--B\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    form = (
        part % (b"_charset_", b"\xff" * length)
        + part % (b"session_uid", b"\xff")
        + part % (b"file", b"x")
        + b"--B--\r\n"
    )
    fields = {"X-API-Key": site.key, "Content-Type": "multipart/form-data; boundary=B"}
    response = await client.ask("POST", "/internal/recordings/upload", form, headers=fields)
    assert response.status == 422


# fmt: off
MOMENTS: Final = (
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00+00:00", "0001-01-01T00:00:00.000001Z", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59.999999-00:00", "0001-01-01T00:00:00-00:01", "10000-01-01T00:00:00Z",
)
# fmt: on


@pytest.mark.parametrize("member", ["started_at", "ended_at"])
@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_date_at_either_end_of_the_calendar_is_stored_or_refused_by_name(
    site: Gateway, client: Client, moment: str, member: str
) -> None:
    response = await client.call("POST", "/v1/recordings", {member: moment})
    if response.status == 400:
        assert response.json["error"]["details"][0]["field"] == member
    else:
        assert response.status == 201
        path = f"/v1/recordings/{response.json['id']}"
        shown = await client.succeed("GET", path)
        assert shown[member] == response.json[member] is not None
        assert shown[member][:4] == moment[:4]
        assert (await client.call("DELETE", path)).status == 204
    for method, path in (
        ("GET", f"/v1/recordings?created_after={moment}"),
        ("GET", f"/v1/recordings?created_before={moment}"),
    ):
        assert (await client.call(method, path.replace("+", "%2B"))).status in {200, 400}


NUMBERS: Final = (
    "0",
    "1",
    "-1",
    "200",
    "201",
    "9" * 18,
    str(2**63 - 1),
    str(2**63),
    "9" * 4000,
    "1e9",
    "+1",
    "١",
    "%00",
    "%ff",
    "",
    "0x1",
    "1_0",
)


@pytest.mark.parametrize("number", NUMBERS)
async def test_no_number_in_a_query_or_a_path_gives_a_500(site: Gateway, number: str) -> None:
    number = "".join(f"%{octet:02x}" for octet in number.encode()) if not number.isascii() else number
    paths = (
        f"/recordings?limit={number}", f"/recordings?offset={number}", f"/recordings?meeting_id={number}",
        f"/v1/recordings?limit={number}", f"/v1/recordings?offset={number}", f"/recordings/{number}", f"/v1/recordings/{number}",
        f"/recordings/{number}/media/{number}/raw", f"/recordings/{number}/media/1/download", f"/recordings/{number}/master",
        f"/recordings/{number}/transcript", f"/transcripts/zoom/{number}", f"/transcripts/{number}/x?meeting_id={number}",
        f"/v1/recordings?cursor={number}", f"/v1/recordings?device_id={number}", f"/v1/recordings?q={number}",
        f"/v1/recordings?status={number}", f"/recordings/1/media/{number}/waveform", f"/shared/{number}", f"/docs/{number}",
        f"/player/{number}/{number}", f"/recordings/1/media/1/raw?own={number}&exp={number}&kid={number}&sig={number}&by={number}",
    )  # fmt: skip
    for path in paths:
        assert (await call(site, path, key=site.key)).status < 500, path


async def test_a_late_json_body_is_given_up(site: Gateway) -> None:
    async with connect(site.host, site.port) as connection:
        fields: Fields = [("X-API-Key", site.key), ("Content-Length", "20")]
        await connection.send(compose("POST", "/v1/recordings", fields))
        started = time.monotonic()
        response = await connection.read_response("POST")
        assert response.status == 408
        assert 9 < time.monotonic() - started < 40
        await connection.expect_end()


async def test_a_large_json_body_is_refused_before_it_is_read(site: Gateway) -> None:
    async with connect(site.host, site.port) as connection:
        fields: Fields = [("X-API-Key", site.key), ("Transfer-Encoding", "chunked")]
        await connection.send(compose("POST", "/v1/recordings", fields))
        piece = b"1000\r\n" + b" " * 4096 + b"\r\n"
        for _ in range(20):
            await connection.send(piece)
        assert (await connection.read_response("POST")).status == 413


async def test_chunks_that_turn_out_malformed_are_refused(site: Gateway) -> None:
    async with connect(site.host, site.port) as connection:
        fields: Fields = [("X-API-Key", site.key), ("Transfer-Encoding", "chunked")]
        await connection.send(compose("POST", "/v1/recordings", fields))
        await connection.send(b"2\r\n{}\r\n")
        await asyncio.sleep(0.2)
        await connection.send(b"xyz\r\n\r\n")
        assert (await connection.read_response("POST")).status == 400
        await connection.expect_end()


async def test_a_chunked_body_is_read_and_ends_the_connection(site: Gateway) -> None:
    fields: Fields = [("X-API-Key", site.key), ("Transfer-Encoding", "chunked")]
    octets = compose("POST", "/v1/recordings", fields, body=b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n" + compose("GET", "/livez"))
    assert (await send_raw(site, octets, "POST")).status == 201


async def test_requests_after_an_unfinished_one_wait_their_turn(site: Gateway, target: str) -> None:
    fields: Fields = [("X-API-Key", site.key)]
    many = 300
    octets = compose("GET", target, fields) + compose(
        "POST", "/v1/recordings", [*fields, ("Content-Length", "2")], body=b"{}"
    )
    async with connect(site.host, site.port) as connection:
        sending = asyncio.create_task(connection.send(octets * many))
        for _ in range(many):
            assert (await connection.read_response()).status == 200
            assert (await connection.read_response("POST")).status == 201
        await sending


SECRET: Final = "tHiS_is-a-SiGnature_0f_43_characters-aaaaaaa"
# fmt: off
SPELLINGS: Final = (
    "/v1/uploads/up_1.2.3.4.5.own-1.$", "/v1/uploads/%75p_1.2.3.4.5.own-1.$", "/V1/Uploads/UP_1.2.3.4.5.own.$", "//v1//uploads//up_1.$",
    "/v1/uploads/up_1.$/", "/v1/uploads/up_1.$/x", "/v1/uploads/%2575p_1.$", "/v1/uploads/up%5f1.2.3.4.5.own.$", "/shared/lk_$", "/shared/lk_$/embed",
    "/recordings/1/media/2/raw%3fsig=$", "/recordings/1/media/2/raw;sig=$", "/recordings/1/media/2/raw/?sig=$", "/recordings/1/media/2/raw&sig=$",
    "/recordings/1/media/2/raw?exp=1&kid=x&sig=$", "/x?token=$", "/sk_live_$", "http://h/v1/uploads/up_1.$", "/v1/uploads/up_1.2.3/$", "/v1/uploads/$#x",
)
# fmt: on


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_no_spelling_of_a_token_reaches_the_log(site: Gateway, spelling: str) -> None:
    encoded = SECRET.replace("t", "%74").replace("-", "%2d")
    for secret in (SECRET, encoded):
        path = spelling.replace("$", secret)
        for method in ("GET", "PUT", "HEAD", "PATCH", "DELETE", "OPTIONS", "POST", "BREW"):
            for version in ("HTTP/1.1", "HTTP/1.0", "HTTP/3.7", ""):
                async with connect(site.host, site.port) as connection:
                    await connection.send(f"{method} {path} {version}\r\nHost: h\r\nConnection: close\r\n\r\n".encode())
                    await connection.read_head()
    marker = await call(site, "/livez")
    await logged(site, marker.head["X-Request-Id"])
    text = site.log_text()
    assert SECRET not in text
    assert SECRET[10:30] not in text
    assert encoded not in text


async def test_nothing_that_a_client_sends_is_logged_raw(site: Gateway, target: str) -> None:
    ugly = b"\x1b[31mred\x9b31m\xc2\x9b31m\x7f\xe2\x80\xae\xe2\x80\xa8\xff\xc3\xa4"
    heads = (
        b"GET /\xc2\x9b31m\xe2\x80\xae%1b%0a%0d%7f HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET " + target.encode() + b" HTTP/1.1\r\nHost: x\r\nRange: bytes=0-1,\xc2\x9b\xe2\x80\xae\xff\r\nX-API-Key: "
        + site.key.encode() + b"\r\n\r\n",
        b"\x1b[31m \xc2\x9b HTTP/1.1\r\n\r\n",
        b"GET /recordings HTTP/1.1\r\nHost: x\r\nX-Request-Id: \xc2\x9b\r\nX-API-Key: " + ugly[6:] + b"\r\n\r\n",
    )  # fmt: skip
    for head in heads:
        async with connect(site.host, site.port) as connection:
            await connection.send(head)
            await connection.read_head()
    form = b'--B\r\nContent-Disposition: form-data; name="a\x1b[31m\xc2\x9b; x\r\n\r\n1\r\n--B--\r\n'
    fields: Fields = [("X-API-Key", site.key), ("Content-Type", "multipart/form-data; boundary=B")]
    octets = compose("POST", "/internal/recordings/upload", [*fields, ("Content-Length", str(len(form)))], body=form)
    async with connect(site.host, site.port) as connection:
        await connection.send(octets)
        await connection.read_head()
    marker = await call(site, "/livez")
    await logged(site, marker.head["X-Request-Id"])
    for line in (*site.process.events, *site.process.accesses):
        json.loads(line or "{}")
        assert not [character for character in line.rstrip("\n") if not character.isprintable()], line


async def test_livez_answers_after_the_attacks(site: Gateway) -> None:
    assert await fetch(site, "/livez") == {"status": "alive"}
