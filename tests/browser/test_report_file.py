"""The comparison as a file, opened from disk with the network off."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from ham.document import SECTIONS, comparison_html, page
from tests.test_document import EVIL, NOW, runs, subject_of

__all__ = ["runs"]  # a fixture


def test_it_draws_its_charts_light_and_dark_and_on_paper_and_asks_nobody(
    browser: Browser, runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = ("What came out", "Confusion matrices", "Scores")
    monkeypatch.setattr(page, "SECTIONS", {title: SECTIONS[title] for title in few})
    file = tmp_path / "report.html"
    file.write_text(comparison_html(subject_of(runs), NOW), "utf-8")
    context = browser.new_context(offline=True, viewport={"width": 1300, "height": 1500})
    with context:
        opened = context.new_page()
        asked: list[str] = []
        wrong: list[str] = []
        opened.on("request", lambda request: asked.append(request.url))
        opened.on("pageerror", lambda error: wrong.append(str(error)))
        opened.on("dialog", lambda dialog: wrong.append(dialog.message))
        opened.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        opened.goto(file.as_uri())
        opened.wait_for_selector("html[data-drawn='4']")
        assert opened.locator(".chart .main-svg").count() >= 4
        assert EVIL in opened.inner_text("main")
        ground = "getComputedStyle(document.querySelector('.chart .main-svg')).backgroundColor"
        assert opened.evaluate(ground) == "rgb(255, 255, 255)"
        opened.emulate_media(color_scheme="dark")
        opened.wait_for_selector(".chart[data-ground=dark]")
        assert opened.evaluate(ground) == "rgb(14, 17, 23)"
        opened.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert opened.evaluate(ground) == "rgb(255, 255, 255)"
        assert opened.locator(".chart .main-svg").first.bounding_box()["width"] <= 660
        opened.evaluate("dispatchEvent(new Event('afterprint'))")
        assert opened.evaluate(ground) == "rgb(14, 17, 23)"
        opened.set_viewport_size({"width": 390, "height": 800})
        assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert wrong == []
        assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
