"""Grad-CAM: which places of a layer a small change would move the answer most.

Selvaraju and others, Grad-CAM, ICCV 2017. Two things differ from the paper. The score is the
log-odds of what is asked about against all other classes, because a softmax knows its logits only
up to a constant and "malignant" is three classes. The layer is the last one that still has
places: the described CNN's last convolution has one, and its map would be blank.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ham.config import IMAGE_SIZE
from ham.models import DIHEDRAL, dihedral
from ham.prediction.predictor import Network, building

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

LEAST_PLACES = 7  # along a side; with the ResNet's last 4 the map is half as telling
_NEVER = -1e9  # a logit of no weight


def why_no_grad_cam(network: Network) -> str:
    """ "" where there is Grad-CAM."""
    if len(network.architecture.input_shape) < 3:
        return (
            f"An {network.architecture.title} has no layer of places, which Grad-CAM needs: it "
            "reads the image row by row."
        )
    if not _layers_with_places(network.model):
        return f"No layer has {LEAST_PLACES}x{LEAST_PLACES} places left, which Grad-CAM needs."
    return ""


def grad_cam(network: Network, seen: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Of each target float32 (t, 28, 28), 0 to 1, mean over the run's views; all 0 where no place
    speaks for it. Only where `why_no_grad_cam` is "".

    `seen`: uint8 (28, 28, 3); `targets`: bool (t, 7), the classes asked about together.
    """
    views = DIHEDRAL if network.config.test_time_augmentation == "dihedral" else 1
    turned = np.concatenate([dihedral(seen[np.newaxis], number) for number in range(views)])
    images = network.architecture.prepare(turned, network.config.pixel_scaling)
    ask = _weighted_places(network.model)
    return np.stack([_together(np.asarray(ask(images, target))) for target in targets])


def _together(views: np.ndarray) -> np.ndarray:
    """Small maps of the views, float32 (v, h, w) -> one of the image, (28, 28), 0 to 1."""
    total = np.zeros((IMAGE_SIZE, IMAGE_SIZE), np.float32)
    for number, small in enumerate(np.maximum(views, 0)):
        large = Image.fromarray(small).resize((IMAGE_SIZE,) * 2, Image.Resampling.BILINEAR)
        total += turned_back(np.asarray(large), number)
    strongest = float(total.max())
    return total / strongest if strongest > 0 else total


def turned_back(values: np.ndarray, number: int) -> np.ndarray:
    """A map (m, m) of view `number` of `ham.models.dihedral`, as it lies on the image itself."""
    return np.rot90(values[:, ::-1] if number >= 4 else values, -(number % 4))


def _layers_with_places(model: keras.Model) -> list[keras.Layer]:
    """Those whose output is (n, height, width, channels) with places enough, the last one last;
    the input is none.
    """
    return [
        layer
        for layer in model.layers[1:]
        if len(layer.output.shape) == 4 and min(layer.output.shape[1:3]) >= LEAST_PLACES
    ]


@functools.lru_cache(maxsize=16)  # tracing takes a second
def _weighted_places(model: keras.Model) -> Callable[[np.ndarray, np.ndarray], tf.Tensor]:
    """(images as the model takes them, bool (7,)) -> float32 (n, h, w): the layer's channels
    summed, each weighted by the mean of its gradient.
    """
    import keras
    import tensorflow as tf

    layer, last = _layers_with_places(model)[-1], model.layers[-1]
    with building:
        inner = keras.Model(model.inputs, [layer.output, last.input])
    signature = [
        tf.TensorSpec(model.input_shape, tf.float32),
        tf.TensorSpec((None,), tf.bool),
    ]

    def weighted(images: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(images)
            places, values = inner(images, training=False)
            logits = tf.matmul(values, last.kernel) + last.bias
            log_odds = tf.reduce_logsumexp(
                tf.where(target, logits, _NEVER), axis=1
            ) - tf.reduce_logsumexp(tf.where(target, _NEVER, logits), axis=1)
        weight = tf.reduce_mean(tape.gradient(log_odds, places), axis=(1, 2), keepdims=True)
        return tf.reduce_sum(weight * places, axis=3)

    return tf.function(weighted, input_signature=signature, autograph=False)
