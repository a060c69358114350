"""The images of the Dataset page: a grid of tiles, sorted, paged, each opening its details."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
import streamlit as st

from ham import data
from ham.data import Filters
from ham.ui.dataset import cached
from ham.ui.dataset.details import close, opened_details
from ham.ui.dataset.tiles import open_image, show_tiles
from ham.ui.frame import choose, errors, plain

_IMAGES_A_PAGE = 24
ORDERS = {
    "mixed": "Mixed",
    "class": "By class",
    "lesion": "By lesion",
    "color": "By colour",
    "light": "Dark to light",
    "age": "By age",
    "near": "Nearest first",
    "found": "As listed",
}
VIEWS = {"both": "Both", "small": "28x28", "original": "Originals"}


@st.fragment
@errors()
def show_gallery(dataset: data.LesionDataset, chosen: Filters, rows: np.ndarray) -> None:
    """A page of images, enlarged without smoothing, beside their originals where there are any."""
    st.space("small")
    st.header("Images", anchor=False)
    order, view = _choices(dataset, chosen)
    ordered = in_order(
        dataset, rows, order, _anchor(dataset), chosen.images.rows if chosen.images else None
    )
    n_pages = -(-len(rows) // _IMAGES_A_PAGE)
    what = hashlib.sha256(rows.tobytes()).hexdigest()[:12]
    # new images, first page
    page_key = f"dataset_page_{order}_{_anchor(dataset) if order == 'near' else ''}_{what}"
    page = min(st.session_state.get(page_key, 1), n_pages)
    first = (page - 1) * _IMAGES_A_PAGE
    shown = ordered[first : first + _IMAGES_A_PAGE]
    show_tiles(dataset, shown, view, "dataset_grid")
    with st.container(horizontal=True, vertical_alignment="center"):
        if n_pages > 1:
            st.pagination(n_pages, key=page_key, persist_state="session")
        st.caption(f"Images {first + 1:,} to {first + len(shown):,} of {len(rows):,}")
    _close_once_others_are_asked_for(what)
    _open_from_address(dataset)
    opened_details(dataset)


def _close_once_others_are_asked_for(what: str) -> None:
    """Whoever filters or changes the view has closed the dialog, which lies over all the page, even
    where that was never told: Streamlit (1.67) forgets a dismissal that waits for the end of a
    fragment's run when the whole page is asked for meanwhile.
    """
    asked = (what, st.session_state.get("dataset_tab"))
    if st.session_state.get("dataset_gallery_of", asked) != asked:
        close()
    st.session_state["dataset_gallery_of"] = asked


def _open_from_address(dataset: data.LesionDataset) -> None:
    """`?image=ISIC_0024306`: its details, once."""
    image_id = st.query_params.get("image")
    if image_id is None:
        return
    del st.query_params["image"]
    rows = np.flatnonzero(dataset.metadata["image_id"].to_numpy() == image_id)
    if rows.size:
        open_image(rows[0])
    else:
        st.toast(f"{plain(image_id)} is not in the data in use.", icon=":material/search_off:")


def _choices(dataset: data.LesionDataset, chosen: Filters) -> tuple[str, str]:
    """The order and what is shown of each image, as the reader chose them."""
    anchor = _anchor(dataset)
    orders = [
        order
        for order in ORDERS
        if (order != "near" or anchor is not None) and (order != "found" or chosen.images)
    ]
    if st.session_state.get("dataset_order", "mixed") not in orders:
        st.session_state["dataset_order"] = "mixed"
    view = "small"
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        order = st.selectbox(
            "Order",
            orders,
            key="dataset_order",
            format_func=ORDERS.__getitem__,
            persist_state="session",
            width=200,
        )
        if dataset.originals:
            view = choose(
                "Shown",
                VIEWS,
                "dataset_view",
                "both",
                help="What the models see, the photograph it was made from, or both.",
            )
        if order == "near":
            st.button(
                plain(f"Nearest to {dataset.metadata['image_id'].iloc[anchor]}"),
                icon=":material/close:",
                icon_position="right",
                key="dataset_anchor_drop",
                on_click=_drop_anchor,
                help="Back to the mixed order",
            )
    return order, view


def in_order(
    dataset: data.LesionDataset,
    rows: np.ndarray,
    order: str,
    anchor: int | None = None,
    listed: np.ndarray | None = None,
) -> np.ndarray:
    """Rows as the grid shows them; `rows` ascending, `order` a key of ORDERS.

    Shuffled once and for all; of each class, age, hue or lightness in this order; lesion by
    lesion; the image `anchor` and then those most like it; or as `listed` has them.
    """
    if order == "lesion":
        return rows[np.argsort(dataset.groups[rows], kind="stable")]
    if order == "found" and listed is not None:
        return listed[np.isin(listed, rows)]
    if order == "near" and anchor is not None:
        near = np.concatenate([[anchor], data.nearest(cached.features(dataset), anchor)])
        return near[_member(dataset, rows)[near]]
    mixed = cached.shuffled(dataset)
    mixed = mixed[_member(dataset, rows)[mixed]]
    if order == "mixed":
        return mixed
    by: dict[str, Callable[[], np.ndarray]] = {
        "class": lambda: dataset.labels,
        "age": lambda: dataset.metadata["age"].to_numpy(),
        "color": lambda: data.hue(cached.colors(dataset)),
        "light": lambda: data.lightness(cached.colors(dataset)),
    }
    return mixed[np.argsort(by[order]()[mixed], kind="stable")]


def _member(dataset: data.LesionDataset, rows: np.ndarray) -> np.ndarray:
    member = np.zeros(dataset.n_images, dtype=bool)
    member[rows] = True
    return member


# ------------------------------------------------------------------------------- state


def _drop_anchor() -> None:
    st.session_state.pop("dataset_anchor", None)
    st.session_state["dataset_order"] = "mixed"


def _anchor(dataset: data.LesionDataset) -> int | None:
    row = st.session_state.get("dataset_anchor")
    return row if row is not None and row < dataset.n_images else None
