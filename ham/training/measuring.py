"""What a training would cost on this machine."""

from __future__ import annotations

import contextlib
import math
import time

import psutil

from ham.config import TrainConfig
from ham.data import LesionDataset, configured_split
from ham.models import MODELS, import_keras
from ham.training.fitting import Cancelled, compile_model
from ham.training.inputs import stream, validation_arrays
from ham.training.job import EVALUATION_BATCH

_PROBE_SECONDS = 1.0  # steps are timed for at least as long


def probe(config: TrainConfig, dataset: LesionDataset, steps: int = 6) -> dict[str, float]:
    """What a training costs here, from a few of its real steps. `seconds_per_step` carries its
    share of validation; `start_seconds`: importing and compiling; `memory_bytes`: the most this
    process, best a fresh one, held after any of its steps.
    """
    began = time.perf_counter()
    import_keras()
    import keras

    keras.utils.set_random_seed(config.seed)
    architecture = MODELS[config.model]
    split = configured_split(dataset, config)
    steps_per_epoch = math.ceil(len(split.train) / config.batch_size)
    model = architecture.build(**config.model_settings)
    compile_model(model, config, steps_per_epoch)
    ends, passes, held = [], [], []
    memory = psutil.Process().memory_info

    class Timer(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: object = None) -> None:
            held.append(memory().rss)
            ends.append(time.perf_counter())
            if len(ends) > steps and ends[-1] - ends[0] > _PROBE_SECONDS:
                raise Cancelled

    with contextlib.suppress(Cancelled):
        model.fit(
            stream(dataset, split, config, architecture, 0),
            steps_per_epoch=max(steps + 1, steps_per_epoch),
            epochs=1,
            callbacks=[Timer()],
            shuffle=False,
            verbose=0,
        )
    x, y, weights = validation_arrays(dataset, split, config, architecture)
    for _ in range(2):  # the first compiles
        start = time.perf_counter()
        model.evaluate(x, y, sample_weight=weights, batch_size=EVALUATION_BATCH, verbose=0)
        passes.append(time.perf_counter() - start)
        held.append(memory().rss)
    a_step = (ends[-1] - ends[0]) / (len(ends) - 1) + passes[1] / steps_per_epoch
    return {
        "seconds_per_step": a_step,
        "steps_per_epoch": steps_per_epoch,
        "start_seconds": ends[0] - began + passes[0] - passes[1],
        "memory_bytes": max(held),
    }
