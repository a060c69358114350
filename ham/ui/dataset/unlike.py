"""The search for images that are no dermatoscopic photographs: made in the background and kept."""

from __future__ import annotations

import streamlit as st

from ham import data, io, prediction
from ham.report.words import about
from ham.ui.frame import show_error, timed

_LOOK_AGAIN_SECONDS = 1.5
_LOADING_SECONDS = 10.0  # TensorFlow and the gate


@st.cache_resource(show_spinner=False)
def marking() -> prediction.Marking:
    return prediction.Marking()


def show_search(dataset: data.LesionDataset, marks: prediction.Marks | None) -> None:
    """Nothing was found, or a button to look, or how far the search is."""
    if marks is not None:
        st.caption(
            f":material/check: All {dataset.n_images:,} images look like dermatoscopic photographs."
        )
        return
    making = marking().making(dataset)
    with st.container(border=True):
        if making is not None and making.running:
            timed(lambda: _follow(making), lambda: not making.running, _LOOK_AGAIN_SECONDS)
        else:
            _offer(dataset, making)


def _offer(dataset: data.LesionDataset, making: io.Job[prediction.Marks] | None) -> None:
    if making and (failure := making.failure()):
        show_error(failure)
    seconds = _LOADING_SECONDS + prediction.SECONDS_AN_IMAGE * dataset.n_images
    st.button(
        "Look for images that are no dermatoscopic photographs",
        key="dataset_unlike_start",
        icon=":material/image_search:",
        on_click=lambda: marking().start(dataset, prediction.gate),
    )
    st.caption(
        f"Screenshots, drawings, other photographs: the check that stands before every prediction "
        f"looks at each image, {about(seconds)}, once for a data set."
    )


def _follow(making: io.Job[prediction.Marks]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(
            making.share,
            text=f"{making.what}: {making.done:,} of {making.total:,}"
            if making.done
            else making.what,
        )
        st.button("Stop", key="dataset_unlike_stop", icon=":material/stop:", on_click=making.stop)
