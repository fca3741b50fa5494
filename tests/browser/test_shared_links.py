"""A share link in each browser: it plays without a key, from its moment; ended, expired or forged, it says that it does not work."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

import aiohttp
import pytest

from gateway.protocol.ids import encode_id
from tests.browser.sound_gateway import SoundGateway
from tests.browser.tabs import Tab

pytestmark = pytest.mark.asyncio(loop_scope="session")

MOMENT: Final = 65.0
UNTIL: Final = """new Promise((resolve) => {
  const look = () => {
    const media = document.querySelector("audio");
    if (%s) resolve(true);
    else setTimeout(look, 20);
  };
  look();
})"""


@pytest.fixture(params=["chromium", "firefox", "webkit"])
def guest(request: pytest.FixtureRequest) -> Tab:
    """The browser of someone who has only the link."""
    opened: Tab = request.getfixturevalue(f"{request.param}_reloaded")
    return opened


async def share(gateway: SoundGateway) -> dict[str, Any]:
    """A new link to a moment of the recording."""
    body = {"expires_in_seconds": 600, "start_seconds": MOMENT}
    async with (
        aiohttp.ClientSession() as client,
        client.post(links_of(gateway), json=body, headers=by_key(gateway)) as response,
    ):
        assert response.status == 201
        made: dict[str, Any] = json.loads(await response.read())
        return made


def links_of(gateway: SoundGateway) -> str:
    return f"{gateway.site.base_url}/v1/recordings/{encode_id('rec', gateway.sound.recording_id)}/links"


def by_key(gateway: SoundGateway) -> dict[str, str]:
    return {"X-API-Key": gateway.site.key}


async def test_a_link_plays_without_a_key_from_its_moment(guest: Tab, gateway: SoundGateway) -> None:
    await guest.visit((await share(gateway))["url"])
    await guest.attempt(UNTIL % f"media?.duration > 1 && !media.seeking && media.currentTime >= {MOMENT}")
    await guest.attempt("document.querySelector('audio').play()")
    await guest.attempt(UNTIL % f"media.currentTime > {MOMENT} + 0.5 && media.currentTime < {MOMENT} + 30")


async def end(gateway: SoundGateway, link: dict[str, Any]) -> str:
    url = f"{links_of(gateway)}/{link['id']}"
    async with aiohttp.ClientSession() as client, client.delete(url, headers=by_key(gateway)) as response:
        assert response.status == 204
    return str(link["url"])


async def let_expire(gateway: SoundGateway, link: dict[str, Any]) -> str:
    await gateway.site.execute(
        "UPDATE api_keys SET expires_at = now() - interval '1 second' WHERE expires_at > now() AND recording_id IS NOT NULL"
    )
    return str(link["url"])


async def forge(_gateway: SoundGateway, link: dict[str, Any]) -> str:
    url = str(link["url"])
    return url[:-1] + ("A" if url[-1] != "A" else "B")


@pytest.mark.parametrize("spoil", [end, let_expire, forge], ids=["ended", "expired", "forged"])
async def test_a_link_that_is_not_valid_says_so_and_plays_nothing(
    guest: Tab, files: SoundGateway, spoil: Callable[[SoundGateway, dict[str, Any]], Awaitable[str]]
) -> None:
    await guest.visit(await spoil(files, await share(files)))
    await guest.attempt(UNTIL % "document.body.innerText.includes('This link does not work')")
    assert await guest.attempt("document.querySelector('audio, video') === null")
