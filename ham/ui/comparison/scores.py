"""Scores with intervals and baselines, and differences to the first run."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from ham import charts, report
from ham.evaluation import SCORES
from ham.report import Comparison
from ham.ui.comparison.choice import drawing_lesions
from ham.ui.frame import behind, chart, is_dark, plain


def headline(compared: Comparison) -> None:
    """Differences to A with McNemar's test, scores beside the baselines; all with intervals."""
    with drawing_lesions():
        differences = compared.differences
    first = compared.names[0]
    for name, found in differences.items():
        st.markdown(f"**{plain(name)}**: {report.difference_in_words(name, first, found)}")
    tables = [report.score_table(compared), report.difference_table(compared)]
    if len(compared.names) == 2:  # few enough columns to stand side by side
        tables = [pd.concat(tables, axis=1).fillna("")]
    for table in tables:
        st.table(
            table.rename_axis("Score"),
            border="horizontal",
            alt="Scores and differences with 95 % intervals",
        )
    tested = compared.first.evaluation
    lower = ", ".join(score.word for score in SCORES.values() if not score.higher_is_better)
    st.caption(
        f"{tested.n_images:,} test images of {tested.n_lesions:,} lesions. In brackets 95 % "
        "intervals: what 2,000 draws of the test lesions, with replacement, give; where all draws "
        "agree, Wilson's. One lesion has none, and so has what no draw can change. Differences "
        "come from the same draws for both runs; **bold** where the interval leaves zero out. "
        f"Lower is better: {lower}. McNemar's exact test asks whether the images that only one of "
        "the two has correct are split evenly, as by chance."
    )
    words = "\n".join(f"- **{score.title}**: {score.help}" for score in SCORES.values())
    behind("What the scores mean", lambda: st.markdown(words), "comparison_scores_mean")


def differences_chart(compared: Comparison) -> None:
    """How far each run is above or below A, with paired intervals, as a chart."""
    with drawing_lesions():
        found = {name: one.scores for name, one in compared.differences.items()}
    figure = charts.score_differences(found, compared.names[0], dark=is_dark())
    chart(figure, "comparison_differences")
