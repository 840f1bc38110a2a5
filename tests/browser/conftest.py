"""A real Chromium, driven by Playwright. Playwright downloads none: the system's is used."""

import os
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest

# Fixtures of the tests that run Locust without a browser.
from ..load.conftest import environment, moto_url  # noqa: F401

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
TIMEOUT_MS = 30_000


def chromium():
    """Where Chromium is; None if there is none. `REDRIVE_CHROMIUM` names one."""
    named = os.environ.get("REDRIVE_CHROMIUM")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


@pytest.fixture(scope="session")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = chromium()
    if path is None or not Path(path).exists():
        why = f"no Chromium: install it (apt-get install chromium), or name it in REDRIVE_CHROMIUM ({path})"
        # Whoever asked for these tests by installing Playwright on CI is not to believe that they ran.
        (pytest.fail if os.environ.get("CI") else pytest.skip)(why)
    playwright.expect.set_options(timeout=TIMEOUT_MS)
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser):
    """Opens a page, `without` one of its scripts if that is wanted.

    At the end of the test nothing must have gone wrong on it, and no other host been asked.
    """
    contexts, wrong = [], []

    def make(url, *, without=None, **more):
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 1100}, **more})
        context.set_default_timeout(TIMEOUT_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: wrong.append(said.text) if said.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: asked(request.url, url))
        if without is not None:
            page.route(without, lambda route: route.fulfill(content_type="text/javascript", body=""))
        page.goto(url)
        return page

    def asked(url, own):
        if urlsplit(url).scheme not in {"data", "blob"} and urlsplit(url).netloc != urlsplit(own).netloc:
            wrong.append(f"asked {url}")

    yield make
    for context in contexts:
        context.close()
    assert wrong == []
