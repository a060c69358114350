"""Scores by age, sex, site and what the images look like: where a run is better or worse."""

from __future__ import annotations

import json
import threading

import numpy as np
import streamlit as st

from ham import data, io, report
from ham.charts.slices import slice_forest
from ham.data import hair
from ham.evaluation import SCORES, SLICED
from ham.report import Comparison, SlicedRuns, Slicing, rows_of
from ham.report.words import time_left
from ham.ui.comparison.choice import drawing_lesions
from ham.ui.comparison.images import data_of
from ham.ui.frame import chart, choose, download, is_dark, plain, show_error, timed, whole_table

_LOOK_AGAIN_SECONDS = 1.0
_HAIR = "hair"
_ALIKE = "No test image has hair, or all have."
_CASE_MIX = (
    "A slice with more nevi is easier: accuracy follows the mix of diagnoses. Malignant AUC does "
    "not, as it asks how well malignant and benign images are told apart within a slice."
)


@st.cache_resource(show_spinner=False)
def _jobs() -> io.OneJob[np.ndarray]:
    return io.OneJob()


def draw(compared: Comparison) -> None:
    """One score by one way of sharing out the test images: a picture, what stands out, a table."""
    dataset, why_not = data_of(compared.first)
    if dataset is None:
        st.info(
            why_not.replace("The images cannot be shown", "The test images cannot be sorted"),
            icon=":material/hide_image:",
        )
        return
    rows = rows_of(compared, dataset)
    measured = hair.measured_hair(dataset, rows)
    ways = report.slicings(dataset, rows, measured)
    titles = {key: way.title for key, way in ways.items()}
    if hair.has_photographs(dataset, rows):
        titles[_HAIR] = "Hair"
    by = choose("Test images by", titles, "comparison_slices_by", next(iter(titles)))
    score = choose(
        "Score",
        {key: SCORES[key].title for key in SLICED},
        "comparison_slices_score",
        "malignant_auc",
        help=_CASE_MIX,
    )
    if by not in ways:
        if measured is None:
            _measure_hair(dataset, rows)
        else:
            st.markdown(f":gray[{_ALIKE}] {report.MEASURED[_HAIR]}")
        return
    with drawing_lesions():
        found = report.sliced(compared, ways[by])
    overall = {name: one.evaluation.scores[score] for name, one in compared.reports.items()}
    chart(slice_forest(found, overall, score, is_dark()), "comparison_slices_chart")
    if by in report.MEASURED:
        st.caption(report.MEASURED[by])
    _say(found, score)
    whole_table(
        report.slice_table(found, score),
        f"{SCORES[score].title} by {ways[by].title.lower()}",
        column_config={"_index": st.column_config.TextColumn(width=150)},
    )
    st.caption(f"{report.by_chance_in_words(found, score)} {report.SKIN_TONE}")
    _files(compared, ways)


def _say(found: SlicedRuns, score: str) -> None:
    better = report.better_in_words(found, score)
    for name, words in report.slices_in_words(found, score).items():
        against = f"  \n:gray[{plain(name.short)} {plain(better[name])}]" if name in better else ""
        st.markdown(f"**{plain(name)}**: {plain(words)}{against}")


def _files(compared: Comparison, ways: dict[str, Slicing]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        download(
            "All slices (CSV)", lambda: report.slices_csv(_every(compared, ways)),
            "ham-lab-slices.csv",
        )  # fmt: skip
        download(
            "All slices (JSON)",
            lambda: json.dumps(
                report.slices_record(compared, _every(compared, ways)), indent=1, allow_nan=False
            ),
            "ham-lab-slices.json",
        )
        st.caption("Every way, slice, run and score, with the differences.")


def _every(compared: Comparison, ways: dict[str, Slicing]) -> list[SlicedRuns]:
    return [report.sliced(compared, way) for way in ways.values()]


def record(compared: Comparison) -> dict[str, object]:
    """What of it stands in the JSON of the comparison; nothing where the images are not here."""
    dataset, _ = data_of(compared.first)
    if dataset is None:
        return {}
    rows = rows_of(compared, dataset)
    ways = report.slicings(dataset, rows, hair.measured_hair(dataset, rows))
    return {"slices": report.slices_record(compared, _every(compared, ways))}


# -------------------------------------------------------------------------------- hair


def _measure_hair(dataset: data.LesionDataset, rows: np.ndarray) -> None:
    """Begins at once; the page goes on by itself when it is done."""
    key = f"{dataset.fingerprint} {hash(rows.tobytes())}"

    def work(report: io.Report, stop: threading.Event) -> np.ndarray:
        return hair.measure_hair(dataset, rows, report, stop)

    def begin() -> None:
        _jobs().start(key, lambda: io.Job("Looking for hair", work))

    job = _jobs().of(key)
    if job is None:
        begin()
        job = _jobs().of(key)
    if job is not None and job.running:
        running = job
        timed(lambda: _follow(running), lambda: not running.running, _LOOK_AGAIN_SECONDS)
        return
    if job is not None and (failure := job.failure()):
        show_error(failure)
    st.button("Look for hair", key="comparison_slices_hair", on_click=begin)


def _follow(job: io.Job[np.ndarray]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        left = time_left(job.seconds_left)
        st.progress(job.share, text=f"{job.what}{f', {left}' if left else ''}")
        st.button("Stop", key="comparison_slices_stop", icon=":material/stop:", on_click=job.stop)
