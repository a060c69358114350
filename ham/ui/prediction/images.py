"""The images to be answered: files that were dropped, or test images of the data set."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from ham import store
from ham.config import CLASSES, DataError, ImageError
from ham.data import LesionDataset
from ham.prediction import Dropped, Question, dataset_image, shorten
from ham.ui import visit
from ham.ui.current_data import current_dataset
from ham.ui.frame import choose, plain, show_error

EXAMPLES = 4
OWN, EXAMPLE = "Your own files", "Test images of the data set"


def choose_images(runs: Sequence[store.Run]) -> tuple[list[Question], list[ImageError]]:
    """The images to be answered, and why the other files are not."""
    source = choose(
        "Images", (OWN, EXAMPLE), "prediction_source", OWN, label_visibility="collapsed"
    )
    if source == EXAMPLE:
        return _examples(runs), []
    dropped = _dropped()
    _uploader(dropped)
    _look(dropped)
    if dropped.images or dropped.refused:
        _kept(dropped)
    else:
        st.markdown(
            ":gray[Drop one or several dermatoscopic photographs, or choose **Test images of the "
            "data set** above to see how the models do where the true class is known.]"
        )
    return list(dropped.questions()), list(dropped.refused)


# ----------------------------------------------------------------------------- dropped


def _dropped() -> Dropped:
    """In the session, so that it is there after a look at another page and goes with the visit."""
    return st.session_state.setdefault("prediction_dropped", Dropped())


def _uploader(dropped: Dropped) -> None:
    """A field that hands over what it gets and is empty again.

    It takes any file: what it is, is told from its content, and refused by its true name.
    """
    number = dropped.drops
    key = f"prediction_files_{number}"

    def take() -> None:
        files = st.session_state.get(key)
        # a browser may send files once more that were taken, while their field is being removed
        if files and dropped.drops == number:
            visit.take(files)
            dropped.refused = []
            dropped.waiting += files
            dropped.drops += 1

    st.file_uploader(
        "Drop images here: JPEG, PNG, WebP, BMP, TIFF or GIF",
        accept_multiple_files=True,
        max_upload_size=visit.MAX_UPLOAD_MB,
        key=key,
        on_change=take,
        help="They are looked at in memory, never stored, and forgotten when you close this tab.",
    )


def _look(dropped: Dropped) -> None:
    """Checks what waits. A click meanwhile runs the page again, and that goes on from here."""
    place, total = st.empty(), len(dropped.waiting)
    while dropped.waiting:
        file = dropped.waiting[0]
        done = total - len(dropped.waiting)
        place.progress(
            done / total, text=f"Looking at {plain(shorten(file.name))}, {done + 1} of {total}"
        )
        dropped.look_at(file.name, file.getvalue())
        del dropped.waiting[0], file
    place.empty()


def _kept(dropped: Dropped) -> None:
    count = len(dropped.images)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f"{count} image{'' if count == 1 else 's'}, here until you remove "
            f"{'it' if count == 1 else 'them'} or close this tab."
            if count
            else "No image could be read.",
            width="content",
        )
        st.button(
            "Remove all" if count else "Close",
            key="prediction_remove_all",
            type="tertiary",
            icon=":material/delete_sweep:" if count else ":material/close:",
            on_click=dropped.remove_all,
        )


def remove_button(question: Question) -> None:
    """For one dropped image; an example has none."""
    if question.digest:
        st.button(
            "Remove",
            key=f"prediction_remove_{question.digest[:16]}",
            type="tertiary",
            icon=":material/close:",
            on_click=_dropped().remove,
            args=(question.digest,),
        )


# ---------------------------------------------------------------------------- examples


def _examples(runs: Sequence[store.Run]) -> list[Question]:
    """A few images that none of the runs learned from, drawn anew at every press of the button."""
    if not runs:
        return []
    try:
        dataset = current_dataset()
    except DataError as error:
        show_error(error)
        return []
    rows, why_not = common_test_rows(dataset, runs)
    if why_not:
        st.info(why_not, icon=":material/info:")
        return []
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    present = sorted(set(dataset.labels[rows].tolist()))
    wanted = left.selectbox(
        "True class",
        [None, *present],
        key="prediction_class",
        persist_state="session",
        format_func=lambda i: "Any" if i is None else CLASSES[i].title,
    )
    right.button("Draw others", icon=":material/casino:", on_click=_draw_others, width="stretch")
    if wanted is not None:
        rows = rows[dataset.labels[rows] == wanted]
    draw = st.session_state.get("prediction_draw", 0)
    drawn = np.random.default_rng(draw).permutation(rows)[:EXAMPLES]
    return [Question(dataset_image(dataset, int(i)), int(dataset.labels[i])) for i in drawn]


def _draw_others() -> None:
    st.session_state["prediction_draw"] = st.session_state.get("prediction_draw", 0) + 1


def common_test_rows(dataset: LesionDataset, runs: Sequence[store.Run]) -> tuple[np.ndarray, str]:
    """Rows of the data set that are test images of every run; or no row and the reason.

    A run of real data has been trained on no image of the demo data: it may be asked about any.
    """
    none = np.zeros(0, np.int64)
    keys = store.image_keys(dataset.metadata["image_id"])
    runs = [run for run in runs if run.synthetic or not dataset.synthetic]
    others = [run.title for run in runs if not _of_this_data(run, dataset, keys)]
    if others:
        return none, (
            f"{plain('; '.join(others))}: trained on other data than what is in use now. "
            "Choose models of the data in use, or ask about your own files."
        )
    common = np.ones(dataset.n_images, dtype=bool)
    for run in runs:
        common &= np.isin(keys, _test_keys(run.id, run))
    rows = np.flatnonzero(common)
    return rows, "" if len(rows) else (
        "The chosen models share no test image: their splits "
        "differ. "
        "Choose models of one split, or ask one model alone."
    )


def _of_this_data(run: store.Run, dataset: LesionDataset, keys: np.ndarray) -> bool:
    """A run that ships may have met these photographs in another copy, whose fingerprint
    differs: the images decide.
    """
    if run.shipped:
        return bool(np.isin(_test_keys(run.id, run), keys).all())
    return run.record.data.fingerprint == dataset.fingerprint


@st.cache_data(max_entries=32, show_spinner=False)
def _test_keys(run_id: str, _run: store.Run) -> np.ndarray:
    return store.image_keys(store.read_predictions(_run)["test"].image_id)
