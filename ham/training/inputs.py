"""What a model is shown: batches, their order and class weights."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ham.config import N_CLASSES, TrainConfig
from ham.data import LesionDataset, Split
from ham.models import MODELS, Architecture, augment

if TYPE_CHECKING:
    import tensorflow as tf


def class_weights(labels: np.ndarray, power: float) -> np.ndarray:
    """float32 (7,), mean 1 over `labels`: the inverse frequency to this power."""
    counts = np.bincount(labels, minlength=N_CLASSES).astype(float)
    raw = np.where(counts > 0, np.maximum(counts, 1) ** -power, 0.0)
    return (raw * counts.sum() / (raw * counts).sum()).astype(np.float32)


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
