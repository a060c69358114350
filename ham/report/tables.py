"""The tables of a comparison, in words: a column or a row a run."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from ham import store
from ham.config import CLASSES, CODES, MODEL_SETTINGS, MODEL_TITLES, SETTINGS
from ham.data import SPLIT_TITLES
from ham.evaluation import (
    SCORES,
    Interval,
    OperatingPoint,
    PredictionSets,
    format_difference,
    format_score,
    p_value,
    percent,
)
from ham.report.comparison import Comparison
from ham.report.names import RunName
from ham.report.run_report import BY_CLASS, Calibrated, RunReport
from ham.store import Run

#: Scores of a class: key -> word, factor (100: written in per cent).
CLASS_SCORES: dict[str, tuple[str, float]] = {
    "recall": ("Recall", 100),
    "precision": ("Precision", 100),
    "f1": ("F1", 100),
    "auc": ("AUC", 1),
}
_TITLES = [c.title for c in CLASSES]


def score_table(comparison: Comparison) -> pd.DataFrame:
    """A row a score, a column a run and one for each baseline."""
    columns = {
        str(name): report.evaluation.scores for name, report in comparison.reports.items()
    } | {name: found.scores for name, found in comparison.baselines.items()}
    return pd.DataFrame(
        {
            name: {
                score.title: unbroken(format_score(key, scores[key]))
                for key, score in SCORES.items()
            }
            for name, scores in columns.items()
        }
    )


def difference_table(comparison: Comparison) -> pd.DataFrame:
    """A row a score and one for McNemar's test, a column a run but the first.

    Bold (Markdown) where the interval leaves zero out.
    """

    def cell(key: str, found: Interval, sure: bool) -> str:
        words = unbroken(format_difference(key, found))
        return f"**{words}**" if sure else words

    first = comparison.names[0].short
    return pd.DataFrame(
        {
            f"{name.short} minus {first}": {
                score.title: cell(key, found.scores[key], found.sure(key))
                for key, score in SCORES.items()
            }
            | {"McNemar's test": f"p {p_value(found.test.p)}"}
            for name, found in comparison.differences.items()
        }
    )


def class_table(comparison: Comparison) -> pd.DataFrame:
    """A row a class: test images; of each run recall, precision, F1 (0 to 100) and AUC (0 to 1)."""
    columns = {"Images": comparison.first.evaluation.per_class["support"]}
    for score, (title, factor) in CLASS_SCORES.items():
        for name, report in comparison.reports.items():
            columns[f"{title} {name.short}"] = factor * report.evaluation.per_class[score]
    return _by_class(columns)


def auc_table(comparison: Comparison) -> pd.DataFrame:
    """A row a class: test images and the AUC of each run."""
    return _by_class(
        {"Images": comparison.first.evaluation.per_class["support"]}
        | {
            name.short: report.evaluation.per_class["auc"]
            for name, report in comparison.reports.items()
        }
    )


def _by_class(columns: dict[str, pd.Series]) -> pd.DataFrame:
    return pd.DataFrame(columns).loc[list(CODES)].set_axis(_TITLES).rename_axis("Class")


def calibration_table(found: Mapping[RunName, Calibrated]) -> pd.DataFrame:
    """A row a run."""
    return pd.DataFrame(
        [
            {
                "Run": str(name),
                "Temperature": f"{one.summary.temperature:.2f}",
                "Calibration error before": points(one.summary.ece_before),
                "After": points(one.summary.ece_after),
                "By chance": points(one.by_chance),
            }
            for name, one in found.items()
        ]
    ).set_index("Run")


def set_table(found: Mapping[RunName, PredictionSets]) -> pd.DataFrame:
    """A column a run: sizes of the sets, and by class the images whose set holds the true class."""
    columns = {}
    for name, of_run in found.items():
        alone = of_run.sizes[0] / max(of_run.sizes.sum(), 1)
        rows = {
            "Mean set size": f"{of_run.mean_size:.2f}",
            "Sets of one class": f"{100 * alone:.0f} %",
            "Covered, all classes": unbroken(percent(of_run.coverage)),
        }
        for code in CODES:
            row = of_run.by_class.loc[code]
            rows[f"Covered, {code}"] = f"{row['covered']:,.0f} of {row['n']:,.0f}"
        columns[str(name)] = rows
    return pd.DataFrame(columns).rename_axis("On the test images")


def operating_table(
    found: Mapping[RunName, Mapping[str, OperatingPoint]], target: str
) -> pd.DataFrame:
    """Two rows a run: at the threshold for `target`, where there is one; by the predicted class."""
    rows = {}
    for name, points_of_run in found.items():
        for key in (target, BY_CLASS):
            if key in points_of_run:
                how = "predicted class" if key == BY_CLASS else "threshold"
                rows[f"{name.short}, {how}"] = _operating_row(points_of_run[key])
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("Run")


def _operating_row(point: OperatingPoint) -> dict[str, str]:
    return {
        "Malignant from": "–" if point.threshold is None else threshold_in_words(point.threshold),
        "Sensitivity": unbroken(percent(point.sensitivity)),
        "Malignant missed": f"{point.missed:,} of {point.n_malignant:,}",
        "Specificity": unbroken(percent(point.specificity)),
        "False alarms": f"{point.false_alarms:,} of {point.n_benign:,}",
    }


def settings_table(reports: Mapping[RunName, RunReport]) -> pd.DataFrame:
    """A row a setting or version, a column a run; a dash where a model has no such setting."""
    columns = {}
    for name, report in reports.items():
        config, record = report.run.config, report.run.record
        columns[str(name)] = {
            "Model": MODEL_TITLES[config.model],
            "Recipe": config.recipe,
            **{setting.label: _written(getattr(config, setting.name)) for setting in SETTINGS},
            **{
                setting.label: _written(config.model_settings[setting.name])
                for setting in MODEL_SETTINGS[config.model]
            },
            "Version of HAM Lab": record.code_version,
            **{f"Version of {package}": version for package, version in record.packages.items()},
        }
    found = dict.fromkeys(label for column in columns.values() for label in column)
    return pd.DataFrame(
        {name: [column.get(label, "–") for label in found] for name, column in columns.items()},
        index=pd.Index(list(found), name="Setting"),
    )


def threshold_in_words(threshold: float) -> str:
    """ "12.3 %", with as many digits as tell a small one from 0."""
    return f"{100 * threshold:.1f} %" if threshold >= 0.001 else f"{100 * threshold:.2g} %"


def points(value: float) -> str:
    """A difference of shares in points of 100: 0.034 -> "3.4 points"."""
    return f"{100 * value:.1f} points"


def unbroken(words: str) -> str:
    """May be broken before the interval only."""
    return words.replace(" ", "\N{NO-BREAK SPACE}").replace("\N{NO-BREAK SPACE}(", " (")


def _written(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _run_row(name: RunName, run: Run) -> dict[str, str]:
    history, data = store.read_history(run), run.record.data
    ships = f" ({store.SHIPS})" if run.shipped else ""
    cancelled = " (cancelled)" if run.state == "cancelled" and not run.shipped else ""
    parameters = run.record.parameters
    return {
        "Letter": name.letter,
        "Run": name.title + ships + cancelled,
        "Data": data.name + (" (synthetic)" if run.synthetic else ""),
        "Split": SPLIT_TITLES[run.config.split][0],
        "Epoch kept": f"{run.status.best_epoch} of {len(history)}",
        "Parameters": f"{parameters.total:,}" if parameters is not None else "–",
        "Trained in": _duration(history["seconds"].sum()),
        "Id": run.id,
    }


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def runs_table(compared: Comparison) -> pd.DataFrame:
    """A row a run: what each letter stands for."""
    return pd.DataFrame([_run_row(name, one.run) for name, one in compared.reports.items()])
