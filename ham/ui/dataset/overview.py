"""The charts of the Dataset page's first view: classes, ages, sexes, sites and ways of
diagnosis, and their numbers.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import streamlit as st

from ham import charts, data
from ham.config import CODES
from ham.data import method_in_words
from ham.lesson import Fact
from ham.ui.dataset.filters import show_classes
from ham.ui.frame import chart, choose, is_dark
from ham.ui.noted import note


def show_overview(dataset: data.LesionDataset, rows: np.ndarray) -> None:
    """Class balance, age, sex, site and way of diagnosis by class, of the rows given."""
    figures = _figures(dataset.fingerprint, rows, is_dark(), dataset)
    with st.container(key="dataset_charts"):
        left, right = st.columns(2, gap="large")
    with left:
        chart(
            figures["balance"], "dataset_balance", on_select=_class_clicked, selection_mode="points"
        )
        chart(figures["site"], "dataset_site")
    with right:
        for name in ("age", "sex", "method"):
            chart(figures[name], f"dataset_{name}")
    with st.expander(
        "The numbers as tables", icon=":material/table:", on_change="rerun", key="dataset_tables"
    ) as box:
        if box.open:
            _tables(dataset.metadata.iloc[rows])
    note(Fact.BALANCE_SEEN)


@st.cache_resource(max_entries=16, show_spinner=False)  # nobody changes a figure
def _figures(
    fingerprint: str, rows: np.ndarray, dark: bool, _dataset: data.LesionDataset
) -> dict[str, object]:
    return metadata_figures(_dataset.metadata.iloc[rows], dark)


def metadata_figures(metadata: pd.DataFrame, dark: bool) -> dict[str, object]:
    """The five figures by name."""
    missing, zero = int(metadata["age"].isna().sum()), int((metadata["age"] == 0).sum())
    return {
        "balance": charts.class_balance_chart(data.class_balance(metadata), dark),
        "age": charts.age_chart(data.age_by_class(metadata), missing, zero, dark),
        "sex": charts.sex_chart(data.count_by_class(metadata, "sex"), dark),
        "site": charts.site_chart(data.count_by_class(metadata, "localization"), dark),
        "method": charts.method_chart(
            data.count_by_class(metadata, "dx_type"), method_in_words, dark
        ),
    }


def _class_clicked() -> None:
    """A bar was clicked: its class becomes the filter."""
    points = st.session_state["dataset_balance"]["selection"]["points"]
    codes = {code for point in points for code in _texts(point.get("customdata"))}
    if codes:
        show_classes(sorted(codes))


def _texts(customdata: object) -> Iterator[str]:
    """Streamlit hands one value on as it is or in a list, as the browser's Plotly does."""
    for value in customdata if isinstance(customdata, list | tuple) else [customdata]:
        if value in CODES:
            yield value


def _tables(metadata: pd.DataFrame) -> None:
    by = choose("Images by class and", data.TABLES, "dataset_table", "class")
    st.dataframe(
        data.count_table(metadata, by),
        key=f"dataset_table_{by}",
        alt=f"Images by class and {data.TABLES[by].lower()}",
    )
