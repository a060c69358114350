"""Like which: the training images that a run takes for most like an image.

Likeness is nearness in what the run makes of an image just before its last layer, which sees
nothing else: two images at one place there get one answer. Every image is taken as it lies,
without the run's further views, so that the training images are through in seconds.
"""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ham import io
from ham.config import DataError, StoreError, cache_folder
from ham.data import LesionDataset, Split, configured_split
from ham.prediction.predictor import Network, building
from ham.report.words import whole_percent
from ham.store import Run, image_keys, read_predictions

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

NEIGHBOURS = 5
_UNUSUAL = 0.05  # share of the validation images
FORMAT = 1  # raised when what is kept changes: older ones are then not found
_AT_ONCE = 256  # images


@dataclass(frozen=True)
class Neighbour:
    """A training image."""

    row: int  # of the data set
    label: int  # its diagnosis, index in CLASSES
    distance: float  # in the run's features, without a unit
    nearer: float  # share of the validation images that have one nearer than this, 0-1

    @property
    def in_words(self) -> str:
        """How usual its distance is; "" where nobody knows."""
        if math.isnan(self.nearer):
            return ""
        nearer = f"{whole_percent(self.nearer)} of the validation images have a nearer one"
        if self.nearer > 1 - _UNUSUAL:
            return f"unusually far: {nearer}"
        return f"{'unusually near' if self.nearer < _UNUSUAL else 'as near as usual'}: {nearer}"


@dataclass(frozen=True, eq=False)
class FeatureSpace:
    """A run's training images as the run sees them, and how near new images usually lie."""

    rows: np.ndarray  # int64 (n,), of the data set, each once
    features: np.ndarray  # float32 (n, d)
    usual: np.ndarray  # float32 (m,), ascending: of each validation image to its nearest
    labels: np.ndarray  # int64, the data set's
    groups: np.ndarray  # int64, the data set's lesions

    def nearest(
        self, features: np.ndarray, k: int = NEIGHBOURS, lesion: int | None = None
    ) -> tuple[Neighbour, ...]:
        """The `k` training images nearest to features (d,), the nearest first; none of the
        `lesion`, a number in `groups`.
        """
        distance = _distances(features[np.newaxis], self.features)[0]
        if lesion is not None:
            distance[self.groups[self.rows] == lesion] = np.inf
        order = np.argsort(distance, kind="stable")[:k]
        return tuple(
            Neighbour(
                int(self.rows[i]),
                int(self.labels[self.rows[i]]),
                float(distance[i]),
                float(np.mean(self.usual < distance[i])) if len(self.usual) else float("nan"),
            )
            for i in order
            if np.isfinite(distance[i])
        )


def features(network: Network, images: np.ndarray) -> np.ndarray:
    """What the model makes of images, uint8 (n, 28, 28, 3), before its last layer: float32
    (n, d).
    """
    ask = _before_the_last(network.model)
    parts = [
        np.asarray(
            ask(
                network.architecture.prepare(
                    images[start : start + _AT_ONCE], network.config.pixel_scaling
                )
            )
        )
        for start in range(0, len(images), _AT_ONCE)
    ]
    return np.concatenate(parts)


def feature_space(
    network: Network,
    run: Run,
    dataset: LesionDataset,
    report: io.Report | None = None,
    stop: threading.Event | None = None,
) -> FeatureSpace:
    """The run's training images in its own features; kept in the cache, and made in seconds.

    Raises HamError where the data set does not hold the run's training images, io.Stopped soon
    after `stop` is set.
    """
    split = trained_on(run, dataset)
    train, validation = np.unique(split.train), np.unique(split.validation)
    sha256 = run.record.model.sha256 if run.record.model else ""
    key = "-".join(sha[:16] for sha in (sha256, dataset.fingerprint, split.fingerprint))
    found = io.kept(
        cache_folder() / f"features-{key}-{FORMAT}.npz",
        functools.partial(_read, shape=(len(train), len(validation))),
        lambda: _made(network, dataset, train, validation, report, stop),
        lambda arrays, draft: io.write_arrays(draft, arrays),
        "what a run makes of its training images",
    )
    return FeatureSpace(train, found["features"], found["usual"], dataset.labels, dataset.groups)


