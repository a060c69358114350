"""Answers and finished runs of the leakage measurement, invented."""

from __future__ import annotations

import time
from collections.abc import Iterable

import numpy as np

from ham.config import CLASS_INDEX, CODES
from ham.data import LEAKAGE_SPLITS, LesionDataset, make_split, seen_in_training
from ham.evaluation import Answers
from ham.lab.leakage import lab_config
from ham.store import Predictions, Run
from tests.run_factory import finished_run

PROTOCOLS = [*LEAKAGE_SPLITS]
MEL, BCC, NV = CLASS_INDEX["mel"], CLASS_INDEX["bcc"], CLASS_INDEX["nv"]


def answers(y_true: Iterable[int], answered: Iterable[int], lesions: Iterable[int]) -> Answers:
    """Sure of what is answered: probability 0.94 of it."""
    y_true, answered = np.array(y_true), np.array(answered)
    proba = np.full((len(y_true), len(CODES)), 0.01)
    proba[np.arange(len(y_true)), answered.astype(int)] = 0.94
    return Answers(y_true, proba, np.array(lesions))


def invented(
    dataset: LesionDataset,
    protocol: str,
    seed: int = 0,
    seen_right: float = 1.0,
    unseen_right: float = 0.5,
) -> Run:
    """A finished run of the lab: of each class the first so many are right, else nv or mel."""
    config = lab_config(protocol, seed, dataset)
    split = make_split(dataset, protocol, seed=seed)
    labels, (seen, _) = dataset.labels[split.test], seen_in_training(split)
    answered = np.where(labels == NV, MEL, NV)
    for k in range(len(CODES)):
        for mask, share in ((seen, seen_right), (~seen, unseen_right)):
            rows = np.flatnonzero((labels == k) & mask)
            answered[rows[: round(share * len(rows))]] = k
    test = answers(labels, answered, dataset.groups[split.test])
    parts = Predictions(
        dataset.metadata["image_id"].to_numpy(dtype=str)[split.test],
        test.lesions,
        test.y_true,
        test.proba.astype(np.float32),
    )
    return finished_run(
        config,
        parts,
        data=dataset.record,
        split={
            "fingerprint": split.fingerprint,
            "protocol": protocol,
            "leaking": True,
            "test_fingerprint": split.test_fingerprint,
        },
        status={"epoch": config.epochs, "ended": time.time()},
    )
