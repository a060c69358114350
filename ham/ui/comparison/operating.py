"""Malignant against benign at a threshold of one's own choice, and the ROC curve of every class."""

from __future__ import annotations

import streamlit as st

from ham import charts, report
from ham.charts.decisions import precision_recall_curves
from ham.config import CLASS_INDEX, CLASSES, CODES
from ham.evaluation import TARGETS
from ham.report import BY_CLASS, Comparison, probabilities
from ham.ui.comparison.choice import drawing_lesions
from ham.ui.frame import chart, choose, is_dark, plain, whole_table


def malignant(compared: Comparison) -> None:
    """What finding most malignant images costs: in words, as ROC curves and in a table."""
    target = choose(
        "Share of the malignant images to be found",
        [f"{target:g}" for target in TARGETS],
        "comparison_target",
        "0.9",
        help="The threshold is the highest that finds this share on validation. On test it may "
        "find a little more or less.",
        format_func=lambda target: f"{100 * float(target):.0f} %",
    )
    with drawing_lesions():
        found = {name: one.operating_points for name, one in compared.reports.items()}
    left, right = st.columns([3, 2], gap="large")
    with left:
        figure = charts.malignant_roc_curves(
            {name: one.roc() for name, one in compared.reports.items()},
            {name: r.evaluation.scores["malignant_auc"] for name, r in compared.reports.items()},
            {name: points[target] for name, points in found.items() if target in points},
            {name: points[BY_CLASS] for name, points in found.items()},
            is_dark(),
        )
        chart(figure, "comparison_roc")
    with right if len(found) <= 3 else st.container():  # more are longer than the chart
        for name, points in found.items():
            why_none = compared.reports[name].nothing_to_choose_on
            words = report.operating_point_in_words(points.get(target), points[BY_CLASS], why_none)
            st.markdown(f"**{plain(name)}**: {words}")
    st.table(
        report.operating_table(found, target),
        border="horizontal",
        alt="Operating points on the test images",
    )
    st.caption(
        "Malignant: mel, bcc and akiec; their probabilities are added up, and an image counts as "
        "malignant from the threshold on. *Predicted class*: no threshold, the most probable class "
        "decides. In brackets 95 % intervals from 2,000 draws of the test lesions. The dashed line "
        "is guessing."
    )


def by_class(compared: Comparison) -> None:
    """One class against the rest: ROC beside precision and recall, and the areas under both."""
    code = choose(
        "Class",
        CODES,
        "comparison_roc_class",
        CODES[0],
        label_visibility="collapsed",
        format_func=lambda code: CLASSES[CLASS_INDEX[code]].title,
    )
    k = CLASS_INDEX[code]
    support = compared.first.evaluation.per_class["support"]
    left, right = st.columns(2, gap="large")
    with left:
        figure = charts.class_roc_curves(
            CLASSES[k],
            {name: one.roc(k) for name, one in compared.reports.items()},
            {name: r.evaluation.per_class.loc[code, "auc"] for name, r in compared.reports.items()},
            {name: one.predicted_as(k) for name, one in compared.reports.items()},
            is_dark(),
        )
        chart(figure, "comparison_roc_class_chart")
    with right:
        figure = precision_recall_curves(
            CLASSES[k],
            {name: one.precision_recall(code) for name, one in compared.reports.items()},
            {name: one.average_precision[code] for name, one in compared.reports.items()},
            support[code] / support.sum(),
            is_dark(),
        )
        chart(figure, "comparison_precision_class_chart")
    left, right = st.columns(2, gap="large")
    area = st.column_config.NumberColumn(format="%.2f")
    columns = {name.short: area for name in compared.names}
    with left:
        st.markdown("AUC")
        whole_table(report.auc_table(compared), "AUC by class", column_config=columns)
    with right:
        st.markdown("Average precision")
        whole_table(
            probabilities.average_precision_table(compared.reports),
            "Average precision by class",
            column_config=columns | {"Guessing": area},
        )
    images = support[code]
    st.caption(
        f"{images:,} test {'image' if images == 1 else 'images'} of this class. AUC: 0.5 is "
        "guessing, 1 is perfect, however rare the class. Average precision: guessing reaches the "
        "class's share of the images; where a class is rare it shows what AUC hides, "
        "that most of what is called so is something else. Of a class with few images both are "
        "rough numbers. Open mark: where this class is the predicted one."
    )
