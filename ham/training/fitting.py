"""How Keras fits a model here: loss, optimizer, metrics and the callback that records."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ham.config import CODES, FINAL_RATE, N_CLASSES, TrainConfig

if TYPE_CHECKING:
    import keras


class Cancelled(Exception):
    """Somebody asked the run to stop."""


def compile_model(model: keras.Model, config: TrainConfig, steps: int) -> None:
    import keras

    model.compile(
        optimizer=_optimizer(config, steps),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=config.label_smoothing),
        metrics=[keras.metrics.CategoricalAccuracy(name="accuracy"), _recalls()],
        jit_compile=False,
    )  # XLA made both described models slower on CPUs (DESIGN.md, section 5)
    # variables that appear inside the first step have TensorFlow trace it a second time
    model.optimizer.build(model.trainable_variables)


def _optimizer(config: TrainConfig, steps: int) -> keras.optimizers.Optimizer:
    import keras

    rate: float | keras.optimizers.schedules.LearningRateSchedule = config.learning_rate
    if config.schedule == "cosine":
        warm_up = max(1, round(steps * config.warm_up_epochs))
        rate = keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=config.learning_rate / warm_up,
            warmup_target=config.learning_rate,
            warmup_steps=warm_up,
            decay_steps=max(1, steps * config.epochs - warm_up),
            alpha=FINAL_RATE,
        )
    kind = {
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.AdamW,
        "sgd": keras.optimizers.SGD,
        "rmsprop": keras.optimizers.RMSprop,
    }[config.optimizer]
    optimizer = kind(
        learning_rate=rate,
        weight_decay=config.weight_decay,
        use_ema=config.weight_average > 0,
        ema_momentum=config.weight_average or 0.99,
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])  # only weights shrink
    return optimizer


def _recalls() -> keras.metrics.Metric:
    """Mean recall over the classes that occurred, from a matrix that the recorder reads too."""
    import keras

    class Recalls(keras.metrics.Metric):
        def __init__(self) -> None:
            super().__init__(name="balanced_accuracy")
            # rows true, columns predicted
            self.confusion = self.add_variable((N_CLASSES, N_CLASSES), "zeros", name="confusion")

        def update_state(
            self,
            y_true: keras.KerasTensor,
            y_pred: keras.KerasTensor,
            sample_weight: keras.KerasTensor | None = None,
        ) -> None:
            guess = keras.ops.one_hot(keras.ops.argmax(y_pred, axis=-1), N_CLASSES)
            # labels are one-hot before smoothing, which happens inside the loss
            self.confusion.assign_add(keras.ops.matmul(keras.ops.transpose(y_true), guess))

        def result(self) -> keras.KerasTensor:
            totals = keras.ops.sum(self.confusion, axis=1)
            occurred = keras.ops.cast(totals > 0, "float32")
            recalls = keras.ops.diagonal(self.confusion) / keras.ops.maximum(totals, 1.0)
            return keras.ops.sum(recalls) / keras.ops.maximum(keras.ops.sum(occurred), 1.0)

    return Recalls()


Logs = dict[str, float]
#: Gets the history's row, the weights, and the confusion matrix of validation, int64 (7, 7).
AfterEpoch = Callable[[dict[str, float], "list[np.ndarray]", "np.ndarray"], None]


def callbacks(
    config: TrainConfig,
    after_step: Callable[[int], None],
    after_epoch: AfterEpoch,
    stopped_early: Callable[[], bool],
) -> list[keras.callbacks.Callback]:
    """The recorder, and what puts the weights' average in their place while they are validated."""
    import keras

    swap = [keras.callbacks.SwapEMAWeights()] if config.weight_average else []
    # first in the list, so it reads the validated weights before they are swapped back
    return [_recorder(after_step, after_epoch, stopped_early), *swap]


def _recorder(
    after_step: Callable[[int], None], after_epoch: AfterEpoch, stopped_early: Callable[[], bool]
) -> keras.callbacks.Callback:
    import keras

    class Recorder(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
            self.began = time.perf_counter()

        def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
            after_step(batch + 1)

        def on_test_end(self, logs: Logs | None = None) -> None:
            self.validated = self.model.get_weights()

        def on_epoch_end(self, epoch: int, logs: Logs) -> None:
            recalls = next(
                m for m in self.model.metrics[-1].metrics if m.name == "balanced_accuracy"
            )
            confusion = recalls.confusion.numpy()  # validation ran last
            hits, totals = np.diag(confusion), confusion.sum(axis=1)
            after_epoch(
                {
                    "epoch": epoch + 1,
                    **{
                        name: float(logs[name])
                        for name in ("loss", "accuracy", "balanced_accuracy")
                    },
                    **{
                        f"validation_{name}": float(logs[f"val_{name}"])
                        for name in ("loss", "accuracy", "balanced_accuracy")
                    },
                    "learning_rate": float(
                        keras.ops.convert_to_tensor(self.model.optimizer.learning_rate).numpy()
                    ),
                    "seconds": time.perf_counter() - self.began,
                    **{
                        f"recall_{code}": float(hits[i] / totals[i]) if totals[i] else math.nan
                        for i, code in enumerate(CODES)
                    },
                },
                self.validated,
                confusion.astype(np.int64),
            )
            if stopped_early():
                self.model.stop_training = True

    return Recorder()
