"""The queue with real processes, real locks, a real kill; the engine's decisions one by one."""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from distributed import KilledWorker

from ham import engine, store
from ham.config import EngineError, StoreError, TrainConfig, home_folder
from ham.data import LesionDataset
from ham.engine import Engine, EngineSettings, Worked
from ham.engine.cluster import Cluster
from ham.engine.processes import DiedError, Processes
from ham.store import Run
from tests import light

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


def worker_processes(home: Path | None = None) -> list[psutil.Process]:
    """The processes that engines of this home (this test's, where none is named) have started."""
    home, found = str(home or home_folder()), []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):  # it ended meanwhile, or is another user's
            if "--engine" in process.cmdline() and process.environ().get("HAM_HOME") == home:
                found.append(process)
    return found


def hold() -> Path:
    """Trainings stop in the middle of an epoch as long as this file is there."""
    home_folder().mkdir(parents=True, exist_ok=True)
    (home_folder() / "hold").touch()
    return home_folder() / "hold"


@pytest.fixture
def light_training(monkeypatch: pytest.MonkeyPatch) -> None:
    light.train_lightly(monkeypatch)


class TestWithWorkers:
    """One engine and its worker for all of these, as in a server that runs for a day."""

    @pytest.fixture(scope="class")
    @classmethod
    def shared_engine(
        cls, tmp_path_factory: pytest.TempPathFactory
    ) -> Iterator[tuple[Engine, Path]]:
        home = tmp_path_factory.mktemp("engine_home")
        with pytest.MonkeyPatch.context() as monkeypatch:
            monkeypatch.setenv("HAM_HOME", str(home))
            light.train_lightly(monkeypatch)
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
        held = hold()
        first = engine.submit(tiny(seed=1, epochs=3), small_dataset.record)
        second = engine.submit(tiny(seed=2, epochs=3), small_dataset.record)
        working_engine.wake()
        wait_for(lambda: store.read_run(first.id).status.epoch >= 2, "the first to train")
        assert store.read_run(second.id).state == "queued"
        held.unlink()
        while store.read_run(second.id).live:
            states = (store.read_run(first.id).state, store.read_run(second.id).state)
            assert states != ("running", "running")
            time.sleep(0.05)
        for run in (first, second):
            ended = store.read_run(run.id)
            assert (ended.state, ended.status.error) == ("done", None)
            assert len(store.read_history(ended)) == 3
            assert ended.record.evaluation.n_images == ended.record.split.n_test

    def test_the_next_run_is_trained_by_the_process_that_waits_for_it(
        self, working_engine: Engine, small_dataset: LesionDataset
    ) -> None:
        for seed in (1, 2):
            run = engine.submit(tiny(seed=seed), small_dataset.record)
            working_engine.wake()
            assert wait_for_state(run, "done", "failed").state == "done"
            assert working_engine.problem is None
            [worker] = worker_processes()
            if seed == 1:
                first = worker
        assert worker == first

    def test_a_cancelled_run_keeps_its_epochs_and_a_model_and_resumes_to_its_full_length(
        self, working_engine: Engine, small_dataset: LesionDataset
    ) -> None:
        held = hold()
        run = engine.submit(tiny(epochs=5), small_dataset.record)
        wait_for(lambda: store.read_run(run.id).status.epoch >= 2, "two epochs")
        engine.cancel(store.read_run(run.id))
        cancelled = wait_for_state(run, "cancelled")
        assert cancelled.has_model
        kept = store.read_history(cancelled)
        assert kept["epoch"].tolist() == [1, 2]
        held.unlink()
        engine.resume(cancelled)
        again = store.read_history(wait_for_state(run, "done", "failed"))
        assert again["epoch"].tolist() == [1, 2, 3, 4, 5]
        assert again.iloc[:2].equals(kept)

    def test_a_killed_worker_is_replaced_and_its_run_ends_with_every_epoch(
        self, working_engine: Engine, small_dataset: LesionDataset
    ) -> None:
        held = hold()
        run = engine.submit(tiny(epochs=5), small_dataset.record)
        wait_for(lambda: store.read_run(run.id).status.epoch >= 2, "two epochs")
        [worker] = worker_processes()
        worker.kill()
        wait_for(lambda: store.read_run(run.id).status.attempts == 2, "the next worker")
        held.unlink()
        ended = wait_for_state(run, "done", "failed")
        assert (ended.state, ended.status.attempts) == ("done", 2)
        assert store.read_history(ended)["epoch"].tolist() == [1, 2, 3, 4, 5]
        assert working_engine.problem is None  # the run has counted it

    def test_with_another_number_of_slots_the_waiting_worker_makes_room_for_so_many(
        self, working_engine: Engine, small_dataset: LesionDataset
    ) -> None:
        run = engine.submit(tiny(), small_dataset.record)
        wait_for_state(run, "done")
        [alone] = worker_processes()
        engine.save_settings(EngineSettings(workers=2))
        held = hold()
        runs = [engine.submit(tiny(seed=seed, epochs=3), small_dataset.record) for seed in (1, 2)]
        working_engine.wake()
        for run in runs:
            wait_for(lambda run=run: store.read_run(run.id).status.epoch >= 2, "both to train")
        assert len(worker_processes()) == 2
        assert alone not in worker_processes()  # its threads were those of one for all cores
        held.unlink()
        assert {wait_for_state(run, "done", "failed").state for run in runs} == {"done"}


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
    ham_home, light_training: None, small_dataset: LesionDataset, tmp_path
) -> None:
    gone = engine.submit(tiny(seed=1), {**small_dataset.record, "source": str(tmp_path / "gone")})
    changed = engine.submit(tiny(seed=2), {**small_dataset.record, "fingerprint": "other"})
    good = engine.submit(tiny(seed=3, epochs=1), small_dataset.record)
    assert engine.work(str(ham_home), "here").trained == 3
    assert "gone" in store.read_run(gone.id).status.error.what
    assert "not what it was" in store.read_run(changed.id).status.error.why
    assert store.read_run(good.id).state == "done", store.read_log(good)


