"""The map of the images: principal components at once, t-SNE made in the background and kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from ham import charts, data, io
from ham.data import Filters
from ham.ui.dataset import cached
from ham.ui.dataset.filters import drop_images, in_force, show_images
from ham.ui.frame import choose, is_dark, numbers_below, show_error, timed

METHODS = {"pca": "Principal components", "tsne": "t-SNE"}
_LOOK_AGAIN_SECONDS = 1.5
_CHOSEN_ON_MAP = "Chosen on the map"


@st.cache_resource(show_spinner=False)
def maps() -> data.Maps:
    return data.Maps()


def image_map(dataset: data.LesionDataset, chosen: Filters) -> None:
    """A point an image; what box or lasso choose becomes a filter."""
    if dataset.n_images < data.LEAST_IMAGES:
        st.info(f"{dataset.n_images} images are too few for a map.", icon=":material/scatter_plot:")
        return
    method = choose(
        "Map by",
        METHODS,
        "dataset_map_by",
        "pca",
        help="Principal components are there at once and keep large "
        "distances. t-SNE takes about a minute once and keeps neighbours together.",
    )
    features, points = cached.features(dataset), None
    if method == "tsne":
        points = maps().points(dataset)
        if points is None:
            _tsne(dataset, features)
        elif (
            (making := maps().making(dataset)) is not None
            and making.result
            and not making.result[1]
        ):
            st.caption(
                "The map could not be written to HAM Lab's folder (is the disk full?): it lasts "
                "until HAM Lab ends."
            )
    shown = "tsne" if points is not None else "pca"
    rows = chosen.rows(dataset, pointed_at=False)
    _draw(dataset, chosen, rows, features[:, :2] if points is None else points, shown)


def _draw(
    dataset: data.LesionDataset, chosen: Filters, rows: np.ndarray, points: np.ndarray, method: str
) -> None:
    if not rows.size:
        st.info("The other filters leave no image on the map.", icon=":material/search_off:")
        return
    titles = {
        "pca": "The two largest differences in colour and shade",
        "tsne": "Images beside those that look most like them",
    }
    key = _map_key(chosen)
    marked = (
        chosen.images.rows
        if chosen.images and st.session_state.get("dataset_brushed") != key
        else None
    )
    image_format = (st.session_state.get("chart_format") or "PNG").lower()
    figure = charts.image_map(
        points,
        dataset.labels,
        dataset.metadata["image_id"].to_numpy(),
        rows,
        titles[method],
        "Draw around points to see these images below.",
        marked,
        is_dark(),
    )
    st.plotly_chart(
        figure,
        theme=None,
        key=key,
        on_select=lambda: _brushed(key),
        selection_mode=("box", "lasso"),
        config=charts.map_config(image_format),
        alt=charts.alt_text(figure),
    )
    numbers_below(figure, key)


def _map_key(chosen: Filters) -> str:
    """Another chart once the images chosen on it were dropped, because Plotly keeps the brush as
    long as the chart.
    """
    state = st.session_state
    if chosen.images is None and state.get("dataset_brushed"):
        state["dataset_brushed"] = ""
        state["dataset_map_number"] = state.get("dataset_map_number", 0) + 1
    return f"dataset_map_{state.get('dataset_map_number', 0)}"


def _brushed(key: str) -> None:
    """The reader chose points, or none any more."""
    rows = charts.selected_rows(st.session_state[key]["selection"])
    images = in_force().images
    if rows.size:
        st.session_state["dataset_brushed"] = key
        show_images(_CHOSEN_ON_MAP, rows, alone=False)
    elif images is not None and images.label == _CHOSEN_ON_MAP:
        drop_images()


def _tsne(dataset: data.LesionDataset, features: np.ndarray) -> None:
    """Starts the map where it is not in the making, and follows it."""
    making = maps().making(dataset)
    if making is None or not (making.running or making.result):
        todo = "Use the map by principal components below, or try again."
        if making and (failure := making.failure(todo)):
            show_error(failure)
        words = "Make the t-SNE map" if making is None else "Make it again"
        st.button(
            words,
            key="dataset_tsne_start",
            icon=":material/play_arrow:",
            on_click=lambda: maps().start(dataset, features),
        )
        st.caption(
            "About a minute of one core for 10,000 images, once for a data set. Until then the map "
            "by principal components is shown."
        )
        return
    timed(lambda: _follow(making), lambda: not making.running, _LOOK_AGAIN_SECONDS)


def _follow(making: io.Job[Any]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(
            making.share,
            text=f"Making the t-SNE map: step {making.done} of {making.total}"
            if making.done
            else "Making the t-SNE map: finding neighbours",
        )
        st.button("Stop", key="dataset_tsne_stop", icon=":material/stop:", on_click=making.stop)
