"""Every page in a real browser: by direct link to a fresh server, with data and without, wide,
narrow and dark.
"""

import re
import shutil
from pathlib import Path

from playwright.sync_api import expect

from ham.ui.frame import MENU

from .access import STREAMLITS, misplaced, violations
from .conftest import ROOT
from .first_visit import steps
from .test_prediction_page import lesion

PAGES = [entry for entry in MENU if (ROOT / entry.script).exists()]
PATHS = ["" if entry.title == "Home" else entry.title.lower() for entry in PAGES]


def test_a_page_opens_by_direct_link_as_the_first_request_on_the_demo_data(fresh, visit):
    """In a browser; tests/test_direct_links.py asks for every page."""
    opens_on_the_demo_data(visit(fresh, "comparison"))


def opens_on_the_demo_data(page):
    page.check()
    for words in ("Demo data", "synthetic", *(entry.title for entry in PAGES)):
        page.sidebar_says(words)


def test_a_first_visit_leads_over_every_page_to_an_answer_and_a_lesson_outlives_a_reload(
    shared, visit
):
    page = visit(shared())
    opens_on_the_demo_data(page)
    page.sees("pixels are what the models see")  # the last of the three cards
    for name in ("Melanoma (mel): details", "Explore the data", "Train a model", "Try an image"):
        box = page.page.get_by_role("button", name=name).first.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 900, f"{name} is not on the first screen"
    for step in steps(lesion()).values():
        step(page.page)
        page.wait()
        page.check()
        page.is_accessible("color-contrast")  # the rest is the same in the dark theme
    for title in ("Training", "Lesson"):
        page.go(title)
        page.check()
        page.is_accessible("color-contrast")

    field = page.page.get_by_role("spinbutton", name="Test images that it predicts").first
    field.fill("684")
    field.press("Enter")
    page.sees("1 of 7 done")
    page.sidebar_says("Lesson: 1 of 7")
    page.page.reload()  # another session
    page.wait()
    page.sees("1 of 7 done")
    page.press("Start again")
    page.sees("0 of 7 done")
    page.page.wait_for_function("!document.cookie.includes('count_said')")
    page.check()


def test_the_pages_fit_a_narrow_dark_window(shared, visit, small_folder):
    server = shared(small_folder)
    streamlits: set[str] = set()
    for path in PATHS:
        # whatever other tests have trained: the same runs, and their table once it is there
        three = "?runs=cnn-described,cnn-improved,resnet-improved" if path == "comparison" else ""
        page = visit(server, path + three, width=360, dark=True)
        page.sidebar_says("150 images of")
        if three:
            page.page.wait_for_function(
                "[...document.querySelectorAll('[data-testid=stTable] > div')]"
                ".some(box => box.scrollWidth > box.clientWidth)"
            )
        page.check()
        page.fits(path or "home")
        page.headings_are_in_order()
        assert (
            page.page.evaluate("getComputedStyle(document.querySelector('.stApp')).colorScheme")
            == "dark"
        )
        streamlits |= page.is_accessible()
        page.is_whole()
        page.leave()
    assert streamlits == {str(entry) for entry in STREAMLITS}, "there is less to list: shrink it"


def test_what_nobody_could_read_or_hear_is_found(shared, visit):
    page = visit(shared(), "lesson").page
    page.evaluate(
        """document.querySelector(".stApp h1").insertAdjacentHTML("afterend", `<img src="x.png">
        <div style="height: 2rem; overflow: hidden; width: 2rem; white-space: nowrap">Cut off</div>
        <div style="height: 0">Below</div><div>Above</div>`)"""
    )
    assert [one.rule for one in violations(page, "image-alt")] == ["image-alt"]
    found = misplaced(page)
    assert len(found) == 2
    assert re.fullmatch('cut by [0-9]+ px: "Cut off"', found[0])
    assert found[1] == '"Below" lies over "Above"'


def test_a_folder_named_on_the_page_is_used_and_stays_in_use(shared, visit, small_folder, tmp_path):
    server = shared()
    page = visit(server)
    page.sees("This is the demo data: use the real data").click()
    page.press("Name a folder", "tab")
    field = page.page.get_by_role("textbox", name="Folder or zip with the data").first
    field.fill(str(tmp_path / "nothing here"))
    page.press("Check and use this folder")
    page.sees("it is no folder that exists here")
    page.check()
    field.fill(str(small_folder))
    page.press("Check and use this folder")
    page.sidebar_says("150 images of")
    page.check()
    visit(server).sidebar_says("150 images of")


def test_a_zip_dropped_on_the_page_is_checked_unpacked_and_in_use(
    shared, visit, small_folder, tmp_path
):
    page = visit(shared())
    page.sees("This is the demo data: use the real data").click()
    page.press("Drop a zip", "tab")
    drop = page.page.locator("input[type=file]").first
    whole = Path(shutil.make_archive(str(tmp_path / "archive"), "zip", small_folder))
    half = whole.read_bytes()[: whole.stat().st_size // 2]
    drop.set_input_files({"name": "half.zip", "mimeType": "application/zip", "buffer": half})
    page.sees("half.zip")
    page.press("Close this message")
    expect(page.page.get_by_text("its end is missing")).to_have_count(0)
    page.sidebar_says("synthetic")
    page.press("Drop a zip", "tab")  # the panel is still open
    drop.set_input_files(whole)
    page.sees("is whole, checked and in use")
    page.sidebar_says("150 images of")
    page.press("Close this message")
    expect(page.page.get_by_text("is whole, checked and in use")).to_have_count(0)
    page.check()


def test_broken_data_is_said_once_in_words_and_every_page_still_opens(shared, visit, kaggle_folder):
    folder = kaggle_folder()
    server = shared(folder)
    (folder / "hmnist_28_28_RGB.csv").write_text("pixel0000,label\n1,2\n")
    page = visit(server)
    for entry in (*PAGES[1:], PAGES[0]):
        page.go(entry.title)
        page.check()
        page.sidebar_says("Data cannot be used")
        assert page.text.count("the header") <= 1
