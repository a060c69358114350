"""What a model is shown: batches, their order, augmentation and class weights."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ham.config import N_CLASSES, TrainConfig
from ham.data import LesionDataset, Split
from ham.models import DIHEDRAL, MODELS, Architecture, dihedral

if TYPE_CHECKING:
    import tensorflow as tf

MAX_SHIFT = 2  # pixels
MAX_ANGLE = np.pi / 4  # each way; with the dihedral turns every angle
MAX_ZOOM = 1.2  # and its inverse


def class_weights(labels: np.ndarray, power: float) -> np.ndarray:
    """float32 (7,), mean 1 over `labels`: the inverse frequency to this power."""
    counts = np.bincount(labels, minlength=N_CLASSES).astype(float)
    raw = np.where(counts > 0, np.maximum(counts, 1) ** -power, 0.0)
    return (raw * counts.sum() / (raw * counts).sum()).astype(np.float32)


def augment(images: np.ndarray, kind: str, rng: np.random.Generator) -> np.ndarray:
    """uint8 (n, 28, 28, 3), 0-255 -> uint8 or float32 of the same shape and range: every image
    turned, flipped, coloured and moved by its own draw. `kind` is an `augmentation` of
    TrainConfig.
    """
    steps = kind.split("+")
    if "dihedral" in steps:
        draws, turned = rng.integers(DIHEDRAL, size=len(images)), np.empty_like(images)
        for number in range(DIHEDRAL):
            turned[draws == number] = dihedral(images[draws == number], number)
        images = turned
    if "shift" in steps:
        images = _shifted(images, rng)
    if "affine" in steps:
        images = _warped(images, rng)
    return _coloured(images, rng) if "colour" in steps else images


def _shifted(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Moved by a whole number of pixels each way; what comes in is the mirror image of the edge."""
    n, size = images.shape[:2]
    mirror = _mirrored(np.arange(-MAX_SHIFT, size + MAX_SHIFT), size)
    starts = rng.integers(0, 2 * MAX_SHIFT + 1, (2, n, 1))
    rows, columns = mirror[starts + np.arange(size)]  # (n, size) each
    return images[np.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]]


def _warped(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """float32: a random half turned and zoomed about the middle and moved, bilinearly, the
    mirror image beyond the edge; the others stay as sharp as they are, since so are those that
    the model is asked about.
    """
    n, size = images.shape[:2]
    chosen = np.flatnonzero(rng.random(n) < 0.5)
    angle = rng.uniform(-MAX_ANGLE, MAX_ANGLE, len(chosen))
    scale = MAX_ZOOM ** rng.uniform(-1, 1, len(chosen))
    middle = (size - 1) / 2
    moved = middle + rng.uniform(-MAX_SHIFT, MAX_SHIFT, (2, len(chosen), 1, 1))
    out = np.arange(size) - middle
    cos, sin = (scale * np.cos(angle))[:, None, None], (scale * np.sin(angle))[:, None, None]
    rows, columns = (
        cos * out[:, None] - sin * out + moved[0],
        sin * out[:, None] + cos * out + moved[1],
    )
    warped = images.astype(np.float32)
    flat = warped[chosen].reshape(-1, images.shape[3])
    first = (np.arange(len(chosen)) * size * size)[:, None, None]
    top, left = np.floor(rows).astype(np.int64), np.floor(columns).astype(np.int64)
    down, right = (
        (rows - top)[..., None].astype(np.float32),
        (columns - left)[..., None].astype(np.float32),
    )

    def at(row: np.ndarray, column: np.ndarray) -> np.ndarray:
        return flat[first + _mirrored(row, size) * size + _mirrored(column, size)]

    warped[chosen] = (at(top, left) * (1 - down) + at(top + 1, left) * down) * (1 - right) + (
        at(top, left + 1) * (1 - down) + at(top + 1, left + 1) * down
    ) * right
    return warped


def _mirrored(place: np.ndarray, size: int) -> np.ndarray:
    """Places beyond 0 to size - 1, by less than size, as their mirror images."""
    return size - 1 - np.abs(size - 1 - np.abs(place))


def _coloured(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    n = len(images)
    # brightness, colour balance
    gain = rng.uniform(0.9, 1.1, (n, 1, 1, 1)) * rng.uniform(0.95, 1.05, (n, 1, 1, 3))
    contrast = rng.uniform(0.9, 1.1, (n, 1, 1, 1))
    coloured = images * gain.astype(np.float32)
    mean = coloured.mean(axis=(1, 2), keepdims=True)
    return np.clip((coloured - mean) * contrast.astype(np.float32) + mean, 0, 255)


def batches(
    dataset: LesionDataset,
    split: Split,
    config: TrainConfig,
    architecture: Architecture,
    first_epoch: int = 0,
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Endless (x, one-hot y, weight) batches from the start of an epoch on.

    Order and augmentation of an epoch are a function of (seed, epoch): a run that is taken up
    sees what it would have seen.
    """
    weights = class_weights(dataset.labels[split.train], config.class_weight)
    for epoch in itertools.count(first_epoch):
        rng = np.random.default_rng([config.seed, epoch])
        order = rng.permutation(split.train)
        for start in range(0, len(order), config.batch_size):
            rows = order[start : start + config.batch_size]
            labels = dataset.labels[rows]
            images = augment(dataset.images[rows], config.augmentation, rng)
            yield (
                architecture.prepare(images, config.pixel_scaling),
                one_hot(labels),
                weights[labels],
            )


def stream(
    dataset: LesionDataset,
    split: Split,
    config: TrainConfig,
    architecture: Architecture,
    first_epoch: int,
) -> tf.data.Dataset:
    """`batches` as a tf.data.Dataset, made ahead of the model.

    Not by Dataset.from_generator: that has the C library give every freed tensor back to the system
    (M_TRIM_THRESHOLD, TensorFlow 2.21), and taking it again cost more than half of the time of a
    training.
    """
    import tensorflow as tf

    source = batches(dataset, split, config, architecture, first_epoch)

    def next_batch(number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        x, y, weights = tf.numpy_function(
            lambda _: next(source), [number], (tf.float32, tf.float32, tf.float32)
        )
        x.set_shape((None, *architecture.input_shape))
        y.set_shape((None, N_CLASSES))
        weights.set_shape((None,))
        return x, y, weights

    return tf.data.Dataset.counter().map(next_batch).prefetch(4)


def validation_arrays(
    dataset: LesionDataset, split: Split, config: TrainConfig, architecture: Architecture
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(x, one-hot y, weight) of the validation images, not augmented, with the class weights of
    training: the loss that chooses the epoch is the one that is trained for.
    """
    labels = dataset.labels[split.validation]
    weights = class_weights(dataset.labels[split.train], config.class_weight)
    x = architecture.prepare(dataset.images[split.validation], config.pixel_scaling)
    return x, one_hot(labels), weights[labels]


def one_hot(labels: np.ndarray) -> np.ndarray:
    return np.eye(N_CLASSES, dtype=np.float32)[labels]


def first_batch(
    dataset: LesionDataset, split: Split, config: TrainConfig, n: int = 8
) -> np.ndarray:
    """uint8 (at most n, 28, 28, 3), RGB: the first images of epoch 1 as the model gets them,
    after augmentation.
    """
    x, _, _ = next(
        batches(dataset, split, config.replace(pixel_scaling="unit"), MODELS[config.model])
    )
    return np.rint(255 * x[:n].reshape(-1, *dataset.images.shape[1:])).astype(np.uint8)
