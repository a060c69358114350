"""Downloads of the Dataset page: the metadata of what is shown, its charts in one file, each
chart as a picture.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import streamlit as st

from ham import charts, data
from ham.ui.dataset.looks import color_figures
from ham.ui.dataset.overview import metadata_charts
from ham.ui.frame import choose, download, is_dark


def downloads(dataset: data.LesionDataset, words: str, rows: np.ndarray) -> None:
    """A button that opens what can be downloaded of the rows shown. Files are made when they are
    asked for.
    """
    with st.popover(
        "Download", icon=":material/download:", disabled=not len(rows), key="dataset_downloads"
    ):
        download(
            "Metadata (CSV)",
            lambda: metadata_csv(dataset, rows),
            f"{dataset.name}_metadata_{len(rows)}_images.csv",
            key="dataset_download",
            icon=":material/table:",
            width="stretch",
            help="The rows of the images shown, in the columns of the original file.",
        )
        dark = is_dark()
        download(
            "All charts (HTML)",
            lambda: charts_html(dataset, words, rows, dark),
            f"{dataset.name}_charts_{len(rows)}_images.html",
            key="dataset_download_charts",
            icon=":material/monitoring:",
            width="stretch",
            help="One file of 5 MB with these charts and those of the looks; it opens without "
            "a network.",
        )
        choose("The camera in a chart's toolbar saves", ["PNG", "SVG"], "chart_format", "PNG")


def metadata_csv(dataset: data.LesionDataset, rows: np.ndarray) -> str:
    """The metadata of these rows in the columns of the original file; an unknown age is empty."""
    return dataset.metadata.iloc[rows].to_csv(index=False)


def charts_html(dataset: data.LesionDataset, words: str, rows: np.ndarray, dark: bool) -> str:
    """The charts of these rows as one page for a browser; `words` says what was filtered."""
    drawn = metadata_charts(dataset.metadata.iloc[rows], dark) | color_figures(dataset, rows, dark)
    style = Path(__file__).parents[1].joinpath("distribution.css").read_text()
    return charts.charts_html(
        drawn.values(),
        f"{dataset.name}: {len(rows):,} images" + (f", {words}" * bool(words)),
        style,
        dark,
    )
