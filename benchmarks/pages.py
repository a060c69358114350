"""How long each page takes to be ready in a browser, against a bare Streamlit page with one Plotly
chart in the same browser and minutes.

    HAM_DATA=../shared/ham10000 python -m benchmarks.pages [--rounds 9] [--only comparison ...]
        [--runs 2000] [--training]

Needs Chromium. Every page is opened once, so that what is kept on disk is there, and the server is
started anew. Then in each round, one after the other: every page in a fresh window (cold: nothing
in the browser's cache), and again in the same tab (warm); at the end of the round one window goes
through the pages by the menu. Ready: the script has ended, nothing is greyed, and every chart is
drawn. A ratio is of medians; p95 of a few rounds is near their maximum. `--runs`: so many finished
runs lie in the store; `--training`: the described CNN trains meanwhile, in a process of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
from playwright.sync_api import Browser, sync_playwright

from benchmarks.store import write_runs
from ham import data, store
from ham.config import CLASSES
from ham.ui.frame import MENU

ROOT = Path(__file__).parents[1]
BARE = """import plotly.graph_objects as go
import streamlit as st

st.title("Bare")
st.plotly_chart(go.Figure(go.Scatter(x=list(range(100)), y=[i * i % 37 for i in range(100)])))
"""
READY = """() => {
  const app = document.querySelector("[data-testid=stApp]");
  const all = name => [...document.querySelectorAll(`[data-testid=${name}]`)];
  return app?.dataset.testScriptState === "notRunning"
    && all("stMain").some(main => main.querySelector("h1"))
    && !all("stSkeleton").length && !document.querySelector("[data-stale=true]")
    && all("stPlotlyChart").every(chart => chart.querySelector(".main-svg"))
    && [...document.querySelectorAll(".stBidiComponentRegular")].every(part => part.firstChild);
}"""
#: The images of a cell are there: of which class, named which.
SHOWN = """([actual, predicted]) => {
  const says = (key, words) => {
    const field = document.querySelector(`.st-key-comparison_cell_${key}`);
    const inputs = [...(field?.querySelectorAll("input") ?? [])].map(input => input.value);
    return [field?.innerText, ...inputs].join(" ").includes(words);
  };
  const images = [...document.querySelectorAll(".ham-cell img")];
  return says("true", actual) && says("predicted", predicted)
    && images.length > 0 && images.every(image => image.complete);
}"""
THREE = "cnn-described,cnn-improved,resnet-improved"
#: Page -> its address, and how many times the bare page's time it may take.
PAGES = {
    "Home": ("", 0.7),
    "Prediction": ("prediction", 0.7),
    "Lesson": ("lesson", 0.7),
    "Training": ("training", 0.9),
    "Dataset": ("dataset", 1.1),
    "Comparison, 3 runs": (f"comparison?runs={THREE}", 1.3),
    "Comparison, 6 runs": ("comparison?runs={all}", 1.6),
}
SECONDS = 120


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", nargs="+", default=[], help="words of the pages' names")
    parser.add_argument("--runs", type=int, default=0, help="finished runs in the store")
    parser.add_argument("--training", action="store_true", help="while a CNN trains")
    chosen = parser.parse_args()
    shipped = ",".join(run.id for run in store.reference_runs())
    addresses = {
        name: address.replace("{all}", shipped)
        for name, (address, _) in PAGES.items()
        if not chosen.only or any(word in name.lower() for word in chosen.only)
    }
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        script = Path(folder) / "bare.py"
        script.write_text(BARE)
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROME") or shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu"],
        )
        home = Path(folder) / "home"
        environment = {"HAM_HOME": str(home)}
        if chosen.runs:
            with at_home(home):
                write_runs(chosen.runs, histories=True)
        with served(ROOT / "app.py", environment) as port:
            for address in addresses.values():
                opened(browser, f"http://localhost:{port}/{address}")
        with (
            served(ROOT / "app.py", environment) as port,
            served(script, environment) as bare,
            training(home) if chosen.training else contextlib.nullcontext(),
        ):
            urls = {"Bare": f"http://localhost:{bare}/"} | {
                name: f"http://localhost:{port}/{address}" for name, address in addresses.items()
            }
            for url in urls.values():  # a server's first answer is another matter
                opened(browser, url)
            found, by_menu = measured(browser, urls, chosen.rounds)
            three = urls.get("Comparison, 3 runs")
            clicks = galleries(browser, three) if three and _has_their_images() else []
        browser.close()
    show(found, by_menu)
    if clicks:
        print(
            f"\nImages of a cell after a click on it: median {np.median(clicks):.2f} s, longest "
            f"{max(clicks):.2f} s of {len(clicks)} clicks."
        )


def measured(
    browser: Browser, urls: dict[str, str], rounds: int
) -> tuple[dict[str, np.ndarray], dict[str, list[float]]]:
    """Seconds by page, float (rounds, 2): cold and warm; and by page of the menu."""
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in urls}
    by_menu: dict[str, list[float]] = {entry.title: [] for entry in MENU}
    for number in range(rounds):
        for name, url in urls.items():
            seconds[name].append(opened(browser, url))
            print(f"{number + 1} of {rounds}, {name}: {seconds[name][-1]}", file=sys.stderr)
        walk_the_menu(browser, next(url for name, url in urls.items() if name != "Bare"), by_menu)
    return {name: np.array(pairs) for name, pairs in seconds.items()}, by_menu


def walk_the_menu(browser: Browser, url: str, seconds: dict[str, list[float]]) -> None:
    """Through all pages twice in one window; the second time is written down."""
    with contextlib.closing(browser.new_context(viewport={"width": 1400, "height": 900})) as window:
        page = window.new_page()
        page.set_default_timeout(1000 * SECONDS)
        _seconds(lambda: page.goto(url), page)
        for again in (False, True):
            for entry in (*MENU[1:], MENU[0]):
                link = page.get_by_test_id("stSidebar").get_by_role("link", name=entry.title).first
                began = time.perf_counter()
                link.click()
                heading = "HAM Lab" if entry is MENU[0] else entry.title
                page.get_by_role("heading", name=heading, exact=True, level=1).wait_for()
                page.wait_for_function(READY, timeout=1000 * SECONDS)
                if again:
                    seconds[entry.title].append(time.perf_counter() - began)


def opened(browser: Browser, url: str) -> tuple[float, float]:
    """Seconds until it is ready in a fresh window, and again in the same tab."""
    with contextlib.closing(browser.new_context(viewport={"width": 1400, "height": 900})) as window:
        page = window.new_page()
        cold = _seconds(lambda: page.goto(url), page)
        warm = _seconds(page.reload, page)
    return cold, warm


def _seconds(go: object, page: object) -> float:
    began = time.perf_counter()
    go()
    page.wait_for_function(READY, timeout=1000 * SECONDS)
    return round(time.perf_counter() - began, 3)


def _has_their_images() -> bool:
    """Whether the data in use are those that the runs compared were tested on."""
    tested = store.reference_runs()[0].record.data
    return bool(data.open_dataset(data.current_source()).n_images == tested.n_images)


def galleries(browser: Browser, url: str) -> list[float]:
    """Seconds from a click on a cell of the first matrix to its images, cell after cell."""
    seconds = []
    with contextlib.closing(browser.new_context(viewport={"width": 1400, "height": 900})) as window:
        page = window.new_page()
        _seconds(lambda: page.goto(url), page)
        matrix = page.get_by_role("table", name="Confusion matrix of A").first
        for true in CLASSES[:5]:
            for predicted in (CLASSES[3], CLASSES[2]):  # no cell of A is empty there
                words = f"{true.title} predicted as {predicted.title}"
                began = time.perf_counter()
                matrix.get_by_role("button", name=words).click()
                shown = [true.title, predicted.title]
                page.wait_for_function(SHOWN, arg=shown, timeout=1000 * SECONDS)
                page.wait_for_function(READY, timeout=1000 * SECONDS)
                seconds.append(time.perf_counter() - began)
    return seconds[2:]  # the first of a kind fill what is kept


def show(found: dict[str, np.ndarray], by_menu: dict[str, list[float]]) -> None:
    base = np.median(found["Bare"], axis=0)
    print(
        "| Page | Cold: median, p95, s | Times bare | Warm: median, p95, s | Times bare "
        "| By menu: median, p95, s | Bar |"
    )
    print("|---" * 7 + "|")
    for name, seconds in found.items():
        cells = [name]
        for kind in (0, 1):
            median, p95 = np.quantile(seconds[:, kind], [0.5, 0.95])
            cells += [f"{median:.2f}, {p95:.2f}", f"{median / base[kind]:.2f}"]
        walked = by_menu.get(name.partition(",")[0], [])
        cells.append("{:.2f}, {:.2f}".format(*np.quantile(walked, [0.5, 0.95])) if walked else "")
        bar = PAGES[name][1] if name in PAGES else ""
        print(f"| {' | '.join(cells)} | {bar} |")
    rounds = len(next(iter(found.values())))
    print(f"\n{rounds} rounds, pages in turn; processor time of others is not taken out.")


@contextlib.contextmanager
def training(home: Path) -> Iterator[None]:
    """The described CNN trains on the data in use, from its first epoch on, until the end."""
    command = [sys.executable, "-m", "ham", "train", "--model", "cnn", "--wait"]
    command += ["--set", "epochs=200"]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | {"HAM_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        until = time.monotonic() + SECONDS
        while time.monotonic() < until and not list(home.glob("runs/cnn-2*/history.csv")):
            if process.poll() is not None:
                raise RuntimeError(f"the training ended with {process.returncode}")
            time.sleep(0.5)
        yield
        if process.poll() is not None:
            raise RuntimeError("the training had ended before the measurement")
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            everyone = psutil.Process(process.pid).children(recursive=True)
            for one in [*everyone, psutil.Process(process.pid)]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.kill()


@contextlib.contextmanager
def at_home(home: Path) -> Iterator[None]:
    """This process's HAM_HOME."""
    before = os.environ.get("HAM_HOME")
    home.mkdir(parents=True, exist_ok=True)
    os.environ["HAM_HOME"] = str(home)
    try:
        yield
    finally:
        os.environ.pop("HAM_HOME")
        if before is not None:
            os.environ["HAM_HOME"] = before


@contextlib.contextmanager
def served(script: Path, environment: dict[str, str]) -> Iterator[int]:
    """The port of a server of this script."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable, "-m", "streamlit", "run", str(script), "--server.headless", "true",
        "--server.port", str(port), "--server.fileWatcherType", "none",
    ]  # fmt: skip
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | environment | {"HAM_WARM_UP": "off"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            with (
                contextlib.suppress(OSError),
                urllib.request.urlopen(f"http://localhost:{port}/_stcore/health"),
            ):
                break
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
