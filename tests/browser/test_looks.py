"""The page in its states, on a desk and in a hand, by day and by night: measured by axe, and kept as pictures."""

import re
from collections.abc import Awaitable, Callable
from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import Any, Final, Literal

import pytest
from playwright.async_api import ViewportSize, expect

from tests.browser.lecture import NAME, Lecture, give_lecture
from tests.browser.library import MEETING, PLATFORM, SAID, Library
from tests.browser.listener import Listener
from tests.gateway_process import Gateway

pytestmark = pytest.mark.asyncio(loop_scope="session")

AXE: Final = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
SIZES: Final = {"desk": ViewportSize(width=1280, height=820), "hand": ViewportSize(width=320, height=640)}
SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")

Go = Callable[[Listener, Library], Awaitable[None]]


async def sign_in(visitor: Listener, library: Library) -> None:
    await expect(visitor.page.get_by_label("API key")).to_be_focused()


async def error(visitor: Listener, library: Library) -> None:
    await visitor.sign_in("sk_live_wrong")
    await expect(visitor.page.get_by_role("alert")).not_to_be_empty()


async def empty(visitor: Listener, library: Library) -> None:
    await visitor.sign_in(visitor.site.test_key)
    await expect(visitor.page.get_by_text("Nothing recorded yet")).to_be_visible()


async def listing(visitor: Listener, library: Library) -> None:
    await visitor.sign_in(visitor.site.key)
    await expect(visitor.rows.first).to_be_visible()


async def playing(visitor: Listener, library: Library) -> None:
    await listing(visitor, library)
    await visitor.arrive(f"#/meetings/{PLATFORM}/{MEETING}")
    await visitor.open_sound(library.sound.recording_id)
    await visitor.play()
    await visitor.page.get_by_role("button", name=SAID[1][2]).click()
    await visitor.until("media.currentTime > 31")
    await visitor.until_drawn()
    await visitor.page.get_by_text("Keyboard", exact=True).click()
    await visitor.page.locator("#deck").evaluate("deck => { deck.scrollTop = 0; scrollTo(0, 0); }")


async def watching(visitor: Listener, library: Library) -> None:
    """The lecture of the other owner, with its sentences as captions."""
    await visitor.sign_in(visitor.site.other_key)
    await visitor.rows.filter(has_text=NAME).click()
    await visitor.until("media?.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA")
    await visitor.media("media.textTracks[0].mode = 'showing'")
    await visitor.media("media.currentTime = 1.5")
    await visitor.until("!media.seeking")
    await expect(visitor.page.locator("#lines [aria-current]")).to_be_visible()


async def asking(visitor: Listener, library: Library) -> None:
    await listing(visitor, library)
    await visitor.open(library.picture.recording_id)
    await visitor.page.get_by_role("button", name="Delete").click()
    await expect(visitor.page.get_by_role("dialog")).to_be_visible()


async def searching(visitor: Listener, library: Library) -> None:
    await listing(visitor, library)
    await visitor.page.get_by_label("Search", exact=True).fill("tone")
    await expect(visitor.page.locator("#rows mark").first).to_be_visible()


async def sharing(visitor: Listener, library: Library) -> None:
    await listing(visitor, library)
    await visitor.open_sound(library.sound.recording_id)
    await visitor.page.get_by_role("button", name="Share").click()
    await visitor.page.get_by_role("button", name="Copy link").click()
    await expect(visitor.page.locator("#share-links li").first).to_be_visible()


async def shared(visitor: Listener, library: Library) -> None:
    await sharing(visitor, library)
    await expect(visitor.page.locator("#share-url")).to_have_value(re.compile("/shared/lk_"))
    await visitor.page.goto(await visitor.page.locator("#share-url").input_value())
    await visitor.until_drawn()


async def embedded(visitor: Listener, library: Library) -> None:
    await shared(visitor, library)
    await visitor.page.goto(f"{visitor.page.url}/embed")
    await visitor.until_drawn()


async def broken(visitor: Listener, library: Library) -> None:
    await visitor.page.goto(f"{visitor.site.base_url}/shared/lk_{'x' * 43}")
    await expect(visitor.page.get_by_role("alert")).to_contain_text("This link does not work")


async def renaming(visitor: Listener, library: Library) -> None:
    await listing(visitor, library)
    await visitor.open_sound(library.sound.recording_id)
    await visitor.page.get_by_role("button", name="Rename").click()
    await expect(visitor.page.get_by_label("Name of this recording")).to_be_focused()


async def uploaded(visitor: Listener, library: Library) -> None:
    await listing(visitor, library)
    await visitor.page.locator("#upload-files").set_input_files(library.sound_path)
    await expect(visitor.page.locator("#uploads").get_by_role("link", name="Open")).to_be_visible()


STATES: Final[dict[str, Go]] = {
    "searching": searching,
    "sharing": sharing,
    "shared": shared,
    "embedded": embedded,
    "broken": broken,
    "renaming": renaming,
    "uploaded": uploaded,
    "sign-in": sign_in,
    "error": error,
    "empty": empty,
    "list": listing,
    "playing": playing,
    "asking": asking,
    "watching": watching,
}


@pytest.fixture(scope="module", autouse=True)
def lecture(site: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Lecture:
    """The only recording of the other owner."""
    return give_lecture(site, tmp_path_factory.mktemp("lecture"), site.other_key)


@pytest.mark.parametrize("state", STATES)
async def test_a_state_of_the_page_is_accessible_and_fits_by_day_and_night_on_desk_and_in_hand(
    visitor: Listener, library: Library, pictures: Path, state: str
) -> None:
    await STATES[state](visitor, library)
    for scheme, (place, size) in product(SCHEMES, SIZES.items()):
        await visitor.page.emulate_media(color_scheme=scheme)
        await visitor.page.set_viewport_size(size)
        await visitor.page.screenshot(path=pictures / f"{state}-{scheme}-{place}.png")
        assert await violations(visitor) == [], (scheme, place)
        assert await visitor.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), (scheme, place)


async def violations(listener: Listener) -> list[str]:
    """The violations that axe reports for the page, by rule and element."""
    await listener.page.evaluate(AXE)
    found: dict[str, Any] = await listener.page.evaluate("() => axe.run({ resultTypes: ['violations'] })")
    return [f"{rule['id']}: {node['html']}" for rule in found["violations"] for node in rule["nodes"]]


async def test_every_control_can_be_reached_by_keyboard(visitor: Listener, library: Library) -> None:
    keyboard = visitor.page.keyboard
    await expect(visitor.page.get_by_label("API key")).to_be_focused()
    await keyboard.type(visitor.site.key)
    await keyboard.press("Enter")
    await expect(visitor.rows.first).to_be_visible()
    await visitor.rows.filter(has_text="Audio mp3").first.focus()
    await keyboard.press("Enter")
    await visitor.until("media.readyState >= HTMLMediaElement.HAVE_METADATA")
    await visitor.play()
    await keyboard.press("Tab")
    for _ in range(30):
        if await visitor.page.evaluate("() => document.activeElement.id === 'remove'"):
            return
        await keyboard.press("Tab")
    pytest.fail("no way to the last button")
