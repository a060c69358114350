"""The queue with real processes: Dask's scheduler and worker, real locks, a real kill."""

from __future__ import annotations

import contextlib
import itertools
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
from ham.engine import Engine, EngineSettings, Worked
from ham.store import Run

# seconds before a wait counts as stuck; a busy machine takes a minute to start TensorFlow
PATIENCE = 600


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

    return wait_for(
        look, f"{run.id} to be {' or '.join(states)}, it is {store.read_run(run.id).status}"
    )


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
    def shared_engine(
        cls, tmp_path_factory: pytest.TempPathFactory
    ) -> Iterator[tuple[Engine, Path]]:
        home = tmp_path_factory.mktemp("engine_home")
        with pytest.MonkeyPatch.context() as monkeypatch:
            monkeypatch.setenv("HAM_HOME", str(home))
            running = Engine().start()
        yield running, home
        running.stop()

    @pytest.fixture
    def working_engine(
        self, shared_engine: tuple[Engine, Path], monkeypatch: pytest.MonkeyPatch
    ) -> Engine:
        running, home = shared_engine
        monkeypatch.setenv("HAM_HOME", str(home))
        return running

    def test_runs_submitted_together_train_one_after_the_other_and_end_as_results(
        self, working_engine: Engine, small_dataset: LesionDataset
    ) -> None:
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
        self, working_engine: Engine, small_dataset: LesionDataset
    ) -> None:
        run = engine.submit(tiny(epochs=400), small_dataset.record)
        wait_for(lambda: store.read_run(run.id).status.epoch >= 2, "two epochs")
        engine.cancel(store.read_run(run.id))
        cancelled = wait_for_state(run, "cancelled")
        assert cancelled.has_model
        kept = store.read_history(cancelled)
        assert 2 <= len(kept) < 400
        assert kept["epoch"].tolist() == list(range(1, len(kept) + 1))
        engine.resume(cancelled)
        wait_for(
            lambda: store.read_run(run.id).status.epoch > len(kept), "an epoch after the resume"
        )
        engine.cancel(store.read_run(run.id))
        again = store.read_history(wait_for_state(run, "cancelled"))
        assert again["epoch"].tolist() == list(range(1, len(again) + 1))
        assert again.iloc[: len(kept)].equals(kept)

    def test_a_killed_worker_is_replaced_and_its_run_ends_with_every_epoch(
        self, working_engine: Engine, small_dataset: LesionDataset
    ) -> None:
        run = engine.submit(tiny(epochs=20), small_dataset.record)
        wait_for(lambda: store.read_run(run.id).status.epoch >= 2, "two epochs")
        [worker] = worker_processes()
        os.kill(worker.pid, signal.SIGKILL)
        ended = wait_for_state(run, "done", "failed")
        assert (ended.state, ended.status.attempts) == ("done", 2)
        assert store.read_history(ended)["epoch"].tolist() == list(range(1, 21))


def test_a_waiting_run_is_cancelled_at_once_and_an_ended_one_not_at_all(
    small_dataset: LesionDataset,
) -> None:
    run = engine.submit(tiny(), small_dataset.record)
    engine.cancel(run)
    assert store.read_run(run.id).state == "cancelled"
    with pytest.raises(StoreError, match="ended already"):
        engine.cancel(run)
    assert engine.queue() == []


def test_a_resumed_run_waits_behind_the_others_and_a_waiting_one_cannot_be_resumed(
    small_dataset: LesionDataset,
) -> None:
    first, second = (engine.submit(tiny(seed=seed), small_dataset.record) for seed in (1, 2))
    engine.cancel(first)
    engine.resume(first)
    assert [run.id for run in engine.queue()] == [second.id, first.id]
    with pytest.raises(StoreError, match="queued"):
        engine.resume(first)


def test_with_every_slot_taken_a_worker_trains_nothing(
    ham_home, small_dataset: LesionDataset
) -> None:
    run = engine.submit(tiny(), small_dataset.record)
    with engine.slot(1) as mine:
        assert mine
        assert engine.free_slots(1) == 0
        assert engine.work(str(ham_home), "other") == Worked(0, {}, slots_taken=True)
        assert engine.waits_for([store.read_run(run.id)]) == "Another run trains."
        assert engine.waits_for([]) == ""
    assert engine.free_slots(1) == 1
    assert engine.waits_for([store.read_run(run.id)]).startswith("The training process starts")
    engine.save_settings(EngineSettings(workers=2))
    with engine.slot(2), engine.slot(2):
        assert engine.waits_for([store.read_run(run.id)]) == "All 2 slots are taken by other runs."
    assert store.read_run(run.id).state == "queued"


