"""The images that are asked about: dropped, pasted or photographed, and test images as examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import streamlit as st

from ham import store
from ham.config import CLASSES, DataError, ImageError
from ham.data import LesionDataset
from ham.images import data_url
from ham.prediction import Dropped, Question, dataset_image, shorten
from ham.ui import visit
from ham.ui.current_data import current_dataset
from ham.ui.frame import plain, show_error

EXAMPLES = 8  # at least one of each class, where there are enough
_EXAMPLE_SIZE = 58  # pixels of an example's picture
#: A picture in the clipboard goes the way of a dropped file, once the page stands still: a drop
#: zone that is drawn anew loses what it was given a moment before.
_PASTE = """<script>
if (!window.hamPaste) {
  window.hamPaste = [];
  const deliver = () => {
    const app = document.querySelector("[data-testid=stApp]");
    const field = document.querySelector("[class*=st-key-prediction_files] input[type=file]");
    if (!field || app.dataset.testScriptState !== "notRunning") return setTimeout(deliver, 50);
    const taken = new DataTransfer();
    for (const file of window.hamPaste.splice(0)) taken.items.add(file);
    field.files = taken.files;
    field.dispatchEvent(new Event("change", { bubbles: true }));
  };
  document.addEventListener("paste", event => {
    const files = [...event.clipboardData.files];
    const zone = document.querySelector("[class*=st-key-prediction_files]");
    if (!zone || !files.length) return;
    event.preventDefault();
    if (window.hamPaste.push(...files) === files.length) deliver();
  });
}
</script>"""


def dropped() -> Dropped:
    """In the session, so that it is there after a look at another page and goes with the visit."""
    return st.session_state.setdefault("prediction_dropped", Dropped())


def drop_zone() -> None:
    """A field that hands over what it gets and is empty again.

    It takes any file: what it is, is told from its content, and refused by its true name.
    """
    kept = dropped()
    key = f"prediction_files_{kept.drops}"

    def take() -> None:
        files = st.session_state.get(key)
        # a browser may send files once more that were taken, while their field is being removed
        if files and key == f"prediction_files_{kept.drops}":
            visit.take(files)
            kept.take(files)

    st.file_uploader(
        "Drop images or a zip of them here, or paste one",
        accept_multiple_files=True,
        max_upload_size=visit.MAX_UPLOAD_MB,
        key=key,
        on_change=take,
        help="JPEG, PNG, WebP, BMP, TIFF or GIF. They are looked at in memory, never stored, and "
        "forgotten when you close this tab. A picture in the clipboard: Ctrl+V, or Cmd+V.",
    )
    st.html(_PASTE, unsafe_allow_javascript=True)


def camera() -> None:
    """A button; behind it the camera, which the browser asks for only then."""
    kept = dropped()
    with st.popover("Camera", icon=":material/photo_camera:", on_change="rerun") as box:
        if not box.open:
            return
        key = f"prediction_camera_{kept.drops}"

        def take() -> None:
            if (picture := st.session_state.get(key)) is not None:
                visit.take([picture])
                kept.take([picture])

        st.camera_input(
            "Photograph",
            key=key,
            on_change=take,
            help="A photograph without a dermatoscope is another kind of picture than the models "
            "learned from.",
        )


def look() -> tuple[list[Question], list[ImageError]]:
    """The images that are asked about, and why other files are not.

    What waits is checked first, with progress and a way to stop. A click meanwhile runs the page
    again, and that goes on from here.
    """
    kept = dropped()
    if kept.waiting:
        box = st.empty()
        with box.container(horizontal=True, vertical_alignment="center"):
            _check_waiting(kept)
        box.empty()
    return list(kept.questions()), kept.refused


def _check_waiting(kept: Dropped) -> None:
    place, done = st.empty(), 0
    st.button("Stop", icon=":material/stop_circle:", on_click=kept.waiting.clear)
    while kept.waiting:
        name, total = plain(shorten(kept.waiting[0].name)), done + len(kept.waiting)
        place.progress(done / total, text=f"Looking at {name}, {done + 1} of {total}")
        kept.look_at_next()
        done += 1


# ---------------------------------------------------------------------------- examples


def examples(runs: Sequence[store.Run], more: Callable[[], None]) -> None:
    """A row of images that none of the runs learned from; a click asks about one. `more` is
    drawn beside what else there is to do with them.
    """
    if not runs:
        return
    try:
        dataset = current_dataset()
    except DataError as error:
        show_error(error)
        return
    draw = st.session_state.get("prediction_draw", 0)
    keys = tuple(run.id for run in runs)
    drawn, why_not = _drawn_examples(dataset.fingerprint, keys, draw, dataset, runs)
    if why_not:
        st.caption(f":material/info: {why_not}")
        return
    kept = dropped()

    def ask(row: int) -> None:
        kept.show_example(dataset_image(dataset, row), int(dataset.labels[row]))

    number = st.query_params.get("example", "")  # asked for by a link, from 1
    if number.isdecimal() and 0 < int(number) <= len(drawn):
        del st.query_params["example"]
        ask(drawn[int(number) - 1].row)

    # a picture is its button's ground: an image element each would cost the page as much again
    grounds = "".join(
        f".st-key-prediction_example_{place} button {{background-image: url({example.url})}}"
        for place, example in enumerate(drawn)
    )
    st.html(f"<style>{grounds}</style>")
    with st.container(key="prediction_examples", horizontal=True, gap="xsmall"):
        for place, example in enumerate(drawn):
            st.button(
                f"Ask about {plain(example.name)}",
                key=f"prediction_example_{place}",
                on_click=ask,
                args=(example.row,),
                width=_EXAMPLE_SIZE,
            )
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption("Test images: click one to ask about it.", width="content")
        st.button("Others", icon=":material/casino:", on_click=_draw_others, type="tertiary")
        more()


class Example(NamedTuple):
    """A test image to be clicked."""

    row: int  # of the data set
    name: str
    url: str  # of its picture


@st.cache_data(max_entries=200, show_spinner=False)
def _drawn_examples(
    fingerprint: str,
    run_ids: tuple[str, ...],
    draw: int,
    _dataset: LesionDataset,
    _runs: Sequence[store.Run],
) -> tuple[list[Example], str]:
    """The examples of a draw; or none and why. Kept, as a page is drawn again at every click."""
    rows, why_not = common_test_rows(_dataset, _runs)
    if why_not:
        return [], why_not
    found = []
    for row in _drawn(_dataset, rows, draw):
        image = dataset_image(_dataset, row)
        found.append(Example(row, image.name, data_url(image.original, "PNG", 2 * _EXAMPLE_SIZE)))
    return found, ""


def _drawn(dataset: LesionDataset, rows: np.ndarray, draw: int) -> list[int]:
    """Rows of the data set: one of each class that is there, then others, in an order that tells
    nothing; anew at every press of the button.
    """
    rng = np.random.default_rng(draw)
    mixed, labels = rng.permutation(rows), dataset.labels
    firsts = [mixed[labels[mixed] == k][0] for k in range(len(CLASSES)) if k in labels[mixed]]
    others = mixed[~np.isin(mixed, firsts)][: max(0, EXAMPLES - len(firsts))]
    return [int(row) for row in rng.permutation([*firsts, *others])]


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
