"""What was done: data and split of each run, its test images, and the surest wrong answers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ham import store
from ham.config import CODES, StoreError
from ham.data import SPLIT_TITLES, LesionDataset
from ham.report.comparison import Comparison
from ham.report.names import RunName
from ham.report.run_report import RunReport


def data_table(compared: Comparison) -> pd.DataFrame:
    """A row a fact that is known of any run, a column a run; a dash where it is not known."""
    columns = {str(name): _facts(report) for name, report in compared.reports.items()}
    table = pd.DataFrame(columns).rename_axis("Data and split")
    return table[(table != "–").any(axis=1)]


def _facts(report: RunReport) -> dict[str, str]:
    config, record = report.run.config, report.run.record
    data, split = record.data, record.split
    counts = _train_counts(report)
    return {
        "Data": data.name + (" (synthetic)" if data.synthetic else ""),
        "Images": _count(data.n_images),
        "Lesions": _count(data.n_lesions),
        "Split": SPLIT_TITLES[config.split][0] + (" (leaks)" if report.run.leaking else ""),
        "Seed": str(config.seed),
        "Fold": str(config.fold),
        "Training images": _count(split.n_train),
        "Validation images": _count(split.n_validation),
        "Test images": _count(report.evaluation.n_images),
        "Test lesions": _count(report.evaluation.n_lesions),
        **{f"Training images, {code}": _count(counts.get(code)) for code in CODES},
        "Fingerprint of the data": data.fingerprint[:16],
        "Fingerprint of the test images": (split.test_fingerprint or "–")[:16],
    }


def _train_counts(report: RunReport) -> dict[str, int]:
    """Images by code; of an older run they are not known where its predictions are damaged."""
    try:
        counts = store.train_counts(report.run)
    except StoreError:
        return {}
    return {code: int(n) for code, n in zip(CODES, counts, strict=True)}


def _count(number: int | None) -> str:
    return "–" if number is None else f"{number:,}"


def rows_of(compared: Comparison, dataset: LesionDataset) -> np.ndarray:
    """Of the data set that holds the test images, int64 (n,), in the order of
    `compared.aligned`.
    """
    place = {key: row for row, key in enumerate(store.image_keys(dataset.metadata["image_id"]))}
    first = compared.aligned[compared.names[0]]
    return np.array([place[key] for key in store.image_keys(first.image_id)], np.int64)


def surest_mistakes(compared: Comparison, name: RunName, most: int) -> np.ndarray:
    """Places in `compared.aligned` of the images that the run got wrong, the surest first, int64,
    at most so many.
    """
    own = compared.aligned[name]
    answer = own.proba.argmax(axis=1)
    wrong = np.flatnonzero(answer != own.y_true)
    return wrong[np.argsort(-own.proba[wrong, answer[wrong]], kind="stable")][:most]
