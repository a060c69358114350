"""train(): what it writes, that it repeats itself, stops when asked and goes on where it was."""

from __future__ import annotations

import ast
import errno
import hashlib
import importlib
import itertools
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from ham import io, store, training
from ham.config import (
    CLASS_INDEX,
    CODES,
    TRAINING_VERSION,
    StoreError,
    TrainConfig,
    TrainingError,
    runs_folder,
)
from ham.data import LesionDataset, make_split
from ham.engine import cancel, resume
from ham.models import MODELS, augment, augmentation
from ham.prediction import Predictor
from ham.store import HISTORY_COLUMNS, Run
from ham.training import Progress, batches, class_weights, inputs, job, train
from ham.training.checkpoint import Checkpoint
from ham.training.fitting import _optimizer, compile_model
from tests.light import train_lightly
from tests.run_factory import waiting_run
from tests.test_engine import tiny

pytestmark = [
    pytest.mark.usefixtures("few_layers"),
    pytest.mark.xdist_group("training"),  # two trainings are shared
]
COMPARED = [name for name in HISTORY_COLUMNS if name != "seconds"]


def weights_of(run: Run) -> list[np.ndarray]:
    import keras

    return keras.saving.load_model(store.checked_model_path(run), compile=False).get_weights()


def compiled(config: TrainConfig):
    model = MODELS[config.model].build(**config.model_settings)
    compile_model(model, config, steps=4)
    return model


class _Crash(BaseException):
    """Stands for a killed process: no handler of ours sees it."""


class Moments:
    """Copies of a home while a training goes on in it: what a process that is killed at that
    moment leaves.
    """

    def __init__(self, folder: Path):
        self.folder, self.home = folder, folder / "home"

    def keep(self, moment: str) -> None:
        if not (self.folder / moment).exists():
            shutil.copytree(self.home, self.folder / moment)

    def take(self, moment: str, home: Path) -> Run:
        """The run as it was then, in this home."""
        shutil.copytree(self.folder / moment, home, dirs_exist_ok=True)
        [run] = store.list_runs()
        return run


