"""All runs, or all groups, as a table to choose from and as numbers to plot against each other."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence

import pandas as pd

from ham.config import MODEL_SETTINGS, MODEL_TITLES, RECIPES, SETTINGS, TrainConfig
from ham.data import SPLIT_TITLES
from ham.evaluation import SCORES
from ham.report.groups import Group
from ham.store import Run


def run_overview(runs: Sequence[Run]) -> pd.DataFrame:
    """A row a run by its id: name, what it is, scores on test, date and tags.

    Scores are in per cent where SCORES writes them so, NaN where unknown.
    """
    rows = [
        {
            "Name": run.title,
            **_kind(run.config),
            "Data": run.record.data.name,
            **_scores({key: found.value for key, found in (run.scores or {}).items()}),
            "Trained": time.strftime("%Y-%m-%d %H:%M", time.localtime(run.status.created)),
            "Tags": ", ".join(run.notes.tags),
        }
        for run in runs
    ]
    return pd.DataFrame(rows, index=pd.Index([run.id for run in runs], dtype=object))


def group_overview(groups: Sequence[Group]) -> pd.DataFrame:
    """As `run_overview`, a row a group: scores are means over its runs."""
    rows = [
        {
            "Name": group.title,
            **_kind(group.config),
            "Runs": len(group.members),
            **_scores({key: found.mean for key, found in group.spreads.items()}),
            "Tags": group.tag,
        }
        for group in groups
    ]
    return pd.DataFrame(rows, index=pd.Index([group.id for group in groups], dtype=object))


def run_numbers(runs: Sequence[Run]) -> pd.DataFrame:
    """A row a run by its id: size, data and every setting that is a number, by their labels.

    Only what differs between the runs; NaN where a run has no such setting.
    """
    rows = []
    for run in runs:
        record, config = run.record, run.config
        parameters = record.parameters
        own = MODEL_SETTINGS[config.model]
        values: Mapping[str, object] = {
            **{setting.label: getattr(config, setting.name) for setting in SETTINGS},
            **{setting.label: config.model_settings[setting.name] for setting in own},
        }
        rows.append(
            {
                "Parameters": parameters.total if parameters else math.nan,
                "Training images": record.split.n_train or math.nan,
                "Epoch kept": run.status.best_epoch or math.nan,
                **{
                    label: float(value)
                    for label, value in values.items()
                    if isinstance(value, int | float) and not isinstance(value, bool)
                },
            }
        )
    table = pd.DataFrame(rows, index=pd.Index([run.id for run in runs], dtype=object), dtype=float)
    return table[[column for column in table if table[column].nunique(dropna=False) > 1]]


def found_by_words(table: pd.DataFrame, words: str) -> pd.DataFrame:
    """The rows that hold every one of these words, in any column of text."""
    text = table.select_dtypes(exclude="number").astype(str).agg(" ".join, axis=1).str.casefold()
    kept = [all(word in row for word in words.casefold().split()) for row in text]
    return table[kept]


def _kind(config: TrainConfig) -> dict[str, str]:
    return {
        "Model": MODEL_TITLES[config.model],
        "Recipe": RECIPES[config.recipe].title if config.recipe in RECIPES else config.recipe,
        "Split": SPLIT_TITLES[config.split][0],
    }


def _scores(values: Mapping[str, float]) -> dict[str, float]:
    return {
        score.title: values.get(key, math.nan) * (100 if score.percent else 1)
        for key, score in SCORES.items()
    }
