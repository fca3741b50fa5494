"""The page in its states, on a desk and in a hand, by day and by night: measured by axe, and kept as pictures."""

import re
from collections.abc import AsyncIterator, Callable
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
PAGE: Final = Path(__file__).resolve().parents[2] / "gateway" / "web" / "pages" / "player"
SIZES: Final = {"desk": ViewportSize(width=1280, height=820), "hand": ViewportSize(width=320, height=640)}
Scheme = Literal["light", "dark"]
SCHEMES: Final[tuple[Scheme, ...]] = ("light", "dark")
# By night only colours differ, so that only these rules can have another result.
ALL: Final[dict[str, Any]] = {"resultTypes": ["violations"]}
OF_COLOURS: Final = ALL | {"runOnly": ["color-contrast", "link-in-text-block"]}

# What a person does; yields the name of each state that is looked at.
Story = Callable[[Listener, Library], AsyncIterator[str]]


async def signing_in(visitor: Listener, library: Library) -> AsyncIterator[str]:
    await expect(visitor.page.get_by_label("API key")).to_be_focused()
    yield "sign-in"
    await visitor.sign_in("sk_live_wrong")
    await expect(visitor.page.get_by_role("alert")).not_to_be_empty()
    yield "error"
    await visitor.sign_in(visitor.site.test_key)
    await expect(visitor.page.get_by_text("Nothing recorded yet")).to_be_visible()
    yield "empty"


async def managing(visitor: Listener, library: Library) -> AsyncIterator[str]:
    page, key = visitor.page, {"X-API-Key": visitor.site.key}
    assert (await page.request.post(f"{visitor.site.base_url}/v1/recordings", headers=key, data={"name": "Live"})).ok
    await visitor.sign_in(visitor.site.key)
    await expect(visitor.rows.first).to_contain_text("Live")
    yield "list"
    await page.get_by_label("Search", exact=True).fill("tone")
    await expect(page.locator("#rows mark").first).to_be_visible()
    yield "searching"
    await page.get_by_label("Search", exact=True).fill("")
    await visitor.open_sound(library.sound.recording_id)
    await page.get_by_role("button", name="Rename").click()
    await expect(page.get_by_label("Name of this recording")).to_be_focused()
    yield "renaming"
    await page.keyboard.press("Escape")
    await visitor.open(library.picture.recording_id)
    await page.get_by_role("button", name="Delete").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    yield "asking"
    await page.get_by_role("button", name="Keep it").click()
    await page.evaluate("() => { location.hash = '#/'; }")  # in the hand, the list is shown only without a recording
    await expect(page.locator("#deck-none")).to_be_visible()
    await page.locator("#upload-files").set_input_files(library.short_path)
    await expect(page.locator("#uploads").get_by_role("link", name="Open")).to_be_visible()
    yield "uploaded"


async def listening(visitor: Listener, library: Library) -> AsyncIterator[str]:
    page = visitor.page
    await visitor.sign_in(visitor.site.key)
    await visitor.arrive(f"#/meetings/{PLATFORM}/{MEETING}")
    await visitor.open_sound(library.sound.recording_id)
    await visitor.play()
    await page.get_by_role("button", name=SAID[1][2]).click()
    await visitor.until("media.currentTime > 31")
    await visitor.until_drawn()
    await page.get_by_text("Keyboard", exact=True).click()
    await page.locator("#deck").evaluate("deck => { deck.scrollTop = 0; scrollTo(0, 0); }")
    yield "playing"
    await visitor.media("media.pause()")
    await page.get_by_role("button", name="Share").click()
    await page.get_by_role("button", name="Copy link").click()
    await expect(page.locator("#share-links li").first).to_be_visible()
    yield "sharing"
    await expect(page.locator("#share-url")).to_have_value(re.compile("/shared/lk_"))
    await page.goto(await page.locator("#share-url").input_value())
    await visitor.until_drawn()
    yield "shared"
    await page.goto(f"{page.url}/embed")
    await visitor.until_drawn()
    yield "embedded"


async def watching(visitor: Listener, library: Library) -> AsyncIterator[str]:
    """The lecture of the other owner, with its sentences as captions; and a link that does not work."""
    await visitor.sign_in(visitor.site.other_key)
    await visitor.rows.filter(has_text=NAME).click()
    await visitor.until("media?.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA")
    await visitor.media("media.textTracks[0].mode = 'showing'")
    await visitor.media("media.currentTime = 1.5")
    await visitor.until("!media.seeking")
    await expect(visitor.page.locator("#lines [aria-current]")).to_be_visible()
    yield "watching"
    await visitor.page.goto(f"{visitor.site.base_url}/shared/lk_{'x' * 43}")
    await expect(visitor.page.get_by_role("alert")).to_contain_text("This link does not work")
    yield "broken"


@pytest.fixture(scope="module", autouse=True)
def lecture(site: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Lecture:
    """The only recording of the other owner."""
    return give_lecture(site, tmp_path_factory.mktemp("lecture"), site.other_key)


@pytest.mark.parametrize("story", [signing_in, managing, listening, watching])
async def test_the_page_is_accessible_and_fits_light_and_dark_on_desktops_and_phones(
    visitor: Listener, library: Library, pictures: Path | None, story: Story
) -> None:
    async for state in story(visitor, library):
        try:
            await look(visitor, pictures, state)
        finally:
            await show(visitor, SCHEMES[0], SIZES["desk"])


async def test_by_night_only_colours_differ() -> None:
    sheets = {path.name: path.read_text("utf-8") for path in PAGE.iterdir() if path.suffix in {".css", ".js"}}
    assert [name for name, text in sheets.items() if "prefers-color-scheme" in text] == ["theme.css"]
    (night,) = re.findall(
        r"@media \(prefers-color-scheme: dark\) {\s*:root {(.*?)}\s*}", sheets["theme.css"], re.DOTALL
    )
    assert [line for line in night.split(";") if not re.fullmatch(r"\s*(--[a-z-]+: #[0-9a-f]{6})?\s*", line)] == []


async def look(visitor: Listener, pictures: Path | None, state: str) -> None:
    """Measure the page, and keep its pictures if somebody wants them."""
    if not await visitor.page.evaluate("() => 'axe' in window"):
        await visitor.page.evaluate(AXE)
    for (place, size), scheme in product(SIZES.items(), SCHEMES):
        await show(visitor, scheme, size)
        if pictures is not None:
            await visitor.page.screenshot(path=pictures / f"{state}-{scheme}-{place}.png")
        assert await violations(visitor, ALL if scheme == "light" else OF_COLOURS) == [], (state, scheme, place)
        assert await visitor.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), (state, place)


async def show(visitor: Listener, scheme: Scheme, size: ViewportSize) -> None:
    await visitor.page.emulate_media(color_scheme=scheme)
    await visitor.page.set_viewport_size(size)


async def violations(listener: Listener, rules: dict[str, Any]) -> list[str]:
    """The violations of these rules that axe reports for the page, by rule and element."""
    found: dict[str, Any] = await listener.page.evaluate("(options) => axe.run(options)", rules)
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
