"""The images behind a cell of a confusion matrix, with what every run says of each."""

from __future__ import annotations

import html

import numpy as np
import streamlit as st

from ham import data, store
from ham.config import CLASSES, CODES, DataError
from ham.images import data_url
from ham.report import Comparison, RunName, RunReport, answer_in_words, cell
from ham.ui.current_data import current_dataset

IMAGES_A_PAGE = 18
CELL = "comparison_cell"  # in the session: the Cell whose images are shown, or None
Cell = tuple[str, int, int]  # id of the run, true class, predicted class


def open_cell(run_id: str, true: int, predicted: int) -> None:
    """These images are shown; a callback as well."""
    st.session_state[CELL] = (run_id, true, predicted)
    st.session_state["comparison_cell_run"] = run_id
    st.session_state["comparison_cell_true"] = true
    st.session_state["comparison_cell_predicted"] = predicted


def cell_to(cell: Cell | None) -> str:
    """ "cnn-described.mel.nv", as it stands in the address."""
    return f"{cell[0]}.{CODES[cell[1]]}.{CODES[cell[2]]}" if cell else ""


def cell_from(text: str) -> Cell | None:
    """What `cell_to` wrote; None where it did not."""
    run_id, *codes = text.rsplit(".", 2)
    if len(codes) != 2 or not set(codes) <= set(CODES):
        return None
    return run_id, CODES.index(codes[0]), CODES.index(codes[1])


def _close() -> None:
    st.session_state[CELL] = None


def behind_a_cell(compared: Comparison) -> None:
    """The images in the cell that was clicked, those first of which the run was surest."""
    by_id = {one.run.id: name for name, one in compared.reports.items()}
    if (st.session_state.get(CELL) or ("",))[0] not in by_id:
        return
    of_run, of_true, of_predicted, close = st.columns(
        [3, 2, 2, 1], gap="small", vertical_alignment="bottom"
    )
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
        "Predicted class",
        range(len(CLASSES)),
        key="comparison_cell_predicted",
        persist_state="session",
        format_func=lambda j: f"{CLASSES[j].title}, {_images(counts[true, j])}",
    )
    st.session_state[CELL] = (run_id, true, predicted)
    close.button("Close", icon=":material/close:", key="comparison_cell_close", on_click=_close)
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
