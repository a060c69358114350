"""A row of images of the data in use: the first thing on the page."""

from __future__ import annotations

import html

import numpy as np
import streamlit as st

from ham import data
from ham.config import CLASSES
from ham.images import data_url
from ham.ui.frame import plain
from ham.ui.pictures import jpeg

_TILES = 14
_SIZE = (180, 135)  # pixels of a photograph, at most; shown at half of it


def show_band(dataset: data.LesionDataset) -> None:
    """As many images of each class as of any other; a click on one, or Enter, opens it on the
    Dataset page.
    """
    pictures = _pictures(dataset.fingerprint, dataset)
    with st.container(key="home_band", horizontal=True, wrap=False, gap=None):
        for place, (image_id, title, picture) in enumerate(pictures):
            with st.container(key=f"home_tile_{place}", gap=None):
                st.html(picture)
                if st.button(
                    f"{plain(title)}: details of {plain(image_id)}",
                    key=f"home_open_{place}",
                    width="stretch",
                ):
                    st.switch_page("pages/dataset.py", query_params={"image": image_id})


@st.cache_data(max_entries=4, show_spinner=False)
def _pictures(fingerprint: str, _dataset: data.LesionDataset) -> list[tuple[str, str, str]]:
    """(image id, title of its class, HTML) of every tile; once a data set."""
    found = []
    for row in data.balanced_sample(_dataset, _TILES):
        image_id = str(_dataset.metadata["image_id"].iloc[row])
        lesion_class = CLASSES[_dataset.labels[row]]
        found.append((image_id, lesion_class.title, _tile(_dataset, row, image_id)))
    return found


def _tile(dataset: data.LesionDataset, row: np.int64, image_id: str) -> str:
    """The photograph where there is one, else the 28x28 pixels; the class below it."""
    lesion_class = CLASSES[dataset.labels[row]]
    path = dataset.originals.get(image_id)
    original = jpeg(path, _SIZE) if path else None
    url, how = (original.url, "") if original else (data_url(dataset.images[row]), "pixels")
    alt = html.escape(f"{lesion_class.title}, {image_id}")
    return (
        f'<figure class="ham-band {how}"><img src="{url}" alt="{alt}"><figcaption>'
        f'<i style="background:{lesion_class.color}"></i>{lesion_class.code}'
        "</figcaption></figure>"
    )
