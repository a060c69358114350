"""One image in a dialog: original and 28x28 pixels, metadata, the other images of its lesion,
the nearest images.
"""

from __future__ import annotations

import html
from typing import Any

import numpy as np
import streamlit as st

from ham import data
from ham.config import CLASSES, CODES
from ham.data import method_in_words
from ham.images import data_url
from ham.ui.dataset import cached
from ham.ui.dataset.filters import show_images
from ham.ui.dataset.tiles import show_tiles
from ham.ui.frame import errors
from ham.ui.pictures import jpeg

_LARGE = (800, 600)  # pixels of the original, at most
_SHOWN_WIDTH = 400  # pixels of the screen that the original takes, at most
_N_NEAREST = 8


def opened_details(dataset: data.LesionDataset) -> None:
    """The dialog of the image that was opened last, until it is closed."""
    row = st.session_state.get("dataset_open")
    if row is None:
        return
    if row >= dataset.n_images:  # of another data set
        close()
        return
    # not the image's name: a click on a neighbour draws what is inside anew, and no title
    st.dialog("Image and lesion", width="large", on_dismiss=close)(_details)(dataset)


def close() -> None:
    """A callback: no image's details are shown."""
    st.session_state["dataset_open"] = None


@errors()
def _details(dataset: data.LesionDataset) -> None:
    row = st.session_state["dataset_open"]
    if row is None:
        st.rerun()
    entry = dataset.metadata.iloc[row].to_dict()
    siblings = data.siblings_of(dataset, row)
    left, right = st.columns([3, 2], gap="medium")
    left.html(_pictures(dataset, row, entry))
    with right:
        st.html(_table(entry, len(siblings) + 1))
        if st.button(
            "Sort the gallery by nearness to it",
            icon=":material/near_me:",
            width="stretch",
            key="dataset_details_sort",
            on_click=_sort_and_close,
            args=(row,),
        ):
            st.rerun()
        if siblings.size and st.button(
            "Show its lesion alone",
            icon=":material/photo_library:",
            width="stretch",
            key="dataset_details_lesion",
            on_click=_lesion_and_close,
            args=(entry["lesion_id"], np.append(row, siblings)),
        ):
            st.rerun()
    if siblings.size:
        st.markdown(
            f"**{len(siblings)} more of the same lesion**"
            if len(siblings) > 1
            else "**One more of the same lesion**"
        )
        show_tiles(dataset, siblings, "small", "dataset_siblings")
    st.markdown(
        "**Nearest images of other lesions**  \n:gray[The least different at 14x14 pixels, colour "
        "included; filters aside.]"
    )
    near = data.nearest(cached.features(dataset), row)
    near = near[dataset.groups[near] != dataset.groups[row]][:_N_NEAREST]
    show_tiles(dataset, near, "small", "dataset_nearest")


def _sort_and_close(row: int) -> None:
    """The gallery starts with this image and goes on with those most like it."""
    st.session_state["dataset_anchor"] = row
    st.session_state["dataset_order"] = "near"
    close()


def _lesion_and_close(lesion_id: str, rows: np.ndarray) -> None:
    show_images(f"Lesion {lesion_id}", rows)
    close()


def _pictures(dataset: data.LesionDataset, row: int, entry: dict[str, Any]) -> str:
    image_id = html.escape(entry["image_id"])
    path = dataset.originals.get(entry["image_id"])
    shown = (
        f'<figure class="ham-pixels"><img src="{data_url(dataset.images[row])}" alt="{image_id}, '
        '28 by 28 pixels">'
        "<figcaption>28x28 pixels, as the models see it</figcaption></figure>"
    )
    if path and (photograph := jpeg(path, _LARGE)):
        # enlarged it shows its own pixels, as the small image does: smoothing would invent what
        # is not there
        crisp = " ham-pixels" if photograph.width < _SHOWN_WIDTH else ""
        shown = (
            f'<figure class="ham-wide{crisp}"><img src="{photograph.url}" alt="{image_id}, '
            'the photograph">'
            f"<figcaption>The photograph</figcaption></figure>{shown}"
        )
    return f'<div class="ham-large">{shown}</div>'


def _table(entry: dict[str, Any], n_images: int) -> str:
    lesion_class = dict(zip(CODES, CLASSES, strict=True))[entry["dx"]]
    kind = "malignant or pre-malignant" if lesion_class.malignant else "benign"
    facts = {
        "Diagnosis": "<i "
        f'style="background:{lesion_class.color}"></i>{html.escape(lesion_class.title)}, {kind}',
        "Diagnosed by": html.escape(method_in_words(entry["dx_type"])),
        "Age": f"{entry['age']:g} years" if entry["age"] == entry["age"] else "unknown",
        "Sex": html.escape(entry["sex"]),
        "Site": html.escape(entry["localization"]),
        "Image": html.escape(entry["image_id"]),
        "Lesion": html.escape(entry["lesion_id"])
        + (f", {n_images} images" if n_images > 1 else ", one image"),
    }
    return (
        '<table class="ham-facts"><tbody>'
        + "".join(f"<tr><th>{name}</th><td>{value}</td></tr>" for name, value in facts.items())
        + "</tbody></table>"
    )
