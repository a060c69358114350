"""train(config, dataset) -> Run: input pipeline, checkpoints, cancel, resume, results.

No Streamlit and no Dask here. TensorFlow is imported when a training starts. A training writes
everything into its run folder as it goes, so that whoever looks there sees where it is, and a
process that dies leaves a run that can be taken up again after its last completed epoch.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import os
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ham import store
from ham.config import CODES, N_CLASSES, HamError, TrainConfig, TrainingError
from ham.data import LesionDataset, Split, make_split, open_dataset
from ham.evaluation import evaluate, evaluation_record
from ham.models import MODELS, PREPROCESSING, Architecture
from ham.store import Predictions, Run

if TYPE_CHECKING:
    import keras

EVALUATION_BATCH = 512
_STATUS_SECONDS = 0.5  # how often a step is written to status.json
_WARM_UP_EPOCHS = 3


@dataclass(frozen=True)
class Progress:
    """What a training reports: after every step, after every epoch and between phases."""

    phase: str
    epoch: int  # epochs completed
    epochs: int
    step: int
    steps: int
    seconds_left: float | None
    row: dict[str, float] | None = None  # of store.HISTORY_COLUMNS, at the end of an epoch


Report = Callable[[Progress], None]


class _Cancelled(Exception):
    """Somebody asked the run to stop."""


def train(config: TrainConfig, dataset: LesionDataset, report: Report | None = None, run: Run | None = None) -> Run:
    """Trains a model as `config` says and returns its run: done, or cancelled.

    Without `run` a new one is made; with it the caller holds its `store.claim`, and a run that
    was interrupted goes on after its last completed epoch. The epoch with the best validation
    loss is kept; a cancelled run keeps the best so far. Raises TrainingError, DataError or
    StoreError, after the run was marked as failed.
    """
    if run is None:
        run = store.create_run(config, dataset.record)
        with store.claim(run):
            return train(config, dataset, report, run)
    job = _Job(run, dataset, report or (lambda progress: None))
    try:
        return job.finish(job.fit())
    except HamError as error:
        job.fail(error)
        raise
    except Exception as error:
        store.write_log(run, traceback.format_exc())
        explained = _explain(error)
        job.fail(explained)
        raise explained from error


def train_run(run: Run, report: Report | None = None) -> Run:
    """`train` for a run of the queue: opens the data that the run names and checks that it is
    still the same. The caller holds the run's claim.
    """
    now = time.time()
    run = store.write_status(run, state="running", phase="opening the data", started=run.status.started or now,
                             updated=now, ended=None, error=None)
    try:
        dataset = open_dataset(run.record["data"]["source"])
        if dataset.fingerprint != run.record["data"]["fingerprint"]:
            raise TrainingError(f"The data in {dataset.source}", "is not what it was when this run was set up.",
                                "Start the training again on the data as it is now.")
    except HamError as error:
        _mark_failed(run, error)
        raise
    return train(run.config, dataset, report, run)


# ------------------------------------------------------------------------- the training


class _Job:
    """One training from its folder's state to its end. Holds what fit and finish share."""

    def __init__(self, run: Run, dataset: LesionDataset, report: Report):
        self.run, self.dataset, self.report = run, dataset, report
        self.config = run.config
        self.architecture: Architecture = MODELS[self.config.model]
        self.split: Split | None = None
        self.written = 0.0
        self.epoch_seconds: list[float] = []

    def fit(self) -> bool:
        """Trains up to the last epoch; True where it was cancelled."""
        self.advance("starting TensorFlow", state="running", started=self.run.status.started or time.time(),
                     ended=None, error=None)
        import keras

        config = self.config
        self.split = make_split(self.dataset, config.split, config.validation_fraction, config.test_fraction,
                                config.seed)
        self.steps = math.ceil(len(self.split.train) / config.batch_size)
        keras.backend.clear_session()
        keras.utils.set_random_seed(config.seed)
        self.model = self.architecture.build(**config.model_settings)
        _compile(self.model, config, self.steps)
        self.checkpoint = _Checkpoint.read(self.run, self.model)
        first = self.checkpoint.epoch
        history = store.truncate_history(self.run, first)
        self.epoch_seconds = history["seconds"].tolist()
        trainable, fixed = self.architecture.parameter_count(**config.model_settings)
        self.run = store.write_record(
            self.run, split=_split_record(self.split), preprocessing=PREPROCESSING,
            parameters={"trainable": trainable, "not_trainable": fixed})
        self.log(f"training {config.model} from epoch {first + 1} of {config.epochs} on {len(self.split.train)} images")
        self.advance("training", epoch=first, epochs=config.epochs, step=0, steps=self.steps)
        if first >= config.epochs or self.checkpoint.stopped_early:
            return False
        validation = self.split.validation
        try:
            self.model.fit(
                _stream(self.dataset, self.split, config, self.architecture, first),
                steps_per_epoch=self.steps, epochs=config.epochs, initial_epoch=first,
                validation_data=(self.architecture.prepare(self.dataset.images[validation]),
                                 _one_hot(self.dataset.labels[validation])),
                validation_batch_size=EVALUATION_BATCH, callbacks=[_recorder(self)], shuffle=False, verbose=0)
        except _Cancelled:
            return True
        return False

    def finish(self, cancelled: bool) -> Run:
        """Restores the best epoch, answers validation and test, writes the results."""
        best = self.checkpoint.best_weights(self.model)
        if best is not None:
            self.advance("evaluating")
            self.model.set_weights(best)
            parts = {"validation": self.answer(self.split.validation), "test": self.answer(self.split.test)}
            test = parts["test"]
            evaluation = evaluate(test.y_true, test.proba, test.lesion)
            sha256 = self.save_model(best)
            store.write_predictions(self.run, parts)
            self.run = store.write_record(self.run, model={"sha256": sha256, **self.run.record["parameters"]},
                                          evaluation=evaluation_record(evaluation))
        state = "cancelled" if cancelled else "done"
        if not cancelled:  # nothing is left to resume
            self.checkpoint.remove()
        store.withdraw_cancel(self.run)
        self.log(f"{state} after epoch {self.checkpoint.epoch}, best epoch {self.checkpoint.best_epoch}")
        self.advance("", state=state, ended=time.time(), best_epoch=self.checkpoint.best_epoch, seconds_left=None)
        return self.run

    def answer(self, rows: np.ndarray) -> Predictions:
        parts = (rows[start:start + EVALUATION_BATCH] for start in range(0, len(rows), EVALUATION_BATCH))
        proba = np.concatenate([self.model.predict_on_batch(self.architecture.prepare(self.dataset.images[part]))
                                for part in parts])
        return Predictions(self.dataset.metadata["image_id"].to_numpy(dtype=str)[rows], self.dataset.groups[rows],
                           self.dataset.labels[rows], proba.astype(np.float32))

    def save_model(self, weights: list[np.ndarray]) -> str:
        """Writes model.keras without optimizer or loss; returns its SHA-256."""
        bare = self.architecture.build(**self.config.model_settings)
        bare.set_weights(weights)
        fresh = self.run.folder / ".fresh.keras"
        with store.writing(self.run.folder):
            bare.save(fresh)
            fresh.replace(self.run.folder / "model.keras")
        return store.file_sha256(self.run.folder / "model.keras")

    def after_step(self, step: int) -> None:
        if store.cancel_requested(self.run):
            raise _Cancelled
        if time.monotonic() - self.written >= _STATUS_SECONDS:
            self.advance("training", step=step, seconds_left=self.seconds_left(step))

    def after_epoch(self, row: dict[str, float]) -> None:
        """Records an epoch: history first, then the checkpoint that says it is complete."""
        if not math.isfinite(row["loss"] + row["validation_loss"]):
            raise TrainingError(f"Epoch {row['epoch']}", "the loss is not a number: the steps were too large.",
                                "Train again with a smaller learning rate.")
        store.append_history(self.run, row)
        self.checkpoint.write(self.model, row, self.config.early_stopping_patience)
        self.epoch_seconds.append(row["seconds"])
        self.advance("training", row, epoch=row["epoch"], step=0, seconds_left=self.seconds_left(0),
                     best_epoch=self.checkpoint.best_epoch)

    def seconds_left(self, step: int) -> float | None:
        """From the last three epochs; None before the first is complete."""
        if not self.epoch_seconds:
            return None
        recent = self.epoch_seconds[-3:]
        left = self.config.epochs - self.checkpoint.epoch - step / self.steps
        return left * sum(recent) / len(recent)

    def advance(self, phase: str, row: dict[str, float] | None = None, **changes: object) -> None:
        self.run = store.write_status(self.run, phase=phase, updated=time.time(), **changes)
        self.written = time.monotonic()
        status = self.run.status
        self.report(Progress(phase, status.epoch, status.epochs, status.step, status.steps, status.seconds_left, row))

    def log(self, line: str) -> None:
        store.write_log(self.run, line)

    def fail(self, error: HamError) -> None:
        self.run = _mark_failed(self.run, error)


