"""The newest runs, whatever became of them."""

from __future__ import annotations

import time

import pandas as pd
import streamlit as st

from ham.data import SPLIT_TITLES
from ham.report.words import accuracy_in_words, ago, state_in_words
from ham.store import Found

LAST_RUNS = 8


def last_runs(found: Found) -> None:
    """The sidebar follows the live one, and draws the page again when a run begins or ends."""
    st.header("Last runs", anchor=False)
    runs = found.runs
    if not runs and found.unreadable is not None:  # said above
        return
    if not runs:
        st.markdown(
            ":gray[Nothing has been trained yet. Runs appear here as soon as they are queued.]"
        )
        return
    now = time.time()
    table = pd.DataFrame(
        [
            {
                "Run": run.title,
                "State": state_in_words(run),
                "Split": SPLIT_TITLES[run.config.split][0],
                "Test accuracy": accuracy_in_words(run),
                "Created": ago(now - run.status.created),
                "Id": run.id,
            }
            for run in runs[:LAST_RUNS]
        ]
    )
    st.dataframe(table, hide_index=True, width="stretch", height="content", key="last_runs")
    if len(runs) > LAST_RUNS:
        st.caption(f"The newest {LAST_RUNS} of {len(runs)} runs.")
