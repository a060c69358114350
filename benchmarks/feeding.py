"""What a training's steps cost: our stream, Dataset.from_generator and arrays in memory, and the
stream without oneDNN.

    HAM_DATA=../shared/ham10000 python -m benchmarks.feeding [--model resnet] [--steps 60]

The same model, batches and recipe, each in a process of its own; seconds an epoch, processor and
system time, and the ratio to arrays in memory, which need neither generator nor augmentation.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time

import numpy as np

from ham import data
from ham.config import MODEL_TITLES, recipe_config
from ham.models import MODELS, import_keras
from ham.training.fitting import compile_model
from ham.training.inputs import batches, one_hot, stream

WAYS = {
    "arrays": "arrays in memory, not augmented (baseline)",
    "stream": "our stream",
    "generator": "Dataset.from_generator",
    "no-onednn": "our stream, TF_ENABLE_ONEDNN_OPTS=0",
}
_WARM_UP = 20  # steps, which compile and fill the buffers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=MODEL_TITLES, default="resnet")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if data.is_demo(data.current_source()):
        sys.exit("Name the folder of HAM10000 in HAM_DATA.")
    if chosen.way:
        if chosen.way == "no-onednn":
            os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
        json.dump(measure(chosen.way, chosen.model, chosen.steps), sys.stdout)
        return
    found = {
        way: json.loads(
            subprocess.run(
                [
                    sys.executable,
                    "-m",
                    "benchmarks.feeding",
                    "--way",
                    way,
                    "--model",
                    chosen.model,
                    "--steps",
                    str(chosen.steps),
                ],
                stdout=subprocess.PIPE,
                check=True,
            ).stdout
        )
        for way in WAYS
    }
    print(
        f"| {MODEL_TITLES[chosen.model]}, seconds an epoch | Wall clock | Processor | System | "
        "Times the baseline |"
    )
    print("|---|---|---|---|---|")
    for way, words in WAYS.items():
        times = found[way]
        print(
            f"| {words} | {times['wall']:.1f} | {times['user']:.1f} | {times['system']:.1f} | "
            f"{times['wall'] / found['arrays']['wall']:.1f} |"
        )


def measure(way: str, model_name: str, steps: int) -> dict[str, float]:
    """Seconds an epoch: wall clock, processor and system time of this process."""
    import_keras()
    import keras

    dataset = data.open_dataset(data.current_source())
    config, architecture = recipe_config("improved", model_name), MODELS[model_name]
    split = data.make_split(dataset)
    steps_an_epoch = -(-len(split.train) // config.batch_size)
    model = architecture.build()
    compile_model(model, config, steps_an_epoch)
    marks = []

    class Timer(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch in (_WARM_UP, _WARM_UP + steps):
                used = os.times()
                marks.append((time.perf_counter(), used.user, used.system))

    model.fit(
        _feed(way, dataset, split, config, architecture),
        steps_per_epoch=_WARM_UP + steps + 1,
        epochs=1,
        shuffle=False,
        verbose=0,
        callbacks=[Timer()],
    )
    spent = (after - before for before, after in zip(*marks, strict=True))
    return dict(
        zip(
            ("wall", "user", "system"),
            (seconds / steps * steps_an_epoch for seconds in spent),
            strict=True,
        )
    )


def _feed(way: str, dataset, split, config, architecture):
    import tensorflow as tf

    if way in ("stream", "no-onednn"):
        return stream(dataset, split, config, architecture, 0)
    if way == "generator":
        signature = (
            tf.TensorSpec((None, *architecture.input_shape), tf.float32),
            tf.TensorSpec((None, 7), tf.float32),
            tf.TensorSpec((None,), tf.float32),
        )
        return tf.data.Dataset.from_generator(
            lambda: batches(dataset, split, config, architecture), output_signature=signature
        ).prefetch(4)
    x, y = (
        architecture.prepare(dataset.images[split.train], config.pixel_scaling),
        one_hot(dataset.labels[split.train]),
    )
    arrays = (x, y, np.ones(len(y), np.float32))
    return (
        tf.data.Dataset.from_tensor_slices(arrays)
        .batch(config.batch_size, drop_remainder=True)
        .repeat()
        .prefetch(4)
    )


if __name__ == "__main__":
    main()
