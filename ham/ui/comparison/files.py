"""Files to take away: scores, everything the page knows, and every prediction."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime

import streamlit as st

from ham.document import Subject, comparison_html
from ham.report import Comparison, predictions_csv, report_document, scores_csv
from ham.ui import model_file
from ham.ui.comparison import changed, external, shuffled, slices
from ham.ui.comparison.images import data_of
from ham.ui.frame import choose, download, plain


def downloads(compared: Comparison) -> None:
    download_row(
        "Report (HTML)",
        "ham-lab-comparison.html",
        lambda: _report(compared),
        "All of this page in one file for any browser, with model cards and the CLAIM checklist. "
        "Made in some seconds.",
    )
    download_row(
        "Scores (CSV)",
        "ham-lab-scores.csv",
        lambda: scores_csv(compared),
        "A row a run and score with its interval, and the difference to A.",
    )
    download_row(
        "All numbers (JSON)",
        "ham-lab-comparison.json",
        lambda: all_json(compared),
        "Scores and their parts, classes, confusion matrices, baselines, differences, calibration, "
        "prediction sets, operating points, predictive values and costs.",
    )
    download_row(
        "Predictions (CSV)",
        "ham-lab-predictions.csv",
        lambda: predictions_csv(compared),
        "A row a test image: true class, and of every run the predicted class and its seven "
        "probabilities.",
    )
    choose("The camera in a chart's toolbar saves", ["PNG", "SVG"], "chart_format", "PNG")
    st.header("Models for other programs", anchor=False, help=model_file.HELP)
    runs = {plain(name): one.run for name, one in compared.reports.items()}
    model_file.as_files(runs, "comparison")


def _report(compared: Comparison) -> str:
    dataset, _ = data_of(compared.first)
    why_not = "Images are left out: the test images are not in the data in use."
    found = changed.measured(compared), shuffled.measured(compared)
    return comparison_html(Subject(compared, dataset, why_not, *found), datetime.now())


def download_row(label: str, file_name: str, content: Callable[[], str], what: str) -> None:
    """A button, and beside it what stands in the file."""
    with st.container(key=f"comparison_file_{file_name}"):
        button, words = st.columns([1, 3], vertical_alignment="center")
    with button:
        download(label, content, file_name, width="stretch", key=f"comparison_{file_name}")
    words.markdown(f":gray[{what}]")


def all_json(compared: Comparison) -> str:
    """The document of docs/report-schema.md."""
    first = compared.first.run.id
    document = report_document(
        compared.reports,
        compared.differences,
        first,
        **slices.record(compared),
        **external.record(compared),
    )
    return json.dumps(document, indent=1, allow_nan=False)
