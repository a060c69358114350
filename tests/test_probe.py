"""probe(): what a few real steps tell; the first batch that a training leaves for whoever
watches.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from ham import engine, io, store
from ham.config import EngineError, TrainConfig
from ham.data import LesionDataset, make_split
from ham.engine import probe as engine_probe
from ham.training import first_batch, probe, train
from tests.light import train_lightly
from tests.run_factory import waiting_run
from tests.test_engine import tiny

MEASURE = engine_probe._measure  # before a fixture puts it out of work
FOUND = engine_probe.Measured(0.5, 10, 4.0, 10**9)


@pytest.fixture
def probes(monkeypatch: pytest.MonkeyPatch) -> engine_probe.Probes:
    """Probes of this test's own, as a fresh server has them; every question may be answered at
    once.
    """
    fresh = engine_probe.Probes()
    monkeypatch.setattr(engine_probe, "_probes", lambda: fresh)
    monkeypatch.setattr(engine_probe, "_PATIENCE_SECONDS", 0.0)
    return fresh


def counting(
    monkeypatch: pytest.MonkeyPatch, answer: engine_probe.Measured | Exception = FOUND
) -> list[TrainConfig]:
    """What was measured; each measurement ends at once with `answer`."""
    asked: list[TrainConfig] = []

    def measure(config: TrainConfig, source: str) -> engine_probe.Measured:
        asked.append(config)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(engine_probe, "_measure", measure)
    return asked


def test_a_probe_measures_steps_start_and_memory_and_leaves_no_run(
    small_dataset: LesionDataset, few_layers: None
) -> None:
    found = probe(tiny(batch_size=16), small_dataset, steps=2)
    assert found["steps_per_epoch"] == -(-len(make_split(small_dataset).train) // 16)
    assert 0 < found["seconds_per_step"] < found["start_seconds"]
    assert 100e6 < found["memory_bytes"] < 100e9  # TensorFlow alone holds more than 100 MB
    assert store.list_runs() == []


def test_the_first_batch_is_that_of_the_first_epoch_without_augmentation(
    small_dataset: LesionDataset,
) -> None:
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
    # the same pixels
    np.testing.assert_array_equal(np.sort(plain.reshape(8, -1)), np.sort(turned.reshape(8, -1)))


def test_a_training_leaves_its_first_batch_in_the_run_folder(
    small_dataset: LesionDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_lightly(monkeypatch)
    run = train(tiny(epochs=1, augmentation="dihedral"), small_dataset)
    images = io.read_arrays(run.folder / "first_batch.npz")["images"]
    np.testing.assert_array_equal(
        images, first_batch(small_dataset, make_split(small_dataset), run.config)
    )


def test_an_estimate_is_measured_once_in_a_process_of_its_own_and_scales_with_the_epochs(
    ham_home: Path,
    small_dataset: LesionDataset,
    probes: engine_probe.Probes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine_probe, "_measure", MEASURE)
    monkeypatch.chdir(tmp_path)  # wherever the server was started
    config, data = tiny(epochs=10), small_dataset.record
    assert engine.estimate(config, data) is None
    probes.wait()
    found = engine.estimate(config, data)
    assert found.problem == ""
    assert found.memory_bytes > 100e6
    [file] = (ham_home / "cache" / "probes").iterdir()
    measured = json.loads(file.read_text())
    assert found.seconds_per_epoch == pytest.approx(
        measured["seconds_per_step"] * measured["steps_per_epoch"]
    )
    # costs the same a step
    longer = engine.estimate(config.replace(epochs=20, learning_rate=0.5), data)
    assert longer.seconds - found.seconds == pytest.approx(10 * found.seconds_per_epoch)


def test_what_is_asked_once_in_passing_is_not_measured(
    small_dataset: LesionDataset, probes: engine_probe.Probes, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, now = counting(monkeypatch), 0.0
    monkeypatch.setattr(engine_probe, "_PATIENCE_SECONDS", 3.0)
    monkeypatch.setattr(engine_probe, "monotonic", lambda: now)
    for config in (tiny(batch_size=8), tiny(batch_size=80)):  # 8 on the way to 80
        assert engine.estimate(config, small_dataset.record) is None
    now = 2.5
    assert engine.estimate(tiny(batch_size=80), small_dataset.record) is None
    assert asked == []
    now = 3.5
    assert engine.estimate(tiny(batch_size=80), small_dataset.record) is None
    probes.wait()
    assert [config.batch_size for config in asked] == [80]


def test_nothing_is_measured_while_a_run_trains(
    small_dataset: LesionDataset, probes: engine_probe.Probes, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = counting(monkeypatch)
    run = engine.submit(tiny(), small_dataset.record)
    assert engine.estimate(tiny(), small_dataset.record) is None
    probes.wait()
    assert asked == []
    engine.cancel(run)
    assert engine.estimate(tiny(), small_dataset.record) is None
    probes.wait()
    assert asked == [tiny()]


@pytest.mark.parametrize(
    "in_the_way", ["a file where the folder should be", "a folder where the file should be"]
)
def test_on_a_disk_that_keeps_nothing_a_config_is_measured_once(
    in_the_way: str,
    ham_home: Path,
    small_dataset: LesionDataset,
    probes: engine_probe.Probes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = counting(monkeypatch)
    folder = ham_home / "cache" / "probes"
    if in_the_way.startswith("a file"):
        folder.parent.mkdir(parents=True)
        folder.write_text("")
    else:
        (folder / f"{engine_probe._key(tiny(), small_dataset.record)}.json" / "x").mkdir(
            parents=True
        )
    for _ in range(5):
        engine.estimate(tiny(), small_dataset.record)
        probes.wait()
    assert len(asked) == 1
    assert engine.estimate(tiny(epochs=3), small_dataset.record) == FOUND.of(tiny(epochs=3))


@pytest.mark.parametrize(
    "error", [MemoryError(), EngineError("The probe", "found no data.", "Look."), OSError("busy")]
)
def test_a_probe_that_failed_says_why_and_is_tried_again_after_some_minutes(
    error: Exception,
    ham_home: Path,
    small_dataset: LesionDataset,
    probes: engine_probe.Probes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked, now = counting(monkeypatch, error), 0.0
    monkeypatch.setattr(engine_probe, "monotonic", lambda: now)
    for _ in range(5):
        found = engine.estimate(tiny(), small_dataset.record)
        probes.wait()
    assert len(asked) == 1
    assert found.problem
    assert not (ham_home / "cache" / "probes").exists()  # no failure is kept
    now = 601.0
    again = counting(monkeypatch)
    assert engine.estimate(tiny(), small_dataset.record) is None
    probes.wait()
    assert engine.estimate(tiny(), small_dataset.record) == FOUND.of(tiny())
    assert len(again) == 1


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "no json",
        "[1]",
        "{}",
        '{"seconds_per_step": "x"}',
        "null",
        "7",
        '{"seconds_per_step": 1, "steps_per_epoch": -1, "start_seconds": 1, "memory_bytes": 1}',
    ],
)
def test_what_a_probes_process_answers_wrongly_is_a_failure_in_words(
    answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        subprocess, "run", lambda *args, **options: subprocess.CompletedProcess([], 1, answer, "")
    )
    with pytest.raises(EngineError, match="the probe did not work"):
        MEASURE(tiny(), "/nowhere")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{",
        b'{"problem": "it was kept for ever"}',
        b"\xff\xfe\x00",
        b'{"seconds_per_step": null, "steps_per_epoch": 1}',
    ],
)
def test_a_damaged_result_of_a_probe_is_measured_again(
    content: bytes,
    ham_home: Path,
    small_dataset: LesionDataset,
    probes: engine_probe.Probes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = counting(monkeypatch)
    path = ham_home / "cache" / "probes" / f"{engine_probe._key(tiny(), small_dataset.record)}.json"
    io.write_file(path, content)
    assert engine.estimate(tiny(), small_dataset.record) is None
    probes.wait()
    assert engine.estimate(tiny(), small_dataset.record) == FOUND.of(tiny())
    assert json.loads(path.read_text())["steps_per_epoch"] == 10
    assert len(asked) == 1


def test_however_many_configs_are_asked_about_only_the_last_are_remembered(
    small_dataset: LesionDataset, probes: engine_probe.Probes, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting(monkeypatch)
    for size in range(4, 150):
        engine.estimate(tiny(batch_size=size), small_dataset.record)
        probes.wait()
    assert max(map(len, (probes._asked, probes._found, probes._failed))) <= 64


def test_a_step_takes_what_it_took_here_in_the_last_run_that_costs_the_same(
    small_dataset: LesionDataset,
) -> None:
    config = TrainConfig(batch_size=32)
    assert engine.seconds_a_step(config, store.list_runs()) is None
    run = waiting_run(config.replace(seed=1), small_dataset.record)
    assert engine.seconds_a_step(config, store.list_runs()) is None  # nothing trained yet
    store.write_status(run, state="done", epoch=3, steps=4)
    for epoch, seconds in enumerate((10.0, 2.0, 2.4), start=1):
        scores = dict.fromkeys(store.HISTORY_COLUMNS, 0.5)
        store.append_history(run, scores | {"epoch": epoch, "seconds": seconds})
    runs = store.list_runs()
    # the median: the first epoch also compiles
    assert engine.seconds_a_step(config, runs) == 2.4 / 4
    assert engine.seconds_a_step(config.replace(batch_size=64), runs) is None
    assert engine.seconds_a_step(TrainConfig(model="lstm", batch_size=32), runs) is None
