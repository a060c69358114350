"""What stands in every table as a floor: the majority class and a logistic regression on the pixels."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from ham.config import N_CLASSES
from ham.evaluation.scores import Evaluation, evaluate
from ham.evaluation.words import evaluation_from_record

if TYPE_CHECKING:
    from sklearn.decomposition import PCA

LOGISTIC_REGRESSION = "Logistic regression on the pixels"
COMPONENTS = 200
COMPONENTS_FROM = 10_000  # images at most; oversampling makes 37,000 of 8,000
BLOCK = 4096  # images
ITERATIONS = 500


def majority_proba(y_train: np.ndarray, n: int) -> np.ndarray:
    """float64 (n, 7): the training part's class shares for every image; its answer is always the majority class."""
    share = np.bincount(np.asarray(y_train, np.int64), minlength=N_CLASSES) / len(y_train)
    return np.tile(share, (n, 1))


def majority_floor(y_true: np.ndarray, lesions: np.ndarray) -> Evaluation:
    """The scores of always answering these images' most frequent class."""
    return evaluate(y_true, majority_proba(y_true, len(y_true)), lesions)


def stored_floor(record: dict) -> Evaluation | None:
    """The logistic regression's scores in a run's record; None where an earlier version wrote none."""
    try:
        return evaluation_from_record(record["floors"]["logistic_regression"])
    except (KeyError, TypeError, ValueError, AttributeError):  # none, or what another version wrote
        return None


def logistic_regression_proba(train_images: np.ndarray, y_train: np.ndarray, test_images: np.ndarray) -> np.ndarray:
    """float64 (n, 7) of a multinomial logistic regression on the pixels, uint8 (n, 28, 28, 3).

    On their first 200 principal components, whitened: as good as on all 2,352 values (AUC 0.86 on a lesion
    split) and a matter of seconds instead of minutes. A class without training images has probability 0.
    """
    from sklearn.decomposition import PCA
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    y_train = np.asarray(y_train, np.int64)
    if len(np.unique(y_train)) == 1:  # nothing to tell apart
        return majority_proba(y_train, len(test_images))
    sample = np.sort(np.random.default_rng(0).permutation(len(y_train))[:COMPONENTS_FROM])
    reduce = PCA(min(COMPONENTS, len(sample) - 1), whiten=True, random_state=0)
    model = LogisticRegression(C=0.1, max_iter=ITERATIONS)
    # one thread: with several, these small products mostly wait for each other (3 s became 7 to 60 on two busy cores)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a floor that is nearly fitted is one too
        with np.errstate(invalid="ignore"):  # images that are all the same have no variance to share out
            reduce.fit(_pixels(train_images[sample]))
        model.fit(_reduced(reduce, train_images), y_train)
        proba = np.zeros((len(test_images), N_CLASSES))
        proba[:, model.classes_] = model.predict_proba(_reduced(reduce, test_images))
    return proba / proba.sum(axis=1, keepdims=True)


def _reduced(reduce: PCA, images: np.ndarray) -> np.ndarray:
    """Principal components, a block at a time: as floats the pixels take four times their room."""
    blocks = range(0, len(images), BLOCK)
    return np.concatenate([reduce.transform(_pixels(images[start:start + BLOCK])) for start in blocks])


def _pixels(images: np.ndarray) -> np.ndarray:
    return np.asarray(images, np.float32).reshape(len(images), -1) / 255
