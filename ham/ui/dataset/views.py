"""The views above the gallery, one at a time: only the one that is open is computed."""

from __future__ import annotations

import numpy as np
import streamlit as st

from ham import data
from ham.ui.dataset.filters import Filters
from ham.ui.dataset.looks import looks
from ham.ui.dataset.map import image_map
from ham.ui.dataset.overview import overview
from ham.ui.dataset.quality import quality


def views(dataset: data.LesionDataset, chosen: Filters, rows: np.ndarray) -> None:
    """Tabs over the rows given: classes and patients, looks, map, doubts."""
    shown = {"Classes and patients": lambda: overview(dataset, rows), "Looks": lambda: looks(dataset, rows),
             "Map": lambda: image_map(dataset, chosen), "Data quality": lambda: quality(dataset)}
    for tab, draw in zip(st.tabs(list(shown), on_change="rerun", key="dataset_tab"), shown.values(), strict=True):
        if tab.open:
            with tab:
                draw()
