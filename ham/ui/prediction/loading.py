"""Models of the chosen runs, loaded once a server."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ham import prediction, store
from ham.config import StoreError
from ham.prediction import Gate, Predictor
from ham.report import MAX_RUNS
from ham.ui.frame import show_error


def load(runs: Sequence[store.Run]) -> list[Predictor]:
    """The runs' models; one that cannot be loaded is named and left out."""
    predictors = []
    with st.spinner("Loading the models, about 5 s the first time", show_time=True):
        for run in runs:
            try:
                predictors.append(predictor_of(run))
            except StoreError as error:
                show_error(error)
    return predictors


def load_gate() -> Gate | None:
    """None, and a word, where its file is damaged: answers do without it."""
    try:
        return prediction.gate()
    except StoreError as error:
        show_error(error)
        return None


def predictor_of(run: store.Run) -> Predictor:
    """Raises StoreError."""
    return _predictor(run.id, run.record.model.sha256 if run.record.model else "", run)


@st.cache_resource(max_entries=2 * MAX_RUNS, show_spinner=False)
def _predictor(run_id: str, sha256: str, _run: store.Run) -> Predictor:
    return Predictor(_run)
