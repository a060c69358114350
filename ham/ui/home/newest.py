"""The newest runs, whatever became of them."""

from __future__ import annotations

import html
import time
from collections.abc import Sequence

import streamlit as st

from ham.data import SPLIT_TITLES
from ham.report.words import accuracy_in_words, ago, state_in_words
from ham.store import Found, Run

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
    st.html(_table(runs[:LAST_RUNS]))
    if len(runs) > LAST_RUNS:
        st.caption(f"The newest {LAST_RUNS} of {len(runs)} runs.")


def _table(runs: Sequence[Run]) -> str:
    """As HTML: what draws Streamlit's tables takes a browser a third of a second to load."""
    now = time.time()
    rows = [
        {
            "Run": run.title,
            "State": state_in_words(run),
            "Test accuracy": accuracy_in_words(run),
            "Split": SPLIT_TITLES[run.config.split][0],
            "Created": ago(now - run.status.created),
            "Id": run.id,
        }
        for run in runs
    ]
    head = "".join(f'<th scope="col">{name}</th>' for name in rows[0])
    body = "".join(
        f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row.values())}</tr>"
        for row in rows
    )
    return (
        '<div class="ham-runs" role="region" aria-label="Last runs" tabindex="0"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
