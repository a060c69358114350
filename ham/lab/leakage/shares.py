"""What of the test part each protocol lets training see: shares, and pairs of images."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable

import numpy as np

from ham.config import HamError
from ham.data import (
    LEAKAGE_SPLITS,
    LeakageReport,
    LesionDataset,
    leakage_report,
    make_split,
    pairs_across,
)

# -------------------------------------------------------------------------------- shares

SHOWN_SEEDS = range(5)  # of the splits whose mean is shown


def reports(
    dataset: LesionDataset, seeds: Iterable[int], protocols: Iterable[str] = LEAKAGE_SPLITS
) -> dict[str, LeakageReport | str]:
    """By protocol the mean over splits with these seeds, or why the data set cannot be split so."""
    seeds = list(seeds)
    found: dict[str, LeakageReport | str] = {}
    for protocol in protocols:
        try:
            splits = [make_split(dataset, protocol, seed=seed) for seed in seeds]
        except HamError as error:
            found[protocol] = str(error)
        else:
            found[protocol] = mean_report([leakage_report(split) for split in splits])
    return found


def mean_report(found: list[LeakageReport]) -> LeakageReport:
    """By field; of a share over those splits that have it."""
    means = {}
    for field in dataclasses.fields(LeakageReport):
        values = np.array([getattr(report, field.name) for report in found], float)
        values = values[np.isfinite(values)]
        means[field.name] = float(values.mean()) if len(values) else math.nan
    return LeakageReport(**means)


def seen_in_words(protocol: str, report: LeakageReport) -> str:
    """The finding of one protocol in one plain sentence."""
    if protocol == "oversample":
        return f"{_percent(report.copies)} of the test rows are exact copies of training rows."
    if not report.sibling:
        return "No test image shows a lesion that training has seen."
    melanoma = (
        ""
        if math.isnan(report.sibling_mel)
        else f" and {_percent(report.sibling_mel)} of the melanoma images"
    )
    images = f"{_percent(report.sibling)} of the test images{melanoma}"
    return f"{images} show a lesion that training has seen."


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


# --------------------------------------------------------------------------------- pairs


def pairs(dataset: LesionDataset, seed: int) -> dict[str, np.ndarray]:
    """`data.pairs_across` of one split by each protocol by which the data set can be split."""
    found = {}
    for protocol in LEAKAGE_SPLITS:
        try:
            split = make_split(dataset, protocol, seed=seed)
        except HamError:
            continue  # `reports` says why
        found[protocol] = pairs_across(split)
    return found


def pairs_in_words(found: np.ndarray) -> str:
    """How many test images training has another photograph of, or has itself.

    `found`: int (n, 2), rows of the data set in test and training, as `pairs_across` gives them.
    """
    copies = int((found[:, 0] == found[:, 1]).sum())
    others = len(found) - copies
    if not copies:
        return f"{others:,} test images have another photograph of their lesion in training"
    words = f"{copies:,} different test images are in training themselves"
    if not others:
        return words
    return f"{words}, {others:,} more have another photograph of their lesion there"