@pytest.fixture(scope="module")
def whole_moments(tmp_path_factory: pytest.TempPathFactory) -> Moments:
    return Moments(tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def whole(small_dataset: LesionDataset, whole_moments: Moments, few_layers: None):
    """A run of 6 epochs with dropout, augmentation and a schedule, its history and its weights."""
    reports: list[Progress] = []

    def watch(progress: Progress) -> None:
        reports.append(progress)
        if progress.epoch == 3:
            whole_moments.keep("step" if progress.step else "epoch")

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("HAM_HOME", str(whole_moments.home))
        monkeypatch.setattr(job, "_STATUS_SECONDS", 0)  # every step is reported
        run = train(eventful(), small_dataset, watch)
        return run, store.read_history(run), weights_of(run), reports


def eventful() -> TrainConfig:
    return tiny(
        epochs=6,
        seed=3,
        augmentation="dihedral+colour+shift",
        schedule="cosine",
        optimizer="adamw",
        dropout=0.3,
        weight_decay=0.01,
        class_weight=0.5,
        label_smoothing=0.1,
        weight_average=0.9,
    )


def test_a_finished_run_holds_everything_that_is_known_about_it(
    whole, small_dataset: LesionDataset
) -> None:
    run, history, _, _ = whole
    assert (run.state, run.has_model, run.status.epoch) == ("done", True, 6)
    assert history["epoch"].tolist() == [1, 2, 3, 4, 5, 6]
    assert sorted(p.name for p in run.folder.iterdir() if p.name != "lock") == [
        "config.json",
        "first_batch.npz",
        "history.csv",
        "log.txt",
        "model.keras",
        "predictions.npz",
        "status.json",
        "tensorboard",
        "validation_matrices.csv",
    ]
    split = make_split(small_dataset, seed=3)
    assert run.record.split.test_fingerprint == split.test_fingerprint
    assert run.record.data.fingerprint == small_dataset.fingerprint
    assert (
        run.record.parameters.total
        == MODELS["cnn"].build(**run.config.model_settings).count_params()
    )


def test_the_split_tells_how_many_images_of_each_class_were_trained_on(
    whole, small_dataset: LesionDataset
) -> None:
    counts = whole[0].record.split.train_counts
    labels = small_dataset.labels[make_split(small_dataset, seed=3).train]
    assert [counts[code] for code in CODES] == [int((labels == index).sum()) for index in range(7)]


def test_an_image_that_an_epoch_repeats_counts_once(small_dataset: LesionDataset) -> None:
    split = make_split(small_dataset, "oversample")
    counts = job._split_record(split, small_dataset.labels).train_counts
    assert sum(counts.values()) == len(set(split.train.tolist())) < len(split.train)
    assert max(counts, key=counts.get) == "nv"


#: TRAINING_VERSION -> what the sources that decide about a training's numbers were then.
SOURCES = {1: "5219945a3dd94413"}


def test_the_version_of_the_training_goes_with_its_sources() -> None:
    """Where this fails: would the same settings give other numbers than before? Then raise
    TRAINING_VERSION and write the new hash behind the new version; else write it behind the old
    one.
    """
    folder = Path(training.__file__).parent
    files = [
        *sorted((folder.parent / "models").glob("*.py")),
        folder / "inputs.py",
        folder / "fitting.py",
    ]
    digest = hashlib.sha256("".join(map(acting, files)).encode()).hexdigest()[:16]
    assert SOURCES[TRAINING_VERSION] == digest


def acting(path: Path) -> str:
    """A module's code as Python reads it, without comments and docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if (
            isinstance(body, list)
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
        ):
            body[0] = ast.Pass()
    return ast.unparse(tree)


def test_a_training_records_its_version(whole) -> None:
    assert whole[0].record.training_version == TRAINING_VERSION


def test_the_epoch_of_the_best_validation_loss_is_kept_and_its_model_gives_the_stored_answers(
    whole, small_dataset: LesionDataset
) -> None:
    import keras

    run, history, _, _ = whole
    assert run.status.best_epoch == history["epoch"][history["validation_loss"].idxmin()]
    split = make_split(small_dataset, seed=3)
    test = store.read_predictions(run)["test"]
    assert test.image_id.tolist() == small_dataset.metadata["image_id"].iloc[split.test].tolist()
    model = keras.saving.load_model(store.checked_model_path(run), compile=False)
    proba = model.predict_on_batch(MODELS["cnn"].prepare(small_dataset.images[split.test], "unit"))
    assert test.proba == pytest.approx(proba, abs=1e-6)
    accuracy = float(np.mean(test.proba.argmax(axis=1) == small_dataset.labels[split.test]))
    assert run.scores["accuracy"].value == pytest.approx(accuracy)
    validation = store.read_predictions(run)["validation"]
    best = history.set_index("epoch").loc[run.status.best_epoch]
    accuracy = float(np.mean(validation.proba.argmax(axis=1) == validation.y_true))
    assert best["validation_accuracy"] == pytest.approx(accuracy, abs=1e-6)
    present = [c for c in range(7) if (validation.y_true == c).any()]
    recalls = [
        np.mean(validation.proba.argmax(axis=1)[validation.y_true == c] == c) for c in present
    ]
    assert best["validation_balanced_accuracy"] == pytest.approx(float(np.mean(recalls)), abs=1e-6)


def test_tensorboard_reads_every_epoch_of_train_and_validation(whole) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run, history, _, _ = whole
    for part, prefix in (("train", ""), ("validation", "validation_")):
        logs = EventAccumulator(str(run.folder / "tensorboard" / part))
        logs.Reload()
        for name in ("loss", "accuracy", "balanced_accuracy"):
            found = [
                (
                    event.step,
                    float(
                        np.frombuffer(event.tensor_proto.tensor_content, np.float32)[0]
                        if event.tensor_proto.tensor_content
                        else event.tensor_proto.float_val[0]
                    ),
                )
                for event in logs.Tensors(name)
            ]
            assert [step for step, _ in found] == [1, 2, 3, 4, 5, 6]
            assert [value for _, value in found] == pytest.approx(
                history[f"{prefix}{name}"].tolist(), rel=1e-5
            )


def test_progress_is_reported_by_epoch_and_ends_with_the_evaluation(whole) -> None:
    _, history, _, reports = whole
    assert [p.row["epoch"] for p in reports if p.row] == [1, 2, 3, 4, 5, 6]
    assert [p.epoch for p in reports] == sorted(p.epoch for p in reports)
    assert reports[0].seconds_left is None
    left = [p.seconds_left for p in reports if p.row]
    assert left[-1] == 0
    seconds = history["seconds"].tolist()
    assert left[0] == pytest.approx(5 * seconds[0])
    assert "evaluating" in [p.phase for p in reports]
    assert left[1] == pytest.approx(4 * seconds[1])
    assert left[3] == pytest.approx(2 * sorted(seconds[1:4])[1])


def test_the_time_left_is_steady_after_two_epochs_though_the_first_compiles() -> None:
    assert job.time_left([], 10) is None
    assert job.time_left([30.0], 9) == 9 * 30.0
    assert job.time_left([30.0, 5.0], 8) == 8 * 5.0
    assert job.time_left([30.0, 5.0, 6.0], 6.5) == 6.5 * 5.5
    assert job.time_left([30.0, 5.0, 6.0, 90.0, 5.0, 5.0, 5.0], 2) == 2 * 5.0
    assert job.time_left([30.0], -1) == 0.0  # more epochs than the settings say


def test_the_learning_rate_warms_up_and_falls_along_a_cosine(whole) -> None:
    _, history, _, _ = whole
    rates = history["learning_rate"].tolist()
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == pytest.approx(1e-5)  # 1 % of the peak


def test_the_same_seed_gives_the_same_history_and_weights_where_ham_home_says(
    whole, small_dataset: LesionDataset, ham_home: Path
) -> None:
    _, history, weights, _ = whole
    again = train(eventful(), small_dataset)
    assert again.folder.parent == runs_folder() == ham_home / "runs"
    assert store.read_run(again.id).state == "done"
    assert store.read_history(again)[COMPARED].equals(history[COMPARED])
    matrices = store.read_validation_matrices(again)
    assert list(matrices) == history["epoch"].tolist()
    for recalls, confusion in zip(
        history[[f"recall_{code}" for code in CODES]].to_numpy(), matrices.values(), strict=True
    ):
        found = np.diag(confusion) / np.where(confusion.any(axis=1), confusion.sum(axis=1), np.nan)
        np.testing.assert_allclose(found, recalls, rtol=1e-6)
        assert confusion.sum() == again.record.split.n_validation
    assert all(np.array_equal(a, b) for a, b in zip(weights_of(again), weights, strict=True))


@pytest.mark.parametrize("moment", ["step", "epoch"])
def test_a_run_that_was_killed_and_taken_up_again_ends_as_one_that_was_not(
    moment: str, whole, whole_moments: Moments, ham_home: Path
) -> None:
    _, history, weights, _ = whole
    run = whole_moments.take(moment, ham_home)
    assert run.state == "interrupted"
    assert len(store.read_history(run)) == 3
    # a row without its checkpoint
    store.append_history(run, dict.fromkeys(HISTORY_COLUMNS, 9.0) | {"epoch": 4})
    store.append_validation_matrix(run, 4, np.ones((7, 7), int))
    ended = resumed(run)
    assert list(store.read_validation_matrices(ended)) == history["epoch"].tolist()
    assert ended.state == "done"
    found = store.read_history(ended)
    assert found["epoch"].tolist() == [1, 2, 3, 4, 5, 6]
    assert found[COMPARED].to_numpy() == pytest.approx(
        history[COMPARED].to_numpy(), abs=1e-5, nan_ok=True
    )
    for ours, theirs in zip(weights_of(ended), weights, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-5)


def killed_after(epoch: int, run: Run, dataset: LesionDataset) -> Run:
    """The run, its process killed when this epoch was complete."""

    def crash(progress: Progress) -> None:
        if progress.epoch == epoch:
            raise _Crash

    with store.claim(run), pytest.raises(_Crash):
        train(run.config, dataset, crash, run)
    return store.read_run(run.id)


def resumed(run: Run) -> Run:
    with store.claim(run) as mine:
        return training.train_run(mine)


def flip(path: Path, place: float) -> None:
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 0x10
    path.write_bytes(content)


def plain() -> TrainConfig:
    return tiny(epochs=4, learning_rate=0.01)


@pytest.fixture(scope="module")
def moments(
    small_dataset: LesionDataset, tmp_path_factory: pytest.TempPathFactory, few_layers: None
) -> Moments:
    """Of a plain run: after epoch 2, and before every single write of epoch 3, which is
    the best so far.
    """
    moments, write = Moments(tmp_path_factory.mktemp("moments")), io.write_file
    writes = itertools.count()

    def watch(progress: Progress) -> None:
        if progress.row and progress.epoch == 2:
            moments.keep("epoch 2")

    def watched_write(path: Path, content: bytes) -> None:
        if store.read_history(run)["epoch"].max() >= 3 and (number := next(writes)) < 3:
            moments.keep(f"write {number}")
        write(path, content)

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("HAM_HOME", str(moments.home))
        run = waiting_run(plain(), small_dataset.record)
        monkeypatch.setattr(importlib.import_module("ham.io.atomic"), "write_file", watched_write)
        with store.claim(run):
            train(run.config, small_dataset, watch, run)
    losses = store.read_history(run)["validation_loss"]
    assert losses[2] < losses[:2].min()
    return moments


@pytest.fixture
def interrupted(moments: Moments, ham_home: Path) -> Run:
    """A run of 4 epochs whose process was killed after 2."""
    return moments.take("epoch 2", ham_home)


def changed_checkpoint(run: Run, state: dict | None = None, **arrays: np.ndarray) -> None:
    path = run.folder / "checkpoint" / "last.npz"
    found = io.read_arrays(path)
    if state is not None:
        found["state"] = np.array(json.dumps(json.loads(str(found["state"])) | state))
    io.write_arrays(path, found | arrays)


def test_a_flipped_bit_anywhere_in_a_checkpoint_is_seen_or_changes_nothing(
    interrupted: Run, built_once
) -> None:
    path = interrupted.folder / "checkpoint" / "last.npz"
    content, names = path.read_bytes(), ("epoch", "best_epoch", "least", "stopped_early")
    whole = Checkpoint.read(interrupted, built_once)
    seen = 0
    for place in np.random.default_rng(0).integers(0, 8 * len(content), 60).tolist():
        flipped = bytearray(content)
        flipped[place // 8] ^= 1 << place % 8
        path.write_bytes(flipped)
        found = Checkpoint.read(interrupted, built_once)
        if found.epoch:  # it was in what a zip says of a file's date
            assert [getattr(found, name) for name in names] == [
                getattr(whole, name) for name in names
            ]
            assert all(
                np.array_equal(a, b)
                for a, b in zip(found.best_weights, whole.best_weights, strict=True)
            )
        seen += not found.epoch
    assert seen > 30


@pytest.mark.parametrize(
    "damage",
    [
        lambda run: (run.folder / "checkpoint" / "last.npz").write_bytes(b""),
        lambda run: changed_checkpoint(run, state={"epoch": "2"}),
        lambda run: changed_checkpoint(run, state={"epoch": True}),
        lambda run: changed_checkpoint(run, state={"epoch": 2.0}),
        lambda run: changed_checkpoint(run, state={"epoch": 10**30}),
        lambda run: changed_checkpoint(run, state={"best_epoch": None}),
        lambda run: changed_checkpoint(run, state={"best_epoch": 3}),
        lambda run: changed_checkpoint(run, state={"least": None}),
        lambda run: changed_checkpoint(run, state={"least": [1]}),
        lambda run: changed_checkpoint(run, state={"stopped_early": "no"}),
        lambda run: io.write_arrays(
            run.folder / "checkpoint" / "last.npz", {"state": np.array("[1, 2]")}
        ),
        lambda run: changed_checkpoint(run, v0=np.zeros((2, 2), np.float32)),
        lambda run: changed_checkpoint(run, v0=np.array("text")),
        lambda run: changed_checkpoint(run, w1=np.zeros(99, np.float32)),
        lambda run: (run.folder / "history.csv").write_bytes(b"\xff\xfe\x00 no table\n1,2\n1,2\n"),
        lambda run: (run.folder / "history.csv").unlink(),
    ],
)
def test_a_damaged_checkpoint_is_none_the_log_says_so_and_the_model_is_as_it_was(
    damage, interrupted: Run, built_once
) -> None:
    before = [w.copy() for w in built_once.get_weights()]
    damage(interrupted)
    checkpoint = Checkpoint.read(interrupted, built_once)
    assert (checkpoint.epoch, checkpoint.best_epoch, checkpoint.best_weights) == (0, None, None)
    assert "training starts again" in store.read_log(interrupted)
    assert all(np.array_equal(a, b) for a, b in zip(before, built_once.get_weights(), strict=True))


@pytest.fixture(scope="module")
def built_once(few_layers: None):
    return compiled(plain())


def test_one_flipped_bit_and_a_damaged_history_make_a_resume_start_again(interrupted: Run) -> None:
    intact = store.read_history(interrupted)
    flip(interrupted.folder / "checkpoint" / "last.npz", 0.5)
    (interrupted.folder / "history.csv").write_bytes(b"\xff\xfe\x00 no table\n1,2\n1,2\n")
    ended = resumed(interrupted)
    history = store.read_history(ended)
    assert (ended.state, history["epoch"].tolist()) == ("done", [1, 2, 3, 4])
    # from the first weights
    np.testing.assert_allclose(history[COMPARED].iloc[:2], intact[COMPARED], rtol=1e-5)


def test_a_checkpoint_that_the_system_does_not_let_be_read_is_not_given_up(
    interrupted: Run, built_once, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: Path) -> bytes:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    before = store.read_history(interrupted)
    with monkeypatch.context() as patched:
        patched.setattr(io, "read_bytes", refused)
        with pytest.raises(StoreError, match="Permission denied"):
            resumed(interrupted)
    assert store.read_history(interrupted).equals(before)
    assert Checkpoint.read(interrupted, built_once).epoch == 2


def test_a_checkpoint_with_the_best_weights_in_a_file_of_their_own_is_taken_up(
    interrupted: Run,
) -> None:
    path = interrupted.folder / "checkpoint" / "last.npz"
    arrays = io.read_arrays(path)
    io.write_arrays(path, {name: value for name, value in arrays.items() if name[0] != "w"})
    io.write_arrays(
        path.with_name("best.npz"),
        {name: value for name, value in arrays.items() if name[0] == "w"},
    )
    before = store.read_history(interrupted)
    ended = resumed(interrupted)
    assert (ended.state, ended.has_model) == ("done", True)
    assert store.read_history(ended).iloc[:2].equals(before)
    assert not path.parent.exists()


@pytest.mark.parametrize("number", range(3))
def test_the_kept_epoch_its_weights_and_its_score_belong_together_after_a_kill_and_a_cancel(
    number: int, moments: Moments, ham_home: Path
) -> None:
    """Killed at a write of epoch 3, then cancelled before it was made again."""
    run = moments.take(f"write {number}", ham_home)
    assert store.read_history(run)["epoch"].max() >= 3
    store.request_cancel(run)
    ended = resumed(run)
    history = store.read_history(ended)
    assert (ended.state, ended.has_model) == ("cancelled", True)
    assert ended.status.best_epoch in history["epoch"].tolist()
    kept = history.set_index("epoch").loc[ended.status.best_epoch]
    part = store.read_predictions(ended)["validation"]
    accuracy = float(np.mean(part.proba.argmax(axis=1) == part.y_true))
    assert kept["validation_accuracy"] == pytest.approx(accuracy, abs=1e-6)
    loss = -np.log(part.proba[np.arange(len(part.y_true)), part.y_true]).mean()
    assert kept["validation_loss"] == pytest.approx(loss, rel=1e-4)


def test_a_resumed_run_has_no_score_of_its_earlier_end_and_an_untouched_one_keeps_it(
    small_dataset: LesionDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_lightly(monkeypatch)
    run = waiting_run(tiny(epochs=4), small_dataset.record)
    with store.claim(run) as mine:
        cancelled = training.train_run(
            mine, lambda p: store.request_cancel(run) if p.epoch == 2 else None
        )
    assert (cancelled.state, cancelled.has_model) == ("cancelled", True)
    assert len(store.read_history(cancelled)) == 2
    resume(cancelled)
    assert not store.read_run(run.id).has_model  # it waits
    cancel(store.read_run(run.id))
    assert store.read_run(run.id).has_model  # nothing was trained since
    resume(cancelled)
    killed = killed_after(3, store.read_run(run.id), small_dataset)
    assert (killed.state, killed.has_model) == ("interrupted", False)
    found = killed.record
    assert (found.model, found.evaluation, found.baselines) == (None, None, None)
    assert not {"model.keras", "predictions.npz"} & {path.name for path in run.folder.iterdir()}
    assert resumed(killed).has_model


def test_a_cancel_before_the_first_epoch_keeps_no_model(
    small_dataset: LesionDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_lightly(monkeypatch)
    early = waiting_run(tiny(), small_dataset.record)
    store.request_cancel(early)
    with store.claim(early) as mine:
        ended = training.train_run(mine)
    assert (ended.state, ended.has_model, ended.status.epoch) == ("cancelled", False, 0)
    assert not store.cancel_requested(ended)


def test_training_stops_early_after_as_many_worse_epochs_as_were_allowed(
    small_dataset: LesionDataset,
) -> None:
    run = train(tiny(epochs=100, early_stopping_patience=2, learning_rate=0.05), small_dataset)
    epochs = store.read_history(run)["epoch"].max()
    assert run.state == "done"
    assert epochs < 100
    assert epochs == run.status.best_epoch + 2


@pytest.mark.parametrize(("kept", "epoch"), [("loss", 2), ("balanced accuracy", 3), ("last", 4)])
def test_the_epoch_that_is_kept_can_be_chosen(
    small_dataset: LesionDataset, kept: str, epoch: int
) -> None:
    config = tiny(epoch_kept=kept)
    run, model = waiting_run(config, small_dataset.record), compiled(config)
    checkpoint = Checkpoint(run)
    assert checkpoint.best_weights is None
    for number, (loss, balanced) in enumerate(
        [(0.9, 0.5), (0.7, 0.3), (0.8, 0.6), (0.85, 0.4)], start=1
    ):
        weights = [np.full_like(w, number) for w in model.get_weights()]
        row = {"epoch": number, "validation_loss": loss, "validation_balanced_accuracy": balanced}
        store.append_history(run, dict.fromkeys(HISTORY_COLUMNS, 0.5) | row)
        checkpoint.write(model, weights, row, config)
        checkpoint = Checkpoint.read(run, model)  # as after a resume
    assert checkpoint.best_epoch == epoch
    assert {float(w.flat[0]) for w in checkpoint.best_weights} == {epoch}


def test_a_checkpoint_from_before_there_was_a_choice_is_taken_up(
    small_dataset: LesionDataset,
) -> None:
    config = tiny()
    run, model = waiting_run(config, small_dataset.record), compiled(config)
    store.append_history(run, dict.fromkeys(HISTORY_COLUMNS, 0.7) | {"epoch": 1})
    Checkpoint(run).write(model, model.get_weights(), {"epoch": 1, "validation_loss": 0.7}, config)
    path = run.folder / "checkpoint" / "last.npz"
    arrays = io.read_arrays(path)
    state = json.loads(str(arrays["state"]))
    state["best_loss"] = state.pop("least")
    io.write_arrays(path, arrays | {"state": np.array(json.dumps(state))})
    checkpoint = Checkpoint.read(run, model)
    checkpoint.write(model, model.get_weights(), {"epoch": 2, "validation_loss": 0.8}, config)
    assert checkpoint.best_epoch == 1


def test_with_the_last_epoch_kept_its_weights_answer(small_dataset: LesionDataset) -> None:
    run = train(tiny(epochs=4, learning_rate=0.3, seed=3, epoch_kept="last"), small_dataset)
    losses = store.read_history(run)["validation_loss"]
    part = store.read_predictions(run)["validation"]
    loss = -np.log(part.proba[np.arange(len(part.y_true)), part.y_true]).mean()
    assert run.status.best_epoch == 4
    assert loss == pytest.approx(losses.iloc[-1], rel=1e-4)
    assert loss > 1.01 * losses.min(), "another epoch has the lowest loss"


def test_a_loss_that_is_not_a_number_fails_with_what_to_do(
    small_dataset: LesionDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        inputs, "class_weights", lambda labels, power: np.full(7, np.inf, np.float32)
    )
    with pytest.raises(TrainingError, match="smaller learning rate"):
        train(tiny(), small_dataset)
    [run] = store.list_runs()
    assert run.state == "failed"
    assert "not a number" in run.status.error.why


def test_an_unexpected_error_marks_the_run_as_failed_and_its_log_has_the_details(
    small_dataset: LesionDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_lightly(monkeypatch)
    # only its results are missing
    trained = killed_after(4, waiting_run(plain(), small_dataset.record), small_dataset)

    def broken(*args: object) -> None:
        raise ZeroDivisionError("invented")

    monkeypatch.setattr(job, "evaluate", broken)
    with pytest.raises(TrainingError, match="ZeroDivisionError: invented"):
        resumed(trained)
    [run] = store.list_runs()
    assert run.state == "failed"
    assert 'raise ZeroDivisionError("invented")' in store.read_log(run)


def test_running_out_of_memory_is_said_in_words(
    small_dataset: LesionDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hungry(*args: object) -> None:
        raise MemoryError

    monkeypatch.setattr(job, "configured_split", hungry)
    with pytest.raises(TrainingError, match="ran out of memory"):
        train(tiny(), small_dataset)


def test_a_disk_that_fills_up_leaves_a_run_that_can_be_resumed(
    small_dataset: LesionDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_lightly(monkeypatch)
    interrupted = killed_after(2, waiting_run(plain(), small_dataset.record), small_dataset)
    fsync = os.fsync

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def fill(progress: Progress) -> None:
        if progress.epoch == 3:
            monkeypatch.setattr(os, "fsync", full)

    with store.claim(interrupted) as mine, pytest.raises(StoreError, match="the disk is full"):
        training.train_run(mine, fill)
    monkeypatch.setattr(os, "fsync", fsync)
    assert store.read_run(interrupted.id).state in ("failed", "interrupted")
    done = resumed(interrupted)
    assert (done.state, store.read_history(done)["epoch"].tolist()) == ("done", [1, 2, 3, 4])


def test_the_validation_loss_weighs_the_classes_as_the_training_loss_does(
    whole, small_dataset: LesionDataset
) -> None:
    run, history, _, _ = whole
    part = store.read_predictions(run)["validation"]
    smooth = 0.9 * np.eye(7)[part.y_true] + 0.1 / 7
    losses = -(smooth * np.log(part.proba)).sum(axis=1)
    weights = class_weights(small_dataset.labels[make_split(small_dataset, seed=3).train], 0.5)[
        part.y_true
    ]
    kept = history["validation_loss"].min()
    assert kept == pytest.approx((weights * losses).mean(), rel=1e-4)
    assert kept != pytest.approx(losses.mean(), rel=1e-2), "the weights make no difference here"


# ------------------------------------------------------------------------------- inputs


def test_class_weights_average_to_one_and_go_by_the_inverse_frequency() -> None:
    labels = np.array([CLASS_INDEX["nv"]] * 6 + [CLASS_INDEX["mel"]] * 2)
    assert class_weights(labels, 0)[labels].tolist() == [1.0] * 8
    balanced, root = class_weights(labels, 1), class_weights(labels, 0.5)
    assert balanced[CLASS_INDEX["mel"]] / balanced[CLASS_INDEX["nv"]] == pytest.approx(3)
    assert root[CLASS_INDEX["mel"]] / root[CLASS_INDEX["nv"]] == pytest.approx(3**0.5)
    for weights in (balanced, root):
        assert weights[labels].mean() == pytest.approx(1)
        assert weights[CLASS_INDEX["df"]] == 0  # no image, no weight


@pytest.mark.parametrize("epochs", [1, 5, 70])
def test_the_learning_rate_that_a_config_tells_is_the_one_that_keras_takes(epochs: int) -> None:
    config = tiny(epochs=epochs, schedule="cosine", learning_rate=2e-3)
    steps = 200
    keras_rate = _optimizer(config, steps)._learning_rate
    one_step = config.learning_rate / (steps * config.warm_up_epochs)  # of the warm-up
    for epoch in (0, 0.05, 0.5, 1, 4.2, epochs / 2, epochs):
        if epoch <= epochs:
            taken = float(keras_rate(round(epoch * steps)))
            assert config.learning_rate_at(epoch) == pytest.approx(taken, abs=one_step)
    assert config.learning_rate_at(epochs) == pytest.approx(2e-5)
    assert config.learning_rate_at(config.warm_up_epochs) == pytest.approx(2e-3)
    assert config.replace(schedule="constant").learning_rate_at(0) == 2e-3


def test_dihedral_augmentation_gives_each_of_the_eight_views_and_nothing_else() -> None:
    image = np.arange(28 * 28 * 3, dtype=np.uint8).reshape(28, 28, 3)
    turned = augment(np.stack([image] * 200), "dihedral", np.random.default_rng(0))
    views = {np.rot90(mirror, k).tobytes() for mirror in (image, image[:, ::-1]) for k in range(4)}
    assert {view.tobytes() for view in turned} == views
    assert len(views) == 8


def test_colour_augmentation_stays_mild_and_in_range_and_none_changes_nothing() -> None:
    images = np.random.default_rng(1).integers(0, 256, (50, 28, 28, 3), dtype=np.uint8)
    assert augment(images, "none", np.random.default_rng(0)) is images
    grey = np.full((100, 28, 28, 3), 120, np.uint8)
    coloured = augment(grey, "dihedral+colour", np.random.default_rng(0))
    assert coloured.min() >= 120 * 0.9 * 0.95 - 1e-3
    assert coloured.max() <= 120 * 1.1 * 1.05 + 1e-3
    assert coloured.std() > 1
    bright = augment(images, "dihedral+colour", np.random.default_rng(0))
    assert (bright.min(), bright.max()) >= (0, 0)
    assert bright.max() <= 255


def test_shifts_move_every_image_by_at_most_two_pixels_each_way_and_mirror_the_edge() -> None:
    image = np.zeros((28, 28, 3), np.uint8)
    image[10, 20] = 255
    image[:, 0] = 7  # the left edge
    moved = augmentation._shifted(np.stack([image] * 300), np.random.default_rng(0))
    places = {tuple(np.argwhere(one[:, :, 0] == 255)[0]) for one in moved}
    assert places == {(10 + y, 20 + x) for y in range(-2, 3) for x in range(-2, 3)}
    right = moved[[np.argwhere(one[:, :, 0] == 255)[0][1] == 22 for one in moved]][0]
    assert right[14, :, 0].tolist()[:5] == [0, 0, 7, 0, 0]  # pixels 2, 1, then the edge itself


def test_affine_augmentation_turns_zooms_and_moves_half_of_the_images_and_no_others() -> None:
    row, column = np.indices((28, 28))
    # 6 pixels right of the middle
    spot = 255 * np.exp(-((row - 13.5) ** 2 + (column - 19.5) ** 2) / 4)
    images = np.repeat(spot[None, ..., None], 3, axis=3).repeat(400, axis=0).astype(np.uint8)
    warped = augmentation._warped(images, np.random.default_rng(0))
    same = (warped == images).all(axis=(1, 2, 3))
    assert 0.4 < same.mean() < 0.6
    weight = warped[~same, :, :, 0] / warped[~same, :, :, 0].sum(axis=(1, 2), keepdims=True)
    away = (
        np.stack([(weight * row).sum(axis=(1, 2)), (weight * column).sum(axis=(1, 2))], axis=1)
        - 13.5
    )
    distance = np.hypot(*away.T)
    assert 2 < distance.min() < 5  # zoomed out and moved towards the middle
    assert 7.5 < distance.max() < 1.2 * (6 + 2 * 2**0.5) + 0.5
    angle = np.degrees(np.arctan2(away[:, 0], away[:, 1]))
    assert (angle.min() < -35, angle.max() > 35) == (True, True)
    assert np.abs(angle).max() < 45 + 30  # 45 turned, the rest moved


def test_a_warp_by_nothing_gives_the_image_back_and_beyond_the_edge_is_its_mirror_image(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images = np.random.default_rng(1).integers(0, 256, (8, 28, 28, 3), dtype=np.uint8)
    for name, value in (("MAX_ANGLE", 0.0), ("MAX_ZOOM", 1.0), ("MAX_SHIFT", 0)):
        monkeypatch.setattr(augmentation, name, value)
    assert np.allclose(augmentation._warped(images, np.random.default_rng(0)), images, atol=1e-3)
    assert augmentation._mirrored(np.array([-2, -1, 0, 27, 28, 29]), 28).tolist() == [
        2,
        1,
        0,
        27,
        26,
        25,
    ]


def test_an_average_of_the_weights_is_what_is_validated_and_kept(
    interrupted: Run, small_dataset: LesionDataset
) -> None:
    """With a momentum of nearly 1 the average is still where it was after the first step."""
    slow = train(plain().replace(epochs=2, weight_average=0.9999), small_dataset)
    losses = [store.read_history(run)["validation_loss"] for run in (interrupted, slow)]
    train_losses = [store.read_history(run)["loss"].tolist() for run in (interrupted, slow)]
    # what trains are the weights themselves
    assert train_losses[0] == pytest.approx(train_losses[1], rel=0.05)
    assert abs(losses[1].diff()[1]) < abs(losses[0].diff()[1])
    assert store.read_predictions(slow)["validation"].proba.shape == (
        slow.record.split.n_validation,
        7,
    )
    validation = store.read_predictions(slow)["validation"]
    kept = -np.log(validation.proba[np.arange(len(validation.y_true)), validation.y_true]).mean()
    assert kept == pytest.approx(losses[1].min(), rel=1e-4)


def test_with_test_time_augmentation_an_image_and_its_mirror_image_get_the_same_answer(
    small_dataset: LesionDataset,
) -> None:
    run = train(
        tiny(epochs=1, test_time_augmentation="dihedral", pixel_scaling="standard"), small_dataset
    )
    assert "minus (194.7, 139.3, 145.5)" in run.record.preprocessing
    images = small_dataset.images[:5]
    predictor = Predictor(run)
    assert predictor.proba(images) == pytest.approx(predictor.proba(images[:, :, ::-1]), abs=1e-5)
    test = store.read_predictions(run)["test"]
    rows = np.searchsorted(small_dataset.metadata["image_id"].to_numpy(), test.image_id)
    assert predictor.proba(small_dataset.images[rows]) == pytest.approx(test.proba, abs=1e-5)


def test_an_epoch_shows_every_training_image_once_in_an_order_of_its_own(
    small_dataset: LesionDataset,
) -> None:
    config = tiny(batch_size=32)
    split = make_split(small_dataset)
    steps = -(-len(split.train) // 32)
    stream = batches(small_dataset, split, config, MODELS["cnn"])
    first, second = ([next(stream) for _ in range(steps)] for _ in range(2))
    flat = [
        np.concatenate([batch[0] for batch in epoch]).reshape(len(split.train), -1)
        for epoch in (first, second)
    ]
    expected = (
        MODELS["cnn"]
        .prepare(small_dataset.images[split.train], "unit")
        .reshape(len(split.train), -1)
    )
    for shown in flat:
        assert np.array_equal(np.sort(shown.sum(axis=1)), np.sort(expected.sum(axis=1)))
    assert not np.array_equal(*flat)
    later = next(batches(small_dataset, split, config, MODELS["cnn"], first_epoch=1))
    assert np.array_equal(later[0], second[0][0])
