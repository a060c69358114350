"""What axe-core finds on every page, in both themes and every state, and what is cut off, covered
or wider than the window from 360 to 2,560 pixels and at 200 % zoom.

    python -m benchmarks.access [--only comparison ...] [--shots FOLDER]

Needs Chromium. Demo data and an empty home. `--shots` keeps a picture of each state, width and
theme. The table of what is Streamlit's own is in tests/browser/access.py; docs/access.md says what
is held.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

from playwright.sync_api import Browser, Error, Page, sync_playwright

from benchmarks.pages import READY, ROOT, SECONDS, served
from ham.ui.comparison.details import TABS
from ham.ui.dataset.views import TITLES
from tests.browser.access import STREAMLITS, Violation, misplaced, violations, walked_by_tab

#: Pixels. The third is what a window of 1,400 by 900 has at 200 % zoom.
SIZES = ((360, 900), (768, 900), (700, 450), (1400, 900), (2560, 900))
THEMES = ("light", "dark")
#: Every chart has taken the width of its place.
FITTED = """() => [...document.querySelectorAll("[data-testid=stPlotlyChart]")].every(chart =>
  Math.abs(chart.clientWidth - (chart.querySelector(".main-svg")?.clientWidth ?? 0)) < 3)"""
Step = Callable[[Page], None]


def _tab(title: str) -> Step:
    return lambda page: page.get_by_role("tab", name=title, exact=True).first.click()


def _button(name: str, exact: bool = False) -> Step:
    return lambda page: _main(page).get_by_role("button", name=name, exact=exact).first.click()


def _main(page: Page):
    return page.get_by_test_id("stMain")


def _expanders(page: Page) -> None:
    """All that are closed, from the last up."""
    closed = page.locator("[data-testid=stMain] details:not([open]) > summary")
    for place in reversed(range(closed.count())):
        closed.nth(place).click()
        _settle(page)


def _escape(page: Page) -> None:
    page.keyboard.press("Escape")


def _part(title: str) -> Step:
    return lambda page: page.get_by_role("radio", name=title, exact=True).first.click()


def _cell(page: Page) -> None:
    matrix = page.get_by_role("table", name="Confusion matrix of A").first
    matrix.get_by_role("button", name="Melanoma (mel) predicted as Melanocytic nevus").click()


def _example(page: Page) -> None:
    page.locator("[class*=st-key-prediction_example_] button").first.click()
    page.locator(".ham-answer").first.wait_for()


def _areas() -> dict[str, list[Step]]:
    """Comparison: every part of every area."""
    states: dict[str, list[Step]] = {}
    for area, parts in TABS.items():
        for place, part in enumerate(parts):
            states[f"{area}: {part}"] = [_part(part)] if place else [_tab(area)]
    return states


#: Page -> its address, and its further states: what is pressed after the state before.
PAGES: dict[str, tuple[str, dict[str, list[Step]]]] = {
    "Home": (
        "",
        {
            "all open": [_expanders],
            "notice": [_button("Teaching and research, not a diagnosis")],
        },
    ),
    "Dataset": (
        "dataset",
        {
            **{title: [_tab(title)] for title in TITLES[1:]},
            "all open": [_tab(TITLES[0]), _expanders],
            "filters": [_button("Filters")],
            "an image": [
                _escape,
                lambda page: page.locator(".st-key-dataset_grid [data-press]").first.click(),
            ],
        },
    ),
    "Training": ("training", {"all open": [_expanders]}),
    "Comparison": (
        "comparison",
        {
            "a cell": [_cell],
            "all runs": [_button("All runs")],
            **{name: [_escape, *steps] for name, steps in _areas().items()},
            "groups": [_part("Groups")],
        },
    ),
    "Prediction": (
        "prediction",
        {
            "an answer": [_example],
            "what if": [lambda page: page.get_by_text("What if", exact=True).first.click()],
            "quiz": [_button("You against the models")],
        },
    ),
    "Lesson": ("lesson", {"all open": [_expanders]}),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", default=[], help="words of the pages' names")
    parser.add_argument("--themes", nargs="+", default=THEMES, choices=THEMES)
    parser.add_argument("--shots", type=Path, help="a folder for pictures")
    chosen = parser.parse_args()
    names = [
        name
        for name in PAGES
        if not chosen.only or any(word in name.lower() for word in chosen.only)
    ]
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROME") or shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu"],
        )
        with served(ROOT / "app.py", {"HAM_HOME": home, "HAM_DATA": ""}) as port:
            found = {
                (name, theme): looked_at(browser, port, name, theme, chosen.shots)
                for name in names
                for theme in chosen.themes
            }
        browser.close()
    show(found)


def looked_at(
    browser: Browser, port: int, name: str, theme: str, shots: Path | None
) -> dict[str, tuple[list[Violation], list[str]]]:
    """By state: what axe-core says of it at 1,400 pixels, and what is misplaced at any width, or
    scrolls there out of the keyboard's reach.
    """
    address, states = PAGES[name]
    window = browser.new_context(
        viewport={"width": 1400, "height": 900}, color_scheme=theme, reduced_motion="reduce"
    )
    window.set_default_timeout(1000 * SECONDS)
    page = window.new_page()
    page.goto(f"http://localhost:{port}/{address}")
    _settle(page)
    stops, unreached = walked_by_tab(page)
    told(f"{name}, {theme}, {stops} stops of Tab", [], unreached)
    found = {}
    page.reload()
    _settle(page)
    for state, steps in {"as it opens": [], **states}.items():
        try:
            for step in steps:
                step(page)
                _settle(page)
            _settle(page)
            picture = shots and partial(_picture, page, shots, f"{name}-{state}-{theme}".lower())
            found[state] = violations(page), _misplaced(page, picture)
        except Error as error:
            found[state] = [], [f"cannot be reached: {error.message.splitlines()[0]}"]
        told(f"{name}, {theme}, {state}", *found[state])
    window.close()
    return found


def told(where: str, broken: list[Violation], words: list[str]) -> None:
    """What is wrong, as it is found."""
    for one in broken:
        if not one.own:
            print(f"{where}: {one.rule} ({one.impact}) {one.where}\n    {one.html}\n    {one.why}")
    for line in words:
        print(f"{where}: {line}")


def _settle(page: Page) -> None:
    page.wait_for_timeout(150)
    page.wait_for_function(READY)
    page.wait_for_function(FITTED)


def _misplaced(page: Page, picture: Callable[[int], None] | None) -> list[str]:
    found = []
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(400)
        _settle(page)
        found += [f"{width}: {words}" for words in misplaced(page)]
        scrolling = violations(page, "scrollable-region-focusable")
        found += [
            f"{width}: the keyboard cannot scroll {one.where}" for one in scrolling if not one.own
        ]
        if picture:
            picture(width)
    page.set_viewport_size({"width": 1400, "height": 900})
    _settle(page)
    return found


def _picture(page: Page, folder: Path, name: str, width: int) -> None:
    main = "document.querySelector('[data-testid=stMain]')"
    page.evaluate(f"{main}.scrollTo(0, 0)")
    height = page.evaluate(f"{main}.scrollHeight")
    page.set_viewport_size({"width": width, "height": min(height + 50, 4000)})
    page.wait_for_timeout(700)
    folder.mkdir(parents=True, exist_ok=True)
    name = name.replace(" ", "_").replace(":", "")
    page.screenshot(path=folder / f"{name}-{width}.png")
    page.set_viewport_size({"width": width, "height": 900})


def show(found: dict[tuple[str, str], dict[str, tuple[list[Violation], list[str]]]]) -> None:
    print("| Page | Theme | States | Violations of ours | Streamlit's own | Misplaced |")
    print("|---|---|---|---|---|---|")
    for (name, theme), states in found.items():
        of_axe = [one for broken, _ in states.values() for one in broken]
        ours = Counter(one.rule for one in of_axe if not one.own)
        own = Counter(one.rule for one in of_axe if one.own)
        wrong = sum(len(words) for _, words in states.values())
        cells = [name, theme, len(states), _counted(ours), _counted(own), wrong]
        print(f"| {' | '.join(map(str, cells))} |")
    print()
    for own in STREAMLITS:
        print(f"Streamlit's own: {own.rule} in {own.selector}: {own.reason}")


def _counted(rules: Counter[str]) -> str:
    return ", ".join(f"{rule} {count}" for rule, count in rules.items()) or "0"


if __name__ == "__main__":
    main()
