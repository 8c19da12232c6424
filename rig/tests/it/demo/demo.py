"""The demo page, state by state: demo.py PAGE PICTURES, events in RUSHED, SOON, OPEN, FAR, PAUSED and
CLOSED. FIRSTCOME_SCREENSHOTS names another folder for the pictures."""

import json
import os
import re
import sys
from pathlib import Path

from chromium import chromium, no_errors, status_of, watched
from playwright.sync_api import Error, Page, expect

PHONE = {"width": 390, "height": 760}
SMALLEST = {"width": 320, "height": 568}
ISSUE = "**/api/v1/coupons/issue"

url = sys.argv[1]
shots = Path(os.environ.get("FIRSTCOME_SCREENSHOTS", sys.argv[2]))


def device(browser, **how) -> Page:
    """A phone of somebody's own: nothing is kept on it yet."""
    context = browser.new_context(viewport=PHONE, locale=how.get("locale", "en-GB"))
    return watched(context.new_page())


def open_event(page: Page, event: str) -> Page:
    page.goto(f"{url}?event={os.environ[event]}")
    return page


def in_state(page: Page, pattern: str) -> str:
    """Waits for one of the states, and says which."""
    main = page.locator("main")
    expect(main).to_have_attribute("data-state", re.compile(f"^({pattern})$"))
    return main.get_attribute("data-state")


def button(page: Page):
    return page.get_by_role("button")


def press(page: Page) -> None:
    """By keyboard alone; where the focus is must be seen, and it stays there."""
    if page.evaluate("document.activeElement === document.body"):
        page.keyboard.press("Tab")
    expect(button(page)).to_be_focused()
    outline = button(page).evaluate("(it) => getComputedStyle(it).outlineStyle")
    assert outline != "none", "the focus is not seen"
    page.keyboard.press("Enter")


def picture(page: Page, name: str) -> None:
    page.screenshot(path=shots / f"demo-{name}.png")


def fits(page: Page) -> None:
    """Nothing lies beyond the right edge of the smallest phone."""
    page.set_viewport_size(SMALLEST)
    widths = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert widths[0] <= widths[1], widths
    page.set_viewport_size(PHONE)


def put_away(page: Page, *statuses: int) -> None:
    """Nothing went wrong, nor against the page's policy, but for these answers and the 503 of a busy
    edge. Closes the device."""
    no_errors(page, "net::ERR_", *map(status_of, (503, *statuses)))
    page.context.close()


def answer(status: int, code: str, retry_after_ms: int):
    body = {"code": code, "status": status, "retry_after_ms": retry_after_ms}
    return lambda route: route.fulfill(
        status=status, content_type="application/problem+json", body=json.dumps(body)
    )


def turned_away(page: Page, with_answer) -> None:
    """Presses the button, and somebody else answers that once."""
    in_state(page, "ready")
    page.route(ISSUE, with_answer, times=1)
    press(page)


def lose(route) -> None:
    """The edge does it, and nobody hears of it."""
    route.fetch()
    try:
        route.abort("connectionreset")
    except Error:
        # The user stopped asking first.
        pass


def in_the_rush(browser) -> None:
    """Whatever comes of it is the truth, and stays it after a reload."""
    page = open_event(device(browser), "RUSHED")
    in_state(page, "ready")
    press(page)
    told = in_state(page, "won|sold_out")
    if told == "won":
        number = page.locator("#number").inner_text()
        page.reload()
        in_state(page, "won")
        expect(page.locator("#number")).to_have_text(number)
    put_away(page, 409)


def countdown(browser) -> None:
    """The button sleeps until the event opens, by the server's clock."""
    page = open_event(device(browser), "FAR")
    in_state(page, "not_open")
    expect(page.get_by_role("timer")).to_have_text(re.compile(r"^00:5\d:\d\d$"))
    expect(button(page)).to_have_attribute("aria-disabled", "true")
    press(page)
    in_state(page, "not_open")
    picture(page, "not-open")
    open_event(page, "SOON")
    in_state(page, "ready")
    expect(page.get_by_role("timer")).to_be_hidden()
    press(page)
    in_state(page, "won")
    put_away(page, 403)


