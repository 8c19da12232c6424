"""A browser on the console, and what both scenarios do with it."""

import re

from chromium import watched
from playwright.sync_api import Page, expect

# Tab is pressed so often to reach something.
MOST_TABS = 60


def open_page(browser, url: str, **how) -> Page:
    """A page of its own, whose errors end the scenario (`no_errors`)."""
    page = watched(browser.new_page(**how))
    page.goto(url)
    return page


def sign_in(page: Page, token: str) -> None:
    page.get_by_label("Bearer token").fill(token)
    page.keyboard.press("Enter")
    expect(page.get_by_role("navigation", name="Views")).to_be_visible()


def tile(page: Page, name: str):
    """A figure's number."""
    return page.locator(".tile", has=page.get_by_text(name, exact=True)).locator(".value")


def go(page: Page, view: str) -> None:
    page.get_by_role("link", name=view, exact=True).click()
    expect(page.get_by_role("heading", name=view, level=2)).to_be_visible()


def tab_to(page: Page, name: str) -> None:
    """Moves the focus by the Tab key alone; where it is must be seen."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            """() => { const at = document.activeElement; const style = getComputedStyle(at);
            return [at.getAttribute("aria-label") || at.labels?.[0]?.textContent || at.textContent,
                    style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2]; }"""
        )
        if focused[0].strip() == name:
            assert focused[1], f"the focus on {name} is not seen"
            return
    raise AssertionError(f"Tab does not reach {name}")


def number(text: str) -> float:
    return float(re.sub(r"[^0-9.]", "", text) or "nan")
