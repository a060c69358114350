"""What a page shows where there is no data yet: how to get it, and where to say it lies."""

from __future__ import annotations

import os
from pathlib import Path

import streamlit as st

from ham import data
from ham.config import KAGGLE_DATASET, KAGGLE_URL, LICENCE, DataError
from ham.ui.frame import end_page, errors, plain, show_error
from ham.ui.shelf import current_dataset


def need_dataset() -> data.LesionDataset:
    """The data set in use; without one the page ends here, saying how to get it."""
    try:
        found = current_dataset()
    except DataError as error:
        show_error(error)
        choose_folder("Use another folder")
        end_page()
    if found is None:
        no_data()
        end_page()
    return found


def no_data() -> None:
    """The empty state: three steps from nothing to the data set."""
    with st.container(border=True):
        st.subheader("How to get the data", anchor=False)
        st.markdown(
            f"1. Download **[{KAGGLE_DATASET}]({KAGGLE_URL})** from Kaggle ({LICENCE}, a free account is needed). "
            "Two of its files are enough: `HAM10000_metadata.csv` and `hmnist_28_28_RGB.csv`. With the folders of "
            "JPEGs as well, the originals are shown beside the 28x28 images.\n"
            "2. Unpack it into a folder of your own.\n"
            "3. Name the folder here, or in the environment variable `HAM_DATA` before the start."
        )
        choose_folder()


def choose_folder(heading: str = "") -> None:
    """A field for the folder, checked before it is taken."""
    if named := os.environ.get("HAM_DATA"):
        st.caption(f"The environment variable `HAM_DATA` names {plain(named)}. To choose a folder on this page, start "
                   "HAM Lab without it.")
        return
    if heading:
        st.subheader(heading, anchor=False)
    with st.form("choose_folder", border=False):
        text = st.text_input("Folder with the data", placeholder="for example ~/Downloads/ham10000",
                             help="The folder itself or the one above it, on the computer that runs HAM Lab.")
        pressed = st.form_submit_button("Check and use this folder", type="primary", icon=":material/folder_open:")
    with errors():
        if pressed:
            if not text.strip():
                raise DataError("No folder was named", "the field is empty.", "Type or paste the folder's path.")
            folder = Path(text.strip().strip("\"'")).expanduser()
            data.find_source(folder)
            data.choose_source(folder)
            st.rerun()