def wins(browser) -> None:
    """By keyboard; said aloud; still there after a reload."""
    page = open_event(device(browser), "OPEN")
    policy = page.request.get(url).headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy, policy
    in_state(page, "ready")
    expect(page.locator("#stock")).to_have_text(re.compile(r"\d+ of 20 left"))
    fits(page)
    picture(page, "ready")
    press(page)
    in_state(page, "won")
    expect(page.locator("#stock")).to_have_text("19 of 20 left")
    live = page.locator("[aria-live=polite]")
    expect(live).to_contain_text("You have one!")
    coupon = page.locator("#coupon-id").inner_text()
    assert re.fullmatch(r"[0-9a-f-]{36}", coupon), coupon
    expect(button(page)).to_be_hidden()
    fits(page)
    picture(page, "won")
    page.reload()
    in_state(page, "won")
    expect(page.locator("#coupon-id")).to_have_text(coupon)
    put_away(page)


def waits(browser) -> None:
    """Turned away, it says that it will ask again, and does."""
    page = open_event(device(browser), "OPEN")
    turned_away(page, answer(503, "busy", 4_000))
    expect(page.get_by_role("status")).to_have_text(re.compile(r"busy: asking again in \d s"))
    in_state(page, "trying")
    expect(button(page)).to_have_text("Stop asking")
    picture(page, "trying")
    in_state(page, "won")
    put_away(page)


def is_turned_away(browser) -> None:
    """Nothing was given, and it can be tried again."""
    page = open_event(device(browser), "OPEN")
    turned_away(page, answer(429, "too_many_requests", 3_600_000))
    in_state(page, "try_again")
    picture(page, "try-again")
    press(page)
    in_state(page, "won")
    put_away(page, 429)


def does_not_know(browser) -> None:
    """A lost answer is no loss: the truth is found out, after a reload as well."""
    page = open_event(device(browser), "OPEN")
    in_state(page, "ready")
    page.route(ISSUE, lose)
    press(page)
    expect(page.get_by_role("status")).to_have_text(re.compile("lost: asking again|once more"))
    press(page)
    in_state(page, "unknown")
    expect(button(page)).to_have_text("Find out")
    fits(page)
    picture(page, "unknown")
    press(page)
    in_state(page, "trying")
    page.unroute(ISSUE)
    page.reload()
    in_state(page, "won")
    put_away(page)


def finds_nothing_to_win(browser) -> None:
    """Over, paused, sold out, or not there."""
    for event, at_once, told, name in [
        ("CLOSED", "closed", None, "closed"),
        ("PAUSED", "ready", "paused", "paused"),
        ("RUSHED", "ready", "sold_out", "sold-out"),
    ]:
        page = open_event(device(browser), event)
        in_state(page, at_once)
        if told is not None:
            expect(page.locator("#stock")).to_have_text(re.compile("^0 of" if event == "RUSHED" else "of"))
            # Its answer asks for a pause that no budget has: it is told at once.
            if told == "paused":
                page.route(ISSUE, paused_for_long)
            press(page)
            in_state(page, told)
        picture(page, name)
        put_away(page, 409)
    page = device(browser)
    page.goto(f"{url}?event=nobody-made-it")
    in_state(page, "unknown_event")
    picture(page, "unknown-event")
    page.goto(url)
    in_state(page, "no_event")
    put_away(page, 404)


def paused_for_long(route) -> None:
    """The edge's own answer, but for how long to wait."""
    told = route.fetch()
    body = told.json()
    assert body["code"] == "paused", body
    body["retry_after_ms"] = 3_600_000
    route.fulfill(response=told, body=json.dumps(body))


def speaks_korean(browser) -> None:
    page = open_event(device(browser, locale="ko-KR"), "OPEN")
    in_state(page, "ready")
    expect(page.locator("html")).to_have_attribute("lang", "ko")
    expect(button(page)).to_have_text("쿠폰 받기")
    fits(page)
    put_away(page)


with chromium() as browser:
    for scenario in [
        in_the_rush,
        countdown,
        wins,
        waits,
        is_turned_away,
        does_not_know,
        speaks_korean,
        finds_nothing_to_win,
    ]:
        print(scenario.__name__, flush=True)
        scenario(browser)
