"""One training from its run folder's state to its end, recorded there as it goes."""

from __future__ import annotations

import contextlib
import math
import statistics
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ham import io, store
from ham.config import (
    CODES,
    N_CLASSES,
    TRAINING_VERSION,
    HamError,
    TrainConfig,
    TrainingError,
)
from ham.data import LesionDataset, Split, configured_split, open_dataset
from ham.evaluation import EvaluationRecord, evaluate
from ham.models import MODELS, PREPROCESSING, Architecture, import_keras
from ham.store import ModelRecord, Parameters, Predictions, Run, SplitRecord
from ham.training.baselines import pixel_baseline
from ham.training.checkpoint import Checkpoint
from ham.training.fitting import Cancelled, callbacks, compile_model
from ham.training.inputs import first_batch, stream, validation_arrays
from ham.training.tensorboard import TensorBoard
from ham.training.tracking import Tracking

EVALUATION_BATCH = 512
_NO_MEMORY = (
    "Cannot allocate memory",
    "failed to map segment",
    "bad_alloc",
)  # of the system's loader and libraries
_STEADY_EPOCHS = 5  # the time left goes by the median of so many
_STATUS_SECONDS = 0.5  # how often a step is written to status.json


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


def train(
    config: TrainConfig,
    dataset: LesionDataset,
    report: Report | None = None,
    run: Run | None = None,
) -> Run:
    """Trains a model as `config` says and returns its run: done, or cancelled.

    Without `run` a new one is made; with it the caller holds its `store.claim`, and a run that
    was interrupted goes on after its last completed epoch. `config.epoch_kept` says which epoch's
    weights become the model, of those so far in a cancelled run. Raises TrainingError, DataError or
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
        with contextlib.suppress(HamError):
            store.write_log(run, traceback.format_exc())
        explained = _explain(error)
        job.fail(explained)
        raise explained from error
    finally:
        job.tensorboard.close()
        job.tracking.close(job.run)


def train_run(run: Run, report: Report | None = None) -> Run:
    """`train` for a run of the queue: opens the data that the run names and checks that it is
    still the same. The caller holds the run's claim.
    """
    now = time.time()
    run = store.write_status(
        run,
        state="running",
        phase="opening the data",
        started=run.status.started or now,
        updated=now,
        ended=None,
        error=None,
    )
    try:
        dataset = open_dataset(run.record.data.source)
        if dataset.fingerprint != run.record.data.fingerprint:
            raise TrainingError(
                f"The data in {dataset.source}",
                "is not what it was when this run was set up.",
                "Start the training again on the data as it is now.",
            )
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
        self.written = 0.0
        self.tensorboard = TensorBoard(run)
        self.tracking = Tracking(self.log)
        self.epoch_seconds: list[float] = []

    def fit(self) -> bool:
        """Trains up to the last epoch; True where it was cancelled."""
        self.advance(
            "starting TensorFlow",
            state="running",
            started=self.run.status.started or time.time(),
            ended=None,
            error=None,
        )
        import_keras()
        import keras

        config = self.config
        self.split = configured_split(self.dataset, config)
        self.steps = math.ceil(len(self.split.train) / config.batch_size)
        keras.utils.clear_session()
        keras.utils.set_random_seed(config.seed)
        self.model = self.architecture.build(**config.model_settings)
        compile_model(self.model, config, self.steps)
        self.checkpoint = Checkpoint.read(self.run, self.model)
        first = self.checkpoint.epoch
        # of an earlier end, cancelled: they are not this training's
        if self.run.record.model is not None:
            self.run = store.withdraw_results(self.run)
        history = store.truncate_history(self.run, first)
        store.truncate_validation_matrices(self.run, first)
        self.epoch_seconds = history["seconds"].tolist()
        self.run = store.write_record(
            self.run,
            split=_split_record(self.split, self.dataset.labels),
            preprocessing=PREPROCESSING[config.pixel_scaling],
            parameters=Parameters(*self.parameter_count),
            training_version=TRAINING_VERSION,
        )
        self.log(
            f"training {config.model} from epoch {first + 1} of {config.epochs} on "
            f"{len(self.split.train)} images"
        )
        self.advance(
            "training",
            epoch=first,
            epochs=config.epochs,
            step=0,
            steps=self.steps,
            seconds_left=self.seconds_left(0),
            best_epoch=self.checkpoint.best_epoch,
        )
        if first >= config.epochs or self.checkpoint.stopped_early:
            return False
        self.tracking.begin(self.run)
        with store.writing(self.run.folder):  # for whoever watches
            io.write_arrays(
                self.run.folder / "first_batch.npz",
                {"images": first_batch(self.dataset, self.split, config)},
            )
        try:
            self.model.fit(
                stream(self.dataset, self.split, config, self.architecture, first),
                steps_per_epoch=self.steps,
                epochs=config.epochs,
                initial_epoch=first,
                validation_data=validation_arrays(
                    self.dataset, self.split, config, self.architecture
                ),
                validation_batch_size=EVALUATION_BATCH,
                shuffle=False,
                verbose=0,
                callbacks=callbacks(config, self.after_step, self.after_epoch, self.stopped_early),
            )
        except Cancelled:
            return True
        return False

    @property
    def parameter_count(self) -> tuple[int, int]:
        """Trainable ones, and others."""
        return self.architecture.parameter_count(**self.config.model_settings)

    def finish(self, cancelled: bool) -> Run:
        """Restores the best epoch, answers validation and test, writes the results.

        A sweep's trial keeps its checkpoint in their place, from which its promotion evaluates it.
        """
        best = self.checkpoint.best_weights
        withheld = self.run.withheld
        if best is not None and not withheld:
            self.advance("evaluating")
            self.model.set_weights(best)
            parts = {
                "validation": self.answer(self.split.validation),
                "test": self.answer(self.split.test),
            }
            test = parts["test"]
            evaluation = evaluate(test.y_true, test.proba, test.lesion)
            sha256 = self.save_model(best)
            store.write_predictions(self.run, parts)
            self.run = store.write_record(
                self.run,
                model=ModelRecord(sha256, *self.parameter_count),
                evaluation=EvaluationRecord.of(evaluation),
                baselines=pixel_baseline(self.dataset, self.split),
            )
        state = "cancelled" if cancelled else "done"
        store.withdraw_cancel(self.run)
        self.log(
            f"{state} after epoch {self.checkpoint.epoch}, best epoch {self.checkpoint.best_epoch}"
        )
        self.advance(
            "",
            state=state,
            ended=time.time(),
            best_epoch=self.checkpoint.best_epoch,
            seconds_left=None,
        )
        # nothing is left to resume, now that the status says so
        if not cancelled and not withheld:
            self.checkpoint.remove()
        return self.run

    def answer(self, rows: np.ndarray) -> Predictions:
        parts = (
            rows[start : start + EVALUATION_BATCH]
            for start in range(0, len(rows), EVALUATION_BATCH)
        )
        proba = np.concatenate(
            [
                self.architecture.proba(
                    self.model.predict_on_batch, self.dataset.images[part], self.config
                )
                for part in parts
            ]
        )
        return Predictions(
            self.dataset.metadata["image_id"].to_numpy(dtype=str)[rows],
            self.dataset.groups[rows],
            self.dataset.labels[rows],
            proba,
        )

    def save_model(self, weights: list[np.ndarray]) -> str:
        """Writes model.keras without optimizer or loss; returns its SHA-256."""
        bare = self.architecture.build(**self.config.model_settings)
        bare.set_weights(weights)
        path = self.run.folder / "model.keras"
        with store.writing(self.run.folder), io.whole(path) as draft:
            named = draft.with_name(f"{draft.name}.keras")  # Keras saves under this extension alone
            try:
                bare.save(named)
                named.rename(draft)
            finally:
                named.unlink(missing_ok=True)
        return io.file_sha256(path)

    def after_step(self, step: int) -> None:
        if store.cancel_requested(self.run):
            raise Cancelled
        if time.monotonic() - self.written >= _STATUS_SECONDS:
            self.advance("training", step=step, seconds_left=self.seconds_left(step))

    def after_epoch(
        self, row: dict[str, float], weights: list[np.ndarray], confusion: np.ndarray
    ) -> None:
        """Records an epoch: history first, then the checkpoint that says it is complete."""
        if not math.isfinite(row["loss"] + row["validation_loss"]):
            raise TrainingError(
                f"Epoch {row['epoch']}",
                "the loss is not a number: the steps were too large.",
                "Train again with a smaller learning rate.",
            )
        store.append_history(self.run, row)
        store.append_validation_matrix(self.run, int(row["epoch"]), confusion)
        self.tensorboard.write(row)
        self.tracking.write(row)
        self.checkpoint.write(self.model, weights, row, self.config)
        self.epoch_seconds.append(row["seconds"])
        self.advance(
            "training",
            row,
            epoch=row["epoch"],
            step=0,
            seconds_left=self.seconds_left(0),
            best_epoch=self.checkpoint.best_epoch,
        )

    def stopped_early(self) -> bool:
        return self.checkpoint.stopped_early

    def seconds_left(self, step: int) -> float | None:
        return time_left(
            self.epoch_seconds, self.config.epochs - self.checkpoint.epoch - step / self.steps
        )

    def advance(self, phase: str, row: dict[str, float] | None = None, **changes: object) -> None:
        self.run = store.write_status(self.run, phase=phase, updated=time.time(), **changes)
        self.written = time.monotonic()
        status = self.run.status
        self.report(
            Progress(
                phase,
                status.epoch,
                status.epochs,
                status.step,
                status.steps,
                status.seconds_left,
                row,
            )
        )

    def log(self, line: str) -> None:
        store.write_log(self.run, line)

    def fail(self, error: HamError) -> None:
        self.run = _mark_failed(self.run, error)


def time_left(epoch_seconds: list[float], epochs_left: float) -> float | None:
    """Seconds, by the median of the last epochs; None before the first is complete.

    This is the one estimate of a run: it goes into its status, and everybody shows that. The first
    epoch, which compiles, counts only while it is alone.
    """
    if not epoch_seconds:
        return None
    steady = (epoch_seconds[1:] or epoch_seconds)[-_STEADY_EPOCHS:]
    return max(0.0, epochs_left) * statistics.median(steady)


def _mark_failed(run: Run, error: HamError) -> Run:
    steps = (
        lambda: store.write_log(run, f"failed: {error}"),
        lambda: store.withdraw_cancel(run),
        lambda: store.write_status(
            run,
            state="failed",
            phase="",
            ended=time.time(),
            seconds_left=None,
            error=store.Failure(error.what, error.why, error.todo),
        ),
    )
    for step in steps:  # a full disk may refuse any of them; without the last, the freed lock tells
        with contextlib.suppress(HamError):
            run = step() or run
    return run


def _explain(error: Exception) -> TrainingError:
    if "No space left" in str(error):  # TensorFlow's own files; ours raise StoreError
        return TrainingError(
            "The training", "found the disk full.", "Free some space, then resume it."
        )
    if (
        isinstance(error, MemoryError)
        or type(error).__name__ == "ResourceExhaustedError"
        or any(words in str(error) for words in _NO_MEMORY)
    ):
        return TrainingError(
            "The training", "ran out of memory.", "Use a smaller batch size or a smaller model."
        )
    return TrainingError(
        "The training",
        f"stopped on an unexpected error: {type(error).__name__}: {error}.",
        "The run's log.txt has the details; please report it.",
    )


def _split_record(split: Split, labels: np.ndarray) -> SplitRecord:
    """`train_counts` are images of a class, each once however often an epoch repeats it."""
    counts = np.bincount(labels[np.unique(split.train)], minlength=N_CLASSES)
    return SplitRecord(
        protocol=split.protocol,
        seed=split.seed,
        leaking=split.leaking,
        fingerprint=split.fingerprint,
        test_fingerprint=split.test_fingerprint,
        n_train=len(split.train),
        n_validation=len(split.validation),
        n_test=len(split.test),
        train_counts=dict(zip(CODES, counts.tolist(), strict=True)),
    )
