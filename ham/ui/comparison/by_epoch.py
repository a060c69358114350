"""The confusion matrix of validation after each epoch: how a model came to tell classes apart."""

from __future__ import annotations

import streamlit as st

from ham import store
from ham.charts.matrix import matrix_tables
from ham.report import Comparison
from ham.report.words import listed
from ham.ui.comparison.matrices import show_matrices
from ham.ui.frame import is_dark, plain


def validation_by_epoch(compared: Comparison) -> None:
    """A slider over the epochs; a run that ended before one shows its last."""
    runs = {name: one.run for name, one in compared.reports.items()}
    found = {
        name: matrices
        for name, run in runs.items()
        if (matrices := store.read_validation_matrices(run))
    }
    missing = [name.short for name in runs if name not in found]
    if found:
        last = max(max(matrices) for matrices in found.values())
        first = min(min(matrices) for matrices in found.values())
        epoch = (
            st.slider("Epoch", first, last, last, key="comparison_epoch") if first < last else last
        )
        shown = {
            name: matrices[max((e for e in matrices if e <= epoch), default=min(matrices))]
            for name, matrices in found.items()
        }
        ids = [runs[name].id for name in found]
        tables = matrix_tables(
            shown, ids, st.session_state.get("comparison_by", "count"), is_dark()
        )
        show_matrices(tables, "comparison_by_epoch", clickable=False)
        kept = listed([f"{name.short} epoch {runs[name].status.best_epoch}" for name in found])
        st.caption(f"On the validation images. Kept: {plain(kept)}.")
    if missing:
        st.markdown(
            f":gray[{plain(listed(missing))}: no matrix of an epoch is kept. Runs trained from "
            "now on keep them.]"
        )
