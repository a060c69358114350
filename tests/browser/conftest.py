"""A real server and a real browser.

`shared(data=folder)` is the one server of all tests, with this data in use; `serve(data=folder)`
starts a fresh one, `streamlit run app.py` on a free port, for tests that train; `visit(server,
"training")` opens a page in a window of its own and waits until it is drawn.
A browser is looked for in $CHROME, on the PATH, then where Playwright keeps its own; without one
these tests are skipped, loudly, and fail where CI=true.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Error,
    Locator,
    Page,
    expect,
    sync_playwright,
)

from ham import data as ham_data
from ham.config import RECIPES, cache_folder, recipe_config
from ham.engine import probe
from ham.models import MODELS

from .access import misplaced, violations

ROOT = Path(__file__).parents[2]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = [
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
    # a page is seen for a second: what would pay off later costs a quarter of the browser's time
    "--js-flags=--no-opt --no-maglev",
    "--num-raster-threads=1",
    "--disable-partial-raster",
    "--disable-smooth-scrolling",
]
DRAWN_MS = 120_000  # a page of a fresh server on two busy cores; usually it is two seconds
_LOOKS, _DRAWN_AGAIN_MS = 4, 2_000
expect.set_options(timeout=DRAWN_MS)
_skipped: list[str] = []
_NOTES = Path(__file__).with_name("asked.js")
_RESTS = """() => !window.unanswered &&
  document.querySelector("[data-testid=stApp]")?.dataset.testScriptState === "notRunning" """
_VISITS = pytest.StashKey[list["Visit"]]()


@pytest.hookimpl(tryfirst=True)  # before xdist looks at the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")
            item.add_marker(pytest.mark.xdist_group("browser"))  # one shared server, one browser
    # the shared server is fresh once
    items.sort(key=lambda item: "fresh" not in getattr(item, "fixturenames", ()))


def pytest_collection_finish(session: pytest.Session) -> None:
    """pytest-xdist marks a group in the ids; a pytest it does not know leaves them as they are,
    and every process would start a server and a browser, silently.
    """
    if getattr(session.config.option, "loadgroup", False):
        ours = [item.nodeid for item in session.items if item.get_closest_marker("browser")]
        if not all(name.endswith("@browser") for name in ours):
            raise pytest.UsageError("pytest-xdist does not see the group of the browser tests")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test tells what stood on its pages and which runs there were: a lost click looks
    like a slow training otherwise.
    """
    report = yield
    if report.when == "call" and report.failed:
        for number, visited in enumerate(item.stash.get(_VISITS, []), start=1):
            report.sections.append((f"page {number}", visited.told()))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _skipped:
        terminalreporter.write_sep("!", "THE BROWSER TESTS DID NOT RUN", red=True, bold=True)
        terminalreporter.write_line(_skipped[0])


