"""How much matches the filters, and what can be downloaded of it."""

from __future__ import annotations

import numpy as np
import streamlit as st

from ham import data
from ham.data import Filters
from ham.ui.dataset.files import downloads
from ham.ui.frame import plain


def show_summary(dataset: data.LesionDataset, chosen: Filters, rows: np.ndarray) -> None:
    """How much matches, in one sentence, and what can be downloaded of it."""
    n_lesions = dataset.metadata["lesion_id"].iloc[rows].nunique()
    words = chosen.in_words()
    text = f"**{len(rows):,}** images of **{n_lesions:,}** lesions"
    text += f" match: {plain(words)}" if words else ", the whole data set"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(text, width="stretch")
        downloads(dataset, words, rows)


def no_match() -> None:
    """The empty state."""
    st.info(
        "No image matches all of these filters. Take one away, or clear them all.",
        icon=":material/search_off:",
    )
