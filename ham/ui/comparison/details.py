"""Classes, curves and settings, and the areas with all that is below the first screen."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from ham import charts, store
from ham.report import CLASS_SCORES, Comparison, class_table
from ham.ui.comparison import (
    address,
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
from ham.ui.comparison.by_epoch import validation_by_epoch
from ham.ui.comparison.choice import in_rows, runs_table
from ham.ui.comparison.scores import differences_chart, headline
from ham.ui.frame import chart, choose, errors, is_dark, tabs, whole_table


def _pictures(compared: Comparison) -> None:
    """The matrices as charts, which the camera of their toolbar saves."""
    by = st.session_state.get("comparison_by", "count")
    confusions = {name: one.evaluation.confusion for name, one in compared.reports.items()}
    in_rows(compared, charts.confusion_matrices(confusions, by, is_dark()), "comparison_matrix")


def _classes(compared: Comparison) -> None:
    """Recall, precision, F1 and AUC of every class."""
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


#: Areas of the page, of which one is open; each has one part or several.
TABS: dict[str, dict[str, Callable[[Comparison], None]]] = {
    # opened with the page: without a chart it is ready in two thirds of the time
    "Scores": {"Scores and differences": headline, "Differences as a chart": differences_chart},
    "Classes": {
        "Class by class": _classes,
        "ROC and precision": operating.by_class,
        "Matrices as pictures": _pictures,
    },
    "Slices": {"Slices": slices.draw},
    "Probabilities": {
        "Calibration": calibration.reliability,
        "Prediction sets": calibration.sets,
        "Proper scores": proper.scores,
        "Calibration by class": proper.by_class,
    },
    "Decisions": {
        "Operating point": operating.malignant,
        "Expected cost": costs.expected,
        "Decision curve": costs.decision_curve,
        "Predictive values": alarms.predictive_values,
        "Answers left out": alarms.left_out,
    },
    "Robustness": {
        "External test": external.draw,
        "Changed images": changed.changed_images,
        "Shuffled pixels": shuffled.shuffled_pixels,
    },
    "Runs": {
        "Learning curves": _curves,
        "Validation by epoch": validation_by_epoch,
        "Settings": settings.settings_and_again,
        "Data and test part": runs_table,
    },
    "Download": {"Files": files.downloads},
}


#: What is set within the parts and stands in the address: the ends of the widgets' keys.
WIDGETS: dict[str, Callable[[str], object]] = {
    **dict.fromkeys(
        (
            "alarm_disease", "alarm_way", "changed_score", "class", "class_reliability",
            "costs_between", "curve", "external", "external_by", "proper", "reliability",
            "roc_class", "set_aim", "shuffled_score", "slices_by", "slices_score", "target",
        ),
        str,
    ),
    "decision_threshold": address.one_of(range(1, 51)),
    "prevalence": address.one_of(alarms.PREVALENCES),
    "risk": address.one_of(alarms.RISKS),
    "shuffled_class": int,
}  # fmt: skip


@st.fragment
@errors()
def more(compared: Comparison) -> None:
    """The rest, by areas."""
    address.follow_choice("tab", "comparison_tab", TABS)
    address.follow_widgets(WIDGETS)
    drawn = {area: partial(draw_area, area, parts, compared) for area, parts in TABS.items()}
    tabs(drawn, "comparison_tab")
    address.say_choice("tab", "comparison_tab", next(iter(TABS)))
    address.say_widgets(WIDGETS)


def draw_area(
    area: str, parts: dict[str, Callable[[Comparison], None]], compared: Comparison
) -> None:
    """The part of this area that is open."""
    part, *others = parts
    if not others:
        address.forget("part")
        parts[part](compared)
        return
    key = f"comparison_part_{area}"
    address.follow_choice("part", key, parts)
    default = None if key in st.session_state else part
    chosen = choose(area, list(parts), key, default, label_visibility="collapsed")
    address.say_choice("part", key, part)
    parts[chosen](compared)
