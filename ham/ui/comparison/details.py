"""Where the runs err, how they learned, what they were set to, and the tabs with all the rest."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from ham import charts, store
from ham.config import CODES, MODEL_SETTINGS, MODEL_TITLES, SETTINGS
from ham.ui.comparison import calibration, files, operating
from ham.ui.comparison.runs import Entry, in_rows
from ham.ui.frame import chart, is_dark, model_cards


def confusion(entries: list[Entry]) -> None:
    """A matrix a run on one colour scale, counted in one of three ways."""
    st.subheader("What is taken for what", anchor=False)
    by = st.segmented_control("Count cells by", list(charts.MATRIX_BY), default="count", required=True,
                              format_func=charts.MATRIX_BY.get, key="comparison_by", persist_state="session")
    figures = charts.confusion_matrices({entry.name: entry.evaluation.confusion for entry in entries}, by, is_dark())
    in_rows(entries, figures, "comparison_matrix")
    scale = "The colour follows the square root of the count, so that rare classes show." if by == "count" else \
        "The colour runs from 0 to 100 %."
    st.caption(f"One colour scale for all runs. {scale} The lines part malignant (mel, bcc, akiec) from benign "
               "classes: top right are malignant lesions called benign.")


def classes(entries: list[Entry]) -> None:
    """Recall, precision, F1 and AUC of every class."""
    st.subheader("Class by class", anchor=False)
    score = st.segmented_control("Score", list(charts.CLASS_SCORES), default="recall", required=True,
                                 format_func=lambda score: charts.CLASS_SCORES[score][0], key="comparison_class",
                                 persist_state="session", label_visibility="collapsed")
    chart(charts.per_class_scores({entry.name: entry.evaluation.per_class for entry in entries}, score, is_dark()),
          "comparison_classes")
    table = class_table(entries)
    percent, area = (st.column_config.NumberColumn(format=written) for written in ("%.0f %%", "%.2f"))
    st.dataframe(table, width="stretch", height="content", alt="Recall, precision, F1 and AUC by class", column_config={
        column: area if column.startswith("AUC") else percent for column in table if column != "Images"})
    st.caption("Empty: no test image, or never predicted. Of a class with ten test images, one image is ten points of "
               "recall. AUC: how often, of two images of which one is of this class, that one gets the higher "
               "probability of it; 0.5 is guessing.")


def class_table(entries: list[Entry]) -> pd.DataFrame:
    """A row a class: test images; recall, precision and F1 of each run, 0 to 100, and AUC, 0 to 1."""
    columns = {"Images": entries[0].evaluation.per_class["support"]}
    for score, (title, factor, _) in charts.CLASS_SCORES.items():
        for entry in entries:
            columns[f"{title} {entry.letter}"] = factor * entry.evaluation.per_class[score]
    return pd.DataFrame(columns).loc[list(CODES)].set_axis(list(charts.CLASS_TITLES)).rename_axis("Class")


def more(entries: list[Entry]) -> None:
    believed, sets, point, by_class, curves, settings, away = st.tabs(
        ["Calibration", "Prediction sets", "Operating point", "ROC by class", "Learning curves",
         "Settings that differ", "Download"])
    with believed:
        calibration.reliability(entries)
    with sets:
        calibration.sets(entries)
    with point:
        operating.malignant(entries)
    with by_class:
        operating.by_class(entries)
    with curves:
        _curves(entries)
    with settings:
        _settings(entries)
    with away:
        files.downloads(entries)


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
    model_cards([entry.run for entry in entries], "comparison")


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
