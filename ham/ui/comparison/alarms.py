"""What an alarm means where the disease is rare, and what leaving unsure images unanswered
brings.
"""

from __future__ import annotations

import streamlit as st

from ham.charts.decisions import predictive_curves, risk_coverage_curves
from ham.evaluation import PREVALENCE, RISK, TARGETS
from ham.report import BY_CLASS, Comparison, probabilities
from ham.ui.comparison.calibration import runs_that_chose
from ham.ui.comparison.choice import drawing_lesions
from ham.ui.frame import chart, choose, is_dark, plain

PREVALENCES = (0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 7, 10, 15, 20, 30, 40, 50)  # per cent
RISKS = (1, 2, 3, 5, 7, 10, 15, 20)  # per cent
_WAYS = {BY_CLASS: "Predicted class"} | {
    f"{target:g}": f"{100 * target:.0f} % found" for target in TARGETS
}


def predictive_values(compared: Comparison) -> None:
    """Of so many alarms, how many are right: at a prevalence that one sets."""
    disease = choose(
        "An alarm for",
        probabilities.DISEASES,
        "comparison_alarm_disease",
        next(iter(probabilities.DISEASES)),
    )
    first, second = st.columns(2, gap="large", vertical_alignment="bottom")
    with first:
        way = choose(
            "Raised by",
            _WAYS,
            "comparison_alarm_way",
            "0.9",
            help="The predicted class, or a threshold that finds this share on validation.",
        )
    with drawing_lesions():
        found = {name: one.alarm(disease, way) for name, one in compared.reports.items()}
    shown = {name: alarm for name, alarm in found.items() if alarm is not None}
    tested = next((f"{100 * alarm.share:.0f} %" for alarm in shown.values()), "none")
    with second:
        percent = st.select_slider(
            "Prevalence: how many of 100 lesions have it",
            PREVALENCES,
            100 * PREVALENCE,
            key="comparison_prevalence",
            persist_state="session",
            format_func=lambda value: f"{value:g} %",
            help=f"Of the test images {tested} have it. Where people come with any mole, it is far "
            "less.",
        )
    prevalence = percent / 100
    if not shown:
        st.info(
            f"No chosen run has such an alarm: its validation or its test part has no image of "
            f"{probabilities.DISEASES[disease]}, or nothing was left to choose a threshold on.",
            icon=":material/block:",
        )
        return
    left, right = st.columns([3, 2], gap="large")
    with left:
        chart(predictive_curves(shown, prevalence, is_dark()), "comparison_predictive")
    with right if len(shown) <= 3 else st.container():
        st.markdown(f"At a prevalence of {percent:g} %:")
        for name, alarm in shown.items():
            st.markdown(f"**{plain(name)}**: {probabilities.alarm_in_words(alarm, prevalence)}")
        for name in [name for name in found if name not in shown]:
            why = compared.reports[name].nothing_to_choose_on
            st.markdown(f"**{plain(name)}**: {why or 'no such threshold could be chosen.'}")
    st.table(
        probabilities.predictive_table(compared.reports, disease, way, prevalence),
        border="horizontal",
        alt=f"Predictive values at {percent:g} % prevalence",
    )
    st.caption(
        "Sensitivity and specificity are those of the test images; Bayes' theorem moves them to "
        "another prevalence (Altman, Bland, BMJ 1994). Where the lesions are others than here, "
        "both may be others too (Leeflang et al., CMAJ 2013). In brackets 95 % intervals from "
        "2,000 draws of the test lesions."
    )


def left_out(compared: Comparison) -> None:
    """No answer below a confidence: how many are answered then, and how many of these wrong."""
    if not (chosen := runs_that_chose(compared)):
        return
    percent = st.select_slider(
        "Accept at most so many wrong answers",
        RISKS,
        round(100 * RISK),
        key="comparison_risk",
        persist_state="session",
        format_func=lambda value: f"{value} %",
        help="On validation the lowest confidence is looked for from which on at most so many "
        "answers are wrong; below it there is no answer.",
    )
    risk = percent / 100
    with drawing_lesions():
        curves = {name: one.risk_coverage for name, one in chosen.items()}
        marks = {name: one.answering_above(risk) for name, one in chosen.items()}
    left, right = st.columns([3, 2], gap="large")
    with left:
        chart(risk_coverage_curves(curves, marks, risk, is_dark()), "comparison_risk_coverage")
    with right if len(chosen) <= 3 else st.container():
        for name, one in marks.items():
            words = probabilities.selective_in_words(one, risk, curves[name]["risk"].iloc[-1])
            st.markdown(f"**{plain(name)}**: {words}")
    st.table(
        probabilities.selective_table(marks, curves),
        border="horizontal",
        alt="Answers above a confidence",
    )
    st.caption(
        "Confidence: the probability of the predicted class after the temperature. AURC: mean "
        "share of wrong answers over all shares answered, less is better (Geifman, Uziel, "
        "El-Yaniv, ICLR 2019); *best possible*: if the wrong answers were the least sure. "
        "*Malignant answered*: where that is less than of all images, it is the dangerous lesions "
        "that are left to somebody else."
    )
