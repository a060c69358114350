"""One image in a dialog: original and 28x28 pixels, metadata, the other images of its lesion,
the nearest images.
"""

from __future__ import annotations

import html

import numpy as np
import streamlit as st

from ham import data
from ham.config import CLASSES, CODES
from ham.ui.dataset import cached
from ham.ui.dataset.filters import method_in_words, show_images
from ham.ui.dataset.tiles import jpeg, png, show_tiles
from ham.ui.frame import errors, plain

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
    st.dialog(
        f"Image {plain(dataset.metadata['image_id'].iloc[row])}", width="large", on_dismiss=close
    )(_details)(dataset)


def close() -> None:
    """A callback: no image's details are shown."""
    st.session_state["dataset_open"] = None


@errors()
def _details(dataset: data.LesionDataset) -> None:
    row = st.session_state["dataset_open"]
    if row is None:
        st.rerun()
    entry = dataset.metadata.iloc[row].to_dict()
    siblings = siblings_of(dataset, row)
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


def siblings_of(dataset: data.LesionDataset, row: int) -> np.ndarray:
    """The other rows of the image's lesion, the known pairs of lesion ids included, ascending."""
    rows = np.flatnonzero(dataset.groups == dataset.groups[row])
    return rows[rows != row]


def _sort_and_close(row: int) -> None:
    """The gallery starts with this image and goes on with those most like it."""
    st.session_state["dataset_anchor"] = row
    st.session_state["dataset_order"] = "near"
    close()


def _lesion_and_close(lesion_id: str, rows: np.ndarray) -> None:
    show_images(f"Lesion {lesion_id}", rows)
    close()


def _pictures(dataset: data.LesionDataset, row: int, entry: dict) -> str:
    image_id = html.escape(entry["image_id"])
    path = dataset.originals.get(entry["image_id"])
    shown = (
        f'<figure class="ham-pixels"><img src="{png(dataset.images[row])}" alt="{image_id}, '
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
    return f'{_STYLE}<div class="ham-large">{shown}</div>'


def _table(entry: dict, n_images: int) -> str:
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


_STYLE = """<style>
.ham-large { align-items: flex-start; display: flex; flex-wrap: wrap; gap: 1rem; }
.ham-large figure { flex: 3 1 8rem; margin: 0; max-width: 300px; }
.ham-large figure.ham-wide { flex: 4 1 10.67rem; max-width: 400px; }
.ham-large img { aspect-ratio: 1; border-radius: 6px; display: block; width: 100%; }
.ham-large .ham-wide img { aspect-ratio: 4 / 3; object-fit: cover; }
.ham-large .ham-pixels img { image-rendering: pixelated; }
/* A dialog stands outside what carries the theme's color-scheme: light-dark() would always be
  light here. */
.ham-large figcaption { font-size: 0.8rem; margin-top: 0.35rem; opacity: 0.75; }
.ham-facts { border-collapse: collapse; font-size: 0.9rem; }
.ham-facts th { font-weight: 400; opacity: 0.75; padding: 0.15rem 1rem 0.15rem 0;
  text-align: left; vertical-align: top; white-space: nowrap; }
.ham-facts td { padding: 0.15rem 0; overflow-wrap: anywhere; }
.ham-facts i { border-radius: 50%; display: inline-block; height: 0.6rem; margin-right: 0.4rem;
  width: 0.6rem; }
</style>"""
