"""The baselines that stand in every table: the majority class and a logistic regression on the
pixels.
"""

from __future__ import annotations

import dataclasses
import warnings
from typing import TYPE_CHECKING

import numpy as np

from ham.config import CLASSES, N_CLASSES, LesionClass
from ham.evaluation.scores import Evaluation, evaluate

if TYPE_CHECKING:
    from sklearn.decomposition import PCA

LOGISTIC_REGRESSION = "Logistic regression on the pixels"
COMPONENTS = 200
COMPONENTS_FROM = 10_000  # images at most; oversampling makes 37,000 of 8,000
BLOCK = 4096  # images
ITERATIONS = 500


def majority_proba(y_train: np.ndarray, n: int) -> np.ndarray:
    """float64 (n, 7): the training part's class shares for every image; its answer is always the
    majority class.
    """
    share = np.bincount(np.asarray(y_train, np.int64), minlength=N_CLASSES) / len(y_train)
    return np.tile(share, (n, 1))


def majority_class(counts: np.ndarray) -> LesionClass:
    """The most frequent class of the training part; the first of several."""
    return CLASSES[int(np.argmax(counts))]


def majority_title(counts: np.ndarray) -> str:
    """ "Always melanocytic nevus (nv)"."""
    found = majority_class(counts)
    return f"Always {found.name.lower()} ({found.code})"


def majority_baseline(counts: np.ndarray, y_true: np.ndarray, lesions: np.ndarray) -> Evaluation:
    """The scores of always predicting the training part's most frequent class, on these images.

    Each class has the probability of its share in training, as whoever knows nothing of an image
    would say it: all images the same, so that every AUC is 0.5, and Brier score and log loss are
    what a model has to fall below. What does not depend on which images they are has no
    interval: a recall is 0 or 1 whatever is drawn.
    """
    share = np.asarray(counts, np.float64) / np.sum(counts)
    found = evaluate(y_true, np.tile(share, (len(y_true), 1)), lesions)
    by_draw = ("accuracy", "macro_f1", "brier", "log_loss")
    return dataclasses.replace(
        found,
        scores={
            key: score if key in by_draw else score.without() for key, score in found.scores.items()
        },
    )


def logistic_regression_proba(
    train_images: np.ndarray, y_train: np.ndarray, test_images: np.ndarray
) -> np.ndarray:
    """float64 (n, 7) of a multinomial logistic regression on the pixels, uint8 (n, 28, 28, 3).

    On their first 200 principal components, whitened: as good as on all 2,352 values (AUC 0.86
    on a lesion split) and a matter of seconds instead of minutes. A class without training
    images has probability 0.
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
    # one thread: with several, these small products mostly wait for each other (3 s became 7 to
    # 60 on two busy cores)
    with threadpool_limits(1), warnings.catch_warnings():
        # a baseline that is nearly fitted is one too
        warnings.simplefilter("ignore", ConvergenceWarning)
        # images that are all the same have no variance to share out
        with np.errstate(invalid="ignore"):
            reduce.fit(_pixels(train_images[sample]))
        model.fit(_reduced(reduce, train_images), y_train)
        proba = np.zeros((len(test_images), N_CLASSES))
        proba[:, model.classes_] = model.predict_proba(_reduced(reduce, test_images))
    return proba / proba.sum(axis=1, keepdims=True)


def _reduced(reduce: PCA, images: np.ndarray) -> np.ndarray:
    """Principal components, a block at a time: as floats the pixels take four times their room."""
    blocks = range(0, len(images), BLOCK)
    return np.concatenate(
        [reduce.transform(_pixels(images[start : start + BLOCK])) for start in blocks]
    )


def _pixels(images: np.ndarray) -> np.ndarray:
    return np.asarray(images, np.float32).reshape(len(images), -1) / 255
