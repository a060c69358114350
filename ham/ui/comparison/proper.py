"""Brier score and log loss in their parts, and the calibration of each class's probability."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from ham.charts.base import key_line
from ham.charts.proper import class_calibration, score_parts
from ham.config import CLASSES, CODES
from ham.evaluation import SCORES, Decomposition
from ham.report import Comparison, RunName, probabilities
from ham.ui.comparison.calibration import WHICH, runs_that_chose
from ham.ui.frame import behind, chart, choose, is_dark, plain, whole_table

_IN_A_ROW = 3
Decompositions = Mapping[RunName, Mapping[str, Mapping[str, Decomposition]]]


def scores(compared: Comparison) -> None:
    """Miscalibration and discrimination of each run, in words, as a chart and in tables."""
    score = choose(
        "Score",
        list(probabilities.DECOMPOSED),
        "comparison_proper",
        "brier",
        format_func=lambda key: SCORES[key].title,
        help=" ".join(SCORES[key].help for key in probabilities.DECOMPOSED),
    )
    runs_that_chose(compared)  # says of the others why they have no temperature
    with st.spinner("Taking the scores apart"):
        found = {name: one.decompositions for name, one in compared.reports.items()}
    left, right = st.columns([3, 2], gap="large")
    with left:
        chart(score_parts(found, score, is_dark()), "comparison_score_parts")
    with right if len(found) <= 3 else st.container():
        for name, one in found.items():
            words = probabilities.decomposition_in_words(one, score)
            st.markdown(f"**{plain(name)}**: {words}")
    st.table(
        probabilities.decomposition_table(found, score),
        border="horizontal",
        alt=f"{SCORES[score].title} in its parts",
    )
    behind("By class", lambda: _parts_by_class(found, score), "comparison_class_parts")
    st.caption(
        "Score = miscalibration − discrimination + uncertainty. *Miscalibration*: what the best "
        "recalibration of each class would save. *Discrimination*: what probabilities that differ "
        "from image to image save against always giving the classes' shares, whose score is the "
        "*uncertainty*. *By chance*: the miscalibration that perfectly calibrated probabilities "
        "would show. By isotonic regression (CORP: Dimitriadis, Gneiting, Jordan, PNAS 2021)."
    )


def _parts_by_class(found: Decompositions, score: str) -> None:
    stage = "after" if all("after" in one for one in found.values()) else "before"
    table = probabilities.class_parts_table(found, score, stage)
    number = st.column_config.NumberColumn(format="%.3f")
    st.markdown(f"Probabilities {probabilities.STAGES[stage]}; the rows add up to the score.")
    whole_table(table, "Parts by class", column_config=dict.fromkeys(table, number))


def by_class(compared: Comparison) -> None:
    """A small diagram a class: what the runs say against how often it is so."""
    which = choose("Probabilities", WHICH, "comparison_class_reliability", "before")
    chosen = runs_that_chose(compared) if which == "after" else compared.reports
    if not chosen:
        return
    places = {name: place for place, name in enumerate(compared.reports)}
    st.html("<br>".join(key_line(plain(name), places[name], is_dark()) for name in chosen))
    support = compared.first.evaluation.per_class["support"]
    for start in range(0, len(CODES), _IN_A_ROW):
        with st.container(key=f"comparison_proper_row_{start}"):
            columns = st.columns(_IN_A_ROW, gap="medium")
        for column, of in zip(columns, CLASSES[start : start + _IN_A_ROW], strict=False):
            k = CODES.index(of.code)
            tables = {name: one.class_reliability(k, which) for name, one in chosen.items()}
            with column:
                figure = class_calibration(of, tables, int(support[of.code]), is_dark())
                chart(figure, f"comparison_class_reliability_{of.code}")
    st.caption(
        "A dot: a bin of images that isotonic regression holds together, the larger the more "
        "images; its interval is in the hover. On the dashed line a class is there as often as the "
        "model says. Of a class with few images a single one moves the upper dots far."
    )
