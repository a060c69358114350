"""Every page as the first request of a fresh server, asked for in Streamlit's own protocol."""

import shutil

import pytest

from ham.ui.frame import MENU
from tests.visitors import Visitor, server

PATHS = ["" if entry.title == "Home" else entry.title.lower() for entry in MENU]


def opens(visitor: Visitor, path: str, data: str) -> None:
    assert [error.message for error in visitor.kinds("exception")] == []
    title = "HAM Lab" if not path else path.capitalize()
    assert [h.body for h in visitor.kinds("heading") if h.tag == "h1"] == [title]
    assert [link.label for link in visitor.kinds("page_link")][: len(MENU)] == [
        entry.title for entry in MENU
    ]
    assert data in visitor.texts()
    visitor.close()


@pytest.mark.parametrize("path", [path for path in PATHS if path != "comparison"])
def test_a_page_opens_by_direct_link_as_the_first_request_on_the_demo_data(path, demo_home):
    """Comparison does in a browser: tests/browser/test_pages_in_browser.py."""
    with server(None, demo_home, HAM_WARM_UP="off") as (address, _):
        opens(Visitor(address, path), path, "Demo data")


def test_every_page_opens_by_direct_link_on_the_real_data(real_data, real_home, tmp_path):
    shutil.copytree(real_home / "cache", tmp_path / "read" / "cache")
    with server(real_data, tmp_path / "read", HAM_WARM_UP="off") as (address, _):
        for path in PATHS:
            opens(Visitor(address, path), path, "10,015 images of 7,470 lesions")
