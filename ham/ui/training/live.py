"""One run: its progress, its curves, what they mean, its first batch, how it ended."""

from __future__ import annotations

import html
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from ham import charts, engine, hosting, io, store
from ham.charts.training import recall_by_epoch
from ham.config import IMAGE_SIZE
from ham.evaluation.learning import findings
from ham.hosting import Act
from ham.images import data_url
from ham.report import RunName, baseline_in_words, words
from ham.store import Run
from ham.ui import frame
from ham.ui.training.settings_form import use_settings

_MOST_IMAGES = 8  # of the first batch
_CURVES = {"Loss": "loss", "Accuracy": "accuracy", "Balanced accuracy": "balanced_accuracy"}
_PACE_EPOCHS = 5  # the seconds of an epoch are the median of so many


# -------------------------------------------------------------------------------- running


def running(run: Run) -> None:
    title, button = st.columns([3, 1], vertical_alignment="bottom")
    title.header(frame.plain(run.title), anchor=False)
    stopping = store.cancel_requested(run)
    if hosting.may(Act.TRAIN) and button.button(
        "Stopping" if stopping else "Cancel",
        icon=":material/stop:",
        disabled=stopping,
        width="stretch",
        key=f"cancel_{run.id}",
        help="Stops after the current step and keeps the model so far.",
    ):
        engine.cancel(run)
        st.rerun()
    history = store.read_history(run)
    st.progress(words.done_share(run.status), text=words.progress_text(run.status))
    _facts(run, history)
    if history.empty:
        st.caption("Curves appear after the first epoch.")
    else:
        _findings(history)
        last = history.iloc[-1]
        for column, (label, name) in zip(st.columns(3), _CURVES.items(), strict=True):
            value = last[f"validation_{name}"]
            # of a longer label a laptop's column shows only the beginning
            column.metric(
                label if " " in label else f"Validation {label.lower()}",
                f"{value:.3f}" if name == "loss" else words.share_in_words(value),
            )
        _curves(run, history)
        st.session_state[_opened(run)] = True
    _first_batch(run)


def trial(run: Run) -> None:
    """Of a sweep's trial that trains: how far it is. Its curves stand beside the others'."""
    st.markdown(f":material/model_training: {frame.plain(run.title)}")
    st.progress(words.done_share(run.status), text=words.progress_text(run.status))


def _facts(run: Run, history: pd.DataFrame) -> None:
    """Batch, pace and learning rate, small."""
    status = run.status
    facts = [f"Batch {status.step:,} of {status.steps:,}"] * bool(
        status.steps and status.phase == "training"
    )
    if not history.empty:
        seconds = (
            history["seconds"].iloc[1 if len(history) > 1 else 0 :].tail(_PACE_EPOCHS).median()
        )
        facts += [
            f"{seconds:.1f} s an epoch",
            f"learning rate {history['learning_rate'].iloc[-1]:.3g}",
        ]
    if status.best_epoch:
        facts.append(f"epoch kept so far {status.best_epoch}")
    if facts:
        st.caption(" · ".join(facts))


def _findings(history: pd.DataFrame) -> None:
    for finding in findings(history):
        show, icon = (
            (st.warning, ":material/warning:")
            if finding.serious
            else (st.info, ":material/lightbulb:")
        )
        show(f"{frame.plain(finding.what)}  \n{frame.plain(finding.todo)}", icon=icon)


def _curves(run: Run, history: pd.DataFrame) -> None:
    metrics = _CURVES | {"Recall by class": "recall"}
    frame.tabs(
        {title: partial(_curve, run, history, metric) for title, metric in metrics.items()},
        f"curves_{run.id}",
    )


def _curve(run: Run, history: pd.DataFrame, metric: str) -> None:
    frame.chart(_figure(run, history, metric), key=f"curve_{metric}_{run.id}")


def _figure(run: Run, history: pd.DataFrame, metric: str) -> object:
    key = (run.id, run.title, len(history), run.status.best_epoch, metric, frame.is_dark())
    return _curve_figure(key, run, history)


@st.cache_data(max_entries=64, show_spinner=False)
def _curve_figure(key: tuple[Any, ...], _run: Run, _history: pd.DataFrame) -> object:
    """Drawn once an epoch, looked at every two seconds."""
    *_, metric, dark = key
    if metric == "recall":
        return recall_by_epoch(_history, _run.config.epochs, dark)
    name = RunName("", _run.title)
    return charts.learning_curves(
        {name: _history},
        metric,
        {name: _run.status.best_epoch},
        epochs=_run.config.epochs,
        dark=dark,
    )


# ------------------------------------------------------------------------- the first batch


def _first_batch(run: Run) -> None:
    path = run.folder / "first_batch.npz"
    if not path.exists():
        return

    def draw() -> None:
        shown = _first_batch_html(str(path), path.stat().st_mtime_ns, run.config.model == "lstm")
        if not shown:
            st.caption("The first batch of this run cannot be read.")
            return
        augmented = "" if run.config.augmentation == "none" else ", after augmentation"
        st.caption(
            f"The first images of its first epoch, {IMAGE_SIZE} by {IMAGE_SIZE} pixels{augmented}."
        )
        st.html(shown)

    frame.behind("What the model sees", draw, f"first_batch_{run.id}", ":material/visibility:")


