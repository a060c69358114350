"""The CNN as the customer described it: valid padding and ReLU throughout."""

from __future__ import annotations

from ham.config import IMAGE_SIZE, N_CLASSES
from ham.models.architecture import Architecture
from ham.models.layers import (
    Layer,
    batch_norm,
    convolution,
    dense,
    dropout,
    flatten,
    group_norm,
    max_pooling,
    normalization,
)


def layers(
    filters_1: int,
    filters_2: int,
    filters_3: int,
    filters_4: int,
    filters_5: int,
    filters_6: int,
    units_1: int,
    units_2: int,
    **rate: float,
) -> list[Layer]:
    return [
        convolution(filters_1, 5),
        convolution(filters_2, 3),
        batch_norm(),
        max_pooling(2),
        convolution(filters_3, 3),
        convolution(filters_4, 3),
        convolution(filters_5, 3),
        group_norm(3),
        max_pooling(2),
        convolution(filters_6, 2),
        flatten(),
        normalization(),
        dense(units_1, "relu"),
        batch_norm(),
        dropout(rate["dropout"]),
        dense(units_2, "relu"),
        dense(N_CLASSES, "softmax"),
    ]


ARCHITECTURE = Architecture(
    "cnn",
    "Six convolutions with batch and group normalisation, then three dense layers.",
    (IMAGE_SIZE, IMAGE_SIZE, 3),
    layers,
)
