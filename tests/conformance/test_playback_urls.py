"""Signed playback URLs: what they permit, and attempts to forge them."""

import time
from urllib.parse import parse_qsl, urlencode

import pytest

from gateway.protocol.signing import Grant, Signer, SigningKey, SigningKeys, owner_text
from tests.conformance.calling import call, document, fetch, playback_target, target_of
from tests.conformance.media import Media
from tests.conformance.raw_http import Response
from tests.conformance.site import SIGNING_KID, SIGNING_SECRET
from tests.gateway_process import Gateway


def replaced(target: str, **parameters: str | None) -> str:
    """The target with these query parameters replaced; None removes one."""
    path, query = target.split("?")
    fields = dict(parse_qsl(query)) | parameters
    return f"{path}?{urlencode({name: value for name, value in fields.items() if value is not None})}"


def expect_forbidden(response: Response) -> None:
    assert response.status == 403
    assert isinstance(document(response)["detail"], str)
    assert response.head.get("Content-Range") is None
    assert response.head.get("ETag") is None


async def test_a_playback_url_needs_no_key(site: Gateway, media: Media) -> None:
    target = await playback_target(site, media)
    assert target.split("?")[0] == media.target
    response = await call(site, target)
    assert (response.status, response.body) == (200, media.content)
    assert response.head["ETag"] == media.etag
    assert response.head["Content-Disposition"].startswith("inline;")


async def test_a_playback_url_serves_ranges_and_conditions(site: Gateway, media: Media) -> None:
    target = await playback_target(site, media)
    part = await call(site, target, fields=[("Range", "bytes=5-9")])
    assert (part.status, part.body) == (206, media.content[5:10])
    assert (await call(site, target, fields=[("Range", "bytes=100000-")])).status == 416
    assert (await call(site, target, fields=[("If-None-Match", media.etag)])).status == 304
    assert (await call(site, target, fields=[("If-Match", '"other"')])).status == 412


async def test_a_playback_url_serves_head(site: Gateway, media: Media) -> None:
    response = await call(site, await playback_target(site, media), method="HEAD")
    assert (response.status, response.head["Content-Length"]) == (200, str(len(media.content)))


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
async def test_a_playback_url_serves_no_other_method(site: Gateway, media: Media, method: str) -> None:
    response = await call(
        site, await playback_target(site, media), method=method, fields=[("Content-Length", "0")][: method != "POST"]
    )
    assert response.status == 405


async def test_the_response_to_a_signature_may_be_shared_and_to_a_key_may_not(site: Gateway, media: Media) -> None:
    signed = (await call(site, await playback_target(site, media))).head["Cache-Control"]
    keyed = (await call(site, media.target, key=site.key)).head["Cache-Control"]
    assert signed.startswith("max-age=")
    assert "private" not in signed
    assert keyed.startswith("max-age=")
    assert "private" in keyed


async def test_a_playback_url_is_stable_inside_its_window(site: Gateway, media: Media) -> None:
    # Two calls may be on both sides of the end of a window; of three, two neighbours are equal.
    urls = [await playback_target(site, media) for _ in range(3)]
    assert len(set(urls)) <= 2


async def test_a_playback_url_expires_when_it_says(site: Gateway, media: Media) -> None:
    expires = int(dict(parse_qsl((await playback_target(site, media)).split("?")[1]))["exp"])
    assert time.time() + 3600 < expires < time.time() + 24 * 3600


FORGERIES = {
    "later-expiry": {"exp": "9999999999"},
    "earlier-expiry": {"exp": "1"},
    "expiry-zero": {"exp": "0"},
    "negative-expiry": {"exp": "-1"},
    "expiry-of-5000-digits": {"exp": "9" * 5000},
    "expiry-that-is-not-a-number": {"exp": "tomorrow"},
    "expiry-with-an-underscore": {"exp": "9_999_999_999"},
    "expiry-in-arabic-indic-digits": {"exp": "\u0669" * 10},
    "expiry-missing": {"exp": None},
    "expiry-empty": {"exp": ""},
    "another-owner": {"own": "1"},
    "unknown-kid": {"kid": "unknown"},
    "kid-missing": {"kid": None},
    "kid-empty": {"kid": ""},
    "kid-with-a-nul": {"kid": "\x00"},
    "signature-missing": {"sig": None},
    "signature-empty": {"sig": ""},
    "signature-of-nonsense": {"sig": "nonsense"},
    "signature-no-ascii": {"sig": "\u00e4" * 43},
    "signature-of-zeros": {"sig": "A" * 43},
    "signature-padded-with-more": {"sig": "A" * 5000},
}


@pytest.mark.parametrize("changed", FORGERIES.values(), ids=FORGERIES.keys())
async def test_a_changed_parameter_is_a_forgery(site: Gateway, media: Media, changed: dict[str, str | None]) -> None:
    target = replaced(await playback_target(site, media), **changed)
    expect_forbidden(await call(site, target))


