"""What came out of the measurement: a sentence a protocol, two charts, one table."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from ham import charts, data, store
from ham.evaluation import Leak, Part
from ham.lab import leakage as lab
from ham.lab.leakage import Cell, Result
from ham.report.words import count
from ham.store import Run
from ham.ui.frame import behind, chart, is_dark, link, show_error

_CHARTED = (lab.SCORE, "accuracy")


def show_result(dataset: data.LesionDataset, plan: list[Cell]) -> None:
    """Nothing before the first training is done."""
    done = [cell for cell in plan if cell.done]
    if not done:
        return
    runs = [cell.run for cell in done if cell.run]
    versions = tuple(
        (run.config.split, run.config.seed, store.predictions_version(run)) for run in runs
    )
    result = _result(versions, dataset.fingerprint, runs, dataset)
    for problem in result.problems:
        show_error(problem)
    if not result.protocols:
        return
    _heading(len(done), len(plan))
    st.markdown("\n".join(f"- {lab.finding(one)}" for one in result.protocols))
    for column, key in zip(st.columns(2, gap="large"), _CHARTED, strict=True):
        with column:
            figure = _figure((versions, dataset.fingerprint, key, is_dark()), result)
            chart(figure, f"leakage_{key}")
    _table(
        lab.result_table(result.protocols),
        "Balanced accuracy as published, and on lesions that training has and has not seen, with "
        "95 % intervals",
    )
    st.caption(
        "Balanced accuracy with 95 % intervals over lesions; the runs of a protocol are pooled."
    )
    if lab.different_versions(done):
        st.caption(
            "These runs were made by different versions of HAM Lab or of its packages, which may "
            "make a difference too."
        )
    _by_class(result)


def _heading(done: int, planned: int) -> None:
    so_far = f" so far ({done} of {count(planned, 'training')})" if done < planned else ""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**What came out{so_far}**", width="content")
        with st.popover("How to read it", icon=":material/help:", type="tertiary"):
            st.markdown(lab.EXPLANATION)


def _by_class(result: Result) -> None:
    control = lab.control(result.protocols)

    def draw() -> None:
        for one in result.protocols:
            if one.leak.gap:
                st.markdown(f"**{data.SPLIT_TITLES[one.protocol][0]}**: recall by class")
                _table(
                    lab.class_table(one.leak),
                    "Recall by class on lesions that training has and has not seen",
                )
        if control:
            st.markdown(control)
        link("Training", "The runs with their settings and logs")

    label = "By class, and a control" if control else "By class"
    behind(label, draw, "leakage_classes", ":material/rule:")


def _table(table: pd.DataFrame, alt: str) -> None:
    st.table(table, border="horizontal", hide_index=True, alt=alt)


@st.cache_data(max_entries=8, show_spinner="Drawing test lesions 2,000 times")
def _result(
    versions: tuple[object, ...],
    fingerprint: str,
    _runs: list[Run],
    _dataset: data.LesionDataset,
) -> Result:
    return lab.measure(_runs, _dataset)


@st.cache_data(max_entries=16, show_spinner=False)
def _figure(versions: tuple[Any, ...], _result: Result) -> object:
    """Balanced accuracies over fewer classes than are tested are left out: another quantity."""
    *_, key, dark = versions
    scores = {
        data.SPLIT_TITLES[one.protocol][0]: {
            kind: (part.scores[key], f"{part.n_images:,} images of {part.n_lesions:,} lesions")
            for kind, part in _parts(one.leak)
            if key == "accuracy" or len(part.support) == one.n_classes
        }
        for one in _result.protocols
    }
    return charts.leak_scores(scores, key, dark)


def _parts(leak: Leak) -> list[tuple[str, Part]]:
    """By `charts.KINDS`; where training has seen all or nothing, the whole test part alone."""
    parts = (leak.whole, leak.unseen, leak.seen) if leak.gap else (leak.whole,)
    return [(kind, part) for kind, part in zip(charts.KINDS, parts, strict=False) if part]
