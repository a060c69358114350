"""Where the runs err, how they learned, and the tabs with all the rest."""

from __future__ import annotations

from functools import partial

import streamlit as st

from ham import charts, store
from ham.report import CLASS_SCORES, Comparison, class_table
from ham.ui.comparison import (
    alarms,
    calibration,
    changed,
    costs,
    external,
    files,
    operating,
    proper,
    settings,
    shuffled,
    slices,
)
from ham.ui.comparison.choice import in_rows
from ham.ui.frame import chart, choose, errors, is_dark, tabs, whole_table


def confusion(compared: Comparison) -> None:
    """A matrix a run on one colour scale, counted in one of three ways."""
    st.header("Confusion matrices", anchor=False)
    by = choose("Count cells by", charts.MATRIX_BY, "comparison_by", "count")
    confusions = {name: one.evaluation.confusion for name, one in compared.reports.items()}
    in_rows(compared, charts.confusion_matrices(confusions, by, is_dark()), "comparison_matrix")
    scale = (
        "The colour follows the square root of the count, so that rare classes show."
        if by == "count"
        else "The colour runs from 0 to 100 %."
    )
    st.caption(
        f"One colour scale for all runs. {scale} The lines part malignant (mel, bcc, akiec) from "
        "benign classes: top right are malignant lesions predicted as benign."
    )


def classes(compared: Comparison) -> None:
    """Recall, precision, F1 and AUC of every class."""
    st.header("Class by class", anchor=False)
    score = choose(
        "Score",
        CLASS_SCORES,
        "comparison_class",
        "recall",
        label_visibility="collapsed",
        format_func=lambda score: CLASS_SCORES[score][0],
    )
    per_class = {name: one.evaluation.per_class for name, one in compared.reports.items()}
    chart(charts.per_class_scores(per_class, score, is_dark()), "comparison_classes")
    table = class_table(compared)
    percent, area = (
        st.column_config.NumberColumn(format=written) for written in ("%.0f %%", "%.2f")
    )
    whole_table(
        table,
        "Recall, precision, F1 and AUC by class",
        column_config={
            column: area if column.startswith("AUC") else percent
            for column in table
            if column != "Images"
        },
    )
    st.caption(
        "Empty: no test image, or never predicted. Of a class with ten test images, one image is "
        "ten points of recall. AUC: how often, of two images of which one is of this class, that "
        "one gets the higher probability of it; 0.5 is guessing."
    )


def _curves(compared: Comparison) -> None:
    runs = {name: one.run for name, one in compared.reports.items()}
    histories = {name: store.read_history(run) for name, run in runs.items()}
    kept = {name: run.status.best_epoch for name, run in runs.items()}
    measure = choose(
        "Measure beside the loss",
        [m for m in charts.CURVES if m != "loss"],
        "comparison_curve",
        "accuracy",
        label_visibility="collapsed",
        format_func=lambda m: charts.CURVES[m][0].capitalize(),
    )
    for column, metric in zip(st.columns(2, gap="large"), ("loss", measure), strict=True):
        with column:
            chart(
                charts.learning_curves(histories, metric, kept, dark=is_dark()),
                f"comparison_curve_{metric}",
            )
    st.caption(
        "Training accuracy is measured while an epoch goes on, with dropout; validation after it, "
        "without. So training may lie below validation."
    )


TABS = {
    "Calibration": calibration.reliability,
    "Prediction sets": calibration.sets,
    "Operating point": operating.malignant,
    "ROC and precision": operating.by_class,
    "Proper scores": proper.scores,
    "Calibration by class": proper.by_class,
    "Expected cost": costs.expected,
    "Decision curve": costs.decision_curve,
    "Predictive values": alarms.predictive_values,
    "Answers left out": alarms.left_out,
    "Slices": slices.draw,
    "External test": external.draw,
    "Changed images": changed.changed_images,
    "Shuffled pixels": shuffled.shuffled_pixels,
    "Learning curves": _curves,
    "Settings": settings.settings_and_again,
    "Download": files.downloads,
}


@st.fragment
@errors()
def more(compared: Comparison) -> None:
    """The rest, in tabs."""
    tabs({title: partial(draw, compared) for title, draw in TABS.items()}, "comparison_tab")
