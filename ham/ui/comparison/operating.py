"""Malignant against benign at a threshold of one's own choice, and the ROC curve of every class."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from ham import charts, store
from ham.config import CLASS_INDEX, CLASSES, CODES
from ham.evaluation import (
    TARGETS,
    OperatingPoint,
    class_roc,
    malignant_roc,
    malignant_threshold,
    operating_point,
    percent,
)
from ham.ui.comparison.runs import Entry
from ham.ui.comparison.scores import test_part, unbroken, version
from ham.ui.frame import chart, errors, is_dark, plain

BY_CLASS = "class_named"
_CLASSES = dict(zip(CODES, CLASSES, strict=True))


def points(entry: Entry) -> dict[str, OperatingPoint]:
    """On test, by "class_named" and by the sensitivity sought on validation: "0.8", "0.9", "0.95".

    Raises StoreError, EvaluationError.
    """
    return _points(version(entry.run), entry.run)


@st.cache_data(max_entries=100, show_spinner="Drawing test lesions 2,000 times")
def _points(versions: tuple, _run: store.Run) -> dict[str, OperatingPoint]:
    parts = store.read_predictions(_run)
    validation, test = parts["validation"], parts["test"]
    thresholds = {BY_CLASS: None} | {
        f"{target:g}": malignant_threshold(validation.y_true, validation.proba, target) for target in TARGETS}
    return {name: operating_point(test.y_true, test.proba, test.lesion, threshold)
            for name, threshold in thresholds.items()}


@st.cache_data(max_entries=400, show_spinner=False)
def _curve(versions: tuple, k: int | None, _run: store.Run) -> pd.DataFrame:
    """Of class k against the rest; of malignant against benign without one."""
    test = test_part(_run)
    return malignant_roc(test.y_true, test.proba) if k is None else class_roc(test.y_true, test.proba, k)


# --------------------------------------------------------------------- operating point


@st.fragment
@errors()
def malignant(entries: list[Entry]) -> None:
    """What finding most malignant images costs: in words, as ROC curves and in a table."""
    target = st.segmented_control(
        "Share of the malignant images to be found", [f"{target:g}" for target in TARGETS], default="0.9",
        required=True, format_func=lambda target: f"{100 * float(target):.0f} %", key="comparison_target",
        persist_state="session", help="The threshold is the highest that finds this share on validation. On test it "
        "may find a little more or less.")
    found = {entry.name: points(entry) for entry in entries}
    left, right = st.columns([3, 2], gap="large")
    with left:
        chart(charts.malignant_roc_curves(
            {entry.name: _curve(version(entry.run), None, entry.run) for entry in entries},
            {entry.name: entry.evaluation.scores["malignant_auc"] for entry in entries},
            {name: of_run[target] for name, of_run in found.items()},
            {name: of_run[BY_CLASS] for name, of_run in found.items()}, is_dark()), "comparison_roc")
    with right if len(entries) <= 3 else st.container():  # more are longer than the chart
        for entry in entries:
            st.markdown(price(entry, found[entry.name][target], found[entry.name][BY_CLASS]))
    st.table(point_table(entries, {name: [of_run[target], of_run[BY_CLASS]] for name, of_run in found.items()}),
             border="horizontal", alt="Operating points on the test images")
    st.caption("Malignant: mel, bcc and akiec; their probabilities are added up, and an image counts as malignant from "
               "the threshold on. *Class named*: no threshold, the most probable class decides. In brackets 95 % "
               "intervals from 2,000 draws of the test lesions. The dashed line is guessing.")


def price(entry: Entry, point: OperatingPoint, named: OperatingPoint) -> str:
    """What is found, and what it costs, in counts."""
    if not (point.n_malignant and point.n_benign):
        return f"**{plain(entry.name)}**: the test part has no {'benign' if point.n_malignant else 'malignant'} image."
    return (f"**{plain(entry.name)}** finds {_found(point)} malignant test images at the price of calling "
            f"{point.false_alarms:,} of {point.n_benign:,} benign ones malignant. By the class named it finds "
            f"{_found(named)}, misses {named.missed:,}, and calls {named.false_alarms:,} benign ones malignant.")


def _found(point: OperatingPoint) -> str:
    """"188 of 197 (95 in 100)"."""
    found = point.n_malignant - point.missed
    return f"{found:,} of {point.n_malignant:,} ({100 * found / point.n_malignant:.0f} in 100)"


def point_table(entries: list[Entry], found: dict[str, list[OperatingPoint]]) -> pd.DataFrame:
    """Two rows a run, at the threshold and by the class named, in words."""
    rows = {}
    for entry in entries:
        for point in found[entry.name]:
            how = "class named" if point.threshold is None else "threshold"
            rows[f"{entry.letter}, {how}"] = {
                "Malignant from": "–" if point.threshold is None else _written(point.threshold),
                "Sensitivity": unbroken(percent(point.sensitivity)),
                "Malignant missed": f"{point.missed:,} of {point.n_malignant:,}",
                "Specificity": unbroken(percent(point.specificity)),
                "False alarms": f"{point.false_alarms:,} of {point.n_benign:,}"}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("Run")


def _written(threshold: float) -> str:
    """"12.3 %", with as many digits as tell a small one from 0."""
    return f"{100 * threshold:.1f} %" if threshold >= 0.001 else f"{100 * threshold:.2g} %"


# ------------------------------------------------------------------------- ROC by class


@st.fragment
@errors()
def by_class(entries: list[Entry]) -> None:
    """One class against the rest."""
    code = st.segmented_control("Class", list(CODES), default=CODES[0], required=True, key="comparison_roc_class",
                                format_func=lambda code: _CLASSES[code].title, persist_state="session",
                                label_visibility="collapsed")
    k = CLASS_INDEX[code]
    named = {entry.name: _named(entry.evaluation.confusion, k) for entry in entries}
    left, right = st.columns([5, 4], gap="large")
    with left:
        chart(charts.class_roc_curves(
            _CLASSES[code], {entry.name: _curve(version(entry.run), k, entry.run) for entry in entries},
            {entry.name: entry.evaluation.per_class.loc[code, "auc"] for entry in entries}, named, is_dark()),
            "comparison_roc_class_chart")
    with right:
        st.dataframe(auc_table(entries), width="stretch", height="content", alt="AUC by class", column_config={
            entry.letter: st.column_config.NumberColumn(format="%.2f") for entry in entries})
    images = entries[0].evaluation.per_class.loc[code, "support"]
    st.caption(f"{images:,} test {'image' if images == 1 else 'images'} of this class. The table: area under the "
               "curve of every class; 0.5 is guessing, 1 is perfect. Of a class with few images it is a rough number. "
               "Open mark: where the model names this class.")


def _named(confusion: np.ndarray, k: int) -> tuple[float, float]:
    """Share of the other images and of class k's own that are named k; NaN without images."""
    own, others = confusion[k].sum(), confusion.sum() - confusion[k].sum()
    wrong = confusion[:, k].sum() - confusion[k, k]
    return (wrong / others if others else np.nan), (confusion[k, k] / own if own else np.nan)


def auc_table(entries: list[Entry]) -> pd.DataFrame:
    """A row a class: test images and the AUC of each run."""
    columns = {"Images": entries[0].evaluation.per_class["support"]} | {
        entry.letter: entry.evaluation.per_class["auc"] for entry in entries}
    return pd.DataFrame(columns).loc[list(CODES)].set_axis(list(charts.CLASS_TITLES)).rename_axis("Class")
