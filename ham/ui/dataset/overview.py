"""The charts of the Dataset page: class balance, age, sex and site by class."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from ham import charts, data
from ham.ui.frame import chart, is_dark


def overview(metadata: pd.DataFrame) -> None:
    """Class balance, age, sex and site by class, of the rows given."""
    dark = is_dark()
    missing, zero = int(metadata["age"].isna().sum()), int((metadata["age"] == 0).sum())
    left, right = st.columns(2, gap="large")
    with left:
        chart(charts.class_balance_chart(data.class_balance(metadata), dark), "dataset_balance")
        chart(charts.sex_chart(data.count_by_class(metadata, "sex"), dark), "dataset_sex")
    with right:
        chart(charts.age_chart(data.age_by_class(metadata), missing, zero, dark), "dataset_age")
        chart(charts.site_chart(data.count_by_class(metadata, "localization"), dark), "dataset_site")
