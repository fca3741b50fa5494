"""The contract page in Chromium shows every operation, under a policy without inline code and without other origins."""

from typing import Final

import pytest
from playwright.async_api import BrowserContext, ConsoleMessage, Request, expect

from gateway.settings.documents import load_contract
from tests.gateway_process import Gateway

pytestmark = pytest.mark.asyncio(loop_scope="session")

METHODS: Final = {"get", "head", "post", "put", "patch", "delete"}


async def test_the_contract_page_shows_every_operation_and_sends_requests(
    context: BrowserContext, site: Gateway
) -> None:
    faults: list[str] = []
    asked: set[str] = set()

    def note(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            faults.append(message.text)

    def count(request: Request) -> None:
        asked.add(request.url)

    page = await context.new_page()
    page.on("console", note)
    page.on("request", count)
    await page.goto(f"{site.base_url}/docs")
    operations = [method for item in load_contract()["paths"].values() for method in item if method in METHODS]
    await expect(page.locator(".opblock")).to_have_count(len(operations))
    await page.locator("#operations-operations-getLiveness").click()
    await page.get_by_role("button", name="Try it out").click()
    await page.get_by_role("button", name="Execute").click()
    await expect(page.locator(".live-responses-table tbody .response-col_status").first).to_contain_text("200")
    assert faults == []
    assert {url for url in asked if not url.startswith((site.base_url, "data:"))} == set()
