"""Images on both sides of a split: one in the test, and what training has of its lesion."""

from __future__ import annotations

import html

import numpy as np
import streamlit as st

from ham import data
from ham.config import CLASSES
from ham.images import data_url
from ham.lab import leakage as lab
from ham.ui.frame import choose, errors
from ham.ui.pictures import jpeg, width_limit

_AT_ONCE = 3
_SEED = 0  # of the split whose pairs are shown, and of the first run of the measurement


@st.fragment
@errors()
def show_pairs(dataset: data.LesionDataset) -> None:
    """A row of pairs, others at a click."""
    found = _pairs(dataset, dataset.fingerprint)
    leaking = [protocol for protocol in found if len(found[protocol])]
    if not found:
        return  # no split is possible; the shares above say why
    st.markdown("**On both sides of the split**")
    if not leaking:
        st.caption(
            "There is no such pair in this data set: no lesion has several images, and none is "
            "repeated."
        )
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        protocol = leaking[0]
        if len(leaking) > 1:
            protocol = choose(
                "Split",
                leaking,
                "leakage_pairs_of",
                leaking[0],
                label_visibility="collapsed",
                format_func=lambda name: data.SPLIT_TITLES[name][0],
            )
        several = len(found[protocol]) > _AT_ONCE
        if several and st.button(
            "Show other pairs", icon=":material/refresh:", key="leakage_other_pairs"
        ):
            st.session_state["leakage_pairs_page"] = (
                st.session_state.get("leakage_pairs_page", 0) + 1
            )
    first = _AT_ONCE * st.session_state.get("leakage_pairs_page", 0)
    places = (first + np.arange(min(_AT_ONCE, len(found[protocol])))) % len(found[protocol])
    tiles = "".join(_tile(dataset, *found[protocol][place]) for place in places)
    st.html(f'<div class="ham-pairs">{tiles}</div>')
    below = "; below the photograph" if dataset.originals else ""
    st.caption(
        f"{lab.pairs_in_words(found[protocol])} (split with seed {_SEED}). Above what the models "
        f"see, 28 by 28 pixels{below}."
    )


def _tile(dataset: data.LesionDataset, test: int, train: int) -> str:
    row = dataset.metadata.iloc[test]
    same = "The very same image" if test == train else "Two photographs of one lesion"
    color = CLASSES[dataset.labels[test]].color
    title = html.escape(CLASSES[dataset.labels[test]].title)
    sides = "".join(
        _side(dataset, index, side) for index, side in ((test, "Test"), (train, "Training"))
    )
    lesions = list(dict.fromkeys((row["lesion_id"], dataset.metadata["lesion_id"].iloc[train])))
    note = html.escape(" and ".join(lesions)) + (
        ", the same lesion under two ids" if len(lesions) > 1 else ""
    )
    return (
        f'<figure><div>{sides}</div><figcaption><b><i style="background:{color}"></i>{title}</b>'
        f"<span>{same}</span><span>{note}</span></figcaption></figure>"
    )


def _side(dataset: data.LesionDataset, index: int, side: str) -> str:
    image_id = html.escape(dataset.metadata["image_id"].iloc[index])
    shown = (
        f'<img class="ham-small" src="{data_url(dataset.images[index])}" '
        f'alt="{side}: {image_id}, 28 by 28 pixels as the models see it">'
    )
    path = dataset.original(index)
    if path and (photograph := jpeg(str(path))):
        shown += (
            f'<img class="ham-original" src="{photograph.url}"{width_limit(photograph)} '
            f'alt="{side}: {image_id}, the original photograph">'
        )
    return f"<section><em>{side}</em>{shown}<span>{image_id}</span></section>"


@st.cache_data(max_entries=4, show_spinner=False)
def _pairs(_dataset: data.LesionDataset, fingerprint: str) -> dict[str, np.ndarray]:
    return lab.pairs(_dataset, _SEED)
