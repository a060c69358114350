"""What people take away: one JSON schema for every reader, scores and predictions as CSV."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ham.config import CODES
from ham.evaluation import evaluation_record, intervals_record
from ham.report.comparison import Comparison, Difference
from ham.report.names import RunName
from ham.report.probability_record import probabilities_record
from ham.report.run_report import RunReport

#: See docs/report-schema.md; the number rises where an entry changes its name or its meaning.
SCHEMA = "ham-lab report 2"


def report_document(
    reports: Mapping[RunName, RunReport],
    differences: Mapping[RunName, Difference] | None = None,
    first: str | None = None,
    **about: object,
) -> dict[str, Any]:
    """{"schema", ... `about`, "runs": [`report_record` of each]}; `first`: as there."""
    differences = differences or {}
    return {
        "schema": SCHEMA,
        **about,
        "runs": [
            report_record(report, name, differences.get(name), first)
            for name, report in reports.items()
        ],
    }


def report_record(
    report: RunReport, name: RunName, difference: Difference | None = None, first: str | None = None
) -> dict[str, Any]:
    """All that is known of one run's answers, JSON-ready; what JSON has no number for is None.

    `first`: the id of the run that `difference` is to.
    """
    unchosen = report.nothing_to_choose_on
    known = {
        "run": report.run.id,
        "letter": name.letter or None,
        "title": name.title,
        **evaluation_record(report.evaluation),
        "baselines": {title: evaluation_record(found) for title, found in report.baselines.items()},
        "calibration": None if unchosen else _calibration(report),
        "prediction_sets": None if unchosen else _sets(report),
        "operating_points": {
            key: dataclasses.asdict(point) for key, point in report.operating_points.items()
        },
        **probabilities_record(report),
        "difference": None
        if difference is None
        else {
            "minus": first,
            "scores": intervals_record(difference.scores),
            "mcnemar": {
                "correct_by_the_first_only": difference.test.b,
                "correct_by_this_only": difference.test.c,
                "p": difference.test.p,
            },
        },
    }
    return {name: finite(entry) for name, entry in known.items()}


def _calibration(report: RunReport) -> dict[str, Any]:
    found = report.calibration
    return {
        "temperature": found.summary.temperature,
        "ece_before": found.summary.ece_before,
        "ece_after": found.summary.ece_after,
        "by_chance": found.by_chance,
        "confidence": found.confidence,
        "reliability_before": _rows(found.before),
        "reliability_after": _rows(found.after),
    }


def _sets(report: RunReport) -> dict[str, Any]:
    """A threshold of null: validation was too small, and every class is in every set."""
    found = report.sets
    return {
        "threshold": found.threshold,
        "coverage": dataclasses.asdict(found.coverage),
        "mean_size": found.mean_size,
        "sizes": found.sizes.tolist(),
        "by_class": _rows(found.by_class.reset_index()),
        "class_conditional": _class_sets(report),
    }


def _class_sets(report: RunReport) -> dict[str, Any]:
    """A threshold of null: the class is in every set."""
    found = report.class_sets
    return {
        "thresholds": found.thresholds,
        "n_validation": found.n_validation,
        "coverage": dataclasses.asdict(found.sets.coverage),
        "mean_size": found.sets.mean_size,
        "sizes": found.sets.sizes.tolist(),
        "by_class": _rows(found.sets.by_class.reset_index()),
    }


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return table.to_dict(orient="records")


def finite(value: object) -> object:
    """JSON-ready: what JSON has no number for is None, to any depth."""
    if isinstance(value, dict):
        return {name: finite(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def scores_csv(comparison: Comparison) -> str:
    """Columns letter, run, title, score, value, low, high, and of the difference to the first run
    difference, difference_low, difference_high, mcnemar_p.
    """
    rows = []
    for name, report in comparison.reports.items():
        for key, score in report.evaluation.scores.items():
            row = {
                "letter": name.letter,
                "run": report.run.id,
                "title": name.title,
                "score": key,
                "value": score.value,
                "low": score.low,
                "high": score.high,
            }
            if (found := comparison.differences.get(name)) is not None:
                difference = found.scores[key]
                row |= {
                    "difference": difference.value,
                    "difference_low": difference.low,
                    "difference_high": difference.high,
                    "mcnemar_p": found.test.p if key == "accuracy" else None,
                }
            rows.append(row)
    return pd.DataFrame(rows).to_csv(index=False)


def predictions_csv(comparison: Comparison) -> str:
    """Columns image_id, lesion, true, then <run>_answer and <run>_<code> of every run.

    Runs that ship name their images by keys; the ids are those of the first run that has them.
    """
    runs = {name: report.run for name, report in comparison.reports.items()}
    parts = comparison.aligned
    with_ids = next(
        (parts[name] for name, run in runs.items() if not run.shipped), next(iter(parts.values()))
    )
    codes = np.array(CODES)
    columns: dict[str, np.ndarray] = {
        "image_id": with_ids.image_id,
        "lesion": with_ids.lesion,
        "true": codes[with_ids.y_true],
    }
    for name, part in parts.items():
        columns[f"{runs[name].id}_answer"] = codes[part.proba.argmax(axis=1)]
        columns |= {f"{runs[name].id}_{code}": part.proba[:, k] for k, code in enumerate(CODES)}
    return pd.DataFrame(columns).sort_values("image_id").to_csv(index=False, float_format="%.6g")
