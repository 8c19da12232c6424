"""The console of a persister that hangs: stale.py CONSOLE OTHER-CONSOLE, a token in VIEWER. Says
`fresh` and waits for a line while the persister is stopped, says `stale` and waits while it goes on."""

import os
import re
import sys

from browser import open_page, sign_in
from chromium import chromium, no_errors
from playwright.sync_api import expect


def tell(word: str) -> None:
    print(word, flush=True)
    sys.stdin.readline()


with chromium() as browser:
    pages = [open_page(browser, url) for url in sys.argv[1:3]]
    for page in pages:
        sign_in(page, os.environ["VIEWER"])
        expect(page.locator("#age")).to_have_text(re.compile(r"^data of \d s ago$"))
    # One of two leads, and the other one says so.
    leaders = page.locator("#leader")
    shown = [page.locator("#leader").is_visible() for page in pages]
    assert sorted(shown) == [False, True], shown
    expect(pages[shown.index(True)].locator("#leader")).to_contain_text("stands by, persister-")

    page = pages[0]
    page.bring_to_front()
    tell("fresh")
    expect(page.locator("body")).to_have_class("stale")
    expect(page.locator("#age")).to_contain_text(re.compile(r"data of \d+ s ago"))
    expect(page.get_by_role("status")).to_contain_text("The data is old")
    tell("stale")
    expect(page.locator("body")).not_to_have_class("stale")
    expect(page.get_by_role("status")).to_contain_text("The data is current")
    no_errors(page)
