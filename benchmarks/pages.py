"""How long each page takes to be ready in a browser, against a bare Streamlit page with one Plotly
chart in the same browser and minutes.

    HAM_DATA=../shared/ham10000 python -m benchmarks.pages [--rounds 9] [--only comparison ...]

Needs Chromium. Every page is opened once, so that what is kept on disk is there, and the server is
started anew. Then in each round, one after the other: every page in a fresh window (cold: nothing
in the browser's cache), and again in the same tab (warm). Ready: the script has ended, nothing is
greyed, and every chart is drawn. A ratio is of medians; p95 of a few rounds is near their maximum.
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
from playwright.sync_api import Browser, sync_playwright

from ham import store

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
    && all("stPlotlyChart").every(chart => chart.querySelector(".main-svg"));
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
        environment = {"HAM_HOME": str(Path(folder) / "home")}
        with served(ROOT / "app.py", environment) as port:
            for address in addresses.values():
                opened(browser, f"http://localhost:{port}/{address}")
        with served(ROOT / "app.py", environment) as port, served(script, environment) as bare:
            urls = {"Bare": f"http://localhost:{bare}/"} | {
                name: f"http://localhost:{port}/{address}" for name, address in addresses.items()
            }
            for url in urls.values():  # a server's first answer is another matter
                opened(browser, url)
            found = measured(browser, urls, chosen.rounds)
        browser.close()
    show(found)


def measured(browser: Browser, urls: dict[str, str], rounds: int) -> dict[str, np.ndarray]:
    """Seconds by page, float (rounds, 2): cold and warm."""
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in urls}
    for number in range(rounds):
        for name, url in urls.items():
            seconds[name].append(opened(browser, url))
            print(f"{number + 1} of {rounds}, {name}: {seconds[name][-1]}", file=sys.stderr)
    return {name: np.array(pairs) for name, pairs in seconds.items()}


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


def show(found: dict[str, np.ndarray]) -> None:
    base = np.median(found["Bare"], axis=0)
    print("| Page | Cold: median, p95, s | Times bare | Warm: median, p95, s | Times bare | Bar |")
    print("|---|---|---|---|---|---|")
    for name, seconds in found.items():
        cells = [name]
        for kind in (0, 1):
            median, p95 = np.quantile(seconds[:, kind], [0.5, 0.95])
            cells += [f"{median:.2f}, {p95:.2f}", f"{median / base[kind]:.2f}"]
        bar = PAGES[name][1] if name in PAGES else ""
        print(f"| {' | '.join(cells)} | {bar} |")
    rounds = len(next(iter(found.values())))
    print(f"\n{rounds} rounds, pages in turn; processor time of others is not taken out.")


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
