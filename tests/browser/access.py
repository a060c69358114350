"""What anybody needs to use a page, whatever they see, hear or press: what axe-core finds, and what
is cut off, covered or wider than the window.

For the tests of the pages and `benchmarks.access`; axe-core comes with axe-playwright-python.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import axe_playwright_python
from playwright.sync_api import Page

_AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
_TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
_FIND = """([own, run]) => axe.run(document, {runOnly: run, resultTypes: ["violations"],
    elementRef: true}).then(({violations}) => violations.flatMap(({id, impact, nodes}) =>
  nodes.map(node => ({rule: id, impact, where: node.target.flat().join(" "),
    html: node.html.slice(0, 200), why: node.failureSummary.replace(/\\s+/g, " ").slice(0, 250),
    own: own.filter(([rule, selector]) => rule === id && node.element?.closest(selector))
      .map(entry => entry.join(" "))}))))"""


@dataclass(frozen=True)
class Own:
    """What axe-core minds of Streamlit's own elements, which no page of ours can mend."""

    rule: str
    selector: str  # of what it is in
    reason: str

    def __str__(self) -> str:
        return f"{self.rule} {self.selector}"


#: An entry that no page in a narrow window shows any more fails the test: the list shrinks.
STREAMLITS = (
    Own(
        "presentation-role-conflict",
        "[data-testid=stFileUploaderDropzone]",
        "the drop zone has role=presentation and the field's label; its button has the name too",
    ),
    Own(
        "scrollable-region-focusable",
        "[data-testid=stTable]",
        "a wide table scrolls in a box that Tab reaches because browsers see to it",
    ),
)


@dataclass(frozen=True)
class Violation:
    rule: str
    impact: str
    where: str  # selector
    html: str
    why: str
    own: list[str]  # which of STREAMLITS


def violations(page: Page, *rules: str) -> list[Violation]:
    """Of these rules, or of all, on the page as it stands."""
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(_axe())
    run = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": _TAGS}
    own = [[one.rule, one.selector] for one in STREAMLITS]
    return [Violation(**found) for found in page.evaluate(_FIND, [own, run])]


def misplaced(page: Page) -> list[str]:
    """What is cut off, lies over something else, or makes the page scroll sideways, in words."""
    return page.evaluate(_script("layout.js"))


def walked_by_tab(page: Page, most: int = 400) -> tuple[int, list[str]]:
    """How often Tab stops on the page, and in words: where no ring of 3 to 1 shows it, where that
    is out of sight, and which controls it leaves out.
    """
    page.evaluate(_script("keyboard.js"))
    stops, nowhere, wrong = 0, 0, []
    while stops < most and nowhere < 3:
        page.keyboard.press("Tab")
        stop = page.evaluate("hamStop()")
        if stop is None:  # a moment where the page is drawn anew, or the browser's own bar
            nowhere += 1
            continue
        if stop["again"]:
            break
        stops, nowhere = stops + 1, 0
        if stop["contrast"] is not None and stop["contrast"] < 3:
            wrong.append(f'focus on "{stop["name"]}" has {stop["contrast"]} to 1')
        if not stop["seen"]:
            wrong.append(f'focus on "{stop["name"]}" is out of sight')
    missed = page.evaluate("hamMissed()")
    return stops, wrong + [f"Tab leaves out {name}" for name in missed]


@functools.cache
def _axe() -> str:
    return _AXE.read_text("utf-8")


@functools.cache
def _script(name: str) -> str:
    return Path(__file__).with_name(name).read_text("utf-8")
