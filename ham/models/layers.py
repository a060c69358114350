"""The layers that architectures are made of, each with what it makes of a shape and how many
parameters it has.

One table of these is an architecture: Keras layers are built from it, and parameters are counted
from it by arithmetic, without building anything. A shape is that of one image on its way,
without the batch: (height, width, channels), (steps, values) or (values,). Defaults that are not
named are Keras' own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

Shape = tuple[int, ...]
Parameters = tuple[int, int]  # trainable, not trainable


@dataclass(frozen=True)
class Layer:
    """One row of an architecture's table."""

    title: str  # for people: "Convolution 5x5, 30"
    output: Callable[[Shape], Shape]
    count: Callable[[Shape], Parameters]
    apply: Callable[[keras.KerasTensor], keras.KerasTensor]  # imports Keras


@dataclass(frozen=True)
class Row:
    """What a layer is in its place: for people, and for pictures of an architecture."""

    title: str
    shape: Shape  # of its output
    trainable: int
    fixed: int


def rows(layers: Sequence[Layer], shape: Shape) -> list[Row]:
    """The table of layers for an input of this shape."""
    found = []
    for layer in layers:
        trainable, fixed = layer.count(shape)
        shape = layer.output(shape)
        found.append(Row(layer.title, shape, trainable, fixed))
    return found


def chain(x: keras.KerasTensor, layers: Sequence[Layer]) -> keras.KerasTensor:
    """The Keras layers one after the other, made in this order: a seed gives the same weights
    each time.
    """
    for layer in layers:
        x = layer.apply(x)
    return x


def _keras(
    name: str, *arguments: object, **options: object
) -> Callable[[keras.KerasTensor], keras.KerasTensor]:
    """A Keras layer of this name, made when it is applied."""

    def apply(x: keras.KerasTensor) -> keras.KerasTensor:
        from keras import layers

        return getattr(layers, name)(*arguments, **options)(x)

    return apply


def _none(shape: Shape) -> Parameters:
    return 0, 0


def _same(shape: Shape) -> Shape:
    return shape


# ------------------------------------------------------------------------------- convolutions


def convolution(filters: int, size: int) -> Layer:
    """size x size, valid padding, ReLU, with a bias."""
    return Layer(
        f"Convolution {size}x{size}, {filters}",
        lambda shape: (shape[0] - size + 1, shape[1] - size + 1, filters),
        lambda shape: (filters * (shape[2] * size**2 + 1), 0),
        _keras("Conv2D", filters, size, activation="relu"),
    )


def normed_convolution(filters: int, size: int = 3, strides: int = 1) -> list[Layer]:
    """size x size, same padding, no activation, then a batch norm, before which a bias is of no
    use.
    """
    plain = Layer(
        f"Convolution {size}x{size}, {filters}" + f", step {strides}" * (strides > 1),
        lambda shape: (math.ceil(shape[0] / strides), math.ceil(shape[1] / strides), filters),
        lambda shape: (filters * shape[2] * size**2, 0),
        _keras(
            "Conv2D",
            filters,
            size,
            strides,
            padding="same",
            use_bias=False,
            kernel_initializer="he_normal",
        ),
    )
    return [plain, batch_norm(momentum=0.9)]


def residual(body: Sequence[Layer], shortcut: Sequence[Layer]) -> Layer:
    """The sum of two ways through a block, then ReLU."""

    def apply(x: keras.KerasTensor) -> keras.KerasTensor:
        from keras import layers

        passed = chain(x, shortcut)
        return layers.ReLU()(layers.Add()([chain(x, body), passed]))

    def count(shape: Shape) -> Parameters:
        parts = [*rows(body, shape), *rows(shortcut, shape)]
        return sum(row.trainable for row in parts), sum(row.fixed for row in parts)

    title = "Residual block: " + " · ".join(
        layer.title for layer in body if layer.title.startswith("Convolution")
    )
    return Layer(title, lambda shape: rows(body, shape)[-1].shape, count, apply)


def max_pooling(size: int) -> Layer:
    return Layer(
        f"Max pooling {size}x{size}",
        lambda shape: (shape[0] // size, shape[1] // size, shape[2]),
        _none,
        _keras("MaxPooling2D", size),
    )


def global_average_pooling() -> Layer:
    return Layer(
        "Average over the image", lambda shape: shape[-1:], _none, _keras("GlobalAveragePooling2D")
    )


def flatten() -> Layer:
    return Layer("Flatten", lambda shape: (math.prod(shape),), _none, _keras("Flatten"))


# ----------------------------------------------------------------------------- normalisation


def batch_norm(**options: float) -> Layer:
    """Scale and offset are trained, the moving mean and variance are not."""
    return Layer(
        "Batch normalisation",
        _same,
        lambda shape: (2 * shape[-1], 2 * shape[-1]),
        _keras("BatchNormalization", **options),
    )


def group_norm(groups: int) -> Layer:
    return Layer(
        f"Group normalisation, {groups} groups",
        _same,
        lambda shape: (2 * shape[-1], 0),
        _keras("GroupNormalization", groups=groups),
    )


def normalization() -> Layer:
    """Never adapted, so the identity: mean, variance and a count that nothing changes."""
    return Layer(
        "Normalisation", _same, lambda shape: (0, 2 * shape[-1] + 1), _keras("Normalization")
    )


# ------------------------------------------------------------------------------------- others


def relu() -> Layer:
    return Layer("ReLU", _same, _none, _keras("ReLU"))


def dropout(rate: float) -> Layer:
    return Layer(f"Dropout {rate:g}", _same, _none, _keras("Dropout", rate))


def dense(units: int, activation: str) -> Layer:
    return Layer(
        f"Dense {units}, {activation}",
        lambda shape: (units,),
        lambda shape: ((shape[-1] + 1) * units, 0),
        _keras("Dense", units, activation=activation),
    )


def lstm_layer(units: int, sequence: bool) -> Layer:
    """Four gates (input, forget, cell, output); a `sequence` hands every step on, else the last
    alone.
    """
    return Layer(
        f"LSTM {units}",
        lambda shape: (shape[0], units) if sequence else (units,),
        lambda shape: (4 * units * (shape[1] + units + 1), 0),
        _keras("LSTM", units, return_sequences=sequence),
    )
