"""How well the probabilities are calibrated, and the sets of classes they give."""

from __future__ import annotations

import streamlit as st

from ham import charts, report
from ham.evaluation import CALIBRATION_BINS, COVERAGE
from ham.report import Comparison, RunName, RunReport, probabilities
from ham.ui.comparison.choice import drawing_lesions, in_rows
from ham.ui.frame import chart, choose, is_dark, plain

AIMS = {"together": "All images together", "class": "Each class by itself"}
WHICH = {"before": "As the model gives them", "after": "After the temperature"}


def runs_that_chose(compared: Comparison) -> dict[RunName, RunReport]:
    """The runs for which something could be chosen on validation; of the others it is said why."""
    for name, one in compared.reports.items():
        if one.nothing_to_choose_on:
            st.info(f"**{plain(name)}** {one.nothing_to_choose_on}", icon=":material/block:")
    return {name: one for name, one in compared.reports.items() if not one.nothing_to_choose_on}


def reliability(compared: Comparison) -> None:
    """What the runs say against how often they are correct, in words, diagrams and a table."""
    if not (chosen := runs_that_chose(compared)):
        return
    with st.spinner("Calibrating on validation"):
        found = {name: one.calibration for name, one in chosen.items()}
    for name, one in found.items():
        accuracy = compared.reports[name].evaluation.scores["accuracy"]
        st.markdown(f"**{plain(name)}** {report.calibration_in_words(one, accuracy)}")
    which = choose("Probabilities", WHICH, "comparison_reliability", "before")
    figures = charts.reliability_diagrams(
        {name: getattr(one, which) for name, one in found.items()},
        {name: getattr(one.summary, f"ece_{which}") for name, one in found.items()},
        is_dark(),
    )
    in_rows(compared, figures, "comparison_reliability")
    st.table(
        report.calibration_table(found),
        border="horizontal",
        alt="Temperature and calibration error",
    )
    st.caption(
        f"A dot: one of {CALIBRATION_BINS} bins of equally many test images, with its 95 % "
        "interval (Wilson); one in twenty lies beside the truth by chance. On the dashed line a "
        "model is correct as often as it says. Expected calibration error: the mean distance from "
        "that line; *by chance* is what a perfectly calibrated model would show with as many "
        "images. The temperature is fitted on validation: above 1 it takes confidence away, below "
        "1 it adds some; the predicted class never changes."
    )


def sets(compared: Comparison) -> None:
    """Coverage and size of the prediction sets, and the classes that they cover too seldom."""
    if not (chosen := runs_that_chose(compared)):
        return
    by_class = (
        choose(
            f"Aim at {100 * COVERAGE:.0f} % for",
            AIMS,
            "comparison_set_aim",
            "together",
            help="All images together: the smallest sets, but rare classes are left out far more "
            "often. Each class by itself: a threshold from each class's own validation images "
            "(class-conditional, or Mondrian, conformal prediction), at the price of larger sets.",
        )
        == "class"
    )
    with drawing_lesions():
        together = {name: one.sets for name, one in chosen.items()}
        own = {name: one.class_sets for name, one in chosen.items()} if by_class else {}
    found = {name: one.sets for name, one in own.items()} or together
    for name, of_run in found.items():
        words = (
            probabilities.class_sets_in_words(own[name], together[name])
            if by_class
            else report.coverage_in_words(of_run)
        )
        st.markdown(f"**{plain(name)}**: {words}")
    left, right = st.columns(2, gap="large")
    with left:
        figure = charts.set_coverage(found, is_dark(), by_class)
        chart(figure, "comparison_set_coverage")
    with right:
        chart(charts.set_sizes(found, is_dark()), "comparison_set_sizes")
    st.table(
        probabilities.class_set_table(own, together) if by_class else report.set_table(found),
        border="horizontal",
        alt="Coverage and size of the prediction sets",
    )
    aim = (
        "for each class by itself, from its own validation images"
        if by_class
        else "for all images together, and that is reached mostly by the frequent classes: a rare "
        "class may be left out far more often, and no set says so"
    )
    st.caption(
        f"A set holds every class that is probable enough; how probable is chosen on validation so "
        f"that {100 * COVERAGE:.0f} % of new images have their true class in the set "
        f"(split-conformal, after the temperature), {aim}. Intervals are 95 %: for all images by "
        "bootstrap over lesions, for a class Wilson's over its lesions, of one lesion none."
    )
