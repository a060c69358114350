"""The residual network, which is ours: what else 28x28 pixels give away on two cores.

He, Zhang, Ren, Sun, Deep residual learning for image recognition, CVPR 2016, in small: a stem
and three blocks, each of which halves the image's sides.
"""

from __future__ import annotations

from ham.config import IMAGE_SIZE, N_CLASSES
from ham.models.architecture import Architecture
from ham.models.layers import (
    Layer,
    dense,
    dropout,
    global_average_pooling,
    normed_convolution,
    relu,
    residual,
)


def layers(
    filters_1: int, filters_2: int, filters_3: int, filters_4: int, **rate: float
) -> list[Layer]:
    return [
        *normed_convolution(filters_1),
        relu(),
        *(block(filters) for filters in (filters_2, filters_3, filters_4)),
        global_average_pooling(),
        dropout(rate["dropout"]),
        dense(N_CLASSES, "softmax"),
    ]


def block(filters: int) -> Layer:
    """Two convolutions correct what a shortcut passes by them."""
    return residual(
        body=[*normed_convolution(filters, strides=2), relu(), *normed_convolution(filters)],
        shortcut=normed_convolution(filters, size=1, strides=2),
    )


ARCHITECTURE = Architecture(
    "resnet",
    "Three residual blocks: convolutions that correct what a shortcut passes by them.",
    (IMAGE_SIZE, IMAGE_SIZE, 3),
    layers,
)