def test_a_run_that_cannot_start_fails_with_its_reason_and_the_next_one_trains(
    ham_home, small_dataset: LesionDataset, tmp_path
) -> None:
    gone = engine.submit(tiny(seed=1), {**small_dataset.record, "source": str(tmp_path / "gone")})
    changed = engine.submit(tiny(seed=2), {**small_dataset.record, "fingerprint": "other"})
    good = engine.submit(tiny(seed=3, epochs=1), small_dataset.record)
    assert engine.work(str(ham_home), "here").trained == 3
    assert "gone" in store.read_run(gone.id).status.error["what"]
    assert "not what it was" in store.read_run(changed.id).status.error["why"]
    assert store.read_run(good.id).state == "done", store.read_log(good)


def test_an_unexpected_error_is_told_and_the_engine_looks_at_the_queue_again(
    monkeypatch, caplog
) -> None:
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
    # told once, with its traceback
    assert len([record for record in caplog.records if record.exc_info]) == 1


def test_a_run_that_took_its_process_down_three_times_is_given_up_with_a_reason(
    ham_home, small_dataset: LesionDataset
) -> None:
    run = engine.submit(tiny(), small_dataset.record)
    store.write_status(run, state="running", owner="here.1", attempts=engine.MAX_ATTEMPTS)
    assert engine.work(str(ham_home), "here.1").trained == 0
    given_up = store.read_run(run.id)
    assert given_up.state == "failed"
    assert "3 times" in given_up.status.error["why"]