async def test_a_repeated_parameter_is_a_forgery(site: Gateway, media: Media) -> None:
    target = await playback_target(site, media)
    for name, value in parse_qsl(target.split("?")[1]):
        for repeated in (f"{name}={value}", f"{name}=1", f"%{ord(name[0]):x}{name[1:]}=1"):
            expect_forbidden(await call(site, f"{target}&{repeated}"))


async def test_every_character_of_the_signature_counts(site: Gateway, media: Media) -> None:
    target = await playback_target(site, media)
    signature = dict(parse_qsl(target.split("?")[1]))["sig"]
    # The last character contains only some bits of the digest; a change there must be detected, too.
    for position in (0, 1, len(signature) // 2, len(signature) - 2, len(signature) - 1):
        for letter in {"A", "B", "_"} - {signature[position]}:
            forged = signature[:position] + letter + signature[position + 1 :]
            expect_forbidden(await call(site, replaced(target, sig=forged)))
    expect_forbidden(await call(site, replaced(target, sig=signature[:-1])))
    expect_forbidden(await call(site, replaced(target, sig=signature + "A")))
    expect_forbidden(await call(site, replaced(target, sig=signature + "=")))


async def test_a_forged_disposition_is_a_forgery(site: Gateway, media: Media) -> None:
    target = await playback_target(site, media)
    for name in ("disposition", "download", "attachment"):
        response = await call(site, f"{target}&{name}=attachment")
        assert response.status == 403 or response.head["Content-Disposition"].startswith("inline;")


async def test_a_signature_opens_no_other_object(site: Gateway, media: Media, one_byte: Media) -> None:
    query = (await playback_target(site, media)).split("?")[1]
    expect_forbidden(await call(site, f"{one_byte.target}?{query}"))
    crossed = one_byte.target.replace(str(one_byte.recording_id), str(media.recording_id))
    expect_forbidden(await call(site, f"{crossed}?{query}"))


async def test_a_signature_opens_no_other_route(site: Gateway, media: Media) -> None:
    query = (await playback_target(site, media)).split("?")[1]
    for target in (f"/recordings/{media.recording_id}", "/recordings", media.target.replace("/raw", "/download")):
        assert (await call(site, f"{target}?{query}")).status == 401


def signed(
    site: Gateway, media: Media, *, kid: str = SIGNING_KID, secret: str = SIGNING_SECRET, age_seconds: float = 0
) -> str:
    """A URL that the test signed that long ago."""
    signer = Signer(SigningKeys([SigningKey(kid, secret.encode())]), expires_in_seconds=3600, window_seconds=60)
    grant = Grant(owner_text(site.user_id, live=True), media.recording_id, media.media_file_id, "inline")
    return f"{media.target}?{signer.sign(grant, now=time.time() - age_seconds).query}"


async def test_a_url_signed_with_the_configured_key_is_accepted(site: Gateway, media: Media) -> None:
    assert (await call(site, signed(site, media))).status == 200


async def test_an_expired_url_is_forbidden(site: Gateway, media: Media) -> None:
    expect_forbidden(await call(site, signed(site, media, age_seconds=3 * 3600)))


async def test_a_signature_with_another_secret_is_refused(site: Gateway, media: Media) -> None:
    expect_forbidden(await call(site, signed(site, media, secret="another secret of the same length 123")))
    expect_forbidden(await call(site, signed(site, media, kid="another")))


async def test_a_signature_is_valid_in_any_quoting(site: Gateway, media: Media) -> None:
    # aiohttp's client and fsspec quote query strings anew; any spelling of the same values is the same.
    path, query = (await playback_target(site, media)).split("?")
    fields = parse_qsl(query)
    percent = "&".join(f"{name}=" + "".join(f"%{ord(letter):02X}" for letter in value) for name, value in fields)
    lower = percent.lower()
    assert (await call(site, f"{path}?{percent}")).status == 200
    assert (await call(site, f"{path}?{lower}")).status == 200
    assert (await call(site, f"{path}?{urlencode(fields[::-1])}")).status == 200


async def test_the_download_url_is_an_attachment(site: Gateway, media: Media) -> None:
    download = await fetch(site, media.target.replace("/raw", "/download"))
    response = await call(site, target_of(download["download_url"]))
    assert (response.status, response.body) == (200, media.content)
    assert response.head["Content-Disposition"].startswith("attachment;")
    assert f'filename="{download["filename"]}"' in response.head["Content-Disposition"]


async def test_signatures_are_not_logged(site: Gateway, media: Media) -> None:
    signature = dict(parse_qsl((await playback_target(site, media)).split("?")[1]))["sig"]
    await call(site, await playback_target(site, media), fields=[("Range", "bytes=0-0")])
    assert signature not in site.log_text()
