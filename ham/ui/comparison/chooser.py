"""A table of all runs, or of all groups, to choose from; and a picture of them to click on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from ham import report, store
from ham.charts.overview import score_scatter
from ham.evaluation import SCORES
from ham.report import Group
from ham.report.words import count
from ham.ui.frame import chart, choose, errors, is_dark

ROWS_A_PAGE = 12
_TICKED = "comparison_ticked"  # in the session: ids, in the order they were ticked
_PERCENT, _AREA = (st.column_config.NumberColumn(format=written) for written in ("%.0f %%", "%.3f"))
_COLUMNS = {score.title: _PERCENT if score.percent else _AREA for score in SCORES.values()}


def all_runs(runs: Sequence[store.Run], chosen: Sequence[str]) -> None:
    """The button that opens the table of these runs, with those chosen ticked."""
    if _asked("All runs", chosen):
        _runs_dialog(runs)


def all_groups(groups: Sequence[Group], chosen: Sequence[str]) -> None:
    """As `all_runs`, of groups."""
    if _asked("All groups", chosen):
        _groups_dialog(groups)


def _asked(label: str, chosen: Sequence[str]) -> bool:
    """Whether the table is open: from a click until it is closed or something is taken."""

    def start() -> None:
        st.session_state[_TICKED] = list(chosen)

    st.button(label, icon=":material/table_rows:", key="comparison_table", on_click=start)
    return _TICKED in st.session_state


def _close() -> None:
    st.session_state.pop(_TICKED, None)


def _leave_when_taken() -> None:
    """A click within a dialog runs the dialog alone: the page anew, which then leaves it out."""
    if _TICKED not in st.session_state:
        st.rerun()


@st.dialog("All runs", width="large", icon=":material/table_rows:", on_dismiss=_close)
@errors()
def _runs_dialog(runs: Sequence[store.Run]) -> None:
    _leave_when_taken()
    table = report.run_overview(runs)
    how = choose(
        "Choose by", ["Table", "Picture"], "comparison_choose_by", "Table",
        label_visibility="collapsed",
    )  # fmt: skip
    if how == "Table":
        _table(table)
    else:
        _picture(table, report.run_numbers(runs))
    _take(table, "comparison_runs", least=2, most=report.MAX_RUNS)


@st.dialog("All groups", width="large", icon=":material/table_rows:", on_dismiss=_close)
@errors()
def _groups_dialog(groups: Sequence[Group]) -> None:
    _leave_when_taken()
    table = report.group_overview(groups)
    _table(table)
    _take(table, "comparison_groups", least=1, most=report.MAX_GROUPS)


def _table(table: pd.DataFrame) -> None:
    """A page of the rows that hold the words, in the order asked for; a tick chooses one."""
    words, order, direction = st.columns([3, 2, 1], vertical_alignment="bottom")
    sought = words.text_input(
        "Find",
        key="comparison_find",
        placeholder="Words of a name, model, recipe, data, split, date or tag",
        icon=":material/search:",
    )
    by = order.selectbox("Sort by", ["Newest first", *table.columns], key="comparison_sort")
    down = direction.toggle("Descending", True, key="comparison_down")
    found = report.found_by_words(table, sought or "")
    if by != "Newest first":
        found = found.sort_values(by, ascending=not down, kind="stable", na_position="last")
    elif not down:
        found = found.iloc[::-1]
    if found.empty:
        st.caption(f"None of the {len(table)} holds all these words.")
        return
    pages, page = -(-len(found) // ROWS_A_PAGE), 1
    place = st.container()
    if pages > 1:
        page = st.pagination(pages, key=f"comparison_page_{_hash(found.index)}")
    shown = found.iloc[(page - 1) * ROWS_A_PAGE : page * ROWS_A_PAGE]
    ticked = st.session_state[_TICKED]
    # rows are ticked by their place: other rows are another table
    key = f"comparison_rows_{_hash(shown.index)}"
    with place:
        event = st.dataframe(
            shown.reset_index(drop=True),
            hide_index=True,
            width="stretch",
            height="content",
            key=key,
            on_select="rerun",
            selection_mode="multi-row",
            selection_default=_selection([i for i, id_ in enumerate(shown.index) if id_ in ticked]),
            column_config={"Name": st.column_config.TextColumn(width="medium", pinned=True)}
            | _COLUMNS,
            alt="Everything that can be compared, with its scores on test",
        )
    rows = [shown.index[row] for row in event.selection.rows if row < len(shown)]
    kept = [id_ for id_ in ticked if id_ not in shown.index or id_ in rows]
    st.session_state[_TICKED] = kept + [id_ for id_ in rows if id_ not in kept]


def _selection(rows: list[int]) -> Any:
    return {"selection": {"rows": rows, "columns": [], "cells": []}}


def _hash(ids: pd.Index) -> str:
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()[:12]


def _picture(table: pd.DataFrame, numbers: pd.DataFrame) -> None:
    """Any score against any number that differs; a click on a point takes the run in or out."""
    if numbers.empty:
        st.caption("These runs differ in no number.")
        return
    across, up = st.columns(2)
    x = across.selectbox("Across", list(numbers), key="comparison_across")
    y = up.selectbox("Up", [score.title for score in SCORES.values()], 1, key="comparison_up")
    ticked: list[str] = st.session_state[_TICKED]
    figure = score_scatter(numbers[x], table[y], table["Name"].to_dict(), ticked, is_dark())
    clicks = st.session_state.get("comparison_clicks", 0)
    event = chart(
        figure, f"comparison_scatter_{clicks}", on_select="rerun", selection_mode="points"
    )
    points = getattr(event, "selection", {}).get("points", [])
    if points:
        clicked = points[0]["customdata"][0]
        st.session_state[_TICKED] = (
            [id_ for id_ in ticked if id_ != clicked] if clicked in ticked else [*ticked, clicked]
        )
        st.session_state["comparison_clicks"] = clicks + 1  # a new chart, with nothing selected
        st.rerun(scope="fragment")


def _take(table: pd.DataFrame, key: str, least: int, most: int) -> None:
    """What is ticked, which of it is the baseline, and the button that compares it."""
    pinned = f"{key}_ticked_first"

    def ordered() -> list[str]:
        """As the session has it now: a choice may come with the very click on the button."""
        ticked = [id_ for id_ in st.session_state[_TICKED] if id_ in table.index]
        first = [id_ for id_ in ticked if id_ == st.session_state.get(pinned)]
        return first + [id_ for id_ in ticked if id_ not in first]

    def take() -> None:
        st.session_state[key] = ordered()
        _close()

    ticked = ordered()
    if ticked:
        st.session_state[pinned] = ticked[0]
        st.selectbox("Baseline", ticked, key=pinned, format_func=table["Name"].__getitem__)
    left, right = st.columns([3, 1], vertical_alignment="center")
    if len(ticked) > most:
        left.caption(f"{len(ticked)} are ticked: at most {most} stand side by side.")
    else:
        left.caption(f"{count(len(ticked), 'row')} ticked; {least} to {most} can be compared.")
    right.button(
        "Compare",
        type="primary",
        disabled=not least <= len(ticked) <= most,
        width="stretch",
        key=f"{key}_take",
        on_click=take,
    )