@st.cache_data(max_entries=16, show_spinner=False)
def _first_batch_html(path: str, changed: int, rows: bool) -> str:
    """The images as crisp squares, and the first of them as its rows; "" where the file cannot
    be read.

    `changed` only makes a changed file another entry.
    """
    try:
        images = io.read_arrays(Path(path))["images"]
        if (
            images.shape[1:] != (IMAGE_SIZE, IMAGE_SIZE, 3)
            or images.dtype != np.uint8
            or not len(images)
        ):
            raise ValueError("these are no images of ours")
        pictures = [data_url(image) for image in images[:_MOST_IMAGES]]
    except io.DAMAGED:
        return ""
    squares = "".join(
        f'<img src="{source}" alt="Image {number} of the first batch">'
        for number, source in enumerate(pictures, start=1)
    )
    return (
        "<div "
        f"class='ham-batch'>{squares}</div>{_rows_html(images[0], pictures[0]) if rows else ''}"
    )


def _rows_html(image: np.ndarray, whole: str) -> str:
    """One image, and beside it the rows that an LSTM reads one after the other."""
    words = html.escape(
        f"An LSTM reads an image as {len(image)} steps of {image[0].size} "
        "numbers: row by row, from "
        "the top."
    )
    return (
        f'<div class="ham-rows"><img class="ham-whole" src="{whole}" alt="The first image">'
        f"<div><span><i>row 1</i><i>row {len(image)}</i></span>"
        f'<img src="{data_url(strips(image))}" alt="Its {len(image)} rows, one below the '
        'other"></div>'
        f"<p>{words}</p></div>"
    )


def strips(image: np.ndarray, height: int = 3, gap: int = 2) -> np.ndarray:
    """uint8 (n, m, 3) -> uint8 (n * (height + gap) - gap, 5 * m, 4), RGBA: the rows in order,
    nothing between them.
    """
    n, m, _ = image.shape
    apart = np.zeros((n, height + gap, m, 4), np.uint8)
    apart[:, :height, :, :3] = image[:, None]
    apart[:, :height, :, 3] = 255
    return apart.reshape(-1, m, 4)[:-gap].repeat(height + gap, axis=1)


# ---------------------------------------------------------------------------------- ended


def last_ended(runs: list[Run]) -> None:
    own = [run for run in runs if not run.withheld]  # of the others their sweep tells
    ended = [run for run in own if run.status.ended is not None or run.state == "interrupted"]
    if not ended and len(own) == len(runs) and hosting.may(Act.TRAIN):
        st.markdown(
            "**Nothing trains yet.**  \nChoose a model and a recipe, then start. *Quick "
            "look* takes the "
            "shortest time. You can leave this page or close the browser: the run goes on."
        )
    if not ended:
        return
    run = max(ended, key=lambda run: run.status.ended or run.status.updated or 0.0)
    st.header(f"Last run: {frame.plain(run.title)}", anchor=False)
    _outcome(run)
    history = store.read_history(run)
    if not history.empty:
        _findings(history)
        _still_curves(run, history)
    _first_batch(run)


def _still_curves(run: Run, history: pd.DataFrame) -> None:
    """The loss as a picture; all curves behind a line: what draws them takes a browser longer to
    load than the rest of the page. Whoever watched the run has them open.
    """
    key = _opened(run)
    if not st.session_state.get(key):
        name = RunName("", run.title)
        st.html(charts.loss_picture(name, history, run.status.best_epoch, frame.is_dark()))
        if frame.numbers_wanted():
            frame.numbers_below(_figure(run, history, "loss"), f"still_loss_{run.id}")
    frame.behind(
        "Loss, accuracy and recall by epoch",
        lambda: _curves(run, history),
        key,
        ":material/show_chart:",
    )


def _opened(run: Run) -> str:
    return f"curves_open_{run.id}"


def _outcome(run: Run) -> None:
    """How it ended, in words, and what to do next."""
    epochs = f"{run.status.epoch} of {words.count(run.config.epochs, 'epoch')}"
    if failure := run.failure:
        frame.show_error(failure)
    elif run.state == "interrupted":
        st.warning(
            f"Its process ended after {epochs}. Nothing of them is lost.",
            icon=":material/power_off:",
        )
    elif run.state == "cancelled":
        st.info(f"Cancelled after {epochs}.", icon=":material/cancel:")
    if run.has_model:
        scores = "; ".join(
            filter(
                None, (f"Test accuracy **{words.accuracy_in_words(run)}**", baseline_in_words(run))
            )
        )
        st.markdown(
            f"{scores}. Epoch {run.status.best_epoch} is kept "
            f"({run.config.in_words('epoch_kept').lower()})."
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        resumable = run.state in ("failed", "interrupted", "cancelled") and hosting.may(Act.TRAIN)
        if resumable and st.button(
            "Resume",
            icon=":material/restart_alt:",
            key=f"resume_{run.id}",
            help="Goes on after the last completed epoch.",
        ):
            engine.resume(run)
            frame.engine().wake()
            st.rerun()
        if st.button(
            "Use these settings",
            icon=":material/content_copy:",
            key=f"use_{run.id}",
            help="Fills the form with the settings of this run, to train it again with changes.",
        ):
            use_settings(run)
        if run.has_model:
            frame.link("Comparison", "Compare")
            frame.link("Prediction", "Try an image")
