"""`python -m ham` with a trainer that needs no TensorFlow, for tests of what is around a training.

Everything but the arithmetic is the product's: queue, locks, status, history, checkpoints, results.
The toy's weights depend on every epoch before, so a resume from a wrong state is seen in the
history. While HAM_HOME/hold is there, it goes on and on in the middle of its third epoch, and of
every later one: a test that kills something knows when.

A script for processes of this machine (`processes.WORKER`), a preload for Dask's workers; with
HELD_WORKER the trainer is the real one, and HAM_HOME/hold holds it too.
"""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np

from ham.config import CODES, N_CLASSES, home_folder
from ham.models import MODELS, Architecture, layers
from ham.models.layers import Layer
from ham.training import job

if TYPE_CHECKING:
    import pytest

WORKER = ("-P", __file__, "work")
HELD_WORKER = ("-P", __file__, "held", "work")
HELD_EPOCH = 3
_HOLD_SECONDS = 120  # a test that failed lets nobody hold for ever


def held(epoch: int, began: float) -> bool:
    """Whether this epoch, which began then, waits; a moment has passed where it does."""
    if (
        epoch < HELD_EPOCH
        or time.monotonic() - began > _HOLD_SECONDS
        or not (home_folder() / "hold").exists()
    ):
        return False
    time.sleep(0.02)
    return True


class Variable:
    """Keras', as far as a checkpoint looks at it."""

    def __init__(self, n: int):
        self.value = np.zeros(n, np.float32)
        self.shape, self.dtype = self.value.shape, self.value.dtype

    def numpy(self) -> np.ndarray:
        return self.value.copy()

    def assign(self, value: np.ndarray) -> None:
        self.value = value.copy()


class Model:
    """Keras', as far as a training looks at it."""

    def __init__(self) -> None:
        self.weights = self.trainable_variables = [Variable(N_CLASSES)]
        self.non_trainable_variables: list[Variable] = []
        self.optimizer = SimpleNamespace(variables=[Variable(1)])

    def get_weights(self) -> list[np.ndarray]:
        return [variable.numpy() for variable in self.weights]

    def set_weights(self, values: list[np.ndarray]) -> None:
        for variable, value in zip(self.weights, values, strict=True):
            variable.assign(value)

    def save(self, path: Path) -> None:
        path.write_bytes(self.weights[0].value.tobytes())

    def predict_on_batch(self, x: np.ndarray) -> np.ndarray:
        weight = self.weights[0].value
        scores = 1 + x.mean(axis=(1, 2, 3))[:, None] * weight / (1 + weight.max())
        return scores / scores.sum(axis=1, keepdims=True)

    def fit(
        self,
        batches: None,
        steps_per_epoch: int,
        epochs: int,
        initial_epoch: int,
        callbacks: tuple[Callable, Callable, Callable],
        **ignored: object,
    ) -> None:
        after_step, after_epoch, stopped_early = callbacks
        [weight], [moment] = self.weights, self.optimizer.variables
        for epoch in range(initial_epoch + 1, epochs + 1):
            began = time.monotonic()
            for step in range(1, steps_per_epoch + 1):
                while held(epoch, began):
                    after_step(step)
                moment.assign(0.9 * moment.value + epoch)
                weight.assign(weight.value + moment.value * np.arange(N_CLASSES, dtype="float32"))
                after_step(step)
            row = self._row(epoch, time.monotonic() - began)
            after_epoch(row, self.get_weights(), np.eye(N_CLASSES, dtype=int))
            if stopped_early():
                return

    def _row(self, epoch: int, seconds: float) -> dict[str, float]:
        loss = 1 / (1 + float(self.weights[0].value.sum()))
        scores = {"loss": loss, "accuracy": 0.5, "balanced_accuracy": 0.5}
        return {
            "epoch": epoch,
            **scores,
            **{f"validation_{name}": value for name, value in scores.items()},
            "learning_rate": 0.001,
            "seconds": seconds,
            **{f"recall_{code}": 0.5 for code in CODES},
        }


def few_layers(dropout: float, **ignored: float) -> list[Layer]:
    """A CNN of one convolution, which has all that there is of state besides weights (moving means,
    the place of dropout's generator, a whole number).
    """
    return [
        layers.convolution(3, 5),
        layers.max_pooling(4),
        layers.batch_norm(momentum=0.5),  # so that a few steps do
        layers.flatten(),
        layers.normalization(),
        layers.dropout(dropout),
        layers.dense(N_CLASSES, "softmax"),
    ]


class LightArchitecture(Architecture):
    def build(self, **settings: float) -> Model:
        return Model()


class NoTensorBoard:
    def __init__(self, run: object):
        pass

    def write(self, row: dict[str, float]) -> None:
        pass

    def close(self) -> None:
        pass


def patches() -> Iterator[tuple[object, str, object]]:
    """(owner, attribute, value) of all that the trainer takes from TensorFlow and Keras."""
    yield job, "MODELS", {name: LightArchitecture(**vars(a)) for name, a in MODELS.items()}
    yield job, "compile_model", lambda model, config, steps: None
    yield job, "stream", lambda *arguments: None
    yield job, "callbacks", lambda config, *three: three
    yield job, "pixel_baseline", lambda dataset, split: {}
    yield job, "TensorBoard", NoTensorBoard


def keras() -> SimpleNamespace:
    """What the trainer imports by this name."""
    return SimpleNamespace(
        utils=SimpleNamespace(clear_session=lambda: None, set_random_seed=lambda seed: None),
    )


def install() -> None:
    """For the rest of this process."""
    sys.modules["keras"] = keras()
    for owner, name, value in patches():
        setattr(owner, name, value)


def hold_the_real_one() -> None:
    """For the rest of this process; the CNN is one that TensorFlow traces in half the time."""
    MODELS["cnn"] = dataclasses.replace(MODELS["cnn"], layers=few_layers)
    after_step = job._Job.after_step

    def wait(self: job._Job, step: int) -> None:
        began = time.monotonic()
        while held(self.checkpoint.epoch + 1, began):
            after_step(self, step)
        after_step(self, step)

    job._Job.after_step = wait


def train_lightly(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a test: in this process, and in the workers that it starts."""
    monkeypatch.setitem(sys.modules, "keras", keras())
    for owner, name, value in patches():
        monkeypatch.setattr(owner, name, value)
    monkeypatch.setattr("ham.engine.processes.WORKER", WORKER)


def dask_setup(worker: object) -> None:
    install()


if __name__ == "__main__":
    from ham.cli import main

    arguments = sys.argv[1:]
    if arguments[0] == "held":
        arguments.pop(0)
        hold_the_real_one()
    else:
        install()
    sys.exit(main(arguments))
