"""A rush, watched and steered in a browser: rush.py CONSOLE EVENT PICTURES, tokens in VIEWER, OPERATOR
and SECOND. FIRSTCOME_SCREENSHOTS names another folder for its pictures."""

import json
import os
import re
import sys
import urllib.request
from pathlib import Path

from browser import go, number, open_page, sign_in, tab_to, tile
from chromium import chromium, no_errors, status_of
from playwright.sync_api import expect

VIEWS = ["Live", "Events", "Dead letters", "Reconciliations", "Audit trail"]
LINKS = ["Live", "Events", "Dead letters", "Reconciliations", "Audit"]
# A picture for the README.
MOST_BYTES = 200_000
# The screen reader is left in peace for so long.
CALM_MS = 2_500

url, event = sys.argv[1:3]
shots = Path(os.environ.get("FIRSTCOME_SCREENSHOTS", sys.argv[3]))


def main() -> None:
    with chromium() as browser:
        pure(browser)
        watch(browser)
        steer_by_keyboard(browser)
        steer_against_another(browser)


def pure(browser) -> None:
    """The modules' arithmetic."""
    page = open_page(browser, url)
    found = page.evaluate(
        """async () => {
        const { answers, quantile } = await import("./rates.js");
        const { ceiling, reach, trace } = await import("./chart.js");
        const { pause } = await import("./poll.js");
        const took = (a, b) => [{ within_s: 0.1, count: a }, { within_s: 0.2, count: b }, { within_s: null, count: b }];
        const look = (at_ms, edges) => ({ at_ms, edges: edges.map(([address, claims, took]) => ({ address, claims, took, trouble: "" })) });
        const was = look(1000, [["a", { issued: 10, sold_out: 90 }, took(0, 0)], ["b", { issued: 500 }, took(0, 0)]]);
        const is = look(3000, [["a", { issued: 30, sold_out: 90, busy: 4 }, took(50, 100)], ["b", { issued: 6 }, took(0, 0)]]);
        const fresh = look(3000, [["c", { issued: 9 }, took(9, 9)]]);
        return [
          answers(was, is), answers(undefined, is), answers(was, fresh),
          [quantile(was, is, 0.25), quantile(was, is, 0.99), quantile(is, is, 0.5)],
          [ceiling(0), ceiling(11), ceiling(500), reach(1), reach(31000), reach(1e9)],
          trace([{ atMs: 0, values: [0] }, { atMs: 5, values: [null] }, { atMs: 10, values: [2] }], 0, 10, 10, 2),
          [pause(1000, 0), pause(1000, 2), pause(1000, 30)],
        ]; }"""
    )
    # 20 and, of the edge that began again, 6 within 2 s; an edge seen once has no rate.
    rates = {"told": 13, "sold out": 0, "come again": 2, "other": 0, "all": 15, "issued": 13}
    assert found[0] == rates, found[0]
    assert found[1:3] == [None, None], found
    assert [round(value, 3) if value else value for value in found[3]] == [0.05, 0.198, None], found[3]
    assert found[4] == [1, 20, 500, 30000, 60000, 180000], found[4]
    assert found[5] == "M0.0 149.0M600.0 14.0", found[5]
    assert found[6] == [1000, 4000, 15000], found[6]
    page.close()


def watch(browser) -> None:
    """A viewer sees the rush, and can change nothing."""
    page = open_page(browser, url, viewport={"width": 1120, "height": 900}, color_scheme="light")
    policy = page.request.get(url).headers
    assert "default-src 'self'" in policy["content-security-policy"], policy
    assert policy["referrer-policy"] == "no-referrer", policy
    sign_in_wrongly(page)
    sign_in(page, os.environ["VIEWER"])
    assert os.environ["VIEWER"] not in page.url
    page.evaluate("(event) => { location.hash = `#/live?event=${event}`; }", event)
    # Before, the view shows what was changed last, which may be another test's.
    expect(page.get_by_label("Event", exact=True)).to_have_value(event)
    expect(tile(page, "Won")).to_have_text(re.compile(r"[1-9]"))
    expect(tile(page, "Persisted")).to_have_text(re.compile(r"[1-9]"))
    expect(tile(page, "Claims a second")).to_have_text(re.compile(r"[1-9]"))
    expect(tile(page, "p99 of claims")).to_have_text(re.compile(r"[1-9].* ms"))
    won = number(tile(page, "Won").inner_text())
    # Looked up anew each time: the view may be drawn again.
    page.wait_for_function(
        """won => [...document.querySelectorAll(".tile")].some(tile =>
            tile.textContent.includes("Won") &&
            Number(tile.querySelector(".value").textContent.replaceAll(",", "")) > won)""",
        arg=won,
    )
    expect(page.locator(".chart .line-0[d*='L']").first).to_be_attached()
    expect(page.get_by_role("heading", name=re.compile(r"Parts: \d+ of \d+"))).to_be_visible()
    expect(page.locator(".parts li.ok", has_text="edge")).to_have_count(2)
    assert page.get_by_role("button").all_inner_texts() == ["Sign out"]
    calm(page)
    picture(page, "console-light", full_page=True)
    page.emulate_media(color_scheme="dark")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert sum(map(int, re.findall(r"\d+", ground)[:3])) < 150, ground
    picture(page, "console-dark", full_page=True)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 390, "height": 844})
    picture(page, "console-phone")
    for link, view in zip(LINKS, VIEWS):
        page.get_by_role("link", name=link, exact=True).click()
        expect(page.get_by_role("heading", name=view, level=2)).to_be_visible()
        fits(page, view)
        allowed = {"Sign out", "The next ones", "Older ones"}
        assert set(page.get_by_role("button").all_inner_texts()) <= allowed, view
    no_errors(page, status_of(401))
    page.close()


