"""The views above the gallery, one at a time: only the one that is open is computed."""

from __future__ import annotations

import numpy as np
import streamlit as st

from ham import data
from ham.data import Filters
from ham.ui.dataset.looks import show_looks
from ham.ui.dataset.map import image_map
from ham.ui.dataset.overview import show_overview
from ham.ui.dataset.quality import show_quality
from ham.ui.frame import tabs

TITLES = ("Classes and patients", "Looks", "Map", "Data quality")


def show_views(dataset: data.LesionDataset, chosen: Filters, rows: np.ndarray) -> None:
    """Tabs over the rows given: classes and patients, looks, map, doubts."""
    drawn = (
        lambda: show_overview(dataset, rows),
        lambda: show_looks(dataset, rows),
        lambda: image_map(dataset, chosen),
        lambda: show_quality(dataset),
    )
    if st.query_params.get("at") == "classes":  # asked for by a link
        del st.query_params["at"]
        st.session_state["dataset_tab"] = TITLES[0]
    tabs(dict(zip(TITLES, drawn, strict=True)), "dataset_tab")
