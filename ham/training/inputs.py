"""What a model is shown: batches, their order, augmentation and class weights."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from ham.config import N_CLASSES, TrainConfig
from ham.data import LesionDataset, Split
from ham.models import MODELS, Architecture


def class_weights(labels: np.ndarray, kind: str) -> np.ndarray:
    """float32 (7,), mean 1 over `labels`: none, or by the inverse (root of the) frequency."""
    counts = np.bincount(labels, minlength=N_CLASSES).astype(float)
    power = {"none": 0.0, "sqrt": 0.5, "balanced": 1.0}[kind]
    raw = np.where(counts > 0, np.maximum(counts, 1) ** -power, 0.0)
    return (raw * counts.sum() / (raw * counts).sum()).astype(np.float32)


def augment(images: np.ndarray, kind: str, rng: np.random.Generator) -> np.ndarray:
    """uint8 or float32 (n, 28, 28, 3), 0-255 -> the same shape: every image turned, flipped and
    coloured by its own draw. `kind` is an `augmentation` of TrainConfig.
    """
    if kind == "none":
        return images
    turned = np.empty_like(images)
    draws = rng.integers(8, size=len(images))
    for draw in range(8):  # the dihedral group: four quarter turns, each mirrored or not
        chosen = np.rot90(images[draws == draw], draw % 4, axes=(1, 2))
        turned[draws == draw] = chosen[:, :, ::-1] if draw >= 4 else chosen
    if kind == "dihedral":
        return turned
    n = len(images)
    gain = rng.uniform(0.9, 1.1, (n, 1, 1, 1)) * rng.uniform(0.95, 1.05, (n, 1, 1, 3))  # brightness, colour balance
    contrast = rng.uniform(0.9, 1.1, (n, 1, 1, 1))
    coloured = turned * gain.astype(np.float32)
    mean = coloured.mean(axis=(1, 2), keepdims=True)
    return np.clip((coloured - mean) * contrast.astype(np.float32) + mean, 0, 255)


def batches(dataset: LesionDataset, split: Split, config: TrainConfig, architecture: Architecture,
            first_epoch: int = 0) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Endless (x, one-hot y, weight) batches from the start of an epoch on.

    Order and augmentation of an epoch are a function of (seed, epoch): a run that is taken up
    sees what it would have seen.
    """
    weights = class_weights(dataset.labels[split.train], config.class_weight)
    for epoch in itertools.count(first_epoch):
        rng = np.random.default_rng([config.seed, epoch])
        order = rng.permutation(split.train)
        for start in range(0, len(order), config.batch_size):
            rows = order[start:start + config.batch_size]
            labels = dataset.labels[rows]
            images = augment(dataset.images[rows], config.augmentation, rng)
            yield architecture.prepare(images), one_hot(labels), weights[labels]


def stream(dataset, split, config, architecture, first_epoch):
    import tensorflow as tf

    signature = (tf.TensorSpec((None, *architecture.input_shape), tf.float32),
                 tf.TensorSpec((None, N_CLASSES), tf.float32), tf.TensorSpec((None,), tf.float32))
    return tf.data.Dataset.from_generator(
        lambda: batches(dataset, split, config, architecture, first_epoch), output_signature=signature).prefetch(4)


def one_hot(labels: np.ndarray) -> np.ndarray:
    return np.eye(N_CLASSES, dtype=np.float32)[labels]


def first_batch(dataset: LesionDataset, split: Split, config: TrainConfig, n: int = 8) -> np.ndarray:
    """uint8 (at most n, 28, 28, 3), RGB: the first images of epoch 1 as the model gets them, after augmentation."""
    x, _, _ = next(batches(dataset, split, config, MODELS[config.model]))
    return np.rint(255 * x[:n].reshape(-1, *dataset.images.shape[1:])).astype(np.uint8)
