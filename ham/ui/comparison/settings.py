"""What the runs were set to, and the way to train each again: with changes, or exactly."""

from __future__ import annotations

import streamlit as st

from ham.config import train_command
from ham.report import Comparison, settings_table
from ham.ui.again import train_again
from ham.ui.frame import behind, model_cards, plain, whole_table


def settings_and_again(compared: Comparison) -> None:
    """What differs; a link and a command line a run; all settings, and the model cards."""
    table = settings_table(compared.reports)
    different = table[table.nunique(axis=1) > 1]
    if different.empty:
        st.markdown("Every setting is the same.")
    else:
        whole_table(different, "Settings in which the runs differ")
    behind(
        "All settings",
        lambda: whole_table(table, "All settings of the runs"),
        "comparison_all_settings",
    )
    st.header(
        "Train again",
        anchor=False,
        help="The command trains on the data in use, with every setting that is no default of its "
        "recipe. On the same data, code and machine it gives the same model.",
    )
    for name, one in compared.reports.items():
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{plain(name)}**", width="content")
            train_again(one.run)
        st.code(train_command(one.run.config), language="bash", wrap_lines=True)
    model_cards([one.run for one in compared.reports.values()], "comparison")
