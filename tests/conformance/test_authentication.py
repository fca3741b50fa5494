"""Authentication and permission: keys in both header fields, scopes, owners, and the exact error bodies of Vexa's dialect."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from gateway.catalog import ALL_SCOPES, Owner
from gateway.keys import digest
from tests.conformance.calling import call, document
from tests.conformance.media import Media
from tests.conformance.raw_http import Response
from tests.gateway_process import Gateway

MISSING: Final = {"detail": "Missing API key"}
INVALID: Final = {"detail": "Invalid API key"}
NO_SCOPE: Final = {"detail": "Insufficient scope for this endpoint"}
NO_RECORDING: Final = {"detail": "Recording not found"}


def expect_refusal(response: Response, status: int, body: dict[str, str]) -> None:
    """Check the status and the dialect's exact body."""
    assert response.status == status
    assert document(response) == body
    assert response.head.get("ETag") is None
    assert response.head.get("Content-Range") is None
    # RFC 9110 section 11.6.1: every 401 has a challenge, and no other status has one.
    assert response.head.get("WWW-Authenticate") == ("Bearer" if status == 401 else None)
    assert "no-store" in (response.head.get("Cache-Control") or "")


def basic(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


# fmt: off
UNKNOWN: Final[tuple[tuple[str, tuple[tuple[str, str | bytes], ...], dict[str, str]], ...]] = (
    ("nothing", (), MISSING),
    ("only-a-cookie", (("Cookie", "api_key=$key"),), MISSING),
    ("empty-x-api-key", (("X-API-Key", ""),), MISSING),
    ("unknown-x-api-key", (("X-API-Key", "sk_live_unknown"),), INVALID),
    ("unknown-bearer", (("Authorization", "Bearer sk_live_unknown"),), INVALID),
    ("key-cut-short", (("X-API-Key", "$cut"),), INVALID),
    ("key-with-more", (("X-API-Key", "$key" + "A"),), INVALID),
    ("key-in-capitals", (("X-API-Key", "$capitals"),), INVALID),
    ("visible-prefix-alone", (("X-API-Key", "$prefix"),), INVALID),
    ("no-ascii", (("X-API-Key", b"sk_live_\xc3\xa4\xff"),), INVALID),
    ("very-long", (("X-API-Key", "sk_live_" + "a" * 7000),), INVALID),
    ("quoted", (("X-API-Key", '"$key"'),), INVALID),
    ("expired", (("X-API-Key", "$expired"),), INVALID),
    ("expired-bearer", (("Authorization", "Bearer $expired"),), INVALID),
    ("revoked", (("X-API-Key", "$revoked"),), INVALID),
    ("revoked-bearer", (("Authorization", "Bearer $revoked"),), INVALID),
    ("two-keys", (("X-API-Key", "$key"), ("X-API-Key", "$read_only")), INVALID),
    ("two-bearer-keys", (("Authorization", "Bearer $key"), ("Authorization", "Bearer $read_only")), INVALID),
)

ODD_AUTHORIZATION: Final = ("Bearer", "Bearer ", "bearer", "Token $key", "$key", "Basic $basic", "Digest username=x", "")

KNOWN: Final = (
    ("x-api-key", (("X-API-Key", "$key"),)),
    ("x-api-key-in-capitals", (("X-API-KEY", "$key"),)),
    ("bearer", (("Authorization", "Bearer $key"),)),
    ("bearer-scheme-in-lower-case", (("Authorization", "bearer $key"),)),  # RFC 9110 section 11.1: case-insensitive
    ("both", (("X-API-Key", "$key"), ("Authorization", "Bearer $key"))),
    ("twice", (("X-API-Key", "$key"), ("X-API-Key", "$key"))),
    ("read-only", (("X-API-Key", "$read_only"),)),
    ("key-with-another-query", (("X-API-Key", "$key"),)),
)
# fmt: on


def fill(site: Gateway, text: str | bytes) -> str | bytes:
    """Replace `$key` and the like in a row by the site's keys."""
    if isinstance(text, bytes):
        return text
    names = {"cut": site.key[:-1], "capitals": site.key.upper(), "prefix": site.key[:12], "expired": site.expired_key}
    names |= {"revoked": site.revoked_key, "read_only": site.read_only_key, "basic": basic(f"user:{site.key}")}
    for name, value in (names | {"key": site.key}).items():
        text = text.replace(f"${name}", value)
    return text


def filled(site: Gateway, fields: tuple[tuple[str, str | bytes], ...]) -> list[tuple[str, str | bytes]]:
    return [(name, fill(site, value)) for name, value in fields]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(("id", "sent", "body"), UNKNOWN, ids=[row[0] for row in UNKNOWN])
async def test_a_key_that_is_missing_or_unknown_gets_401(
    site: Gateway, media: Media, id: str, sent: Any, body: dict[str, str], method: str
) -> None:
    response = await call(site, media.target, method=method, fields=filled(site, sent))
    if method == "HEAD":
        assert (response.status, response.head["WWW-Authenticate"]) == (401, "Bearer")
    else:
        expect_refusal(response, 401, body)


async def test_a_second_key_gets_401_also_where_the_first_has_just_been_accepted(site: Gateway, media: Media) -> None:
    keys = [("X-API-Key", site.key), ("X-API-Key", site.read_only_key)]
    for fields, status in ((keys[:1], 200), (keys, 401), (keys[:1], 200)):
        assert (await call(site, media.target, fields=fields)).status == status


@pytest.mark.parametrize("value", ODD_AUTHORIZATION)
async def test_an_authorization_without_a_bearer_key_gets_401(site: Gateway, media: Media, value: str) -> None:
    response = await call(site, media.target, fields=filled(site, (("Authorization", value),)))
    assert document(response) in (MISSING, INVALID)
    expect_refusal(response, 401, document(response))


@pytest.mark.parametrize(("id", "sent"), KNOWN, ids=[row[0] for row in KNOWN])
async def test_a_known_key_is_accepted_in_either_field(site: Gateway, media: Media, id: str, sent: Any) -> None:
    response = await call(site, media.target, fields=[*filled(site, sent), ("Range", "bytes=0-4")])
    assert (response.status, response.body) == (206, media.content[:5])


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
async def test_a_key_that_is_not_ascii_is_accepted_in_either_encoding(site: Gateway, encoding: str) -> None:
    """A key that was moved in may be any text; Vexa reads what it is sent as Latin-1."""
    text, owner = f"schlüssel {encoding}", Owner(site.user_id)
    keys = site.backends.api_keys
    site.wait(keys.create_key(digest=digest(text), prefix="", owner=owner, scopes=ALL_SCOPES, expires_at=None))
    for field in (("X-API-Key", text.encode(encoding)), ("Authorization", f"Bearer {text}".encode(encoding))):
        assert (await call(site, "/recordings", fields=[field])).status == 200


@pytest.mark.parametrize("name", ["api_key", "key", "X-API-Key", "access_token", "token", "authorization"])
async def test_a_key_in_the_query_is_ignored(site: Gateway, media: Media, name: str) -> None:
    expect_refusal(await call(site, f"{media.target}?{name}={site.key}"), 401, MISSING)


@pytest.mark.parametrize(
    "condition",
    [("If-None-Match", "$etag"), ("If-Match", '"other"'), ("Range", "bytes=100000-"), ("If-Modified-Since", "$date")],
    ids=lambda field: field[0],
)
@pytest.mark.parametrize(("key", "status"), [(None, 401), ("write_only_key", 403), ("other_key", 404)])
async def test_authentication_comes_before_any_precondition(
    site: Gateway, media: Media, condition: tuple[str, str], key: str | None, status: int
) -> None:
    fields = [(condition[0], media.fill(condition[1]))]
    response = await call(site, media.target, key=getattr(site, key) if key else None, fields=fields)
    assert response.status == status


READS: Final = (
    "/recordings",
    "/recordings/$rid",
    "/recordings/$rid/media/$mid/raw",
    "/recordings/$rid/media/$mid/download",
    "/recordings/$rid/master?type=audio",
)


def place(target: str, media: Media) -> str:
    return target.replace("$rid", str(media.recording_id)).replace("$mid", str(media.media_file_id))


@pytest.mark.parametrize("target", READS)
async def test_every_route_requires_a_key(site: Gateway, media: Media, target: str) -> None:
    expect_refusal(await call(site, place(target, media)), 401, MISSING)
    expect_refusal(await call(site, place(target, media), key="sk_live_unknown"), 401, INVALID)


@pytest.mark.parametrize("target", READS)
async def test_a_key_without_the_reading_scope_gets_403(site: Gateway, media: Media, target: str) -> None:
    expect_refusal(await call(site, place(target, media), key=site.write_only_key), 403, NO_SCOPE)


async def test_a_key_without_the_reading_scope_cannot_create_a_playback_url(site: Gateway, media: Media) -> None:
    target = media.target.replace("/raw", "/playback-url")
    expect_refusal(await call(site, target, method="POST", key=site.write_only_key), 403, NO_SCOPE)


async def test_a_key_without_the_writing_scope_cannot_delete(site: Gateway, media: Media) -> None:
    target = f"/recordings/{media.recording_id}"
    expect_refusal(await call(site, target, method="DELETE", key=site.read_only_key), 403, NO_SCOPE)
    assert (await call(site, target, key=site.read_only_key)).status == 200


@pytest.mark.parametrize("target", ["/transcripts/zoom/1", "/recordings/1/transcript"])
async def test_transcripts_have_their_own_scope(site: Gateway, target: str) -> None:
    expect_refusal(await call(site, target, key=site.read_only_key), 403, NO_SCOPE)
    expect_refusal(await call(site, target), 401, MISSING)


@pytest.mark.parametrize("key", ["other_key", "test_key"])
@pytest.mark.parametrize("target", READS[1:])
async def test_another_owners_recording_is_not_found(site: Gateway, media: Media, target: str, key: str) -> None:
    expect_refusal(await call(site, place(target, media), key=getattr(site, key)), 404, NO_RECORDING)


async def test_only_test_keys_see_test_data(site: Gateway) -> None:
    ids = site.add("test-data", b"only a test", "mp3", live=False)
    target = f"/recordings/{ids[0]}/media/{ids[1]}/raw"
    assert (await call(site, target, key=site.test_key)).body == b"only a test"
    expect_refusal(await call(site, target, key=site.key), 404, NO_RECORDING)
    assert (await call(site, f"/recordings/{ids[0]}", key=site.key)).status == 404


@pytest.mark.parametrize("key", ["other_key", "test_key"])
async def test_another_owner_cannot_delete(site: Gateway, media: Media, key: str) -> None:
    target = f"/recordings/{media.recording_id}"
    expect_refusal(await call(site, target, method="DELETE", key=getattr(site, key)), 404, NO_RECORDING)
    assert (await call(site, target, key=site.key)).status == 200


async def test_another_owners_list_is_empty(site: Gateway, media: Media) -> None:
    assert document(await call(site, "/recordings", key=site.other_key)) == {"recordings": []}


async def test_a_test_keys_list_shows_no_live_recording(site: Gateway, media: Media) -> None:
    listed = document(await call(site, "/recordings", key=site.test_key))["recordings"]
    assert media.recording_id not in [shown["id"] for shown in listed]


async def test_no_response_and_no_log_line_shows_a_whole_key(site: Gateway, media: Media) -> None:
    for key in (site.key, site.expired_key, site.write_only_key, site.key[:-1]):
        response = await call(site, f"{media.target}?api_key={key}", key=key)
        assert key.encode() not in response.body
        assert key not in str(response.head.fields)
        assert key not in site.log_text()


async def test_a_key_that_expires_between_two_seeks_is_refused(site: Gateway, media: Media) -> None:
    # As short as one seek takes on this machine: only a seek that was answered before the key expired proves anything.
    for lifetime in (1.5, 6, 24, 96):
        expires_at = datetime.now(UTC) + timedelta(seconds=lifetime)
        key = site.add_key(expires_at=expires_at)
        response = await call(site, media.target, key=key)
        if datetime.now(UTC) < expires_at:
            break
    assert response.status == 200
    while datetime.now(UTC) < expires_at:
        assert (await call(site, "/livez")).status == 200
    expect_refusal(await call(site, media.target, key=key), 401, INVALID)
