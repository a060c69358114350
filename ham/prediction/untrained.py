"""A run's architecture with random weights: what a map shows without any training.

Adebayo and others, Sanity checks for saliency maps, NeurIPS 2018: a map that looks the same with
random weights says nothing about what the model has learned.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from ham.prediction.predictor import Predictor, building, compiled
from ham.report import DecisionRule

if TYPE_CHECKING:
    import keras

SEED = 0


class RandomWeights:
    """The model of a Predictor as it was before its training, from a seed; asked in the same
    way.
    """

    def __init__(self, predictor: Predictor):
        self.run_id = predictor.run_id
        self.architecture, self.config = predictor.architecture, predictor.config
        self.rule = DecisionRule(predictor.run_id)  # nothing to calibrate
        self.model = _fresh(predictor.model)
        self._answer = compiled(self.model, self.architecture.input_shape)

    def proba(self, images: np.ndarray) -> np.ndarray:
        """As `Predictor.proba`."""
        return self.architecture.proba(self._answer, images, self.config)


@functools.lru_cache(maxsize=16)
def random_weights(predictor: Predictor) -> RandomWeights:
    """Made once for a predictor; the same weights each time."""
    return RandomWeights(predictor)


def _fresh(model: keras.Model) -> keras.Model:
    """The same layers with weights drawn again, each by its own initializer, and statistics as
    they are before the first batch.
    """
    import keras

    drawn = iter(range(SEED, SEED + 1_000_000))

    def seeded(layer: keras.Layer) -> keras.Layer:
        settings = layer.get_config()
        for name, value in settings.items():
            if name.endswith("initializer") and "seed" in (value or {}).get("config", {}):
                value["config"]["seed"] = next(drawn)
        return type(layer).from_config(settings)

    with building:
        return keras.models.clone_model(model, clone_function=seeded)
