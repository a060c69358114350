"""probe(): what a few real steps tell; the first batch that a training leaves for whoever watches."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest

from ham import engine, io, store
from ham.config import TrainConfig
from ham.data import LesionDataset, make_split
from ham.engine import probe as engine_probe
from ham.training import first_batch, probe, train
from tests.test_engine import tiny

MEASURE = engine_probe._measure  # before a fixture puts it out of work


def test_a_probe_measures_steps_start_and_memory_and_leaves_no_run(small_dataset: LesionDataset) -> None:
    found = probe(tiny(batch_size=16), small_dataset, steps=2)
    assert found["steps_per_epoch"] == -(-len(make_split(small_dataset).train) // 16)
    assert 0 < found["seconds_per_step"] < found["start_seconds"]
    assert 100e6 < found["memory_bytes"] < 100e9  # TensorFlow alone holds more than 100 MB
    assert store.list_runs() == []


def test_the_first_batch_is_that_of_the_first_epoch_without_augmentation(small_dataset: LesionDataset) -> None:
    for model in ("cnn", "lstm"):
        config = TrainConfig(model=model, seed=5)
        split = make_split(small_dataset, seed=5)
        rows = np.random.default_rng([5, 0]).permutation(split.train)[:8]
        seen = first_batch(small_dataset, split, config)
        assert seen.dtype == np.uint8
        np.testing.assert_array_equal(seen, small_dataset.images[rows])


def test_the_first_batch_is_augmented_as_the_training_is(small_dataset: LesionDataset) -> None:
    split = make_split(small_dataset)
    plain = first_batch(small_dataset, split, TrainConfig())
    turned = first_batch(small_dataset, split, TrainConfig(augmentation="dihedral"))
    assert plain.shape == turned.shape == (8, 28, 28, 3)
    assert (plain != turned).any()
    np.testing.assert_array_equal(np.sort(plain.reshape(8, -1)), np.sort(turned.reshape(8, -1)))  # the same pixels


def test_a_training_leaves_its_first_batch_in_the_run_folder(small_dataset: LesionDataset) -> None:
    run = train(tiny(epochs=1, augmentation="dihedral"), small_dataset)
    images = io.read_arrays(run.folder / "first_batch.npz")["images"]
    np.testing.assert_array_equal(images, first_batch(small_dataset, make_split(small_dataset), run.config))


def test_an_estimate_is_measured_once_in_a_process_of_its_own_and_scales_with_the_epochs(
        ham_home: Path, small_dataset: LesionDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_probe, "_measure", MEASURE)
    config, data = tiny(epochs=10), small_dataset.record
    while (found := engine.estimate(config, data)) is None:
        time.sleep(0.2)
    assert found.problem == ""
    assert found.memory_bytes > 100e6
    [file] = (ham_home / "cache" / "probes").iterdir()
    measured = json.loads(file.read_text())
    assert found.seconds_per_epoch == pytest.approx(measured["seconds_per_step"] * measured["steps_per_epoch"])
    longer = engine.estimate(config.replace(epochs=20, learning_rate=0.5), data)  # costs the same a step
    assert longer.seconds - found.seconds == pytest.approx(10 * found.seconds_per_epoch)


def test_what_is_asked_once_in_passing_is_not_measured(small_dataset: LesionDataset,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    asked, now = [], 1e9  # later than any other test
    monkeypatch.setattr(engine_probe, "_measure", lambda *question: asked.append(question))
    monkeypatch.setattr(engine_probe, "monotonic", lambda: now)
    for config in (tiny(batch_size=8), tiny(batch_size=80)):  # 8 on the way to 80
        assert engine.estimate(config, small_dataset.record) is None
    now += 2.5
    assert engine.estimate(tiny(batch_size=80), small_dataset.record) is None
    assert asked == []
    now += 1.0
    assert engine.estimate(tiny(batch_size=80), small_dataset.record) is None
    for thread in engine_probe._running.values():
        thread.join()
    assert [config.batch_size for config, *_ in asked] == [80]


def test_nothing_is_measured_while_a_run_trains(ham_home: Path, small_dataset: LesionDataset,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(engine_probe, "_measure", lambda *question: asked.append(question))
    monkeypatch.setattr(engine_probe, "_PATIENCE_SECONDS", 0.0)
    run = engine.submit(tiny(), small_dataset.record)
    assert engine.estimate(tiny(), small_dataset.record) is None
    assert asked == []
    engine.cancel(run)
    assert engine.estimate(tiny(), small_dataset.record) is None
    while not asked:
        time.sleep(0.01)
    assert asked[0][0] == tiny()
