"""The sections of the Home page.

band       a row of images of the data in use, each opening its details
cards      data, models, try an image: a picture, the live state and one button each
newest     the newest runs
"""

import streamlit as st

from ham.data import LesionDataset
from ham.store import Found
from ham.ui import sources
from ham.ui.current_data import opened_data
from ham.ui.home.band import show_band
from ham.ui.home.cards import show_cards
from ham.ui.home.newest import LAST_RUNS, last_runs

__all__ = ["LAST_RUNS", "first_look", "last_runs"]


def first_look(found: Found) -> None:
    """Pictures of the data in use and three ways on; where it cannot be used, first what to do."""
    dataset = opened_data()
    if isinstance(dataset, LesionDataset):
        show_band(dataset)
        show_cards(dataset, found)
        st.page_link(
            "pages/lesson.py",
            label="New here? Seven tasks for a first hour",
            icon=":material/school:",
        )
        sources.section(dataset)
    else:
        sources.section(dataset)
        show_cards(dataset, found)
