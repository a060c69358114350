"""The charts of the Dataset page's first view: classes, ages, sexes, sites and ways of
diagnosis, and their numbers.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from ham import data
from ham.charts.distribution import age_boxes, class_bars, method_bars, sex_bars, site_table
from ham.config import CODES
from ham.data import method_in_words
from ham.lesson import Fact
from ham.ui.components import pressable
from ham.ui.dataset.filters import show_classes
from ham.ui.frame import behind, choose, is_dark, numbers_wanted
from ham.ui.noted import note


def show_overview(dataset: data.LesionDataset, rows: np.ndarray) -> None:
    """Class balance, age, sex, site and way of diagnosis by class, of the rows given."""
    drawn = _drawn(dataset.fingerprint, rows, is_dark(), dataset)
    with st.container(key="dataset_charts"):
        left, right = st.columns(2, gap="large")
    with left:
        pressable(drawn["balance"], "dataset_balance", _class_clicked)
        _numbers(dataset, rows, "class")
        st.html(drawn["site"])
        _numbers(dataset, rows, "localization")
    with right:
        for name, by in (("age", "quartiles"), ("sex", "sex"), ("method", "dx_type")):
            st.html(drawn[name])
            _numbers(dataset, rows, by)
    behind(
        "The numbers as tables",
        lambda: _tables(dataset, rows),
        "dataset_tables",
        ":material/table:",
    )
    note(Fact.BALANCE_SEEN)


@st.cache_resource(max_entries=16, show_spinner=False)  # nobody changes a text
def _drawn(
    fingerprint: str, rows: np.ndarray, dark: bool, _dataset: data.LesionDataset
) -> dict[str, str]:
    return metadata_charts(_dataset.metadata.iloc[rows], dark, buttons=True)


def metadata_charts(metadata: pd.DataFrame, dark: bool, buttons: bool = False) -> dict[str, str]:
    """The five charts by name, HTML; `buttons`: a class of the balance can be clicked."""
    missing, zero = int(metadata["age"].isna().sum()), int((metadata["age"] == 0).sum())
    return {
        "balance": class_bars(data.class_balance(metadata), dark, buttons),
        "age": age_boxes(data.age_by_class(metadata), missing, zero, dark),
        "sex": sex_bars(data.count_by_class(metadata, "sex"), dark),
        "site": site_table(data.count_by_class(metadata, "localization"), dark),
        "method": method_bars(data.count_by_class(metadata, "dx_type"), method_in_words, dark),
    }


def _class_clicked(code: str) -> None:
    """It becomes the filter."""
    if code in CODES:
        show_classes([code])


def _tables(dataset: data.LesionDataset, rows: np.ndarray) -> None:
    by = choose("Images by class and", data.TABLES, "dataset_table", "class")
    _table(dataset, rows, by, f"dataset_table_{by}")


def _numbers(dataset: data.LesionDataset, rows: np.ndarray, by: str) -> None:
    """Of the chart above, where they are wanted."""
    if numbers_wanted():
        _table(dataset, rows, by, f"dataset_numbers_{by}")


def _table(dataset: data.LesionDataset, rows: np.ndarray, by: str, key: str) -> None:
    alt = f"Images by class and {data.TABLES[by].lower()}"
    st.dataframe(data.count_table(dataset.metadata.iloc[rows], by), key=key, alt=alt)
