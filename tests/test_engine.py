"""The queue with real processes: Dask's scheduler and worker, real locks, a real kill."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from ham import engine, store
from ham.config import StoreError, TrainConfig
from ham.data import LesionDataset
from ham.engine import Engine
from ham.store import Run

PATIENCE = 600  # seconds before a wait counts as stuck; a busy machine takes a minute to start TensorFlow


def tiny(**settings: object) -> TrainConfig:
    """A CNN of a few hundred parameters."""
    small = {f"filters_{i}": 3 for i in range(1, 7)} | {"units_1": 8, "units_2": 8}
    return TrainConfig().replace(**{"epochs": 2, "batch_size": 32, **small, **settings})


def wait_for(condition: Callable[[], object], what: str) -> object:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.1)
    pytest.fail(f"waited {PATIENCE} s for {what}")


def wait_for_state(run: Run, *states: str) -> Run:
    def look() -> Run | None:
        found = store.read_run(run.id)
        return found if found.state in states else None

    return wait_for(look, f"{run.id} to be {' or '.join(states)}, it is {store.read_run(run.id).status}")


def worker_processes() -> list[psutil.Process]:
    """The processes that train for this test's engine: children of the nannies that it started."""
    words: dict[psutil.Process, str] = {}
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it ended meanwhile
            words[process] = " ".join(process.cmdline())
    nannies = {process.pid for process in words if "distributed.Nanny" in words[process]}
    found = []
    for process in words:
        with contextlib.suppress(psutil.Error):
            if process.ppid() in nannies and "spawn_main" in words[process]:
                found.append(process)
    return found


class TestWithWorkers:
    """One scheduler and worker for all of these, as in a server that runs for a day."""

    @pytest.fixture(scope="class")
    @classmethod
    def shared_engine(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, Path]]:
        home = tmp_path_factory.mktemp("engine_home")
        with pytest.MonkeyPatch.context() as monkeypatch:
            monkeypatch.setenv("HAM_HOME", str(home))
            running = Engine().start()
        yield running, home
        running.stop()

    @pytest.fixture
    def working_engine(self, shared_engine: tuple[Engine, Path], monkeypatch: pytest.MonkeyPatch) -> Engine:
        running, home = shared_engine
        monkeypatch.setenv("HAM_HOME", str(home))
        return running

    def test_runs_submitted_together_train_one_after_the_other_and_end_as_results(
            self, working_engine: Engine, small_dataset: LesionDataset) -> None:
        first = engine.submit(tiny(seed=1), small_dataset.record)
        second = engine.submit(tiny(seed=2), small_dataset.record)
        working_engine.poke()
        seen = set()
        while store.read_run(second.id).live:
            states = (store.read_run(first.id).state, store.read_run(second.id).state)
            seen.add(states)
            assert states != ("running", "running")
            time.sleep(0.05)
        assert ("running", "queued") in seen
        for run in (first, second):
            ended = store.read_run(run.id)
            assert (ended.state, ended.status.error) == ("done", None)
            assert len(store.read_history(ended)) == 2
            assert ended.record["evaluation"]["n_images"] == ended.record["split"]["n_test"]

    def test_a_cancelled_run_keeps_its_epochs_and_a_model_and_resumes_to_its_full_length(
            self, working_engine: Engine, small_dataset: LesionDataset) -> None:
        run = engine.submit(tiny(epochs=400), small_dataset.record)
        wait_for(lambda: store.read_run(run.id).status.epoch >= 2, "two epochs")
        engine.cancel(store.read_run(run.id))
        cancelled = wait_for_state(run, "cancelled")
        assert cancelled.has_model
        kept = store.read_history(cancelled)
        assert 2 <= len(kept) < 400
        assert kept["epoch"].tolist() == list(range(1, len(kept) + 1))
        engine.resume(cancelled)
        wait_for(lambda: store.read_run(run.id).status.epoch > len(kept), "an epoch after the resume")
        engine.cancel(store.read_run(run.id))
        again = store.read_history(wait_for_state(run, "cancelled"))
        assert again["epoch"].tolist() == list(range(1, len(again) + 1))
        assert again.iloc[:len(kept)].equals(kept)

    def test_a_killed_worker_is_replaced_and_its_run_ends_with_every_epoch(
            self, working_engine: Engine, small_dataset: LesionDataset) -> None:
        run = engine.submit(tiny(epochs=20), small_dataset.record)
        wait_for(lambda: store.read_run(run.id).status.epoch >= 2, "two epochs")
        [worker] = worker_processes()
        os.kill(worker.pid, signal.SIGKILL)
        ended = wait_for_state(run, "done", "failed")
        assert (ended.state, ended.status.attempts) == ("done", 2)
        assert store.read_history(ended)["epoch"].tolist() == list(range(1, 21))