def sign_in_wrongly(page) -> None:
    page.get_by_label("Bearer token").fill("nobody-has-this-token-at-all")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text(re.compile("does not know"))


def calm(page) -> None:
    """Numbers that change each second are not read out."""
    spoken = page.evaluate(
        """(ms) => new Promise((done) => {
        let changes = 0;
        const watcher = new MutationObserver((all) => { changes += all.length; });
        const live = document.querySelectorAll("[role=status], [role=alert], [aria-live]");
        for (const one of live) watcher.observe(one, { childList: true, characterData: true, subtree: true });
        setTimeout(() => done([live.length, changes]), ms); })""",
        CALM_MS,
    )
    assert spoken[0] >= 1 and spoken[1] == 0, spoken


def fits(page, view: str) -> None:
    """Nothing lies beyond the right edge of the smallest phone."""
    page.set_viewport_size({"width": 320, "height": 640})
    widths = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert widths[0] <= widths[1], f"{view}: {widths}"


def picture(page, name: str, **how) -> None:
    path = shots / f"{name}.png"
    page.screenshot(path=path, **how)
    assert path.stat().st_size < MOST_BYTES, f"{path} has {path.stat().st_size} bytes"


def steer_by_keyboard(browser) -> None:
    """An operator pauses, with nothing but keys."""
    page = open_page(browser, f"{url}#/live?event={event}", viewport={"width": 1120, "height": 900})
    page.keyboard.press("Tab")
    tab_to(page, "Bearer token of the admin API")
    page.keyboard.type(os.environ["OPERATOR"])
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name=f"Pause {event}")).to_be_visible()
    page.evaluate("document.activeElement.blur()")
    tab_to(page, "Skip to the content")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    tab_to(page, f"Pause {event}")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name=f"Pause {event}")).to_be_visible()
    assert page.evaluate("document.activeElement.id") == "why"
    # Without a reason nothing is sent.
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.type("too many bots")
    tab_to(page, "Dry run")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="It would do this")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name=f"Pause {event}")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.type("too many bots")
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_have_text(re.compile(f"Done: {event} is paused"))
    expect(page.get_by_role("button", name=f"Resume {event}")).to_be_visible()
    no_errors(page)
    page.close()


def steer_against_another(browser) -> None:
    """Another operator resumes while this one raises the stock; then a letter is given up."""
    page = open_page(browser, url, viewport={"width": 1120, "height": 900})
    sign_in(page, os.environ["OPERATOR"])
    go(page, "Events")
    page.get_by_label("or of the id").fill(event)
    page.keyboard.press("Enter")
    page.get_by_role("button", name=f"Stock {event}").click()
    units = int(page.get_by_label("Units in all").input_value()) + 50
    page.get_by_label("Units in all").fill(str(units))
    page.get_by_label("Why").fill("fifty more came")
    another_resumes()
    page.get_by_role("button", name="Set the stock").click()
    conflict = page.locator(".conflict")
    expect(conflict).to_contain_text("operator-2: resume")
    expect(conflict).to_contain_text("the bots are gone")
    page.get_by_role("button", name="Set the stock").click()
    expect(page.locator("#said")).to_have_text(re.compile(f"Done: {event} is open with"))
    expect(page.get_by_role("dialog")).to_have_count(0)
    give_up_a_letter(page)
    page.get_by_role("link", name="Audit", exact=True).click()
    page.get_by_label("Of the event").fill(event)
    page.keyboard.press("Enter")
    lines = page.locator(".rows > li", has_text=event)
    for said in ["too many bots", "the bots are gone", "fifty more came", "nobody can read it"]:
        expect(lines.filter(has_text=said)).to_have_count(1)
    no_errors(page, status_of(409))
    page.close()


def another_resumes() -> None:
    body = json.dumps({"why": "the bots are gone", "wait_s": 10}).encode()
    api = url.replace("/console/", f"/admin/v1/events/{event}/resume")
    headers = {"Authorization": f"Bearer {os.environ['SECOND']}", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(api, body, headers), timeout=40) as answer:
        assert json.load(answer)["outcome"] == "changed"


def give_up_a_letter(page) -> None:
    go(page, "Dead letters")
    page.get_by_label("of the event").fill(event)
    page.keyboard.press("Enter")
    letter = page.locator(".rows > li", has_text=event)
    letter.locator("summary").click()
    expect(letter.locator("pre")).to_have_text("no record of ours")
    letter.get_by_role("button", name=re.compile("^Discard")).click()
    page.get_by_label("Why").fill("nobody can read it")
    page.get_by_role("button", name="Dry run").click()
    expect(page.locator(".result")).to_contain_text("would give up")
    page.get_by_role("dialog").get_by_role("button", name="Discard").click()
    expect(page.locator("#said")).to_have_text(re.compile("given up"))
    expect(letter).to_have_count(0)


main()