def _mark_failed(run: Run, error: HamError) -> Run:
    with contextlib.suppress(HamError):  # a full disk may refuse this too; then the freed lock tells
        store.write_log(run, f"failed: {error}")
        store.withdraw_cancel(run)
        run = store.write_status(run, state="failed", phase="", ended=time.time(), seconds_left=None,
                                 error={"what": error.what, "why": error.why, "todo": error.todo})
    return run


def _explain(error: Exception) -> TrainingError:
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
        return TrainingError("The training", "ran out of memory.", "Use a smaller batch size or a smaller model.")
    return TrainingError("The training", f"stopped on an unexpected error: {type(error).__name__}: {error}.",
                         "The run's log.txt has the details; please report it.")


def _split_record(split: Split) -> dict:
    return {"protocol": split.protocol, "seed": split.seed, "leaking": split.leaking,
            "fingerprint": split.fingerprint, "test_fingerprint": split.test_fingerprint,
            "n_train": len(split.train), "n_validation": len(split.validation), "n_test": len(split.test)}


# ---------------------------------------------------------------------- model and input


def _compile(model: keras.Model, config: TrainConfig, steps: int) -> None:
    import keras

    model.compile(
        optimizer=_optimizer(config, steps),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=config.label_smoothing),
        metrics=[keras.metrics.CategoricalAccuracy(name="accuracy"), _recalls()],
        jit_compile=False)  # XLA made both described models slower on CPUs (DESIGN.md, section 5)


