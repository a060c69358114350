"""Every page in a real browser: by direct link to a fresh server, with data and without, wide,
narrow and dark.
"""

import shutil
import sys
from pathlib import Path

import pytest

from ham.ui.frame import MENU

from .conftest import ROOT

PAGES = [entry for entry in MENU if (ROOT / entry.script).exists()]
PATHS = ["" if entry.title == "Home" else entry.title.lower() for entry in PAGES]
NO_TENSORFLOW = [path for path in PATHS if path != "prediction"]


@pytest.mark.parametrize("path", PATHS)
def test_a_page_opens_by_direct_link_as_the_first_request_on_the_demo_data(path, serve, visit):
    page = visit(serve(), path)
    page.check()
    for words in ("Demo data", "synthetic", *(entry.title for entry in PAGES)):
        page.sidebar_says(words)


def test_the_menu_leads_to_every_page_and_tensorflow_stays_out_of_the_server(
    serve, visit, small_folder
):
    server = serve(small_folder)
    page = visit(server)
    for entry in PAGES:
        page.page.get_by_test_id("stSidebar").get_by_role("link", name=entry.title).click()
        heading = "HAM Lab" if entry.title == "Home" else entry.title
        page.page.get_by_role("heading", name=heading, exact=True).wait_for()
        page.wait()
        page.check()
        if sys.platform == "linux" and entry.title != "Prediction":
            assert not server.has_loaded("tensorflow"), f"{entry.title} imported TensorFlow"


def test_the_pages_fit_a_narrow_dark_window(serve, visit, small_folder):
    server = serve(small_folder)
    for path in PATHS:
        page = visit(server, path, width=420, dark=True)
        page.check()
        too_wide = page.page.evaluate(
            "document.querySelector('[data-testid=stMain]').scrollWidth - window.innerWidth"
        )
        assert too_wide <= 0, f"{path or 'home'} scrolls sideways by {too_wide} pixels"
        assert (
            page.page.evaluate("getComputedStyle(document.querySelector('.stApp')).colorScheme")
            == "dark"
        )


def test_a_folder_named_on_the_page_is_used_and_stays_in_use(serve, visit, small_folder, tmp_path):
    server = serve(home=tmp_path / "home")
    page = visit(server)
    page.page.get_by_text("This is the demo data: use the real data").click()
    page.page.get_by_role("tab", name="Name a folder").click()
    field = page.page.get_by_role("textbox", name="Folder or zip with the data")
    button = page.page.get_by_role("button", name="Check and use this folder")
    field.fill(str(tmp_path / "nothing here"))
    button.click()
    page.page.get_by_text("it is no folder that exists here").wait_for()
    page.check()
    field.fill(str(small_folder))
    button.click()
    page.page.get_by_test_id("stSidebar").get_by_text("150 images of").wait_for()
    page.check()
    visit(server).sidebar_says("150 images of")


def test_a_zip_dropped_on_the_page_is_checked_unpacked_and_in_use(
    serve, visit, small_folder, tmp_path
):
    page = visit(serve(home=tmp_path / "home"))
    page.page.get_by_text("This is the demo data: use the real data").click()
    page.page.get_by_role("tab", name="Drop a zip").click()
    drop = page.page.locator("input[type=file]")
    whole = Path(shutil.make_archive(str(tmp_path / "archive"), "zip", small_folder))
    half = whole.read_bytes()[: whole.stat().st_size // 2]
    drop.set_input_files({"name": "half.zip", "mimeType": "application/zip", "buffer": half})
    page.page.get_by_text("half.zip").first.wait_for()
    page.page.get_by_role("button", name="Close this message").click()
    page.page.get_by_text("its end is missing").wait_for(state="detached")
    page.sidebar_says("synthetic")
    page.page.get_by_role("tab", name="Drop a zip").click()  # the panel is still open
    drop.set_input_files(whole)
    page.page.get_by_text("is whole, checked and in use").wait_for()
    page.sidebar_says("150 images of")
    page.check()


def test_broken_data_is_said_once_in_words_and_every_page_still_opens(serve, visit, kaggle_folder):
    folder = kaggle_folder()
    (folder / "hmnist_28_28_RGB.csv").write_text("pixel0000,label\n1,2\n")
    server = serve(folder)
    for path in PATHS:
        page = visit(server, path)
        page.check()
        page.sidebar_says("Data cannot be used")
        assert page.text.count("the header") <= 1


def test_every_page_opens_by_direct_link_on_the_real_data(serve, visit, real_data, real_home):
    server = serve(real_data, home=real_home)
    for path in PATHS:
        page = visit(server, path)
        page.page.get_by_test_id("stSidebar").get_by_text(
            "10,015 images of 7,470 lesions"
        ).wait_for()
        page.wait()
        page.check()
