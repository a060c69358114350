"""How long a first-time user waits until a dropped image of their own is answered.

    python -m benchmarks.first_visit [--rounds 3] [--reading 5]

Needs Chromium. Demo data, an empty home: nothing is kept from before. In each round a fresh server
and a fresh browser window; the steps are those of tests/browser/first_visit.py, which a test walks
too. `--reading` seconds of looking are added to each step but the last. Aimed at: 90 s in all.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time

import numpy as np
from playwright.sync_api import Browser, sync_playwright

from benchmarks.pages import ROOT, SECONDS, served
from ham import data
from ham.images import data_url
from tests.browser.first_visit import steps

AIM = 90.0  # seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--reading", type=float, default=5.0, help="seconds of looking a step")
    chosen = parser.parse_args()
    image = demo_image()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROME") or shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu"],
        )
        found = [walked(browser, image) for _ in range(chosen.rounds)]
        browser.close()
    show(found, chosen.reading)


def demo_image() -> bytes:
    """A PNG of the demo data."""
    import base64

    with tempfile.TemporaryDirectory() as home:
        os.environ["HAM_HOME"] = home
        image = data.open_dataset(data.DEMO_SOURCE).images[40]
        return base64.b64decode(data_url(image).partition(",")[2])


def walked(browser: Browser, image: bytes) -> dict[str, float]:
    """Seconds from a step's first click until what it is about can be seen."""
    seconds = {}
    with tempfile.TemporaryDirectory() as home:
        environment = {"HAM_HOME": home, "HAM_DATA": ""}
        with served(ROOT / "app.py", environment) as port:
            window = browser.new_context(viewport={"width": 1400, "height": 900})
            window.set_default_timeout(1000 * SECONDS)
            page = window.new_page()
            for name, step in steps(image).items():
                began = time.perf_counter()
                if page.url == "about:blank":
                    page.goto(f"http://localhost:{port}/")
                step(page)
                seconds[name] = time.perf_counter() - began
            window.close()
    return seconds


def show(found: list[dict[str, float]], reading: float) -> None:
    print("| The user | Waits, s: median | longest |")
    print("|---|---|---|")
    for name in found[0]:
        seconds = [one[name] for one in found]
        print(f"| {name} | {np.median(seconds):.1f} | {max(seconds):.1f} |")
    totals = [sum(one.values()) for one in found]
    looking = reading * (len(found[0]) - 1)
    print(f"| in all | {np.median(totals):.1f} | {max(totals):.1f} |")
    print(
        f"\nWith {looking:.0f} s of looking in between: {max(totals) + looking:.0f} s at most, "
        f"aimed at {AIM:.0f} s; {len(found)} rounds, each of a fresh server and window."
    )


if __name__ == "__main__":
    main()
