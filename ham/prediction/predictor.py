"""Runs' models, loaded and asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol
from weakref import WeakKeyDictionary

import numpy as np

from ham import io, store
from ham.config import N_CLASSES, StoreError, TrainConfig
from ham.evaluation import malignant_proba
from ham.images import CheckedImage
from ham.models import MODELS, Architecture
from ham.prediction.background import import_tensorflow
from ham.prediction.likeness import Likeness
from ham.report import DecisionRule, decision_rule

if TYPE_CHECKING:
    import keras
    import tensorflow as tf


@dataclass(frozen=True, eq=False)
class Prediction:
    """One run's answer on one image."""

    image: CheckedImage
    run_id: str
    proba: np.ndarray  # float64 (7,), sums to 1, CLASSES order; calibrated where the rule can
    raw: np.ndarray  # float32 (7,), as the model gives it
    rule: DecisionRule

    @property
    def label(self) -> int:
        """The most probable class, index in CLASSES; the same before and after calibration."""
        return int(self.raw.argmax())

    @property
    def prediction_set(self) -> tuple[str, ...] | None:
        """Codes, most probable first; None where the run has no rule for it."""
        return self.rule.prediction_set(self.proba)

    @property
    def malignant(self) -> float:
        """Summed probability of the malignant classes."""
        return float(malignant_proba(self.proba[np.newaxis])[0])

    @property
    def calls_malignant(self) -> bool | None:
        return self.rule.calls_malignant(self.proba)


class Asked(Protocol):
    """What can be asked for probabilities: a Predictor, or the same with random weights."""

    rule: DecisionRule

    def proba(self, images: np.ndarray) -> np.ndarray:
        """uint8 (n, 28, 28, 3) -> float32 (n, 7), not calibrated."""


class Network(Protocol):
    """A model with what is to be done to an image before it."""

    architecture: Architecture
    config: TrainConfig
    model: keras.Model


class Predictor:
    """One run's model, loaded and ready; may be shared between threads.

    Raises StoreError where the run has no model or its file is not the one the run saved.
    """

    def __init__(self, run: store.Run):
        if not run.has_model:
            raise StoreError(
                f"Run {run.id}",
                f"it has no model: it is {run.state}.",
                "Choose a run that has ended.",
            )
        self.run_id = run.id
        self.architecture, self.config = MODELS[run.config.model], run.config
        self.model = _load(run, self.architecture.input_shape)
        self.rule = decision_rule(run)
        self._answer = compiled(self.model, self.architecture.input_shape)
        self._lock = threading.Lock()

    def proba(self, images: np.ndarray) -> np.ndarray:
        """uint8 (n, 28, 28, 3) -> float32 (n, 7), rows sum to 1, columns in CLASSES order; not
        calibrated.
        """
        with self._lock:
            return self.architecture.proba(self._answer, images, self.config)

    def one_view(self, images: np.ndarray) -> np.ndarray:
        """As `proba`, from the image alone, without test-time augmentation."""
        plain = self.config.replace(test_time_augmentation="none")
        with self._lock:
            return self.architecture.proba(self._answer, images, plain)


@dataclass(eq=False)
class Known:
    """What was found out already, so that a page that is drawn again asks nothing twice."""

    #: (7,) each, by the bytes of the 28x28 pixels
    said: WeakKeyDictionary[Predictor, dict[bytes, np.ndarray]] = field(
        default_factory=WeakKeyDictionary
    )
    likeness: dict[bytes, Likeness] = field(default_factory=dict)  # by the same


def predict(
    images: Sequence[CheckedImage], predictors: Sequence[Predictor], known: Known | None = None
) -> list[Prediction]:
    """Every image's answers together, those of one image in the order of the predictors.

    What is in `known` is not asked again, and what is asked is added to it.
    """
    if not images:
        return []
    raw = [_raw(images, predictor, known) for predictor in predictors]
    proba = [p.rule.calibrated(found) for p, found in zip(predictors, raw, strict=True)]
    return [
        Prediction(image, predictor.run_id, proba[k][i], raw[k][i], predictor.rule)
        for i, image in enumerate(images)
        for k, predictor in enumerate(predictors)
    ]


def _raw(images: Sequence[CheckedImage], predictor: Predictor, known: Known | None) -> np.ndarray:
    said = {} if known is None else known.said.setdefault(predictor, {})
    keys = [image.seen.tobytes() for image in images]
    new = {key: i.seen for key, i in zip(keys, images, strict=True) if key not in said}
    if new:
        said.update(zip(new, predictor.proba(np.stack(list(new.values()))), strict=True))
    return np.stack([said[key] for key in keys])


building = threading.Lock()  # Keras keeps names and scopes in global state while it builds a model
_UNREADABLE: tuple[type[Exception], ...] = (*io.DAMAGED, ImportError)


def _load(run: store.Run, input_shape: tuple[int, ...]) -> keras.Model:
    """The Keras model of the run. The hash is checked before Keras sees the file."""
    path = store.checked_model_path(run)
    import_tensorflow()
    import keras

    try:
        with building:
            model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except _UNREADABLE as error:
        raise StoreError(
            f"Run {run.id}",
            f"Keras {keras.__version__} cannot read its model ({str(error)[:200]}).",
            "Train it again with this version.",
        ) from error
    if model.input_shape[1:] != input_shape or model.output_shape[1:] != (N_CLASSES,):
        raise StoreError(
            f"Run {run.id}",
            f"its model maps {model.input_shape} to {model.output_shape}, {run.config.model} maps "
            f"{input_shape} to {(N_CLASSES,)}.",
            "Train it again.",
        )
    return model


def compiled(model: keras.Model, input_shape: tuple[int, ...]) -> Callable[[np.ndarray], tf.Tensor]:
    """model.predict costs tens of milliseconds an image and leaks in loops; this costs about
    one.
    """
    import tensorflow as tf

    signature = [tf.TensorSpec((None, *input_shape), tf.float32)]
    return tf.function(
        lambda images: model(images, training=False), input_signature=signature, autograph=False
    )
