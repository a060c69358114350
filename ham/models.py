"""The architectures and their registry. TensorFlow is imported when a model is built, not before.

LSTM and CNN follow the customer's description to the layer: images come scaled to 0-1, valid padding
and ReLU in the CNN, Keras' own defaults for everything the description leaves open. The residual
network is ours: what else 28x28 pixels give away on two cores.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ham.config import IMAGE_SIZE, MODEL_SETTINGS, MODEL_TITLES, N_CLASSES, Setting, TrainConfig

if TYPE_CHECKING:
    import keras

#: Mean and standard deviation of red, green and blue (0-255) over the 28x28 images of HAM10000.
CHANNEL_MEAN, CHANNEL_STD = (194.7, 139.3, 145.5), (35.5, 38.4, 42.6)
PREPROCESSING = {  # by TrainConfig's pixel_scaling
    "unit": "RGB 0-255 divided by 255",
    "standard": f"RGB 0-255 minus {CHANNEL_MEAN}, divided by {CHANNEL_STD}",
}


@dataclass(frozen=True)
class Architecture:
    """How one kind of model is made, and what it takes."""

    name: str
    description: str
    input_shape: tuple[int, ...]  # of one image
    _outputs: Callable[..., keras.KerasTensor]  # of the input tensor and the settings
    _parameter_count: Callable[..., tuple[int, int]]

    @property
    def title(self) -> str:
        return MODEL_TITLES[self.name]

    @property
    def settings(self) -> tuple[Setting, ...]:
        return MODEL_SETTINGS[self.name]

    def build(self, **settings: float) -> keras.Model:
        """An untrained model: float32 (n, *input_shape) -> proba float32 (n, 7)."""
        import keras

        inputs = keras.Input(self.input_shape)
        return keras.Model(inputs, self._outputs(inputs, **self._complete(settings)), name=self.name)

    def parameter_count(self, **settings: float) -> tuple[int, int]:
        """(trainable, not trainable) parameters, by arithmetic: no model is built."""
        return self._parameter_count(**self._complete(settings))

    def prepare(self, images: np.ndarray, scaling: str) -> np.ndarray:
        """uint8 (n, 28, 28, 3) -> float32 (n, *input_shape). `scaling` is TrainConfig's `pixel_scaling`: "unit" gives
        0-1, "standard" about mean 0 and standard deviation 1 in each colour.
        """
        pixels = images.astype(np.float32)
        if scaling == "standard":
            pixels = (pixels - np.float32(CHANNEL_MEAN)) / np.float32(CHANNEL_STD)
        else:
            pixels = pixels / 255
        return pixels.reshape(-1, *self.input_shape)

    def proba(self, answer: Callable[[np.ndarray], np.ndarray], images: np.ndarray, config: TrainConfig) -> np.ndarray:
        """uint8 (n, 28, 28, 3) -> float32 (n, 7), rows sum to 1, columns in CLASSES order.

        `answer` is a trained model: what `prepare` makes -> proba. Of the config act `pixel_scaling` and
        `test_time_augmentation`: with "dihedral" the mean over an image's eight flips and quarter turns.
        """
        numbers = range(DIHEDRAL) if config.test_time_augmentation == "dihedral" else range(1)
        total = sum(np.asarray(answer(self.prepare(dihedral(images, number), config.pixel_scaling)), np.float64)
                    for number in numbers)
        return (total / len(numbers)).astype(np.float32)

    def _complete(self, settings: dict[str, int | float]) -> dict[str, int | float]:
        return {s.name: s.default for s in self.settings} | settings


DIHEDRAL = 8  # views: four quarter turns, each mirrored or not


def dihedral(images: np.ndarray, number: int) -> np.ndarray:
    """View `number` (0 to 7, 0 unchanged) of every image, (n, m, m, channels)."""
    turned = np.rot90(images, number % 4, axes=(1, 2))
    return turned[:, :, ::-1] if number >= 4 else turned


# --------------------------------------------------------------------------------- LSTM


def _chain(x: keras.KerasTensor, layers: list[keras.Layer]) -> keras.KerasTensor:
    for layer in layers:
        x = layer(x)
    return x


def _lstm(inputs, units_1, units_2, units_3, dropout_1, dropout_2, dropout_3):
    from keras import layers

    return _chain(inputs, [
        layers.LSTM(units_1, return_sequences=True),  # (28, units_1): an image row is a step
        layers.Dropout(dropout_1),
        layers.LSTM(units_2, return_sequences=True),
        layers.Dropout(dropout_2),
        layers.LSTM(units_3),
        layers.Dropout(dropout_3),
        layers.Dense(N_CLASSES, activation="softmax"),
    ])


def _lstm_parameters(units_1, units_2, units_3, **dropouts):
    total, inputs = 0, IMAGE_SIZE * 3
    for units in (units_1, units_2, units_3):
        total += 4 * units * (inputs + units + 1)  # four gates: input, forget, cell, output
        inputs = units
    return total + _dense(inputs, N_CLASSES), 0


# ---------------------------------------------------------------------------------- CNN


def _cnn(inputs, filters_1, filters_2, filters_3, filters_4, filters_5, filters_6, units_1, units_2, dropout):
    from keras import layers

    def convolution(filters, size):
        return layers.Conv2D(filters, size, activation="relu")

    return _chain(inputs, [
        convolution(filters_1, 5),  # (24, 24)
        convolution(filters_2, 3),  # (22, 22)
        layers.BatchNormalization(),
        layers.MaxPooling2D(2),  # (11, 11)
        convolution(filters_3, 3),  # (9, 9)
        convolution(filters_4, 3),  # (7, 7)
        convolution(filters_5, 3),  # (5, 5)
        layers.GroupNormalization(groups=3),
        layers.MaxPooling2D(2),  # (2, 2)
        convolution(filters_6, 2),  # (1, 1)
        layers.Flatten(),
        layers.Normalization(),  # never adapted in the description, so the identity
        layers.Dense(units_1, activation="relu"),
        layers.BatchNormalization(),
        layers.Dropout(dropout),
        layers.Dense(units_2, activation="relu"),
        layers.Dense(N_CLASSES, activation="softmax"),
    ])


def _cnn_parameters(filters_1, filters_2, filters_3, filters_4, filters_5, filters_6, units_1, units_2, dropout):
    filters = (3, filters_1, filters_2, filters_3, filters_4, filters_5, filters_6)
    sizes = (5, 3, 3, 3, 3, 2)
    convolutions = sum(after * (before * size**2 + 1)
                       for before, after, size in zip(filters[:-1], filters[1:], sizes, strict=True))
    norms = 2 * (filters_2 + filters_5 + units_1)  # scale and offset
    dense = _dense(filters_6, units_1) + _dense(units_1, units_2) + _dense(units_2, N_CLASSES)
    moving = 2 * (filters_2 + units_1)  # batch norm's mean and variance
    normalization = 2 * filters_6 + 1  # mean, variance and a count
    return convolutions + norms + dense, moving + normalization


# ------------------------------------------------------------------------------- ResNet


def _resnet(inputs, filters_1, filters_2, filters_3, filters_4, dropout):
    """He, Zhang, Ren, Sun, Deep residual learning for image recognition, CVPR 2016, in small: a stem and three
    blocks, each of which halves the image's sides. Convolutions before a batch norm need no bias.
    """
    from keras import layers

    def convolution(x, filters, size=3, strides=1):
        x = layers.Conv2D(filters, size, strides, padding="same", use_bias=False, kernel_initializer="he_normal")(x)
        return layers.BatchNormalization(momentum=0.9)(x)

    def block(x, filters):
        shortcut = convolution(x, filters, 1, 2)
        x = layers.ReLU()(convolution(x, filters, strides=2))
        return layers.ReLU()(layers.Add()([convolution(x, filters), shortcut]))

    x = layers.ReLU()(convolution(inputs, filters_1))  # (28, 28)
    for filters in (filters_2, filters_3, filters_4):
        x = block(x, filters)  # (14, 14), (7, 7), (4, 4)
    x = layers.Dropout(dropout)(layers.GlobalAveragePooling2D()(x))
    return layers.Dense(N_CLASSES, activation="softmax")(x)


def _resnet_parameters(filters_1, filters_2, filters_3, filters_4, dropout):
    filters = (filters_1, filters_2, filters_3, filters_4)
    weights, normalized = 3 * filters_1 * 3**2, filters_1
    for before, after in itertools.pairwise(filters):
        weights += (before * 3**2 + after * 3**2 + before) * after  # two convolutions and the shortcut
        normalized += 3 * after
    return weights + 2 * normalized + _dense(filters_4, N_CLASSES), 2 * normalized  # moving mean and variance


def _dense(inputs: int, outputs: int) -> int:
    return (inputs + 1) * outputs


MODELS: dict[str, Architecture] = {a.name: a for a in (
    Architecture("lstm", "Reads the image row by row: 28 steps of 84 values through three LSTM layers.",
                 (IMAGE_SIZE, IMAGE_SIZE * 3), _lstm, _lstm_parameters),
    Architecture("cnn", "Six convolutions with batch and group normalisation, then three dense layers.",
                 (IMAGE_SIZE, IMAGE_SIZE, 3), _cnn, _cnn_parameters),
    Architecture("resnet", "Three residual blocks: convolutions that correct what a shortcut passes by them.",
                 (IMAGE_SIZE, IMAGE_SIZE, 3), _resnet, _resnet_parameters),
)}
