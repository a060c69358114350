"""The LSTM as the customer described it: a row of the image is a step."""

from __future__ import annotations

from ham.config import IMAGE_SIZE, N_CLASSES
from ham.models.architecture import Architecture
from ham.models.layers import Layer, dense, dropout, lstm_layer


def layers(
    units_1: int, units_2: int, units_3: int, dropout_1: float, dropout_2: float, dropout_3: float
) -> list[Layer]:
    return [
        lstm_layer(units_1, sequence=True),
        dropout(dropout_1),
        lstm_layer(units_2, sequence=True),
        dropout(dropout_2),
        lstm_layer(units_3, sequence=False),
        dropout(dropout_3),
        dense(N_CLASSES, "softmax"),
    ]


ARCHITECTURE = Architecture(
    "lstm",
    "Reads the image row by row: 28 steps of 84 values through three LSTM layers.",
    (IMAGE_SIZE, IMAGE_SIZE * 3),
    layers,
)
