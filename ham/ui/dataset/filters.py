"""The filters of the Dataset page, in force as long as the visit lasts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from ham import data
from ham.config import CLASSES, CODES
from ham.ui.frame import plain

_CLASS = dict(zip(CODES, CLASSES, strict=True))
_AGE_STEP = 5  # the ages of HAM10000 are multiples of five

@dataclass(frozen=True)
class Filters:
    """Which images are shown. Nothing named means everything."""

    classes: tuple[str, ...] = ()
    sexes: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()  # dx_type: how the diagnosis was made
    ages: tuple[int, int] | None = None  # both included; unknown ages are out
    several: bool = False  # only lesions with several images

    def rows(self, dataset: data.LesionDataset) -> np.ndarray:
        """The matching rows of the data set, ascending."""
        metadata = dataset.metadata
        match = np.ones(dataset.n_images, dtype=bool)
        for column, wanted in (("dx", self.classes), ("sex", self.sexes), ("localization", self.sites),
                               ("dx_type", self.methods)):
            if wanted:
                match &= metadata[column].isin(wanted).to_numpy()
        if self.ages:
            match &= metadata["age"].between(*self.ages).to_numpy()
        if self.several:
            match &= np.bincount(dataset.groups)[dataset.groups] > 1
        return np.flatnonzero(match)

    def in_words(self) -> str:
        """"Melanoma (mel), male, 40 to 60 years"; "" where nothing is filtered."""
        words = [" or ".join(_CLASS[code].title for code in self.classes),
                 " or ".join(self.sexes).replace("unknown", "sex unknown"),
                 " or ".join(self.sites).replace("unknown", "site unknown"),
                 " or ".join(method_in_words(method).lower() for method in self.methods),
                 f"{self.ages[0]} to {self.ages[1]} years" if self.ages else "",
                 "lesions with several images" if self.several else ""]
        return ", ".join(filter(None, words))


def filters(dataset: data.LesionDataset) -> Filters:
    """The filter chips. Their values last as long as the visit, on whatever page."""
    metadata = dataset.metadata
    oldest = _AGE_STEP * max(1, int(np.ceil(metadata["age"].fillna(0).max() / _AGE_STEP)))
    _start_filters(dataset.fingerprint, oldest)
    classes = st.pills("Class", [c for c in CODES if (metadata["dx"] == c).any()], selection_mode="multi",
                       format_func=lambda code: _CLASS[code].title, key="dataset_classes", persist_state="session")
    who, age, site, method = st.columns([1.1, 1, 1, 1], gap="medium")
    sexes = who.pills("Sex", _values(metadata["sex"]), selection_mode="multi", format_func=str.capitalize,
                      key="dataset_sexes", persist_state="session")
    ages = age.slider("Age in years", 0, oldest, step=_AGE_STEP, key="dataset_ages",
                      help="Narrowed, it leaves out the images whose age is unknown.", persist_state="session")
    sites = site.multiselect("Site", _values(metadata["localization"]), format_func=str.capitalize,
                             placeholder="All sites", key="dataset_sites", persist_state="session")
    methods = method.multiselect("Diagnosed by", _values(metadata["dx_type"]), format_func=method_in_words,
                                 placeholder="All ways", key="dataset_methods", persist_state="session")
    several = st.toggle("Only lesions with several images", key="dataset_several", persist_state="session")
    return Filters(tuple(classes), tuple(sexes), tuple(sites), tuple(methods),
                   None if tuple(ages) == (0, oldest) else tuple(ages), several)


def method_in_words(dx_type: str) -> str:
    return {"histo": "Histopathology", "follow_up": "Follow-up", "consensus": "Consensus of experts",
            "confocal": "Confocal microscopy"}.get(dx_type, dx_type.capitalize())


def _values(column: pd.Series) -> list[str]:
    """The values that occur, the most frequent first, unknown last."""
    return sorted(column.value_counts().index, key=lambda value: value == "unknown")


def _start_filters(fingerprint: str, oldest: int) -> None:
    """Everything, at first and when another data set is in use."""
    start = {"dataset_classes": [], "dataset_sexes": [], "dataset_ages": (0, oldest), "dataset_sites": [],
             "dataset_methods": [], "dataset_several": False}
    other = st.session_state.get("dataset_filtered") != fingerprint
    st.session_state["dataset_filtered"] = fingerprint
    for key, value in start.items():
        if other or key not in st.session_state:
            st.session_state[key] = value


def _clear_filters() -> None:
    st.session_state["dataset_filtered"] = ""


def summary(dataset: data.LesionDataset, chosen: Filters, rows: np.ndarray) -> None:
    """How much matches, a way back to everything, the matching metadata as a file."""
    shown = dataset.metadata.iloc[rows]
    words = chosen.in_words()
    text = f"**{len(rows):,}** images of **{shown['lesion_id'].nunique():,}** lesions"
    text += f" match: {plain(words)}" if words else ", all there are"
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        st.markdown(text, width="stretch")
        if words:
            st.button("Clear filters", icon=":material/filter_alt_off:", key="dataset_clear", on_click=_clear_filters)
        st.download_button("Metadata as CSV", lambda: shown.to_csv(index=False), key="dataset_download",
                           file_name=f"{dataset.name}_metadata_{len(rows)}_images.csv", mime="text/csv",
                           icon=":material/download:", on_click="ignore", disabled=not len(rows))


def no_match() -> None:
    """The empty state."""
    st.info("No image matches all of these filters. Take one away, or clear them all.", icon=":material/search_off:")
