"""The images behind a cell of a confusion matrix, with what every run says of each."""

from __future__ import annotations

import html

import numpy as np
import streamlit as st

from ham import data, store
from ham.config import CLASSES, DataError
from ham.images import data_url
from ham.report import Comparison, RunName, RunReport, answer_in_words, cell, most_missed
from ham.ui.current_data import current_dataset
from ham.ui.frame import errors

IMAGES_A_PAGE = 18


@st.fragment
@errors()
def behind_a_cell(compared: Comparison) -> None:
    """Choose a run and a cell of its matrix; the images in it, those first of which the run was
    surest.
    """
    st.header("The images behind a cell", anchor=False)
    by_id = {one.run.id: name for name, one in compared.reports.items()}
    if st.session_state.get("comparison_cell_run") not in by_id:
        st.session_state["comparison_cell_run"] = compared.first.run.id
    worst = most_missed(compared.first.evaluation.confusion)
    st.session_state.setdefault("comparison_cell_true", worst[0])
    st.session_state.setdefault("comparison_cell_predicted", worst[1])
    of_run, of_true, of_predicted = st.columns(3, gap="medium")
    run_id = of_run.selectbox(
        "Run",
        list(by_id),
        format_func=lambda run_id: str(by_id[run_id]),
        key="comparison_cell_run",
        persist_state="session",
    )
    name = by_id[run_id]
    counts = compared.reports[name].evaluation.confusion
    true = of_true.selectbox(
        "True class",
        range(len(CLASSES)),
        key="comparison_cell_true",
        persist_state="session",
        format_func=lambda i: f"{CLASSES[i].title}, {_images(counts[i].sum())}",
    )
    predicted = of_predicted.selectbox(
        "Taken for",
        range(len(CLASSES)),
        key="comparison_cell_predicted",
        persist_state="session",
        format_func=lambda j: f"{CLASSES[j].title}, {_images(counts[true, j])}",
    )
    if not counts[true, predicted]:
        st.markdown(
            f":gray[No {CLASSES[true].title} of the test part was predicted as "
            f"{CLASSES[predicted].title} by {name.letter}.]"
        )
        return
    dataset, why_not = data_of(compared.reports[name])
    if dataset is None:
        st.info(why_not, icon=":material/hide_image:")
        return
    numbers = cell(compared, name, true, predicted)
    page, n_pages = 1, -(-len(numbers) // IMAGES_A_PAGE)
    if n_pages > 1:
        page = st.pagination(n_pages, key=f"comparison_cell_page_{run_id}_{true}_{predicted}")
    shown = numbers[(page - 1) * IMAGES_A_PAGE : page * IMAGES_A_PAGE]
    place = {key: row for row, key in enumerate(store.image_keys(dataset.metadata["image_id"]))}
    parts = compared.aligned
    rows = [place[key] for key in store.image_keys(parts[name].image_id[shown])]
    st.html(
        '<div class="ham-cell">'
        + "".join(
            _tile(dataset, row, [(one, part.proba[number]) for one, part in parts.items()], true)
            for row, number in zip(rows, shown, strict=True)
        )
        + "</div>"
    )
    st.caption(
        f"The most confident predictions of {name.letter} first. Below each image: the "
        "predicted class of each run with its probability, and where that is wrong its "
        "probability of the true class."
    )


def data_of(one: RunReport) -> tuple[data.LesionDataset | None, str]:
    """The data set in use where it holds the run's test images, else why they cannot be shown."""
    why = (
        "The images cannot be shown: they are not in the data in use. Choose the data that these "
        "runs were trained on, on the Home page."
    )
    try:
        dataset = current_dataset()
    except DataError:
        return None, why
    keys = store.image_keys(one.test.image_id)
    return (
        (dataset, "")
        if np.isin(keys, store.image_keys(dataset.metadata["image_id"])).all()
        else (None, why)
    )


def _tile(
    dataset: data.LesionDataset, row: int, answers: list[tuple[RunName, np.ndarray]], true: int
) -> str:
    image_id, title = (
        html.escape(dataset.metadata["image_id"].iloc[row]),
        html.escape(CLASSES[true].title),
    )
    lines = "".join(
        f"<span>{answer_in_words(name.letter, proba, true)}</span>" for name, proba in answers
    )
    return (
        "<figure><img "
        f'src="{data_url(dataset.images[row])}" '
        f'alt="{title}, {image_id}, 28 by 28 pixels as the models see '
        f'it"><figcaption><b>{image_id}</b>{lines}'
        "</figcaption></figure>"
    )


def _images(n: int) -> str:
    return f"{n:,} {'image' if n == 1 else 'images'}"
