"""Takes the pictures of the documents anew, on the demo data and the models that ship.

    python -m docs.screenshots [NAME ...]      # all where none is named; Chromium, some minutes

No pixel of HAM10000 is in them: the server has a home of its own and is told of no data. The
training on the Training page is made for it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.pages import ROOT, THREE, served

FOLDER = Path(__file__).parent / "pictures"
CURVE = "[class*=st-key-curve_]"  # of a training, in the page
SECONDS = 120  # for a page, on a busy machine


@dataclass(frozen=True)
class Picture:
    """Of a page at an address, the window this many pixels high."""

    address: str
    shown: str  # a selector: what must be there first
    height: int = 950
    width: int = 1400
    dark: bool = False
    before: Callable[[Page], None] = lambda page: None  # what is done on the page
    moving: str = ""  # a selector: drawn anew all the time, and in the picture


def train(page: Page) -> None:
    """Starts one that is seen, live, after its first epochs."""
    page.get_by_role("button", name="Start training").first.click()
    page.mouse.move(0, 0)
    page.locator(f"{CURVE} .main-svg").first.wait_for(timeout=3_000 * SECONDS)
    page.wait_for_timeout(20_000)


PICTURES = {
    "home": Picture("", "text=Try an image"),
    "dataset": Picture("dataset", "[class*=st-key-dataset_balance] .ham-bars", 1000),
    "leakage": Picture("dataset?at=leakage", "text=On both sides of the split", 1120),
    "comparison": Picture(f"comparison?runs={THREE}", "text=Bars: 95 % intervals", 1080),
    "comparison-dark": Picture(
        f"comparison?runs={THREE}", "text=Bars: 95 % intervals", 1080, dark=True
    ),
    "prediction": Picture("prediction?example=2", ".ham-answer", 1000),
    "lesson": Picture("lesson", "text=Find out why 67 % is easy", 1000),
    # the last: what trains stands on every page
    "training": Picture(
        "training", "text=Start training", 1140, before=train, moving=f"{CURVE} .js-line"
    ),
}


def main() -> None:
    chosen = [name for name in PICTURES if name in (sys.argv[1:] or PICTURES)]
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROME") or shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu"],
        )
        environment = {"HAM_HOME": home, "HAM_DATA": ""}
        with served(ROOT / "app.py", environment) as port:
            for name in chosen:
                content = smaller(taken(browser, f"http://localhost:{port}/", PICTURES[name]))
                (FOLDER / f"{name}.png").write_bytes(content)
                print(f"{name}.png: {len(content) // 1000} kB")
            # a training outlives its server
            for run in Path(home, "runs").glob("*/status.json"):
                cancel = [sys.executable, "-m", "ham", "cancel", run.parent.name]
                subprocess.run(cancel, env=os.environ | environment, check=True)
        browser.close()


def taken(browser: Browser, server: str, picture: Picture) -> bytes:
    window = browser.new_context(
        viewport={"width": picture.width, "height": picture.height},
        color_scheme="dark" if picture.dark else "light",
        reduced_motion="reduce",
    )
    window.set_default_timeout(1000 * SECONDS)
    page = window.new_page()
    page.goto(server + picture.address)
    page.locator(picture.shown).first.wait_for()
    rests(page)
    picture.before(page)
    content = page.screenshot()
    for _ in range(20 if picture.moving else 0):
        page.locator(picture.moving).first.wait_for()
        content = page.screenshot()
        if page.locator(picture.moving).count():
            break
    window.close()
    return content


def rests(page: Page) -> None:
    """Until nothing is drawn any more."""
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    page.wait_for_function("!document.querySelector('[data-testid=stSkeleton]')")
    page.wait_for_timeout(3_000)


def smaller(content: bytes) -> bytes:
    """The same picture in 256 colours, a third of its bytes: the most frequent ones as they are, so
    that no ground changes its tint, and the rest spread over all the others.
    """
    with Image.open(BytesIO(content)) as opened:
        image = opened.convert("RGB")
    colors, place, count = np.unique(
        np.asarray(image).reshape(-1, 3), axis=0, return_inverse=True, return_counts=True
    )
    frequent = colors[np.argsort(-count)[:48]]
    spread = image.quantize(208, Image.Quantize.MAXCOVERAGE).getpalette() or []
    palette = np.vstack([frequent, np.reshape(spread, (-1, 3))]).astype(np.int32)
    far = np.stack([((palette - color) ** 2).sum(axis=1) for color in colors.astype(np.int32)])
    indexed = far.argmin(axis=1).astype(np.uint8)[place.ravel()]
    found = BytesIO()
    few = Image.fromarray(indexed.reshape(image.height, image.width), "P")
    few.putpalette(palette.ravel().tolist())
    few.save(found, "PNG", optimize=True)
    return found.getvalue()


if __name__ == "__main__":
    main()
