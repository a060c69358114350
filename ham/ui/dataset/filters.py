"""The filters of the Dataset page, in force as long as the visit lasts: a popover to add, a chip
each to remove.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from ham import data
from ham.config import CLASSES, CODES
from ham.data import Chip, Filters, ImageSet, method_in_words
from ham.ui.frame import plain

_CLASS = dict(zip(CODES, CLASSES, strict=True))
_AGE_STEP = 5  # the ages of HAM10000 are multiples of five
#: Keys of the session state: the filters in force; (version of the widgets, data set, what they
#: start with).
_CHOSEN, _START = "dataset_chosen", "dataset_filter_start"


def filter_bar(dataset: data.LesionDataset) -> Filters:
    """The filters to add, behind a button, and a chip for each in force. They last as long as
    the visit.
    """
    with st.container(
        horizontal=True, vertical_alignment="center", gap="small", key="dataset_filter_bar"
    ):
        with st.popover("Filters", icon=":material/filter_alt:", key="dataset_filter_popover"):
            chosen = _widgets(dataset)
        for chip in chosen.chips():
            st.button(
                plain(chip.label),
                icon=":material/close:",
                icon_position="right",
                on_click=_remove,
                args=(chip,),
                help="Remove this filter",
                key=f"dataset_chip_{chip.kind}_{chip.value}",
            )
        if chosen.chips():
            st.button(
                "Clear filters",
                icon=":material/filter_alt_off:",
                key="dataset_clear",
                type="tertiary",
                on_click=take,
                args=(Filters(),),
            )
    st.session_state[_CHOSEN] = chosen
    return chosen


def _widgets(dataset: data.LesionDataset) -> Filters:
    metadata, (version, start) = dataset.metadata, _version(dataset)
    oldest = _AGE_STEP * max(1, int(np.ceil(metadata["age"].fillna(0).max() / _AGE_STEP)))
    classes = st.pills(
        "Class",
        [c for c in CODES if (metadata["dx"] == c).any()],
        default=start.classes,
        selection_mode="multi",
        format_func=lambda code: _CLASS[code].title,
        key=f"dataset_classes_{version}",
    )
    sexes = st.pills(
        "Sex",
        _values(metadata["sex"]),
        default=start.sexes,
        selection_mode="multi",
        format_func=str.capitalize,
        key=f"dataset_sexes_{version}",
    )
    ages = st.slider(
        "Age in years",
        0,
        oldest,
        start.ages or (0, oldest),
        step=_AGE_STEP,
        key=f"dataset_ages_{version}",
        help="Narrowed, it leaves out the images whose age is unknown.",
    )
    sites = st.multiselect(
        "Site",
        _values(metadata["localization"]),
        start.sites,
        format_func=str.capitalize,
        placeholder="All sites",
        key=f"dataset_sites_{version}",
    )
    methods = st.multiselect(
        "Diagnosed by",
        _values(metadata["dx_type"]),
        start.methods,
        format_func=method_in_words,
        placeholder="All ways",
        key=f"dataset_methods_{version}",
    )
    query = st.text_input(
        "Image or lesion id",
        start.query,
        max_chars=100,
        key=f"dataset_query_{version}",
        placeholder="a part is enough, for example 0027419",
    )
    several = st.toggle(
        "Only lesions with several images", start.several, key=f"dataset_several_{version}"
    )
    return Filters(
        tuple(classes),
        tuple(sexes),
        tuple(sites),
        tuple(methods),
        None if ages == (0, oldest) else ages,
        several,
        query.strip(),
        start.images,
    )


def _values(column: pd.Series) -> list[str]:
    """The values that occur, the most frequent first, unknown last."""
    return sorted(column.value_counts().index, key=lambda value: value == "unknown")


# ------------------------------------------------------------------------------- state


def _version(dataset: data.LesionDataset) -> tuple[int, Filters]:
    """Number and starting values of the popover's widgets.

    What a callback changes makes new widgets. The browser would otherwise bring the old values
    back: it does not hear of new ones while the popover is closed. Another data set starts
    without filters.
    """
    state = st.session_state
    version, fingerprint, start = state.get(_START, (0, "", Filters()))
    if fingerprint != dataset.fingerprint:
        start = Filters()
        for key in ("dataset_anchor", "dataset_open"):  # rows of the other data set
            state.pop(key, None)
    # at first, after a callback, back from another page
    elif f"dataset_classes_{version}" not in state:
        start = state.get(_CHOSEN, start)
    else:
        return version, start
    state[_START] = (version + 1, dataset.fingerprint, start)
    return version + 1, start


def take(chosen: Filters) -> None:
    """For callbacks: from now on these filters."""
    version, fingerprint, _ = st.session_state[_START]
    st.session_state[_CHOSEN] = chosen
    st.session_state[_START] = (version + 1, fingerprint, chosen)


def in_force() -> Filters:
    """For callbacks: the filters of the last run."""
    return st.session_state.get(_CHOSEN, Filters())


def _remove(chip: Chip) -> None:
    take(in_force().without(chip))


def show_classes(codes: Sequence[str]) -> None:
    """For callbacks: only these classes."""
    take(dataclasses.replace(in_force(), classes=tuple(code for code in CODES if code in codes)))


def show_images(label: str, rows: np.ndarray, *, alone: bool = True) -> None:
    """For callbacks: only these images; `alone` takes the other filters away and keeps the
    images in this order.
    """
    images = ImageSet(label, np.asarray(rows, dtype=np.int64))
    take(Filters(images=images) if alone else dataclasses.replace(in_force(), images=images))
    if alone:
        st.session_state["dataset_order"] = "found"
        st.session_state["dataset_brushed"] = ""  # what was drawn on the map says something else


def drop_images() -> None:
    """For callbacks: no longer only the images that were pointed at."""
    take(dataclasses.replace(in_force(), images=None))