def lesion_of(dataset: LesionDataset, seen: np.ndarray) -> int | None:
    """The lesion, a number in `groups`, of an image with these very pixels, uint8 (28, 28, 3);
    None where the data set has none.
    """
    same = np.flatnonzero((dataset.images == seen).all(axis=(1, 2, 3)))
    return int(dataset.groups[same[0]]) if len(same) else None


def trained_on(run: Run, dataset: LesionDataset) -> Split:
    """The run's split of this data set. Raises HamError where its training images are not there.

    One's own run asks for the very same data. A run that ships was trained on another copy of the
    photographs: there the names of its validation and test images decide (`same_test_images`).
    """
    recorded, config = run.record.split, run.config
    other = StoreError(
        f"The training images of {run.title}",
        f"they are not in the data in use ({dataset.name}).",
        f"Choose {run.record.data.name} on the Dataset page.",
    )
    if not run.shipped and run.record.data.fingerprint != dataset.fingerprint:
        raise other
    try:
        split = configured_split(dataset, config)
    except DataError as error:
        raise other from error
    if split.test_fingerprint != recorded.test_fingerprint:
        raise other
    if not run.shipped and split.fingerprint != recorded.fingerprint:
        raise other
    if run.shipped:
        keys = image_keys(dataset.metadata["image_id"].to_numpy()[split.validation])
        if set(keys) != set(image_keys(read_predictions(run)["validation"].image_id)):
            raise other
    return split


# ------------------------------------------------------------------------------- inside


def _made(
    network: Network,
    dataset: LesionDataset,
    train: np.ndarray,
    validation: np.ndarray,
    report: io.Report | None,
    stop: threading.Event | None,
) -> dict[str, np.ndarray]:
    rows, tell = np.concatenate([train, validation]), io.stoppable(report, stop)
    parts = []
    for start in range(0, len(rows), _AT_ONCE):
        tell(start, len(rows), "Looking at the training images")
        parts.append(features(network, dataset.images[rows[start : start + _AT_ONCE]]))
    found = np.concatenate(parts)
    ours, theirs = found[len(train) :], found[: len(train)]
    distance = _distances(ours, theirs)
    distance[dataset.groups[validation][:, np.newaxis] == dataset.groups[train]] = np.inf
    usual = np.sort(distance.min(axis=1, initial=np.inf))
    return {"features": theirs, "usual": usual[np.isfinite(usual)]}


def _read(path: Path, shape: tuple[int, int]) -> dict[str, np.ndarray]:
    """Raises ValueError where these are not the features of so many images."""
    arrays = io.read_arrays(path)
    found, usual = arrays["features"], arrays["usual"]
    fits = found.ndim == 2 and len(found) == shape[0] and usual.ndim == 1 and len(usual) <= shape[1]
    if not fits or any(a.dtype != np.float32 or not np.isfinite(a).all() for a in (found, usual)):
        raise ValueError(f"it holds {found.dtype} of shape {found.shape}")
    return arrays


def _distances(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Euclidean, float32 (n, m)."""
    squares = (
        np.square(ours).sum(axis=1)[:, np.newaxis]
        + np.square(theirs).sum(axis=1)
        - 2 * (ours @ theirs.T)
    )
    return np.sqrt(np.maximum(squares, 0))


@functools.lru_cache(maxsize=16)  # tracing takes a second
def _before_the_last(model: keras.Model) -> Callable[[np.ndarray], tf.Tensor]:
    import keras
    import tensorflow as tf

    with building:
        inner = keras.Model(model.inputs, model.layers[-1].input)
    signature = [tf.TensorSpec(model.input_shape, tf.float32)]
    return tf.function(
        lambda images: inner(images, training=False), input_signature=signature, autograph=False
    )