def _optimizer(config: TrainConfig, steps: int) -> keras.optimizers.Optimizer:
    import keras

    rate: float | keras.optimizers.schedules.LearningRateSchedule = config.learning_rate
    if config.schedule == "cosine":
        warm_up = max(1, round(steps * min(_WARM_UP_EPOCHS, config.epochs / 10)))
        rate = keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=config.learning_rate / warm_up, warmup_target=config.learning_rate,
            warmup_steps=warm_up, decay_steps=max(1, steps * config.epochs - warm_up), alpha=0.01)
    kind = {"adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW, "sgd": keras.optimizers.SGD,
            "rmsprop": keras.optimizers.RMSprop}[config.optimizer]
    optimizer = kind(learning_rate=rate, weight_decay=config.weight_decay)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])  # only weights shrink
    return optimizer


def _recalls() -> keras.metrics.Metric:
    """Mean recall over the classes that occurred, from counts that the recorder reads too."""
    import keras

    class Recalls(keras.metrics.Metric):
        def __init__(self):
            super().__init__(name="balanced_accuracy")
            self.hits = self.add_variable((N_CLASSES,), "zeros", name="hits")
            self.totals = self.add_variable((N_CLASSES,), "zeros", name="totals")

        def update_state(self, y_true, y_pred, sample_weight=None):
            guess = keras.ops.one_hot(keras.ops.argmax(y_pred, axis=-1), N_CLASSES)
            # labels are one-hot before smoothing, which happens inside the loss
            self.hits.assign_add(keras.ops.sum(y_true * guess, axis=0))
            self.totals.assign_add(keras.ops.sum(y_true, axis=0))

        def result(self):
            occurred = keras.ops.cast(self.totals > 0, "float32")
            recalls = self.hits / keras.ops.maximum(self.totals, 1.0)
            return keras.ops.sum(recalls) / keras.ops.maximum(keras.ops.sum(occurred), 1.0)

    return Recalls()


