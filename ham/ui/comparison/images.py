"""The images behind a cell of a confusion matrix, with what every run says of each."""

from __future__ import annotations

import html

import numpy as np
import streamlit as st

from ham import data, store
from ham.config import CLASSES, CODES, DataError
from ham.images import data_url
from ham.lesson import Fact, missed_melanoma
from ham.report import Comparison, RunName, RunReport, answer_in_words, cell, only_right
from ham.ui.comparison import address
from ham.ui.current_data import current_dataset
from ham.ui.noted import note

IMAGES_A_PAGE = 18
CELL = "comparison_cell"  # in the session: the Cell whose images are shown, or None
Cell = tuple[str, int, int]  # id of the run, true class, predicted class
DIFFER = "comparison_differ"  # in the session: which run is right and which is wrong, in words
_BELOW = (
    "Below each image: the predicted class of each run with its probability, and where that is "
    "wrong its probability of the true class."
)


def open_cell(run_id: str, true: int, predicted: int) -> None:
    """These images are shown; a callback as well."""
    st.session_state[CELL] = (run_id, true, predicted)
    st.session_state[DIFFER] = None
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


def close_cell() -> None:
    """Other images are to be shown; a callback as well."""
    st.session_state[CELL] = None


def behind_a_cell(compared: Comparison) -> None:
    """The images in the cell that was clicked, those first of which the run was surest."""
    by_id = {one.run.id: name for name, one in compared.reports.items()}
    if (st.session_state.get(CELL) or ("",))[0] not in by_id:
        return
    with st.container(key="comparison_cell_bar"):
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
    close.button("Close", icon=":material/close:", key="comparison_cell_close", on_click=close_cell)
    if not counts[true, predicted]:
        st.markdown(
            f":gray[No {CLASSES[true].title} of the test part was predicted as "
            f"{CLASSES[predicted].title} by {name.letter}.]"
        )
        return
    show_numbers(compared, cell(compared, name, true, predicted), f"{run_id}_{true}_{predicted}")
    st.caption(f"The most confident predictions of {name.letter} first. {_BELOW}")
    if missed_melanoma(true, predicted):
        note(Fact.MELANOMA_FOUND)


def where_runs_differ(compared: Comparison) -> None:
    """Of the first run and any other: the images that one has right and the other wrong."""
    first, *others = compared.names
    pairs = [pair for other in others for pair in ((first, other), (other, first))]
    found = {
        f"{right.short} right, {wrong.short} wrong": (
            wrong,
            only_right(compared, right, wrong),
        )
        for right, wrong in pairs
    }
    address.follow_choice("differ", DIFFER, found)
    chosen = st.pills(
        "Images on which the runs differ",
        list(found),
        key=DIFFER,
        persist_state="session",
        on_change=close_cell,
        format_func=lambda title: f"{title}: {len(found[title][1]):,}",
        label_visibility="collapsed",
    )
    address.say("differ", chosen or "")
    if not chosen:
        return
    wrong, numbers = found[chosen]
    if not len(numbers):
        st.markdown(":gray[There is no such image.]")
        return
    show_numbers(compared, numbers, chosen)
    st.caption(f"Those first of which {wrong.letter} was surest, wrongly. {_BELOW}")


def show_numbers(compared: Comparison, numbers: np.ndarray, key: str) -> None:
    """The images at these places of `compared.aligned`, a page of them, with every run's answer."""
    dataset, why_not = data_of(compared.first)
    if dataset is None:
        st.info(why_not, icon=":material/hide_image:")
        return
    page, n_pages = 1, -(-len(numbers) // IMAGES_A_PAGE)
    if n_pages > 1:
        page = st.pagination(n_pages, key=f"comparison_cell_page_{key}")
    shown = numbers[(page - 1) * IMAGES_A_PAGE : page * IMAGES_A_PAGE]
    parts, place = compared.aligned, _places(dataset.fingerprint, dataset)
    first = parts[compared.names[0]]
    rows = [place[key] for key in store.image_keys(first.image_id[shown])]
    tiles = [
        _tile(
            dataset,
            row,
            [(one, part.proba[number]) for one, part in parts.items()],
            int(first.y_true[number]),
        )
        for row, number in zip(rows, shown, strict=True)
    ]
    st.html(f'<div class="ham-cell">{"".join(tiles)}</div>')


@st.cache_resource(max_entries=4, show_spinner=False)
def _places(fingerprint: str, _dataset: data.LesionDataset) -> dict[str, int]:
    """Row of the data set by the key of its image."""
    keys = store.image_keys(_dataset.metadata["image_id"])
    return {key: row for row, key in enumerate(keys.tolist())}


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
    known = _places(dataset.fingerprint, dataset)
    keys = store.image_keys(one.test.image_id).tolist()
    return (dataset, "") if known.keys() >= set(keys) else (None, why)


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