@pytest.mark.parametrize(
    ("left_by", "taken_by", "attempts"),
    [
        ("engine-a.1", "engine-a.1", 3),  # its worker died, and its scheduler runs the task again
        ("engine-a.1", "engine-a.2", 2),  # its scheduler was lost, or its workers were let go
        ("engine-b.1", "engine-a.1", 2),  # its server ended; every interrupted run is taken up here
        (None, "engine-a.1", 2),
    ],
)
def test_only_a_crash_of_its_own_process_counts_as_an_attempt(
    left_by: str | None,
    taken_by: str,
    attempts: int,
    ham_home,
    small_dataset: LesionDataset,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine.save_settings(EngineSettings(resume_by_itself=True))
    run = engine.submit(tiny(), small_dataset.record)
    store.write_status(run, state="running", owner=left_by, attempts=2)
    monkeypatch.setattr("ham.training.train_run", lambda run: store.write_status(run, state="done"))
    assert engine.work(str(ham_home), taken_by).trained == 1
    assert store.read_run(run.id).status.attempts == attempts


def test_a_run_whose_folder_takes_no_lock_is_named_and_the_others_train(
    ham_home, small_dataset: LesionDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked, good = (engine.submit(tiny(seed=seed), small_dataset.record) for seed in (1, 2))
    (locked.folder / "lock").unlink(missing_ok=True)
    (locked.folder / "lock").mkdir()
    monkeypatch.setattr("ham.training.train_run", lambda run: store.write_status(run, state="done"))
    worked = engine.work(str(ham_home), "here.1")
    assert (worked.trained, list(worked.refused)) == (1, [locked.id])
    assert store.read_run(good.id).state == "done"


def test_a_runs_folder_that_cannot_be_read_for_a_moment_ends_no_worker(
    ham_home, small_dataset: LesionDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, looks = engine.submit(tiny(), small_dataset.record), []

    def unsure(owner: str) -> list[Run]:
        looks.append(owner)
        if len(looks) < 4:
            raise StoreError("The folder", "it cannot be read (invented).", "Wait.")
        return engine.takeable(owner)

    monkeypatch.setattr("ham.engine.worker.takeable", unsure)
    monkeypatch.setattr("ham.engine.worker._LOOK_AGAIN_SECONDS", 0.0)
    monkeypatch.setattr("ham.training.train_run", lambda run: store.write_status(run, state="done"))
    assert engine.work(str(ham_home), "here.1").trained == 1
    looks.clear()
    monkeypatch.setattr("ham.engine.worker._LOOKS", 3)
    with pytest.raises(StoreError, match="invented"):
        engine.work(str(ham_home), "here.1")
    assert store.read_run(run.id).state == "done"


class Future:
    """Dask's, as far as the engine looks at it."""

    def __init__(self, status: str = "pending", error: Exception | None = None):
        self.status, self.error = status, error

    def done(self) -> bool:
        return self.status != "pending"

    def exception(self, timeout: float) -> Exception | None:
        return self.error


class Client:
    """Dask's, as far as the engine looks at it: every task is kept, none is run."""

    def __init__(self) -> None:
        self.status, self.closed, self.futures = "running", 0, []

    def submit(self, *task: object, **options: object) -> Future:
        self.futures.append(Future())
        return self.futures[-1]

    def close(self, timeout: float) -> None:
        self.closed += 1


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    """What an engine submits its tasks to, and no cluster behind it."""
    fake = Client()

    def connect(self: Engine, workers: int) -> Client:
        self._client, self._workers = fake, workers
        return fake

    monkeypatch.setattr(Engine, "_connect", connect)
    monkeypatch.setattr("distributed.fire_and_forget", lambda future: None)
    return fake


def test_an_error_in_a_look_lets_nothing_go_and_passes(
    client: Client, small_dataset: LesionDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.submit(tiny(), small_dataset.record)
    watching = Engine()
    watching._look()
    assert len(client.futures) == 1
    errors = iter(
        [
            StoreError("The folder", "it cannot be read.", "Wait."),
            OSError("gone for a moment"),
            KeyError("of somebody's library"),
            RuntimeError("whatever"),
        ]
    )

    def unreadable(owner: str) -> list[Run]:
        raise next(errors)

    with monkeypatch.context() as patched:
        patched.setattr("ham.engine.cluster.takeable", unreadable)
        for _ in range(4):
            watching._look()
            assert watching.problem is not None
    watching._look()
    assert watching.problem is None
    assert (client.closed, len(client.futures)) == (0, 1)  # the very same task goes on
    assert watching._owner.endswith(".1")


def test_a_task_that_ends_in_an_error_is_told_and_tried_again_ever_later(
    client: Client, small_dataset: LesionDataset, monkeypatch: pytest.MonkeyPatch, caplog
) -> None:
    now = 100.0
    monkeypatch.setattr("ham.engine.cluster.time.monotonic", lambda: now)
    run = engine.submit(tiny(), small_dataset.record)
    watching, begun = Engine(), []
    for _ in range(200):
        watching._look()
        if client.futures and client.futures[-1].status == "pending":
            begun.append(now)
            client.futures[-1].status = "error"
            client.futures[-1].error = ModuleNotFoundError("No module named 'ham'")
        now += 1.0
    assert "No module named 'ham'" in watching.problem.why
    assert watching.waits_for([run]) == "An error keeps it from training."
    assert "No module named 'ham'" in caplog.text
    pauses = [later - earlier for earlier, later in itertools.pairwise(begun)]
    assert pauses == sorted(pauses)
    assert pauses[-1] >= 60
    now += 60.0
    watching._look()
    client.futures[-1].status = "finished"
    watching._look()
    assert watching.problem is None


def test_an_error_of_a_run_that_cannot_be_taken_up_is_told_in_its_own_words(
    client: Client, small_dataset: LesionDataset
) -> None:
    engine.submit(tiny(), small_dataset.record)
    watching = Engine()
    watching._look()
    client.futures[0].status = "error"
    client.futures[0].error = StoreError(
        "Run x", "it cannot be written (Read-only file system).", "Free it."
    )
    watching._look()
    assert "Read-only file system" in str(watching.problem)


def test_a_lost_scheduler_is_let_go_and_its_runs_are_taken_up_under_another_name(
    client: Client, small_dataset: LesionDataset
) -> None:
    engine.submit(tiny(), small_dataset.record)
    watching = Engine()
    watching._look()
    before, client.status = watching._owner, "closed"
    watching._look()
    assert client.closed == 1
    assert watching._owner != before
    assert watching._owner.partition(".")[0] == before.partition(".")[0]


def test_a_run_that_waits_longer_than_a_start_takes_says_what_it_waits_for(
    client: Client, small_dataset: LesionDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("ham.engine.cluster.time.monotonic", lambda: now)
    run = engine.submit(tiny(), small_dataset.record)
    watching = Engine()
    watching._look()
    assert watching.waits_for([run]).startswith("The training process starts")
    now += 180.0
    assert "has been starting for 3 min, longer than usual" in watching.waits_for([run])
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", "tcp://nobody:1")
    assert "The scheduler at tcp://nobody:1 has had it for 3 min" in watching.waits_for([run])
    with engine.slot(1):
        assert watching.waits_for([run]) != ""


def test_a_scheduler_that_takes_long_to_start_is_waited_for_in_words(
    client: Client, small_dataset: LesionDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, said = 100.0, []
    monkeypatch.setattr("ham.engine.cluster.time.monotonic", lambda: now)
    run, watching = engine.submit(tiny(), small_dataset.record), Engine()

    def slow(self: Engine, workers: int) -> Client:
        nonlocal now
        now += 120.0
        said.append(watching.waits_for([run]))
        return client

    monkeypatch.setattr(Engine, "_connect", slow)
    watching._look()
    assert "has been starting for 2 min, longer than usual" in said[0]
    assert len(client.futures) == 1