def _recorder(job: _Job) -> keras.callbacks.Callback:
    import keras

    class Recorder(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.began = time.perf_counter()

        def on_train_batch_end(self, batch, logs=None):
            job.after_step(batch + 1)

        def on_epoch_end(self, epoch, logs=None):
            recalls = next(m for m in self.model.metrics[-1].metrics if m.name == "balanced_accuracy")
            hits, totals = recalls.hits.numpy(), recalls.totals.numpy()  # validation ran last: its counts
            job.after_epoch({
                "epoch": epoch + 1,
                **{name: float(logs[name]) for name in ("loss", "accuracy", "balanced_accuracy")},
                **{f"validation_{name}": float(logs[f"val_{name}"])
                   for name in ("loss", "accuracy", "balanced_accuracy")},
                "learning_rate": float(keras.ops.convert_to_tensor(self.model.optimizer.learning_rate).numpy()),
                "seconds": time.perf_counter() - self.began,
                **{f"recall_{code}": float(hits[i] / totals[i]) if totals[i] else math.nan
                   for i, code in enumerate(CODES)},
            })
            if job.checkpoint.stopped_early:
                self.model.stop_training = True

    return Recorder()


def class_weights(labels: np.ndarray, kind: str) -> np.ndarray:
    """float32 (7,), mean 1 over `labels`: none, or by the inverse (root of the) frequency."""
    counts = np.bincount(labels, minlength=N_CLASSES).astype(float)
    power = {"none": 0.0, "sqrt": 0.5, "balanced": 1.0}[kind]
    raw = np.where(counts > 0, np.maximum(counts, 1) ** -power, 0.0)
    return (raw * counts.sum() / (raw * counts).sum()).astype(np.float32)


def augment(images: np.ndarray, kind: str, rng: np.random.Generator) -> np.ndarray:
    """uint8 or float32 (n, 28, 28, 3), 0-255 -> the same shape: every image turned, flipped and
    coloured by its own draw. `kind` is an `augmentation` of TrainConfig.
    """
    if kind == "none":
        return images
    turned = np.empty_like(images)
    draws = rng.integers(8, size=len(images))
    for draw in range(8):  # the dihedral group: four quarter turns, each mirrored or not
        chosen = np.rot90(images[draws == draw], draw % 4, axes=(1, 2))
        turned[draws == draw] = chosen[:, :, ::-1] if draw >= 4 else chosen
    if kind == "dihedral":
        return turned
    n = len(images)
    gain = rng.uniform(0.9, 1.1, (n, 1, 1, 1)) * rng.uniform(0.95, 1.05, (n, 1, 1, 3))  # brightness, colour balance
    contrast = rng.uniform(0.9, 1.1, (n, 1, 1, 1))
    coloured = turned * gain.astype(np.float32)
    mean = coloured.mean(axis=(1, 2), keepdims=True)
    return np.clip((coloured - mean) * contrast.astype(np.float32) + mean, 0, 255)


def batches(dataset: LesionDataset, split: Split, config: TrainConfig, architecture: Architecture,
            first_epoch: int = 0) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Endless (x, one-hot y, weight) batches from the start of an epoch on.

    Order and augmentation of an epoch are a function of (seed, epoch): a run that is taken up
    sees what it would have seen.
    """
    weights = class_weights(dataset.labels[split.train], config.class_weight)
    for epoch in itertools.count(first_epoch):
        rng = np.random.default_rng([config.seed, epoch])
        order = rng.permutation(split.train)
        for start in range(0, len(order), config.batch_size):
            rows = order[start:start + config.batch_size]
            labels = dataset.labels[rows]
            images = augment(dataset.images[rows], config.augmentation, rng)
            yield architecture.prepare(images), _one_hot(labels), weights[labels]


def _stream(dataset, split, config, architecture, first_epoch):
    import tensorflow as tf

    signature = (tf.TensorSpec((None, *architecture.input_shape), tf.float32),
                 tf.TensorSpec((None, N_CLASSES), tf.float32), tf.TensorSpec((None,), tf.float32))
    return tf.data.Dataset.from_generator(
        lambda: batches(dataset, split, config, architecture, first_epoch), output_signature=signature).prefetch(4)


def _one_hot(labels: np.ndarray) -> np.ndarray:
    return np.eye(N_CLASSES, dtype=np.float32)[labels]


# --------------------------------------------------------------------------- checkpoint


class _Checkpoint:
    """The state after the last completed epoch, in checkpoint/last.npz, and the weights of the
    best epoch, in checkpoint/best.npz.

    best.npz is written first, so whatever best epoch last.npz names is there; a crash between
    the two costs one epoch, which is trained again to the same numbers.
    """

    def __init__(self, run: Run):
        self.folder = run.folder / "checkpoint"
        self.epoch = 0
        self.best_epoch: int | None = None
        self.best_loss = math.inf
        self.stopped_early = False

    @classmethod
    def read(cls, run: Run, model: keras.Model) -> _Checkpoint:
        """The run's checkpoint, its state put into `model`; a fresh one where there is none or
        it cannot be read, which the log then says.
        """
        checkpoint = cls(run)
        path = checkpoint.folder / "last.npz"
        if not path.exists():
            return checkpoint
        try:
            arrays = store.read_arrays(path)
            state = json.loads(str(arrays["state"]))
            values = [arrays[f"v{i}"] for i in range(len(_variables(model)))]
            store.read_arrays(checkpoint.folder / "best.npz")
        except store.DAMAGED as error:
            store.write_log(run, f"the checkpoint cannot be read ({error}): training starts again")
            return checkpoint
        for variable, value in zip(_variables(model), values, strict=True):
            variable.assign(value)
        for name, value in state.items():
            setattr(checkpoint, name, value)
        return checkpoint

    def write(self, model: keras.Model, row: dict[str, float], patience: int) -> None:
        self.epoch = row["epoch"]
        with store.writing(self.folder.parent):
            self._write(model, row, patience)

    def _write(self, model: keras.Model, row: dict[str, float], patience: int) -> None:
        self.folder.mkdir(exist_ok=True)
        if row["validation_loss"] < self.best_loss:
            self.best_epoch, self.best_loss = row["epoch"], row["validation_loss"]
            weights = {f"w{i}": w for i, w in enumerate(model.get_weights())}
            store.write_arrays(self.folder / "best.npz", weights)
        self.stopped_early = bool(patience and self.epoch - self.best_epoch >= patience)
        state = {name: getattr(self, name) for name in ("epoch", "best_epoch", "best_loss", "stopped_early")}
        arrays = {f"v{i}": variable.numpy() for i, variable in enumerate(_variables(model))}
        store.write_arrays(self.folder / "last.npz", arrays | {"state": np.array(json.dumps(state))})

    def best_weights(self, model: keras.Model) -> list[np.ndarray] | None:
        """None before the first completed epoch."""
        if self.best_epoch is None:
            return None
        arrays = store.read_arrays(self.folder / "best.npz")
        return [arrays[f"w{i}"] for i in range(len(model.get_weights()))]

    def remove(self) -> None:
        for name in ("last.npz", "best.npz"):
            (self.folder / name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            os.rmdir(self.folder)


def _variables(model: keras.Model) -> list[keras.Variable]:
    """Weights, the states of dropout's random generators, and the optimizer's."""
    model.optimizer.build(model.trainable_variables)
    return [*model.trainable_variables, *model.non_trainable_variables, *model.optimizer.variables]
