"""The data set in use, opened once for all visitors of this server.

Opening JPEGs takes a minute the first time. It goes on in a thread of its own, so that a click
meanwhile, which makes Streamlit run the page again, finds the work where it is.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from ham import data, io
from ham.config import DataError

_PATIENCE_SECONDS = 0.4  # a memory map is open before this; only what takes longer gets a bar


@st.cache_resource
def _opened() -> data.OpenedData:
    return data.OpenedData()


def current_dataset() -> data.LesionDataset:
    """The data set in use, the demo data where none is chosen; a bar while it is opened.

    Raises DataError where its files cannot be used.
    """
    folder = data.current_source()
    opening = _opened().opening(folder)
    opening.wait(_PATIENCE_SECONDS)
    if opening.running:
        _watch(opening)
    return opening.outcome()


def opened_data() -> data.LesionDataset | DataError:
    """The data set in use, or why it cannot be used."""
    try:
        return current_dataset()
    except DataError as error:
        return error


def _watch(opening: io.Job[Any]) -> None:
    place = st.empty()
    while opening.running:
        what = opening.what if opening.total else opening.title
        place.progress(
            opening.share,
            text=f"{what}: {opening.done:,} of {opening.total:,}" if opening.done else f"{what} …",
        )
        opening.wait(0.2)
    place.empty()
