"""Clients that ask again for a list, a search or a transcript: 304 as long as it is the same, and what is new as soon as it is."""

import json
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

import pytest

from gateway.protocol.ids import decode_id
from tests.conformance.ask import exchange
from tests.conformance.bota_calls import RECORDINGS, create, query, send
from tests.conformance.calling import document
from tests.conformance.media import Media
from tests.conformance.raw_http import Response, compose
from tests.gateway_process import Gateway

SAID: Final = ("The quagga grazes.", "Then the quagga sleeps.", "Nobody saw the quagga leave.")


async def put_segments(site: Gateway, recording: str, texts: Sequence[str]) -> None:
    segments = [{"start": start, "end": start + 1, "text": text} for start, text in enumerate(texts)]
    body = json.dumps({"segments": segments}).encode()
    assert (await send(site, "PUT", f"{RECORDINGS}/{recording}/transcript", body)).status == 204


async def ask(site: Gateway, target: str, etag: str | None = None, accept: str = "application/json") -> Response:
    fields = [("X-API-Key", site.key), ("Accept", accept), *([("If-None-Match", etag)] if etag else [])]
    response = await exchange(site, compose("GET", target, fields, host=site.authority))
    assert response.head["Cache-Control"] == "no-store"
    return response


async def refreshed(site: Gateway, target: str, known: Response) -> Response:
    """The response to the same request with the entity tag of an earlier response; a 304 repeats that tag."""
    response = await ask(site, target, known.head["ETag"])
    if response.status == 304:
        assert (response.body, response.head["ETag"]) == (b"", known.head["ETag"])
        assert response.head["Vary"] == known.head["Vary"].replace(", Accept-Encoding", "")
    return response


@pytest.fixture
async def spoken(site: Gateway) -> str:
    recording: str = (await create(site, name="At the zoo"))["id"]
    await put_segments(site, recording, SAID[:1])
    return recording


def transcripts_of(recording: str) -> tuple[str, ...]:
    """Every route that shows the transcript."""
    number = decode_id("rec", recording)
    return (
        f"{RECORDINGS}/{recording}/transcript",
        f"/recordings/{number}/transcript",
        f"/transcripts/upload/{quote(recording)}",
    )


@pytest.mark.parametrize("route", range(3))
async def test_a_transcript_is_sent_again_only_when_it_has_changed(site: Gateway, spoken: str, route: int) -> None:
    target = transcripts_of(spoken)[route]
    first = await ask(site, target)
    assert (await refreshed(site, target, first)).status == 304
    await put_segments(site, spoken, SAID[:2])
    second = await refreshed(site, target, first)
    assert [each["text"] for each in document(second)["segments"]] == list(SAID[:2])
    assert (await refreshed(site, target, second)).status == 304
    # The same words again are another version: what is sent then is the same, too.
    await put_segments(site, spoken, SAID[:2])
    assert document(await refreshed(site, target, second))["segments"] == document(second)["segments"]


async def test_a_segment_that_is_corrected_by_sql_is_a_change(site: Gateway, spoken: str) -> None:
    target, *_ = transcripts_of(spoken)
    first = await ask(site, target)
    await site.execute(f"UPDATE transcript_segments SET text = 'corrected' WHERE text = '{SAID[0]}'")  # noqa: S608
    assert [each["text"] for each in document(await refreshed(site, target, first))["segments"]] == ["corrected"]


async def test_json_and_webvtt_have_different_entity_tags(site: Gateway, spoken: str) -> None:
    target, *_ = transcripts_of(spoken)
    shown, captions = await ask(site, target), await ask(site, target, accept="text/vtt")
    assert shown.head["ETag"] != captions.head["ETag"]
    assert (await ask(site, target, captions.head["ETag"])).status == 200
    assert (await ask(site, target, captions.head["ETag"], "text/vtt")).status == 304


async def test_a_search_finds_segments_as_they_arrive(site: Gateway, spoken: str) -> None:
    target = query(q="quagga")
    known = await ask(site, target)
    for count in (1, 2, 3):
        await put_segments(site, spoken, SAID[:count])
        response = await refreshed(site, target, known)
        if count > 1:
            assert response.status == 200
            known = response
        (matches,) = [each["matches"] for each in document(known)["data"] if each["id"] == spoken]
        assert sorted(each["text"] for each in matches) == sorted(SAID[:count])
        assert (await refreshed(site, target, known)).status == 304


async def test_a_list_is_sent_again_only_when_it_has_changed(site: Gateway) -> None:
    target = query(device_id="refreshing")
    empty = await ask(site, target)
    assert (await refreshed(site, target, empty)).status == 304
    await create(site, device_id="refreshing")
    assert len(document(await refreshed(site, target, empty))["data"]) == 1


async def test_a_stranger_is_refused_whatever_it_claims_to_know(site: Gateway, spoken: str, met: Media) -> None:
    for target in (*transcripts_of(spoken), f"/recordings/{met.recording_id}/transcript"):
        fields = [("X-API-Key", site.other_key), ("If-None-Match", "*")]
        assert (await exchange(site, compose("GET", target, fields, host=site.authority))).status == 404
