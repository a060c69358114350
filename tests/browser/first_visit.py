"""The walk of a first-time user: Home, the data, which model is better, an image of one's own.

The steps of a test and of `benchmarks.first_visit`. Each begins where the one before has ended, and
ends when what it is about can be seen.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from playwright.sync_api import Page

Step = Callable[[Page], None]


def sees_home(page: Page) -> None:
    """A row of images, and three ways on."""
    page.get_by_role("button", name="Melanoma (mel): details").first.wait_for()
    page.get_by_role("button", name="Try an image").first.wait_for()


def explores_the_data(page: Page) -> None:
    """By Home's button to the class balance."""
    page.get_by_role("button", name="Explore the data").first.click()
    _heading(page, "Dataset")
    page.locator("[class*=st-key-dataset_balance] .ham-bars").first.wait_for()


def compares_the_models(page: Page) -> None:
    """By the menu to the sentence, the matrices and the scores."""
    _menu(page, "Comparison")
    page.get_by_role("table", name="Confusion matrix of A").first.wait_for()
    page.get_by_text("Bars: 95 % intervals").first.wait_for()


def drops_an_image(page: Page, image: bytes) -> None:
    """On the Prediction page; until the models have answered."""
    _menu(page, "Prediction")
    file = {"name": "mine.png", "mimeType": "image/png", "buffer": image}
    page.locator("input[type=file]").first.set_input_files([file])
    page.locator(".ham-answer").first.wait_for()


def steps(image: bytes) -> dict[str, Step]:
    """In words, in their order; `image` is a PNG."""
    return {
        "sees Home": sees_home,
        "explores the data": explores_the_data,
        "compares the models": compares_the_models,
        "drops an image and reads the answer": partial(drops_an_image, image=image),
    }


def _menu(page: Page, title: str) -> None:
    page.get_by_test_id("stSidebar").get_by_role("link", name=title).first.click()
    _heading(page, title)


def _heading(page: Page, title: str) -> None:
    page.get_by_role("heading", name=title, exact=True).first.wait_for()
