"""The first screen: which run is better, the confusion matrices side by side, the headline scores;
behind a cell its images.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from ham import charts, report
from ham.charts.matrix import FIRST_BENIGN, Matrix, difference_table, matrix_tables, row_titles
from ham.charts.strip import score_strip
from ham.lesson import Fact, beaten
from ham.report import Comparison
from ham.ui.comparison import address
from ham.ui.comparison.choice import drawing_lesions
from ham.ui.comparison.images import (
    CELL,
    behind_a_cell,
    cell_from,
    cell_to,
    open_cell,
    where_runs_differ,
)
from ham.ui.components import component
from ham.ui.frame import choose, errors, is_dark, plain
from ham.ui.noted import note

_HOW = {
    "count": "The colour follows the square root of the count, so that rare classes show.",
    "true": "A row adds up to 100 %: on the diagonal stands the recall.",
    "predicted": "A column adds up to 100 %: on the diagonal stands the precision.",
}


def first_screen(compared: Comparison) -> None:
    """Verdict, matrices and headline scores; the matrices stand while lesions are drawn."""
    said = st.container()
    _matrices(compared)
    scores = st.container()
    with said, drawing_lesions():
        words, worth = report.verdict_in_words(compared), report.worth_in_words(compared)
        st.markdown(f"**{plain(words)}** {plain(worth)}")
    with scores:
        found = {name: one.evaluation.scores for name, one in compared.reports.items()}
        title, baseline = next(iter(compared.baselines.items()))
        st.html(
            score_strip(found, (title, baseline.scores), charts.HEADLINE, is_dark()),
        )
    if beaten(compared):
        note(Fact.CNN_BEATEN)


@st.fragment
@errors()
def _matrices(compared: Comparison) -> None:
    """All on one colour scale; a click on a cell opens its images, without the rest of the
    page.
    """
    address.follow_choice("by", "comparison_by", charts.MATRIX_BY)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        by = choose(
            "Count cells by",
            charts.MATRIX_BY,
            "comparison_by",
            None if "comparison_by" in st.session_state else "count",
            label_visibility="collapsed",
            help="Rows: true class; columns: predicted class. The gap parts malignant (mel, bcc, "
            "akiec) from benign classes, so top right are malignant lesions predicted as benign. "
            "One colour scale for all runs.",
        )
        if address.asked("minus"):
            st.session_state["comparison_minus"] = True
        minus = st.toggle(
            f"Minus {compared.names[0].short}",
            key="comparison_minus",
            persist_state="session",
            help="The other matrices as signed differences to the baseline's: one colour where "
            "that is better, more on the diagonal or less beside it, the other where it is worse.",
        )
    if cell := cell_from(address.asked("cell")):
        open_cell(*cell)
    show_matrices(_tables(compared, by, minus), "comparison_matrices")
    st.caption(f"{_HOW[by]} A click on a cell opens its images.")
    where_runs_differ(compared)
    behind_a_cell(compared)
    address.say_choice("by", "comparison_by", "count")
    address.say("minus", "1" if minus else "")
    address.say("cell", cell_to(st.session_state.get(CELL)))


def _tables(compared: Comparison, by: str, minus: bool) -> list[Matrix]:
    confusions = {name: one.evaluation.confusion for name, one in compared.reports.items()}
    ids = [one.run.id for one in compared.reports.values()]
    if not minus:
        return matrix_tables(confusions, ids, by, is_dark())
    first, *others = compared.names
    return [
        *matrix_tables({first: confusions[first]}, ids[:1], by, is_dark()),
        *(
            difference_table(key, name, first, confusions[name], confusions[first], by, is_dark())
            for key, name in zip(ids[1:], others, strict=True)
        ),
    ]


def show_matrices(matrices: list[Matrix], key: str, clickable: bool = True) -> None:
    """Draws them side by side; a click on a cell opens it."""
    data = {
        "matrices": [matrix.as_data() for matrix in matrices],
        "classes": row_titles(),
        "first_benign": FIRST_BENIGN,
        "clickable": clickable,
        "open": (clickable and st.session_state.get(CELL)) or [None, None, None],
    }

    def clicked() -> None:
        cell = st.session_state[key].cell
        open_cell(cell["run"], cell["true"], cell["predicted"])

    component(Path(__file__).with_name("matrices.js"))(key=key, data=data, on_cell_change=clicked)
