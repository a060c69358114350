"""What decisions cost, with costs of one's own, and what acting on a malignant probability is
worth.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from ham.charts.decisions import cost_dots, decision_curves
from ham.config import CODES
from ham.evaluation import SIDE_COSTS, class_costs
from ham.report import Comparison, probabilities
from ham.ui.comparison.calibration import runs_that_chose
from ham.ui.comparison.choice import drawing_lesions
from ham.ui.frame import chart, choose, is_dark, plain

SIDES = ["Malignant", "Benign"]
BETWEEN = {"sides": "Malignant or benign", "classes": "The seven classes"}


def expected(compared: Comparison) -> None:
    """A cost for every mistake, and what each run's decisions cost then."""
    between = choose(
        "Decide between",
        BETWEEN,
        "comparison_costs_between",
        "sides",
        help="As set at first, a missed malignant lesion costs as much as ten false alarms: who "
        "decides by that acts from a malignant probability of 1 in 11 on. Of the seven classes one "
        "malignant class for another costs 1, one benign class for another nothing.",
    )
    place = st.container()  # seven columns want the page's width
    left, right = st.columns([2, 3], gap="large")
    with left if between == "sides" else place:
        st.markdown("Cost of each decision (rows: the truth). Change any cell.")
        costs = _edited(between)
    chosen = runs_that_chose(compared)
    with drawing_lesions():
        found = {name: one.expected_costs(costs) for name, one in compared.reports.items()}
    with left:
        for name, one in found.items():
            st.markdown(f"**{plain(name)}**: {probabilities.costs_in_words(one)}")
    with right:
        chart(cost_dots(found, is_dark()), "comparison_costs")
        st.markdown(probabilities.always_in_words(found))
    st.table(probabilities.cost_table(found), border="horizontal", alt="Mean cost an image")
    least = (
        "*Least expected cost*: of an image's calibrated probabilities, the decision that costs "
        "least on average (Elkan, IJCAI 2001). "
        if chosen
        else ""
    )
    st.caption(
        f"Mean over the test images, with 95 % intervals over lesions. {least}*Always*: the same "
        "for every image, without a model. Where malignant lesions are rarer than among these "
        "images, a missed one weighs less in the mean and false alarms more."
    )


def _edited(between: str) -> np.ndarray:
    """The costs as they are in the table, which begins where it was left in this visit."""
    sides, key = between == "sides", f"comparison_costs_{between}"
    names = SIDES if sides else list(CODES)
    if key not in st.session_state:  # not on the page in the last run
        default = pd.DataFrame(SIDE_COSTS if sides else class_costs(), names, names)
        st.session_state[f"{key}_base"] = st.session_state.get(f"{key}_kept", default)
    column = st.column_config.NumberColumn(min_value=0.0, required=True, width="small")
    edited = st.data_editor(
        st.session_state[f"{key}_base"].rename_axis("Truth"),
        key=key,
        column_config=dict.fromkeys(names, column),
        disabled=["_index"],
        width="stretch",
        alt="Cost of each decision",
    )
    st.session_state[f"{key}_kept"] = edited
    return edited.to_numpy(np.float64)


def decision_curve(compared: Comparison) -> None:
    """Net benefit of acting on the malignant probability, against acting on all and on none."""
    if not (chosen := runs_that_chose(compared)):
        return
    percent = st.slider(
        "Act from a malignant probability of, %",
        1,
        50,
        10,
        key="comparison_decision_threshold",
        persist_state="session",
        help="Who acts from 10 % on accepts nine needless acts for one that was needed.",
    )
    threshold = percent / 100
    left, right = st.columns([3, 2], gap="large")
    with left:
        curves = {name: one.net_benefit for name, one in chosen.items()}
        chart(decision_curves(curves, threshold, is_dark()), "comparison_decision_curve")
    with right if len(chosen) <= 3 else st.container(), drawing_lesions():
        for name, one in chosen.items():
            words = probabilities.net_benefit_in_words(one.net_benefit_at(threshold), threshold)
            st.markdown(f"**{plain(name)}**: {words}")
    st.caption(
        "Net benefit: malignant lesions found minus false alarms, the latter weighed by the "
        "threshold, per test image (Vickers, Elkin, Medical Decision Making 2006); malignant is "
        "mel, bcc and akiec after the temperature. A model is of use at thresholds where its line "
        "is above both others. In brackets 95 % intervals over lesions."
    )