# ----------------------------------------------------------------------------- browser


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        path = os.environ.get("CHROME") or next(filter(None, map(shutil.which, NAMES)), None)
        own = playwright.chromium.executable_path
        path = path or (own if Path(own).exists() else None)
        if path is None:
            _refuse("There is no browser: install chromium or chrome, or set CHROME=/path/to/it.")
        flags = [*FLAGS, "--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else FLAGS
        try:
            window = playwright.chromium.launch(executable_path=path, args=flags)
        except Error as error:
            _refuse(f"The browser {path} does not start: {error.message.splitlines()[0]}")
        yield window
        window.close()


def _refuse(why: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(f"{why} CI needs one.", pytrace=False)
    _skipped.append(why)
    pytest.skip(why)


# ------------------------------------------------------------------------------ server


@dataclass
class Server:
    url: str
    home: Path
    process: subprocess.Popen
    log: Path
    lasting: bool = False  # until all tests have ended
    asked: bool = False  # for a page, by a browser


@pytest.fixture(scope="session")
def server_home(tmp_path_factory: pytest.TempPathFactory, demo_home: Path) -> Path:
    """The home that servers share unless a test names one: data is parsed once."""
    home = tmp_path_factory.mktemp("server_home")
    shutil.copytree(demo_home / "cache", home / "cache")
    know_costs(home, None)
    return home


@pytest.fixture(scope="session")
def _shared_server(server_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = {
        "STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL": "4",  # a visit is forgotten after a second
        "HAM_WARM_UP": "off",  # a test counts its memory
    }
    with _running(tmp_path_factory.mktemp("shared"), server_home, None, settings) as server:
        server.lasting = True
        yield server


@pytest.fixture
def shared(_shared_server: Server) -> Callable[..., Server]:
    """`shared(data=None)`: the server of all tests, with this data in use."""

    def use(data: Path | None = None) -> Server:
        with _at(_shared_server.home):
            ham_data.use_source(data)
        know_costs(_shared_server.home, data)
        return _shared_server

    return use


@pytest.fixture
def serve(server_home: Path, tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """`serve(data=None, home=None, **environment)` starts a fresh server; all end with the test."""
    with contextlib.ExitStack() as servers:

        def start(data: Path | None = None, home: Path | None = None, **environment: str) -> Server:
            if home is None:  # whatever a test before has chosen there
                with _at(server_home):
                    ham_data.use_source(None)
            return servers.enter_context(_running(tmp_path, home or server_home, data, environment))

        yield start


@pytest.fixture
def fresh(_shared_server: Server, serve: Callable[..., Server]) -> Server:
    """A server that nobody has asked for anything: the shared one before its first page."""
    return serve() if _shared_server.asked else _shared_server


@contextlib.contextmanager
def _at(home: Path) -> Iterator[None]:
    """The tests' own process sees this home and no named data."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("HAM_HOME", str(home))
        monkeypatch.delenv("HAM_DATA", raising=False)
        yield


def know_costs(home: Path, data: Path | None) -> None:
    """Of a training on this data, as the Training page would measure them: half a minute of a
    core beside the test.
    """
    with _at(home):
        found = ham_data.open_dataset(data or ham_data.DEMO_SOURCE).record
        for model in MODELS:
            config = recipe_config(next(iter(RECIPES)), model)
            path = cache_folder() / "probes" / f"{probe._key(config, found)}.json"
            probe._keep(path, probe.Measured(0.01, 10, 5.0, 10**9))


@contextlib.contextmanager
def _running(
    folder: Path, home: Path, data: Path | None, environment: dict[str, str]
) -> Iterator[Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {**os.environ, "HAM_HOME": str(home), **environment}
    settings.pop("HAM_DATA", None)
    if data is not None:
        settings["HAM_DATA"] = str(data)
    log = folder / f"server-{port}.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "streamlit",
                "run",
                "app.py",
                "--server.port",
                str(port),
                "--server.headless=true",
            ],
            cwd=ROOT,
            env=settings,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until_healthy(f"http://localhost:{port}/_stcore/health", process, log)
        yield Server(f"http://localhost:{port}", home, process, log)
    finally:
        _end(process)


def _wait_until_healthy(url: str, process: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + DRAWN_MS / 1000
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return
        time.sleep(0.1)
    pytest.fail(f"The server did not start:\n{log.read_text()}")


def _end(process: subprocess.Popen) -> None:
    """Ends the server, which would start its workers again, and all it has started."""
    with contextlib.suppress(psutil.NoSuchProcess):
        server = psutil.Process(process.pid)
        for one in [server, *server.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
    process.wait(60)


# ------------------------------------------------------------------------------- visit


class Windows:
    """One that has shown a page of a server has its JavaScript compiled: two thirds of what a page
    costs in a new one. So windows are kept, and what a test leaves in one goes with its page.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._idle: dict[str, list[Page]] = {}
        self._of: dict[str, BrowserContext] = {}

    def open(self, server: Server) -> Page:
        if server.url not in self._of:  # of two servers one would mix up the cookies
            context = self._browser.new_context(accept_downloads=True, reduced_motion="reduce")
            context.set_default_timeout(DRAWN_MS)
            context.add_init_script(path=_NOTES)
            self._of[server.url], self._idle[server.url] = context, []
        idle = self._idle[server.url]
        return idle.pop() if idle else self._of[server.url].new_page()

    def keep(self, server: Server, window: Page) -> None:
        """For the next visit, unless it is closed or does not obey."""
        if window.is_closed():
            return
        try:
            window.goto(f"{server.url}/_stcore/health")
            window.evaluate("sessionStorage.clear()")
            self._idle[server.url].append(window)
        except Error:
            window.close()

    def close(self, server: Server) -> None:
        """The server ends."""
        if server.url in self._of:
            self._idle.pop(server.url)
            self._of.pop(server.url).close()


@dataclass
class Visit:
    """A page in a browser window, and what went wrong in it."""

    page: Page
    server: Server
    windows: Windows
    problems: list[str] = field(default_factory=list)
    left: bool = False

    def begin(self, path: str, width: int, dark: bool) -> None:
        self.server.asked = True
        self.to_front()
        self.page.set_viewport_size({"width": width, "height": 900})
        self.page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
        self.page.on("pageerror", self._note)
        self.page.goto(f"{self.server.url}/{path}")
        self.wait()

    def to_front(self) -> None:
        """A window behind another is drawn once a second, so that a click takes three."""
        self.page.bring_to_front()

    def _note(self, error: Error) -> None:
        self.problems.append(str(error))

    def leave(self) -> None:
        """The visit ends, and the next one may have its window."""
        if not self.left:
            self.left = True
            self.page.remove_listener("pageerror", self._note)
            self.windows.keep(self.server, self.page)

    def wait(self) -> None:
        """Until the script has begun, which the footer tells, has answered what this window asked
        last, and rests.
        """
        begun = self.page.get_by_text("Teaching and research, not a diagnosis. Data:")
        begun.or_(self.page.get_by_test_id("stException")).first.wait_for(timeout=DRAWN_MS)
        self.page.wait_for_function(_RESTS, timeout=DRAWN_MS)

    def sees(self, words: str | re.Pattern[str], within: Locator | None = None) -> Locator:
        """Waits for it. While a page is drawn anew, what was there may stand twice for a moment."""
        found = (within or self.page).get_by_text(words).first
        found.wait_for()
        return found

    def press(self, name: str, role: str = "button", exact: bool = False) -> None:
        self.to_front()
        self.page.get_by_test_id("stMain").get_by_role(role, name=name, exact=exact).first.click()

    def go(self, title: str) -> None:
        """To another page by the menu."""
        self.to_front()
        self.page.get_by_test_id("stSidebar").get_by_role("link", name=title).first.click()
        self.page.get_by_role(
            "heading", name="HAM Lab" if title == "Home" else title, exact=True
        ).first.wait_for()
        self.wait()

    def fits(self, what: str) -> None:
        """In the window's width, once what is drawn has found its place."""
        wide = "document.querySelector('[data-testid=stMain]').scrollWidth - window.innerWidth"
        try:
            self.page.wait_for_function(f"{wide} <= 0", timeout=5_000)
        except Error:
            pytest.fail(f"{what} scrolls sideways by {self.page.evaluate(wide)} pixels")

    def headings_are_in_order(self) -> None:
        """One h1 first, and no level left out on the way down."""
        levels = self.page.evaluate(
            "[...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].map(h => +h.tagName[1])"
        )
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after - before <= 1 for before, after in itertools.pairwise(levels)), levels

    def is_accessible(self, *rules: str) -> set[str]:
        """Nothing of ours that axe-core minds, of these rules or of all; what it minds of
        Streamlit's own.
        """
        found = self._settled(
            lambda: violations(self.page, *rules), lambda them: all(one.own for one in them)
        )
        assert [one for one in found if not one.own] == []
        return {name for one in found for name in one.own}

    def is_whole(self) -> None:
        """Nothing is cut off, covered or wider than the window."""
        assert self._settled(lambda: misplaced(self.page), lambda them: not them) == []

    def _settled(self, look: Callable[[], list], good: Callable[[list], bool]) -> list:
        """What is found on a page that is not just being drawn anew, where all is pale; a chart may
        still be taking its width, so what is not good is looked at again.
        """
        found: list = []
        for _ in range(_LOOKS):
            self.wait()
            self.page.wait_for_function("!document.querySelector('[data-stale=true]')")
            found = look()
            if good(found):
                break
            self.page.wait_for_timeout(_DRAWN_AGAIN_MS)
        return found

    def check(self) -> None:
        """No exception on the page, and no error in the browser's own console."""
        shown = self.page.locator("[data-testid=stException]").all_inner_texts()
        assert shown + self.problems == []

    @property
    def text(self) -> str:
        return self.page.locator("[data-testid=stMain]").inner_text()

    def told(self) -> str:
        """The page's address and text, what went wrong in it, its server's runs and last words."""
        try:
            text = self.page.locator("body").inner_text(timeout=10_000)
            text += "\n" + "\n".join(self.page.evaluate("window.clicked"))
        except Error as error:
            text = f"cannot be read: {error.message.splitlines()[0]}"
        runs = [
            f"{path.parent.name}: {path.read_text()}"
            for path in self.server.home.glob("runs/*/status.json")
        ]
        return "\n".join(
            [
                self.page.url,
                text,
                *self.problems,
                *runs,
                *self.server.log.read_text().splitlines()[-20:],
            ]
        )

    def sidebar_says(self, words: str) -> None:
        """Waits for it: a server that is busy importing TensorFlow draws the sidebar in parts."""
        expect(self.page.get_by_test_id("stSidebar")).to_contain_text(words)


@pytest.fixture(scope="session")
def windows(browser: Browser) -> Windows:
    return Windows(browser)


@pytest.fixture
def visit(windows: Windows, request: pytest.FixtureRequest) -> Iterator[Callable[..., Visit]]:
    """`visit(server, path="", width=1440, dark=False)` opens a page and waits until it is drawn."""
    visits = request.node.stash.setdefault(_VISITS, [])
    with contextlib.ExitStack() as ends:

        def open_page(
            server: Server, path: str = "", width: int = 1440, dark: bool = False
        ) -> Visit:
            if not server.lasting:
                ends.callback(windows.close, server)
            found = Visit(windows.open(server), server, windows)
            visits.append(found)
            ends.callback(found.leave)
            found.begin(path, width, dark)
            return found

        yield open_page
