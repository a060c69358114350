"""The views above the gallery, one at a time: only the one that is open is computed."""

from __future__ import annotations

import numpy as np
import streamlit as st

from ham import data
from ham.ui.dataset.filters import Filters
from ham.ui.dataset.looks import show_looks
from ham.ui.dataset.map import image_map
from ham.ui.dataset.overview import show_overview
from ham.ui.dataset.quality import show_quality

TITLES = ("Classes and patients", "Looks", "Map", "Data quality")


def show_views(dataset: data.LesionDataset, chosen: Filters, rows: np.ndarray) -> None:
    """Tabs over the rows given: classes and patients, looks, map, doubts."""
    drawn = (
        lambda: show_overview(dataset, rows),
        lambda: show_looks(dataset, rows),
        lambda: image_map(dataset, chosen),
        lambda: show_quality(dataset),
    )
    for tab, draw in zip(st.tabs(TITLES, on_change="rerun", key="dataset_tab"), drawn, strict=True):
        if tab.open:
            with tab:
                draw()
