"""The system's Chromium, for scenarios of any page."""

import os
import shutil
import sys
from contextlib import contextmanager

from playwright.sync_api import Page, expect, sync_playwright

# Whatever is waited for comes within seconds, or something is broken.
SOON_MS = 40_000
expect.set_options(timeout=SOON_MS)


@contextmanager
def chromium():
    """The browser; root may not use its sandbox."""
    program = shutil.which("chromium")
    if program is None:
        sys.exit("chromium is not installed: ./dev test installs it")
    sandbox = [] if os.geteuid() else ["--no-sandbox"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=sandbox)
        yield browser
        browser.close()


def watched(page: Page) -> Page:
    """Notes what goes wrong in the page, or against its policy, in its `errors`."""
    page.set_default_timeout(SOON_MS)
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("console", lambda line: page.errors.append(line.text) if line.type == "error" else None)
    return page


def no_errors(page: Page, *expected: str) -> None:
    """Nothing went wrong in the page but what has one of these words."""
    rest = [error for error in page.errors if not any(words in error for words in expected)]
    assert rest == [], rest


def status_of(code: int) -> str:
    """What Chromium says of an answer with this status."""
    return f"status of {code}"