def test_an_unexpected_error_is_told_and_the_engine_looks_at_the_queue_again(
    monkeypatch, caplog
) -> None:
    looks = []

    def claimable(runs: list[Run], owner: str) -> list[Run]:
        looks.append(owner)
        if len(looks) < 3:
            raise KeyError("of somebody's library")
        return []

    monkeypatch.setattr("ham.engine.supervisor.claimable_runs", claimable)
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
    assert "3 times" in given_up.status.error.why


@pytest.mark.parametrize(
    ("left_by", "taken_by", "attempts"),
    [
        ("engine-a", "engine-a", 3),  # its worker died, and its engine starts another
        ("engine-a.1", "engine-a.1", 3),  # its worker died, and its scheduler runs the task again
        ("engine-a.1", "engine-a.2", 2),  # its scheduler was lost
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

    def unsure(runs: list[Run], owner: str) -> list[Run]:
        looks.append(owner)
        if len(looks) < 4:
            raise StoreError("The folder", "it cannot be read (invented).", "Wait.")
        return engine.claimable_runs(runs, owner)

    monkeypatch.setattr("ham.engine.worker.claimable_runs", unsure)
    monkeypatch.setattr("ham.engine.worker._LOOK_AGAIN_SECONDS", 0.0)
    monkeypatch.setattr("ham.training.train_run", lambda run: store.write_status(run, state="done"))
    assert engine.work(str(ham_home), "here.1").trained == 1
    looks.clear()
    monkeypatch.setattr("ham.engine.worker._LOOKS", 3)
    with pytest.raises(StoreError, match="invented"):
        engine.work(str(ham_home), "here.1")
    assert store.read_run(run.id).state == "done"


class FakeWorkers:
    """As many as were started, and of each the end that a test gives it."""

    def __init__(self) -> None:
        self.number = self.started = self.woken = 0
        self.ends: list[EngineError | None] = []

    def start(self) -> None:
        self.number += 1
        self.started += 1

    def wake(self) -> None:
        self.woken += 1

    def end(self, *whys: EngineError | None) -> None:
        self.number -= len(whys)
        self.ends += whys

    def ended(self) -> list[EngineError | None]:
        ends, self.ends = self.ends, []
        return ends

    def late(self, minutes: str) -> str:
        return f"late by {minutes}"

    def stop(self) -> None:
        self.number = 0


@pytest.fixture
def workers() -> FakeWorkers:
    return FakeWorkers()


@pytest.fixture
def watching(workers: FakeWorkers) -> Engine:
    """An engine that looks at the queue when a test says so, with invented workers."""
    made = Engine()
    made._workers = workers
    return made


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The engine's, at 100 s."""
    now = SimpleNamespace(now=100.0)
    monkeypatch.setattr("ham.engine.supervisor.time.monotonic", lambda: now.now)
    return now


DIED = DiedError("The training process", "ended by itself (status -9).", "It is started again.")


def test_an_error_in_a_look_lets_nothing_go_and_passes(
    workers: FakeWorkers,
    watching: Engine,
    small_dataset: LesionDataset,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine.submit(tiny(), small_dataset.record)
    watching._look()
    assert workers.number == 1
    errors = iter(
        [
            StoreError("The folder", "it cannot be read.", "Wait."),
            OSError("gone for a moment"),
            KeyError("of somebody's library"),
            RuntimeError("whatever"),
        ]
    )

    def unreadable(runs: list[Run], owner: str) -> list[Run]:
        raise next(errors)

    with monkeypatch.context() as patched:
        patched.setattr("ham.engine.supervisor.claimable_runs", unreadable)
        for _ in range(4):
            watching._look()
            assert watching.problem is not None
    watching._look()
    assert watching.problem is None
    assert (workers.number, workers.started) == (1, 1)  # the very same goes on


def test_a_worker_that_ends_in_an_error_is_told_and_started_again_ever_later(
    workers: FakeWorkers,
    watching: Engine,
    clock: SimpleNamespace,
    small_dataset: LesionDataset,
    caplog: pytest.LogCaptureFixture,
) -> None:
    run, begun = engine.submit(tiny(), small_dataset.record), []
    for _ in range(200):
        watching._look()
        if workers.number:
            begun.append(clock.now)
            workers.end(EngineError("The process", "has no module named 'ham'.", "Wait."))
        clock.now += 1.0
    assert "no module named 'ham'" in watching.problem.why
    assert watching.waits_for([run]) == "An error keeps it from training."
    assert "no module named 'ham'" in caplog.text
    pauses = [later - earlier for earlier, later in itertools.pairwise(begun)]
    assert pauses == sorted(pauses)
    assert pauses[-1] >= 60
    clock.now += 60.0
    watching._look()
    workers.end(None)
    watching._look()
    assert watching.problem is None


def test_a_death_in_a_run_is_counted_by_the_run_and_one_without_a_run_by_the_engine(
    workers: FakeWorkers, watching: Engine, clock: SimpleNamespace, small_dataset: LesionDataset
) -> None:
    run = engine.submit(tiny(), small_dataset.record)
    for attempts in (1, 2):
        watching._look()
        # nobody holds its lock: whoever trained it has died
        store.write_status(run, state="running", owner=watching._name, attempts=attempts)
        workers.end(DIED)
        watching._look()
        assert watching.problem is None
        assert workers.number == 1  # at once
    workers.end(DIED)  # and this one before it took the run up
    watching._look()
    assert watching.problem is DIED
    assert workers.number == 0
    clock.now += 2.0
    watching._look()
    assert workers.number == 1


def test_only_as_many_workers_are_started_as_find_a_run_and_a_slot(
    workers: FakeWorkers, watching: Engine, small_dataset: LesionDataset
) -> None:
    engine.save_settings(EngineSettings(workers=3))
    watching._look()
    assert (workers.started, workers.woken) == (0, 0)  # nothing waits
    first = engine.submit(tiny(seed=1), small_dataset.record)
    for _ in range(3):
        watching._look()
    assert (workers.started, workers.woken) == (1, 3)  # it has not taken it up yet
    with store.claim(first) as mine, engine.slot(3):
        store.write_status(mine, state="running", owner=watching._name)
        watching._look()
        assert workers.started == 1
        for seed in range(2, 6):
            engine.submit(tiny(seed=seed), small_dataset.record)
        with engine.slot(3):  # another server's
            watching._look()
            assert workers.started == 2
        watching._look()
        assert workers.started == 3
        watching._look()
        assert workers.started == 3


def test_a_run_that_waits_longer_than_a_start_takes_says_what_it_waits_for(
    workers: FakeWorkers, watching: Engine, clock: SimpleNamespace, small_dataset: LesionDataset
) -> None:
    run = engine.submit(tiny(), small_dataset.record)
    watching._look()
    assert watching.waits_for([run]).startswith("The training process starts")
    clock.now += 180.0
    assert watching.waits_for([run]) == "late by 3 min"
    with engine.slot(1):
        assert watching.waits_for([run]) != ""
    assert "has been starting for 3 min, longer than usual" in Processes("x").late("3 min")
    said = Cluster("x", "tcp://nobody:1").late("3 min")
    assert "The scheduler at tcp://nobody:1 has had it for 3 min" in said


def test_a_worker_that_takes_long_to_start_is_waited_for_in_words(
    workers: FakeWorkers,
    watching: Engine,
    clock: SimpleNamespace,
    small_dataset: LesionDataset,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run, said = engine.submit(tiny(), small_dataset.record), []

    def slow() -> None:
        clock.now += 120.0
        said.append(watching.waits_for([run]))

    monkeypatch.setattr(workers, "start", slow)
    watching._look()
    assert said == ["late by 2 min"]


# --------------------------------------------------------------- processes of this machine


def until_ended(processes: Processes) -> EngineError | None:
    [why] = wait_for(processes.ended, "the worker to end")
    return why


def test_a_run_that_cannot_be_taken_up_is_told_in_its_own_words(
    light_training: None, small_dataset: LesionDataset
) -> None:
    run = engine.submit(tiny(), small_dataset.record)
    (run.folder / "lock").unlink(missing_ok=True)
    (run.folder / "lock").mkdir()
    processes = Processes("engine-a")
    processes.start()
    why = until_ended(processes)
    assert run.id in str(why)
    assert "cannot be written" in why.why


def test_a_process_that_dies_is_told_with_its_status_and_its_log(
    ham_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ham.engine.processes.WORKER", ("-c", "1/0"))
    processes = Processes("engine-a")
    processes.start()
    why = until_ended(processes)
    assert isinstance(why, DiedError)
    assert "status 1" in why.why
    assert str(ham_home / "work.log") in why.todo
    assert "ZeroDivisionError" in (ham_home / "work.log").read_text()


def test_a_process_that_cannot_be_started_is_one_clear_error(
    ham_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", str(ham_home / "no python"))
    processes = Processes("engine-a")
    with pytest.raises(EngineError, match="cannot start a process"):
        processes.start()
    assert processes.number == 0


def test_a_worker_ends_when_nothing_comes_or_its_engine_is_gone_and_looks_when_it_is_woken(
    ham_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []
    read, write = os.pipe()

    def look(home: str, owner: str) -> Worked:
        looks.append(owner)
        if len(looks) == 2:
            os.close(write)
        return Worked(0, {}, slots_taken=False)

    monkeypatch.setattr("ham.engine.processes.work", look)
    os.write(write, b"\n")
    assert engine.work_for("engine-a", read) == {}
    assert looks == ["engine-a"] * 2  # at its start and when it was woken; then the pipe ended
    os.close(read)
    read, write = os.pipe()
    monkeypatch.setattr("ham.engine.processes.IDLE_SECONDS", 0.1)
    assert engine.work_for("engine-a", read) == {}
    assert len(looks) == 3
    os.close(write)  # ends the thread that listens


# --------------------------------------------------------------------- a cluster of Dask's


class Future:
    """Dask's, as far as the engine looks at it."""

    def __init__(self) -> None:
        self.status: str = "pending"
        self.error: Exception | None = None

    def done(self) -> bool:
        return self.status != "pending"

    def exception(self, timeout: float) -> Exception | None:
        return self.error


class Client:
    """Dask's, as far as the engine looks at it: every task is kept, none is run."""

    def __init__(self) -> None:
        self.status, self.closed = "running", 0
        self.futures: list[Future] = []
        self.owners: list[str] = []

    def submit(self, task: object, home: str, owner: str, **options: object) -> Future:
        self.futures.append(Future())
        self.owners.append(owner)
        return self.futures[-1]

    def close(self, timeout: float) -> None:
        self.closed += 1


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    """What a cluster's tasks are submitted to."""
    fake = Client()
    monkeypatch.setattr("distributed.Client", lambda address, **options: fake)
    monkeypatch.setattr("distributed.fire_and_forget", lambda future: None)
    return fake


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ModuleNotFoundError("No module named 'ham'"), "No module named 'ham'"),
        (StoreError("Run x", "it cannot be written (Read-only).", "Free it."), "Read-only"),
        (KilledWorker("work-1", None, 3), "ended by itself several times"),
    ],
)
def test_a_task_that_ends_in_an_error_is_told_in_words(
    error: Exception, words: str, client: Client
) -> None:
    cluster = Cluster("engine-a", "tcp://somewhere:1")
    cluster.start()
    cluster.start()
    assert (cluster.number, cluster.ended()) == (2, [])
    client.futures[0].status = "finished"
    client.futures[1].status, client.futures[1].error = "error", error
    well, why = cluster.ended()
    assert well is None
    assert words in str(why)
    assert cluster.number == 0


def test_a_lost_scheduler_is_let_go_and_its_runs_are_taken_up_under_another_name(
    client: Client,
) -> None:
    cluster = Cluster("engine-a", "tcp://somewhere:1")
    cluster.start()
    client.status = "closed"
    assert cluster.ended() == []  # no failure of a task
    assert (client.closed, cluster.number) == (1, 0)
    client.status = "running"
    cluster.start()
    assert client.owners == ["engine-a.1", "engine-a.2"]


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(address: str, **options: object) -> None:
        raise OSError("timed out")

    monkeypatch.setattr("distributed.Client", refuse)
    with pytest.raises(EngineError, match="tcp://nobody:1"):
        Cluster("engine-a", "tcp://nobody:1").start()


def test_the_cluster_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(Engine()._workers, Processes)
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", "tcp://nobody:1")
    assert isinstance(Engine()._workers, Cluster)
