"""Where the runs err, how they learned, what they were set to, and files to take away."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import streamlit as st

from ham import charts, store
from ham.config import CODES, MODEL_SETTINGS, MODEL_TITLES, SETTINGS
from ham.ui.comparison.runs import Entry
from ham.ui.comparison.scores import aligned, differences_to_first, test_part
from ham.ui.frame import chart, is_dark

CLASS_SCORES = {"recall": "Recall", "precision": "Precision", "f1": "F1"}


def confusion(entries: list[Entry]) -> None:
    """A matrix a run on one colour scale, counted in one of three ways."""
    st.subheader("What is taken for what", anchor=False)
    by = st.segmented_control("Count cells by", list(charts.MATRIX_BY), default="count", required=True,
                              format_func=charts.MATRIX_BY.get, key="comparison_by", persist_state="session")
    figures = charts.confusion_matrices({entry.name: entry.evaluation.confusion for entry in entries}, by, is_dark())
    in_a_row = 2 if len(entries) in (2, 4) else 3
    for start in range(0, len(entries), in_a_row):
        for column, entry, figure in zip(st.columns(in_a_row, gap="medium"), entries[start:start + in_a_row],
                                         figures[start:start + in_a_row], strict=False):
            with column:
                chart(figure, f"comparison_matrix_{entry.run.id}")
    scale = "The colour follows the square root of the count, so that rare classes show." if by == "count" else \
        "The colour runs from 0 to 100 %."
    st.caption(f"One colour scale for all runs. {scale} The lines part malignant (mel, bcc, akiec) from benign "
               "classes: top right are malignant lesions called benign.")


def classes(entries: list[Entry]) -> None:
    """Recall, precision and F1 of every class."""
    st.subheader("Class by class", anchor=False)
    score = st.segmented_control("Score", list(CLASS_SCORES), default="recall", required=True, persist_state="session",
                                 format_func=CLASS_SCORES.get, key="comparison_class", label_visibility="collapsed")
    chart(charts.per_class_scores({entry.name: entry.evaluation.per_class for entry in entries}, score, is_dark()),
          "comparison_classes")
    table = class_table(entries)
    percent = st.column_config.NumberColumn(format="%.0f %%")
    st.dataframe(table, width="stretch", height="content", alt="Precision, recall and F1 by class",
                 column_config={column: percent for column in table if column != "Images"})
    st.caption("Empty: no test image, or never predicted. Of a class with ten test images, one image is ten points of "
               "recall.")


def class_table(entries: list[Entry]) -> pd.DataFrame:
    """A row a class: test images; precision, recall and F1 of each run, 0 to 100."""
    columns = {"Images": entries[0].evaluation.per_class["support"]}
    for score, title in CLASS_SCORES.items():
        for entry in entries:
            columns[f"{title} {entry.letter}"] = 100 * entry.evaluation.per_class[score]
    return pd.DataFrame(columns).loc[list(CODES)].set_axis(list(charts.CLASS_TITLES)).rename_axis("Class")


def more(entries: list[Entry]) -> None:
    curves, settings, files = st.tabs(["Learning curves", "Settings that differ", "Download"])
    with curves:
        _curves(entries)
    with settings:
        _settings(entries)
    with files:
        _files(entries)


def _curves(entries: list[Entry]) -> None:
    histories = {entry.name: store.read_history(entry.run) for entry in entries}
    kept = {entry.name: entry.run.status.best_epoch for entry in entries}
    measure = st.segmented_control("Measure beside the loss", [m for m in charts.CURVES if m != "loss"], required=True,
                                   default="accuracy", format_func=lambda m: charts.CURVES[m][0].capitalize(),
                                   key="comparison_curve", persist_state="session", label_visibility="collapsed")
    for column, metric in zip(st.columns(2, gap="large"), ("loss", measure), strict=True):
        with column:
            chart(charts.learning_curves(histories, metric, kept, dark=is_dark()), f"comparison_curve_{metric}")
    st.caption("Training accuracy is measured while an epoch goes on, with dropout; validation after it, without. So "
               "training may lie below validation.")


def _settings(entries: list[Entry]) -> None:
    table = settings_table(entries)
    different = table[table.nunique(axis=1) > 1]
    if different.empty:
        st.markdown("Every setting is the same.")
    else:
        st.dataframe(different, width="stretch", height="content", alt="Settings in which the runs differ")
    with st.expander("All settings"):
        st.dataframe(table, width="stretch", height="content", alt="All settings of the runs")


def settings_table(entries: list[Entry]) -> pd.DataFrame:
    """A row a setting or version, a column a run, all in words; a dash where a model has no such setting."""
    columns = {}
    for entry in entries:
        config, record = entry.run.config, entry.run.record
        own = MODEL_SETTINGS[config.model]
        columns[entry.name] = {
            "Model": MODEL_TITLES[config.model], "Recipe": config.recipe,
            **{setting.label: _written(getattr(config, setting.name)) for setting in SETTINGS},
            **{setting.label: _written(config.model_settings[setting.name]) for setting in own},
            "Version of HAM Lab": record["code_version"],
            **{f"Version of {name}": version for name, version in record["packages"].items()}}
    labels = dict.fromkeys(label for column in columns.values() for label in column)
    return pd.DataFrame({name: [column.get(label, "–") for label in labels] for name, column in columns.items()},
                        index=pd.Index(list(labels), name="Setting"))


def _written(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _files(entries: list[Entry]) -> None:
    _download("Scores (CSV)", "ham-lab-scores.csv", lambda: scores_csv(entries),
              "A row a run and score with its interval, and the difference to A.")
    _download("Predictions (CSV)", "ham-lab-predictions.csv", lambda: predictions_csv(entries),
              "A row a test image: true class, and of every run the class it names and its seven probabilities.")
    st.segmented_control("The camera in a chart's toolbar saves", ["PNG", "SVG"], default="PNG", required=True,
                         key="chart_format", persist_state="session")


def _download(label: str, file_name: str, content: Callable[[], str], what: str) -> None:
    button, words = st.columns([1, 3], vertical_alignment="center")
    button.download_button(label, content, file_name, "text/csv", icon=":material/download:", on_click="ignore",
                           width="stretch", key=f"comparison_{file_name}")
    words.markdown(f":gray[{what}]")


def scores_csv(entries: list[Entry]) -> str:
    """Columns letter, run, title, score, value, low, high, difference, difference_low, difference_high, mcnemar_p."""
    differences, tests = differences_to_first(entries)
    rows = []
    for entry in entries:
        for key, score in entry.evaluation.scores.items():
            row = {"letter": entry.letter, "run": entry.run.id, "title": entry.label, "score": key,
                   "value": score.value, "low": score.low, "high": score.high}
            if entry.name in differences:
                difference = differences[entry.name][key]
                row |= {"difference": difference.value, "difference_low": difference.low,
                        "difference_high": difference.high,
                        "mcnemar_p": tests[entry.name].p if key == "accuracy" else None}
            rows.append(row)
    return pd.DataFrame(rows).to_csv(index=False)


def predictions_csv(entries: list[Entry]) -> str:
    """Columns image_id, lesion, true, then <run>_answer and <run>_<code> of every run."""
    parts = aligned(*(test_part(entry.run) for entry in entries))
    codes = np.array(CODES)
    columns = {"image_id": parts[0].image_id, "lesion": parts[0].lesion, "true": codes[parts[0].y_true]}
    for entry, part in zip(entries, parts, strict=True):
        columns[f"{entry.run.id}_answer"] = codes[part.proba.argmax(axis=1)]
        columns |= {f"{entry.run.id}_{code}": part.proba[:, k] for k, code in enumerate(CODES)}
    return pd.DataFrame(columns).to_csv(index=False, float_format="%.6g")
