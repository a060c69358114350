"""The runs asked about their test images changed: offered, made in the background, kept."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from ham import io, prediction, store
from ham.prediction import Perturbation
from ham.report import Comparison, Robustness, RunName, rows_of
from ham.report.words import time_left
from ham.ui.comparison.images import data_of
from ham.ui.frame import show_error, timed

_LOOK_AGAIN_SECONDS = 1.0
Found = dict[str, dict[str, np.ndarray]]  # by run id what `perturbed_answers` gives
#: Of a run's test part, its answers, the key of the images and its id.
Judge = Callable[[store.Predictions, dict[str, np.ndarray], str, str], Robustness]


@dataclass(frozen=True, eq=False)
class TestImages:
    """Of the runs compared, in the order of `compared.aligned`."""

    rows: np.ndarray  # int64 (n,), of the data set
    ids: list[str]
    images: np.ndarray  # uint8 (n, 28, 28, 3)
    key: str  # another one where runs or images are


@st.cache_resource(show_spinner=False)
def jobs(what: str) -> io.OneJob[Found]:
    return io.OneJob()


def test_images(compared: Comparison) -> TestImages | None:
    """None, and why is said, where they are not in the data in use."""
    found = held_images(compared)
    if found is None:
        st.info(data_of(compared.first)[1], icon=":material/hide_image:")
    return found


def held_images(compared: Comparison) -> TestImages | None:
    """None where they are not in the data in use."""
    dataset, _ = data_of(compared.first)
    if dataset is None:
        return None
    ids = dataset.metadata["image_id"]
    rows = rows_of(compared, dataset)
    runs = [one.run for one in compared.reports.values()]
    versions = repr([(run.id, store.predictions_version(run)) for run in runs])
    key = hashlib.sha256(versions.encode() + rows.tobytes()).hexdigest()
    return TestImages(rows, ids.iloc[rows].tolist(), dataset.images[rows], key)


def known_answers(test: TestImages, what: str) -> Found | None:
    """Where the runs were asked and all have answered."""
    job = jobs(what).of(test.key)
    return None if job is None or job.running else job.result


def measured(compared: Comparison, what: str, judge: Judge) -> dict[RunName, Robustness]:
    """What has come out for these runs; empty where they were not asked."""
    test = held_images(compared)
    answers = test and known_answers(test, what)
    return judged(compared, answers, test, judge) if test and answers else {}


def judged(
    compared: Comparison, answers: Found, test: TestImages, judge: Judge
) -> dict[RunName, Robustness]:
    """By run what `judge` finds in its answers."""
    return {
        name: judge(compared.aligned[name], answers[one.run.id], test.key, one.run.id)
        for name, one in compared.reports.items()
    }


def answers_to(
    compared: Comparison,
    test: TestImages,
    ways: Mapping[str, Perturbation],
    what: str,
    label: str,
) -> Found | None:
    """What the runs answer to the images changed in these ways; while that is not known, a button
    with this label or how far it is, and None. `what` is a word for the keys.
    """
    job = jobs(what).of(test.key)
    if job is not None and job.running:
        timed(lambda: _follow(job, what), lambda: not job.running, _LOOK_AGAIN_SECONDS)
    elif job is not None and job.result is not None:
        return job.result
    else:
        if job is not None and (failure := job.failure()):
            show_error(failure)
        runs = [one.run for one in compared.reports.values()]
        st.button(
            label,
            key=f"comparison_{what}_start",
            icon=":material/tune:",
            type="primary",
            on_click=lambda: jobs(what).start(test.key, lambda: _ask(runs, test.images, ways)),
        )
        st.caption("Some seconds a run, from one view of each image; kept afterwards.")
    return None


def _ask(
    runs: Sequence[store.Run], images: np.ndarray, ways: Mapping[str, Perturbation]
) -> io.Job[Found]:
    def work(report: io.Report, stop: threading.Event) -> Found:
        tell = io.stoppable(report, stop)
        tell(0, 0, "Loading the models")
        found = prediction.perturbed_answers(runs, prediction.Predictor, images, tell, ways)
        return dict(zip((run.id for run in runs), found, strict=True))

    return io.Job("Asking about changed images", work)


def _follow(job: io.Job[Found], what: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        left = time_left(job.seconds_left)
        st.progress(job.share, text=f"{job.what}{f', {left}' if left else ''}")
        st.button("Stop", key=f"comparison_{what}_stop", icon=":material/stop:", on_click=job.stop)
