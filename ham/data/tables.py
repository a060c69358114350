"""What the metadata says, class by class. Rows and columns of classes are in CLASSES order."""

from __future__ import annotations

import pandas as pd

from ham.config import CODES


def class_balance(metadata: pd.DataFrame) -> pd.DataFrame:
    """Images and lesions of each class: a row a class, columns images, lesions."""
    by_class = metadata.groupby("dx")
    table = pd.DataFrame({"images": by_class.size(), "lesions": by_class["lesion_id"].nunique()})
    return table.reindex(list(CODES), fill_value=0).rename_axis("dx")


def count_by_class(metadata: pd.DataFrame, column: str) -> pd.DataFrame:
    """Images of each class by a column's values: a row a value, the most frequent first, a column a class."""
    table = pd.crosstab(metadata[column], metadata["dx"]).reindex(columns=list(CODES), fill_value=0)
    return table.loc[table.sum(axis=1).sort_values(ascending=False, kind="stable").index]


def age_by_class(metadata: pd.DataFrame) -> pd.DataFrame:
    """Ages of the images of each class: known (how many), p5, q1, median, q3, p95 (years; NaN where none is known)."""
    ages = metadata.groupby("dx")["age"]
    quantiles = ages.quantile([0.05, 0.25, 0.5, 0.75, 0.95]).unstack()
    quantiles.columns = ["p5", "q1", "median", "q3", "p95"]
    table = quantiles.reindex(list(CODES))
    table.insert(0, "known", ages.count().reindex(list(CODES), fill_value=0))
    return table.rename_axis("dx")
