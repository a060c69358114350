"""For runs whose test part was watched: how far the number moves from one epoch to the next."""

from __future__ import annotations

import streamlit as st

from ham import store
from ham.charts.published import watched_epochs
from ham.data import WATCHED_SPLITS
from ham.lesson import Fact
from ham.report import Comparison
from ham.report.published import REPORTED, draws, draws_in_words
from ham.ui.frame import chart, is_dark, plain
from ham.ui.noted import note


def watched(compared: Comparison) -> None:
    """The last epochs of these runs beside the number that was reported of their model."""
    histories = {
        name: store.read_history(one.run)
        for name, one in compared.reports.items()
        if one.run.config.split in WATCHED_SPLITS
    }
    histories = {name: history for name, history in histories.items() if len(history)}
    if not histories:
        return
    found = {name: draws([h["validation_accuracy"].tolist()]) for name, h in histories.items()}
    models = {name: compared.reports[name].run.config.model for name in histories}
    reported = {name: REPORTED[model] for name, model in models.items() if model in REPORTED}
    left, right = st.columns([3, 2], gap="large")
    with left:
        last = {name: int(h["epoch"].iloc[-1]) for name, h in histories.items()}
        chart(watched_epochs(found, last, reported, is_dark()), "comparison_watched")
    with right:
        for name, value in reported.items():
            st.markdown(f"**{plain(name)}**: {draws_in_words(found[name], value)}")
        st.caption(
            "These runs were tested after every epoch, as the two public notebooks did. Whoever "
            "watches the test part can stop at a good epoch, and the number says less about new "
            "images than it seems to."
        )
    note(Fact.EPOCHS_WATCHED)
