"""Labels that the folds of a cross-validation contradict, with their images."""

from __future__ import annotations

import html
from collections.abc import Mapping

import pandas as pd
import streamlit as st

from ham import report, store
from ham.config import CODES, DataError, HamError
from ham.data import LesionDataset
from ham.images import data_url
from ham.report import CONTRADICTED, Group, RunName
from ham.ui.current_data import current_dataset
from ham.ui.frame import choose, download, plain

_IMAGES_A_PAGE = 18


def doubtful(groups: Mapping[RunName, Group]) -> None:
    """Of one group after the other, as it is chosen."""
    names = {name.short: name for name in groups}
    chosen = names[
        choose(
            "Group",
            list(names),
            "comparison_doubts_group",
            next(iter(names)),
            label_visibility="collapsed",
        )
        if len(names) > 1
        else next(iter(names))
    ]
    group = groups[chosen]
    try:
        with st.spinner("Looking for contradicted labels"):
            found = _doubts(group, tuple(store.predictions_version(run) for run in group.runs))
    except HamError as error:
        st.markdown(
            f"**{plain(chosen)}**: {plain(error.why)} Labels can be doubted where every image was "
            "answered by a model that had not learned from it: with the folds of one seed."
        )
        return
    if found.empty:
        st.markdown(f"**{plain(chosen)}**: no label is {CONTRADICTED}.")
        return
    st.markdown(
        f"**{plain(chosen)}**: {len(found):,} labels are {CONTRADICTED}: "
        + ", ".join(f"{n:,} {code}" for code, n in found["label"].value_counts().items())
        + "."
    )
    _gallery(found)
    download(
        "All of them (CSV)",
        lambda: found.to_csv(index=False, float_format="%.6g"),
        "ham-lab-contradicted-labels.csv",
        key="comparison_doubts_csv",
    )
    st.caption(
        "Each image was answered by the fold that had not learned from it; confident learning "
        "(Northcutt et al., 2021, by cleanlab) picks the labels that these answers speak against. "
        "The models err far more often than the labels do, most of all on rare classes: this is a "
        "list to look at, and tells nothing of who is right."
    )


@st.cache_data(max_entries=12, show_spinner=False)
def _doubts(_group: Group, versions: tuple[object, ...]) -> pd.DataFrame:
    return report.doubtful_labels(_group)


def _gallery(found: pd.DataFrame) -> None:
    labels = [code for code in CODES if (found["label"] == code).any()]
    label = choose(
        "Label", ["all", *labels], "comparison_doubts_label", "all", label_visibility="collapsed"
    )
    some = found if label not in labels else found[found["label"] == label]
    pages = -(-len(some) // _IMAGES_A_PAGE)
    page = st.pagination(pages, key=f"comparison_doubts_page_{label}") if pages > 1 else 1
    shown = some.iloc[(page - 1) * _IMAGES_A_PAGE : page * _IMAGES_A_PAGE]
    try:
        dataset = current_dataset()
    except DataError:
        dataset = None
    place = _places(dataset)
    tiles = "".join(_tile(one, dataset, place) for one in shown.to_dict(orient="records"))
    st.html(f'<div class="ham-cell">{tiles}</div>')


def _places(dataset: LesionDataset | None) -> dict[str, int]:
    """Rows of the data in use by the keys of its images."""
    if dataset is None:
        return {}
    keys = store.image_keys(dataset.metadata["image_id"])
    return {key: row for row, key in enumerate(keys.tolist())}


def _tile(one: dict[str, object], dataset: LesionDataset | None, place: dict[str, int]) -> str:
    image_id = html.escape(str(one["image_id"]))
    row = place.get(store.image_keys([str(one["image_id"])])[0])
    picture = (
        f'<img src="{data_url(dataset.images[row])}" alt="{image_id}, 28 by 28 pixels">'
        if dataset is not None and row is not None
        else "<span>not in the data in use</span>"
    )
    return (
        f"<figure>{picture}<figcaption><b>{image_id}</b>"
        f"<span>label {one['label']} {100 * float(str(one['p_label'])):.0f} %</span>"
        f"<span>models {one['answer']} {100 * float(str(one['p_answer'])):.0f} %</span>"
        "</figcaption></figure>"
    )
