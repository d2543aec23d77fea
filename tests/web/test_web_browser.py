"""The status page in a real browser: what strangers write does nothing, people who don't see or don't run scripts can
use it, and it keeps itself up to date."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.store.samples import HOUR, Plans, key
from tests.web.conftest import NOW, made_sources, made_store
from worker.model import FeedId
from worker.schedule import Silence
from worker.settings import Endpoint
from worker.store import Reader
from worker.web import serving, site

NEEDED = "FEEDMILL_SKIP_NOTHING" in os.environ
"""CI installs a browser, and will not have this skipped."""
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
if not NEEDED:
    pytest.importorskip("playwright", reason="playwright is not installed")
    pytest.importorskip("axe_playwright_python", reason="axe is not installed")
    if not Path(CHROMIUM).exists():
        pytest.skip("chromium is not installed", allow_module_level=True)

from axe_playwright_python.sync_playwright import Axe  # noqa: E402
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright  # noqa: E402

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-software-rasterizer",
    "--in-process-gpu",
    "--no-zygote",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
ONE = key("guid", "a", "one").hex()
TWO = key("guid", "a", "two").hex()
PAGES = ("/", "/feeds", "/feeds/bad", "/feeds/a", "/records", "/duplicates", "/quarantine", f"/why?q={TWO}", "/nowhere")
PHONE: ViewportSize = {"width": 360, "height": 740}
DESK: ViewportSize = {"width": 1280, "height": 800}
NOTHING_STICKS_OUT = "document.documentElement.scrollWidth <= innerWidth"


@dataclass
class Served:
    url: str
    silent: dict[FeedId, Silence]


@pytest.fixture(scope="module")
def served(furnished: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The site on a socket, in a thread with a loop of its own; its pages look for news each second."""
    folder = Path(shutil.copytree(furnished, tmp_path_factory.mktemp("browser") / "worker"))
    silent: dict[FeedId, Silence] = {}
    ready: list[str] = []
    up, stop = threading.Event(), threading.Event()

    async def serve() -> None:
        async with made_store(folder, Plans()) as store:
            with Reader(folder / "feedmill.db") as reader:
                app = site(made_sources(folder, reader, store.ask, silent), token=None)
                async with serving(app, Endpoint(host="127.0.0.1", port=0), stop=asyncio.Event()) as url:
                    ready.append(url)
                    up.set()
                    await asyncio.to_thread(stop.wait)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("worker.web.pages.EVERY_S", 1)
        thread = threading.Thread(target=lambda: asyncio.run(serve()))
        thread.start()
        assert up.wait(20)
        yield Served(url=ready[0], silent=silent)
        stop.set()
        thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page that must have nothing to complain of: no script of strangers, no style or file that is refused."""
    context = browser.new_context(**{"viewport": DESK, **getattr(request, "param", {})})
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: (complaints.append("a dialog"), dialog.dismiss()))
    yield page
    context.close()
    assert [said for said in complaints if "404" not in said] == []


def test_everybody_can_read_it_and_strangers_run_nothing_in_it(page: Page, served: Served) -> None:
    """axe finds nothing serious on any page, by day, by night or on a phone, where nothing sticks out."""
    for path in PAGES:
        page.goto(served.url + path)
        assert (path, serious(page)) == (path, [])
        assert page.title() != "taken", path
        assert page.evaluate(NOTHING_STICKS_OUT), path
    page.emulate_media(color_scheme="dark")
    for path in ("/", "/feeds/bad", "/quarantine"):
        page.goto(served.url + path)
        assert (path, serious(page, runOnly=["color-contrast"])) == (path, [])
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(PHONE)
    for path in ("/", "/feeds", "/duplicates"):
        page.goto(served.url + path)
        assert (path, serious(page)) == (path, [])
        assert page.evaluate(NOTHING_STICKS_OUT), path


def serious(page: Page, **options: object) -> list[tuple[str, str]]:
    """What axe finds: the rule, and the first of its places."""
    found = Axe().run(page, options={"resultTypes": ["violations"], **options}).response["violations"]
    return [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")]


def test_it_shows_news_by_itself_and_leaves_the_reader_alone(page: Page, served: Served) -> None:
    """What was opened stays open, what was typed stays typed; when feedmill has gone, it says so."""
    page.goto(served.url + "/records")
    page.locator("details summary").first.click()
    page.get_by_role("searchbox").fill("half a que")
    with page.expect_response(lambda answer: answer.url.endswith("/records")):
        pass
    page.wait_for_timeout(100)
    assert page.locator("details").first.get_attribute("open") is not None
    expect(page.locator("main")).to_have_count(1)
    assert page.get_by_role("searchbox").input_value() == "half a que"

    page.goto(served.url)
    expect(page.get_by_text("quiet is silent")).to_have_count(0)
    served.silent[FeedId("quiet")] = Silence(feed_id=FeedId("quiet"), since=NOW, new_at=None, expect_ms=HOUR)
    expect(page.get_by_text("quiet is silent")).to_be_visible()
    expect(page.locator("[data-live]")).to_have_text("live")
    served.silent.clear()

    page.route("**/*", lambda route: route.fulfill(status=200, body="gone"))
    expect(page.locator("[data-live]")).to_have_text("no answer from feedmill")
    expect(page.locator("h1")).to_be_visible()


@pytest.mark.parametrize("page", [{"java_script_enabled": False}], ids=["no scripts"], indirect=True)
def test_without_scripts_everything_can_be_done(page: Page, served: Served) -> None:
    """From the overview to what was put aside, and its retry; and where an article is."""
    page.goto(served.url)
    page.get_by_role("link", name="put aside").click()
    page.get_by_role("button", name="Retry", exact=True).click()
    expect(page.get_by_role("status").first).to_contain_text("It was asked for")
    page.get_by_role("searchbox").fill(ONE)
    page.get_by_role("searchbox").press("Enter")
    expect(page.get_by_text("https://a.example/one".removeprefix("https://")).first).to_be_visible()
