"""A row of images of the data in use: the first thing on the page."""

from __future__ import annotations

import html

import numpy as np
import streamlit as st

from ham import data
from ham.config import CLASSES
from ham.images import data_url
from ham.ui.components import pressable
from ham.ui.pictures import jpeg

_TILES = 14
_SIZE = (180, 135)  # pixels of a photograph, at most; shown at half of it
_OPENED = "home_band_image"  # the image that was clicked, until its page is there


def show_band(dataset: data.LesionDataset) -> None:
    """As many images of each class as of any other; a click on one, or Enter, opens it on the
    Dataset page.
    """
    tiles = _tiles(dataset.fingerprint, dataset)

    def opened(image_id: str) -> None:
        if image_id in tiles:
            st.session_state[_OPENED] = image_id

    pressable(
        f'<div class="ham-band" role="group" aria-label="Images of each class">'
        f"{''.join(tiles.values())}</div>",
        "home_band",
        opened,
    )
    if _OPENED in st.session_state:  # a callback cannot lead to another page
        st.switch_page("pages/dataset.py", query_params={"image": st.session_state.pop(_OPENED)})


@st.cache_data(max_entries=4, show_spinner=False)
def _tiles(fingerprint: str, _dataset: data.LesionDataset) -> dict[str, str]:
    """HTML by image id; once a data set."""
    rows = data.balanced_sample(_dataset, _TILES)
    ids = _dataset.metadata["image_id"].iloc[rows]
    return {str(name): _tile(_dataset, row, str(name)) for row, name in zip(rows, ids, strict=True)}


def _tile(dataset: data.LesionDataset, row: np.int64, image_id: str) -> str:
    """The photograph where there is one, else the 28x28 pixels; the class below it."""
    lesion_class = CLASSES[dataset.labels[row]]
    path = dataset.originals.get(image_id)
    original = jpeg(path, _SIZE) if path else None
    url, how = (original.url, "") if original else (data_url(dataset.images[row]), "pixels")
    name = html.escape(image_id)
    return (
        f'<button type="button" data-press="{name}" class="{how}" '
        f'aria-label="{lesion_class.title}: details of {name}"><img src="{url}" alt="">'
        f'<span><i style="background:{lesion_class.color}"></i>{lesion_class.code}</span></button>'
    )
