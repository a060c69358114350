"""`python -m ham work`: what it waits for, what it says, how it ends; the log of its process."""

from __future__ import annotations

import argparse
import io as text
import json
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from ham import engine, store
from ham.cli import verbs
from ham.cli.writing import DONE, SOME_REFUSED
from ham.config import EngineError, HamError, StoreError, runs_folder
from ham.data import LesionDataset
from ham.engine import processes
from ham.store import Run
from tests.test_engine import tiny


def work() -> int:
    return verbs.work(argparse.Namespace(engine=None), text.StringIO())


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every wait is short, and every training ends at once."""
    monkeypatch.setattr(verbs, "_LOOK_AGAIN_SECONDS", 0.01)
    monkeypatch.setattr("ham.engine.worker._LOOK_AGAIN_SECONDS", 0.01)
    monkeypatch.setattr(verbs, "_LOCKED_SECONDS", 0.1)
    monkeypatch.setattr("ham.training.train_run", lambda run: store.write_status(run, state="done"))


def states(*runs: Run) -> list[str]:
    return [store.read_run(run.id).state for run in runs]


def test_it_trains_all_that_waits_and_ends(small_dataset: LesionDataset) -> None:
    runs = [engine.submit(tiny(seed=seed), small_dataset.record) for seed in (1, 2)]
    assert work() == DONE
    assert states(*runs) == ["done", "done"]
    assert work() == DONE  # nothing is left


def test_a_run_that_another_process_holds_is_waited_for_some_seconds_and_then_named(
    small_dataset: LesionDataset, capsys: pytest.CaptureFixture
) -> None:
    held, other = (engine.submit(tiny(seed=seed), small_dataset.record) for seed in (1, 2))
    with store.claim(held), pytest.raises(EngineError, match=held.id):
        work()
    assert f"another process holds {held.id}" in capsys.readouterr().err
    assert states(held, other) == ["queued", "done"]


def test_a_run_that_takes_no_lock_is_told_once_and_the_others_train(
    small_dataset: LesionDataset, capsys: pytest.CaptureFixture
) -> None:
    broken, other = (engine.submit(tiny(seed=seed), small_dataset.record) for seed in (1, 2))
    (broken.folder / "lock").unlink(missing_ok=True)
    (broken.folder / "lock").mkdir()
    assert work() == SOME_REFUSED
    told = [line for line in capsys.readouterr().err.splitlines() if broken.id in line]
    assert len(told) == 1
    assert states(other) == ["done"]


def test_with_every_slot_taken_it_says_so_and_goes_on_when_one_is_free(
    small_dataset: LesionDataset, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = engine.submit(tiny(), small_dataset.record)
    other, waits = engine.slot(1), []
    other.__enter__()

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 50:  # longer than a run is waited for that nobody trains
            other.__exit__(None, None, None)

    clock = SimpleNamespace(sleep=sleep, monotonic=time.monotonic, time_ns=time.time_ns)
    monkeypatch.setattr(verbs, "time", clock)  # of this module alone: locks sleep too
    assert work() == DONE
    assert "1 in the queue; Another run trains." in capsys.readouterr().err
    assert states(run) == ["done"]


def test_for_an_engine_it_says_why_a_run_cannot_be_taken_up_in_json(
    small_dataset: LesionDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def said(**ends: object) -> tuple[int, str]:
        def work_for(owner: str) -> dict[str, HamError]:
            assert owner == "engine-a"
            if "raises" in ends:
                raise ends["raises"]
            return ends["refuses"]

        out = text.StringIO()
        monkeypatch.setattr(engine, "work_for", work_for)
        return verbs.work(argparse.Namespace(engine="engine-a"), out), out.getvalue()

    error = StoreError("Run x", "it cannot be written.", "Free it.")
    told = {"what": "Run x", "why": "it cannot be written.", "todo": "Free it."}
    assert said(refuses={}) == (DONE, "")
    for ends in ({"refuses": {"x": error}}, {"raises": error}):
        status, answer = said(**ends)
        assert (status, json.loads(answer)) == (SOME_REFUSED, told)


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: folder.write_text("a file where the folder should be"),
        lambda folder: folder.symlink_to(folder),
    ],
)
def test_a_runs_folder_that_cannot_be_read_is_one_clear_error(make, ham_home: Path) -> None:
    ham_home.mkdir()
    make(runs_folder())
    with pytest.raises(HamError) as caught:
        work()
    assert str(runs_folder()) in str(caught.value)


def test_the_log_is_added_to_under_a_running_worker_and_a_long_one_steps_aside(
    tmp_path: Path,
) -> None:
    path = tmp_path / "work.log"
    with processes.open_log(path) as running:
        print("of the first", file=running, flush=True)
        with processes.open_log(path) as second:
            print("of the second", file=second)
        print("of the first again", file=running)
    assert path.read_text().splitlines() == ["of the first", "of the second", "of the first again"]
    path.write_text("x" * (processes._LOG_BYTES + 1))
    for _ in range(3):
        processes.open_log(path).close()
    assert path.read_text() == ""
    assert sorted(file.name for file in tmp_path.iterdir()) == ["work.log", "work.old.log"]


def test_a_log_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "work.log").mkdir()
    with pytest.raises(StoreError, match=r"work\.log"):
        processes.open_log(tmp_path / "work.log")
