"""Files to take away: scores, everything the page knows, and every prediction."""

from __future__ import annotations

import dataclasses
import json
import math
import mimetypes
from collections.abc import Callable

import numpy as np
import pandas as pd
import streamlit as st

from ham import store
from ham.config import CODES
from ham.evaluation import EvaluationError, evaluation_record, intervals_record
from ham.ui.comparison import calibration, operating
from ham.ui.comparison.runs import Entry
from ham.ui.comparison.scores import differences_to_first, floors, test_part


def downloads(entries: list[Entry]) -> None:
    _download("Scores (CSV)", "ham-lab-scores.csv", lambda: scores_csv(entries),
              "A row a run and score with its interval, and the difference to A.")
    _download("All numbers (JSON)", "ham-lab-comparison.json", lambda: all_json(entries),
              "Scores, classes, confusion matrices, floors, differences, calibration, prediction sets and operating "
              "points.")
    _download("Predictions (CSV)", "ham-lab-predictions.csv", lambda: predictions_csv(entries),
              "A row a test image: true class, and of every run the class it names and its seven probabilities.")
    st.segmented_control("The camera in a chart's toolbar saves", ["PNG", "SVG"], default="PNG", required=True,
                         key="chart_format", persist_state="session")


def _download(label: str, file_name: str, content: Callable[[], str], what: str) -> None:
    button, words = st.columns([1, 3], vertical_alignment="center")
    button.download_button(label, content, file_name, mimetypes.guess_type(file_name)[0], on_click="ignore",
                           icon=":material/download:", width="stretch", key=f"comparison_{file_name}")
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


def all_json(entries: list[Entry]) -> str:
    """What this page shows as numbers: {"floors": {name: record}, "runs": [{letter, run, title, ...}]}; NaN is null."""
    differences, tests = differences_to_first(entries)
    runs = []
    for entry in entries:
        fitted = calibration.calibrated(entry)
        runs.append({
            "letter": entry.letter, "run": entry.run.id, "title": entry.label,
            **evaluation_record(entry.evaluation),
            "difference_to_A": None if entry.name not in differences else {
                **intervals_record(differences[entry.name]), "mcnemar": dataclasses.asdict(tests[entry.name])},
            "calibration": {
                **dataclasses.asdict(fitted.summary), "by_chance": fitted.by_chance,
                "reliability_before": _rows(fitted.before), "reliability_after": _rows(fitted.after)},
            "prediction_sets": {
                "coverage": dataclasses.asdict(fitted.sets.coverage), "mean_size": fitted.sets.mean_size,
                "sizes": fitted.sets.sizes.tolist(), "by_class": _rows(fitted.sets.by_class.reset_index())},
            "operating_points": _points(entry)})
    found = {"floors": {name: evaluation_record(floor) for name, floor in floors(entries).items()}, "runs": runs}
    return json.dumps(_finite(found), indent=1, allow_nan=False)


def _points(entry: Entry) -> dict[str, dict] | None:
    try:
        return {name: dataclasses.asdict(point) for name, point in operating.points(entry).items()}
    except EvaluationError:  # validation has no malignant image; the page says so
        return None


def _rows(table: pd.DataFrame) -> list[dict]:
    return table.to_dict(orient="records")


def _finite(value: object) -> object:
    """Numbers that JSON has no word for become null."""
    if isinstance(value, dict):
        return {name: _finite(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def predictions_csv(entries: list[Entry]) -> str:
    """Columns image_id, lesion, true, then <run>_answer and <run>_<code> of every run.

    Runs that ship name their images by keys; the ids are those of the first run that has them.
    """
    parts = store.aligned(*(test_part(entry.run) for entry in entries))
    named = next((part for entry, part in zip(entries, parts, strict=True) if not entry.run.shipped), parts[0])
    codes = np.array(CODES)
    columns = {"image_id": named.image_id, "lesion": named.lesion, "true": codes[named.y_true]}
    for entry, part in zip(entries, parts, strict=True):
        columns[f"{entry.run.id}_answer"] = codes[part.proba.argmax(axis=1)]
        columns |= {f"{entry.run.id}_{code}": part.proba[:, k] for k, code in enumerate(CODES)}
    return pd.DataFrame(columns).sort_values("image_id").to_csv(index=False, float_format="%.6g")