def test_a_waiting_run_is_cancelled_at_once_and_an_ended_one_not_at_all(small_dataset: LesionDataset) -> None:
    run = engine.submit(tiny(), small_dataset.record)
    engine.cancel(run)
    assert store.read_run(run.id).state == "cancelled"
    with pytest.raises(StoreError, match="ended already"):
        engine.cancel(run)
    assert engine.queue() == []


def test_a_resumed_run_waits_behind_the_others_and_a_waiting_one_cannot_be_resumed(
        small_dataset: LesionDataset) -> None:
    first, second = (engine.submit(tiny(seed=seed), small_dataset.record) for seed in (1, 2))
    engine.cancel(first)
    engine.resume(first)
    assert [run.id for run in engine.queue()] == [second.id, first.id]
    with pytest.raises(StoreError, match="queued"):
        engine.resume(first)


def test_with_every_slot_taken_a_worker_trains_nothing(ham_home, small_dataset: LesionDataset) -> None:
    run = engine.submit(tiny(), small_dataset.record)
    with engine.slot(1) as mine:
        assert mine
        assert engine.free_slots(1) == 0
        assert engine.work(str(ham_home), "other") == 0
    assert engine.free_slots(1) == 1
    assert store.read_run(run.id).state == "queued"


def test_a_run_that_cannot_start_fails_with_its_reason_and_the_next_one_trains(
        ham_home, small_dataset: LesionDataset, tmp_path) -> None:
    gone = engine.submit(tiny(seed=1), {**small_dataset.record, "source": str(tmp_path / "gone")})
    changed = engine.submit(tiny(seed=2), {**small_dataset.record, "fingerprint": "other"})
    good = engine.submit(tiny(seed=3, epochs=1), small_dataset.record)
    assert engine.work(str(ham_home), "here") == 3
    assert "gone" in store.read_run(gone.id).status.error["what"]
    assert "not what it was" in store.read_run(changed.id).status.error["why"]
    assert store.read_run(good.id).state == "done", store.read_log(good)


def test_an_unexpected_error_is_told_and_the_engine_looks_at_the_queue_again(monkeypatch, caplog) -> None:
    looks = []

    def takeable(owner: str) -> list:
        looks.append(owner)
        if len(looks) < 3:
            raise KeyError("of somebody's library")
        return []

    monkeypatch.setattr("ham.engine.cluster.takeable", takeable)
    watching = Engine().start()
    wait_for(lambda: watching.problem, "the error to be told")
    assert "KeyError" in watching.problem.why
    wait_for(lambda: len(looks) > 2 and watching.problem is None, "the next look")
    watching.stop()
    assert len([record for record in caplog.records if record.exc_info]) == 1  # told once, with its traceback


def test_a_run_that_took_its_process_down_three_times_is_given_up_with_a_reason(
        ham_home, small_dataset: LesionDataset) -> None:
    run = engine.submit(tiny(), small_dataset.record)
    store.write_status(run, state="running", owner="here", attempts=engine.MAX_ATTEMPTS)
    assert engine.work(str(ham_home), "here") == 0
    given_up = store.read_run(run.id)
    assert given_up.state == "failed"
    assert "3 times" in given_up.status.error["why"]
