"""What every architecture has: layers from its settings, and the way from pixels to
probabilities.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ham.config import IMAGE_SIZE, MODEL_SETTINGS, MODEL_TITLES, N_CLASSES, Setting, TrainConfig
from ham.models.layers import Layer, Row, chain, rows

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
    layers: Callable[..., list[Layer]]  # of its settings, by name

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
        return keras.Model(
            inputs, chain(inputs, self.layers(**self._complete(settings))), name=self.name
        )

    def parameter_count(self, **settings: float) -> tuple[int, int]:
        """(trainable, not trainable) parameters, by arithmetic: no model is built."""
        table = self.table(**settings)
        return sum(row.trainable for row in table), sum(row.fixed for row in table)

    def table(self, **settings: float) -> list[Row]:
        """Its layers in order with shapes and parameters, by arithmetic."""
        return rows(self.layers(**self._complete(settings)), self.input_shape)

    def prepare(self, images: np.ndarray, scaling: str) -> np.ndarray:
        """uint8 (n, 28, 28, 3) -> float32 (n, *input_shape). `scaling` is TrainConfig's
        `pixel_scaling`: "unit" gives 0-1, "standard" about mean 0 and standard deviation 1 in
        each colour.
        """
        pixels: np.ndarray = images.astype(np.float32)
        if scaling == "standard":
            mean, std = (np.array(colours, np.float32) for colours in (CHANNEL_MEAN, CHANNEL_STD))
            pixels = (pixels - mean) / std
        else:
            pixels = pixels / 255
        return pixels.reshape(-1, *self.input_shape)

    def proba(
        self, answer: Callable[[np.ndarray], np.ndarray], images: np.ndarray, config: TrainConfig
    ) -> np.ndarray:
        """uint8 (n, 28, 28, 3) -> float32 (n, 7), rows sum to 1, columns in CLASSES order.

        `answer` is a trained model: what `prepare` makes -> proba. Of the config act
        `pixel_scaling` and `test_time_augmentation`: with "dihedral" the mean over an image's
        eight flips and quarter turns, which go through the model in one call.
        """
        views = DIHEDRAL if config.test_time_augmentation == "dihedral" else 1
        at_once = BATCH // views
        found = [np.zeros((0, N_CLASSES), np.float32)]
        for start in range(0, len(images), at_once):
            some = images[start : start + at_once]
            turned = np.concatenate([dihedral(some, number) for number in range(views)])
            proba = np.asarray(answer(self.prepare(turned, config.pixel_scaling)), np.float64)
            mean = proba.reshape(views, len(some), N_CLASSES).mean(axis=0)
            found.append(mean.astype(np.float32))
        return np.concatenate(found)

    def whole(self, model: keras.Model, config: TrainConfig) -> keras.Model:
        """What `proba` gives, as one model that needs nothing beside it: uint8 (n, 28, 28, 3) ->
        float32 (n, 7).

        `model` is a trained one, as for `proba`. Scaling, order of the values, and flips and
        turns are layers; all are Keras' own, so that the file is read where HAM Lab is not.
        """
        from keras import Input, Model, layers, ops

        images = Input((IMAGE_SIZE, IMAGE_SIZE, 3), dtype="uint8", name="image")
        if config.pixel_scaling == "standard":
            factors = [1 / std for std in CHANNEL_STD]
            offsets = [-m / std for m, std in zip(CHANNEL_MEAN, CHANNEL_STD, strict=True)]
            x = layers.Rescaling(factors, offsets, name="scaling")(images)
        else:
            x = layers.Rescaling(1 / 255, name="scaling")(images)
        views = DIHEDRAL if config.test_time_augmentation == "dihedral" else 1
        if views > 1:  # as `dihedral` makes them
            turned = [x, *(ops.rot90(x, number, axes=(1, 2)) for number in range(1, 4))]
            x = ops.concatenate([*turned, *(ops.flip(view, axis=2) for view in turned)], axis=0)
        proba = model(layers.Reshape(self.input_shape)(x))
        if views > 1:
            proba = ops.mean(ops.reshape(proba, (views, -1, N_CLASSES)), axis=0)
        return Model(images, layers.Identity(name="proba")(proba), name=f"ham_{self.name}")

    def _complete(self, settings: dict[str, float]) -> dict[str, int | float | str]:
        return {s.name: s.default for s in self.settings} | settings


BATCH = 256  # views of images that go through a model in one call
DIHEDRAL = 8  # views: four quarter turns, each mirrored or not


def dihedral(images: np.ndarray, number: int) -> np.ndarray:
    """View `number` (0 to 7, 0 unchanged) of every image, (n, m, m, channels)."""
    turned = np.rot90(images, number % 4, axes=(1, 2))
    return turned[:, :, ::-1] if number >= 4 else turned
