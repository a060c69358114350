"""A training once more: a link that fills the Training page's form with the settings of a run."""

from __future__ import annotations

import streamlit as st

from ham.store import Run
from ham.ui import frame

_ADDRESS = "settings"  # in Training's address: the id of the run


def train_again(run: Run) -> None:
    """The link."""
    frame.link("Training", "Train this again with changes", query_params={_ADDRESS: run.id})


def asked_for() -> str | None:
    """On the Training page: the id of the run whose settings the link asks for, once."""
    run_id = st.query_params.get(_ADDRESS)
    if run_id is not None:
        del st.query_params[_ADDRESS]
    return run_id
