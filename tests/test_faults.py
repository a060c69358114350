"""What goes wrong around a training, done to real processes with real signals."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ham import engine, store
from ham.config import StoreError, runs_folder
from ham.data import LesionDataset
from ham.engine import Engine, EngineSettings
from ham.lab.sweep import Drivers, read_sweep
from ham.store import Run
from tests import light
from tests.test_engine import hold, tiny, wait_for, wait_for_state, worker_processes
from tests.test_sweep import runs_of, sweep_of

ROOT = Path(__file__).parents[1]
SERVER = f"""
import signal, sys, time
# what a script's & or nohup started ignores these
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
sys.path.insert(0, {str(ROOT)!r})  # as Streamlit does for app.py's folder
from ham.engine import Engine, processes
processes.WORKER = {light.WORKER!r}
Engine().start()
print("started", flush=True)
time.sleep(600)
"""


@pytest.fixture
def light_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """No TensorFlow in this process and in the workers that it starts."""
    light.train_lightly(monkeypatch)


@pytest.fixture(autouse=True)
def no_worker_left(ham_home: Path) -> Iterator[None]:
    yield
    for process in worker_processes(ham_home):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def wait_for_epoch(run: Run, epoch: int = 2) -> None:
    wait_for(lambda: store.read_run(run.id).status.epoch >= epoch, f"epoch {epoch} of {run.id}")


def has_every_epoch(run: Run) -> bool:
    return store.read_history(run)["epoch"].tolist() == list(range(1, run.config.epochs + 1))


@pytest.fixture
def server(ham_home: Path) -> Iterator[subprocess.Popen]:
    """A process with an engine, as a dashboard's server is, and all that it leaves behind."""
    with started_server() as process:
        yield process


class started_server:
    def __init__(self, folder: Path = ROOT):
        self.folder = folder

    def __enter__(self) -> subprocess.Popen:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", SERVER],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout.readline() == "started\n"
        return self.process

    def __exit__(self, *error: object) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def test_a_killed_worker_is_replaced_and_its_training_ends_with_every_epoch(
    ham_home: Path, small_dataset: LesionDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real one: TensorFlow, Keras and their checkpoint."""
    monkeypatch.setattr("ham.engine.processes.WORKER", light.HELD_WORKER)
    running, held = Engine().start(), hold()
    try:
        run = engine.submit(tiny(epochs=4), small_dataset.record)
        wait_for_epoch(run)
        [worker] = worker_processes()
        worker.kill()
        held.unlink()
        ended = wait_for_state(run, "done", "failed")
        assert (ended.state, ended.status.attempts) == ("done", 2)
        assert has_every_epoch(ended)
    finally:
        running.stop()
    assert not worker_processes()


def test_a_server_started_from_another_folder_trains(
    ham_home: Path, small_dataset: LesionDataset, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "somewhere else"
    elsewhere.mkdir()
    with started_server(elsewhere):
        run = engine.submit(tiny(epochs=1), small_dataset.record)
        assert wait_for_state(run, "done", "failed", "interrupted").state == "done"


def test_the_command_line_started_from_another_folder_trains(
    ham_home: Path, small_folder: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "somewhere else"
    elsewhere.mkdir()
    small = [f"filters_{number}=3" for number in range(1, 7)]
    done = subprocess.run(
        [
            sys.executable,
            "-P",
            "-m",
            "ham",
            "train",
            "--model",
            "cnn",
            "--data",
            str(small_folder),
            "--wait",
            "--set",
            "epochs=1",
            *(word for pair in small for word in ("--set", pair)),
        ],
        cwd=elsewhere,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT / "tests" / "light_site"), str(ROOT)]),
        },
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert store.read_run(done.stdout.split()[-1]).state == "done"


def kill(server: subprocess.Popen) -> None:
    server.kill()


def press_ctrl_c(server: subprocess.Popen) -> None:
    os.killpg(server.pid, signal.SIGINT)  # what a terminal sends it to


def close_terminal(server: subprocess.Popen) -> None:
    os.killpg(server.pid, signal.SIGHUP)


@pytest.mark.parametrize("end", [kill, press_ctrl_c, close_terminal])
def test_a_server_that_ends_loses_nothing_its_run_ends_and_the_next_one_trains_no_run_twice(
    end, server: subprocess.Popen, small_dataset: LesionDataset
) -> None:
    held = hold()
    run = engine.submit(tiny(epochs=5), small_dataset.record)
    other = engine.submit(tiny(epochs=1, seed=1), small_dataset.record)
    wait_for_epoch(run)
    [worker] = worker_processes()
    end(server)
    server.wait()
    with started_server():
        held.unlink()
        ended = [wait_for_state(r, "done", "failed", "interrupted") for r in (run, other)]
        # nobody is there that it could wait for
        wait_for(lambda: worker not in worker_processes(), "the first server's worker to end")
    assert [(r.state, r.status.attempts, has_every_epoch(r)) for r in ended] == [
        ("done", 1, True)
    ] * 2


def test_everything_killed_at_once_leaves_an_interrupted_run_that_resumes(
    light_training: None, server: subprocess.Popen, small_dataset: LesionDataset
) -> None:
    held = hold()
    run = engine.submit(tiny(epochs=5), small_dataset.record)
    wait_for_epoch(run)
    for process in (psutil.Process(server.pid), *worker_processes()):  # as when the power goes
        process.kill()
    interrupted = wait_for_state(run, "interrupted")
    kept = store.read_history(interrupted)
    assert len(kept) == 2
    held.unlink()
    engine.resume(interrupted)
    assert engine.work(os.environ["HAM_HOME"], "here").trained == 1
    ended = store.read_run(run.id)
    assert (ended.state, has_every_epoch(ended)) == ("done", True)
    assert store.read_history(ended).iloc[:2].equals(kept)
    undisturbed = engine.submit(tiny(epochs=5), small_dataset.record)
    assert engine.work(os.environ["HAM_HOME"], "here").trained == 1
    same = [name for name in kept.columns if name != "seconds"]
    assert store.read_history(undisturbed)[same].equals(store.read_history(ended)[same])


def test_an_interrupted_run_is_taken_up_by_itself_only_where_that_is_set(
    ham_home: Path, light_training: None, small_dataset: LesionDataset
) -> None:
    run = engine.submit(tiny(epochs=1), small_dataset.record)
    store.write_status(run, state="running", owner="a server that is gone", attempts=1)
    assert engine.work(str(ham_home), "here").trained == 0
    assert store.read_run(run.id).state == "interrupted"
    engine.save_settings(EngineSettings(resume_by_itself=True))
    assert engine.work(str(ham_home), "here").trained == 1
    assert store.read_run(run.id).state == "done"


def test_data_that_vanishes_fails_the_run_with_its_reason_and_it_resumes_when_the_data_is_back(
    ham_home: Path,
    light_training: None,
    small_folder: Path,
    small_dataset: LesionDataset,
    tmp_path: Path,
) -> None:
    folder = shutil.copytree(small_folder, tmp_path / "data")
    run = engine.submit(tiny(epochs=1), {**small_dataset.record, "source": str(folder)})
    folder.rename(tmp_path / "elsewhere")
    assert engine.work(str(ham_home), "here").trained == 1
    failed = store.read_run(run.id)
    assert failed.state == "failed"
    assert str(folder) in failed.status.error.what
    (tmp_path / "elsewhere").rename(folder)
    engine.resume(failed)
    assert engine.work(str(ham_home), "here").trained == 1
    assert store.read_run(run.id).state == "done"


def limited_worker(limit: int, most: int, home: Path) -> None:
    """`python -m ham work` until the queue is empty, in a process that the system denies more
    than `most`.
    """
    subprocess.run(
        [sys.executable, "-m", "ham", "work"],
        cwd=ROOT,
        env={**os.environ, "HAM_HOME": str(home)},
        preexec_fn=lambda: resource.setrlimit(limit, (most, most)),
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.mark.skipif(sys.platform != "linux", reason="macOS does not hold a process to RLIMIT_AS")
def test_a_worker_without_memory_fails_the_run_with_that_reason_and_it_resumes_with_some(
    ham_home: Path, light_training: None, small_dataset: LesionDataset
) -> None:
    run = engine.submit(tiny(epochs=2), small_dataset.record)
    # TensorFlow's libraries alone take more
    limited_worker(resource.RLIMIT_AS, 2 * 2**30, ham_home)
    failed = store.read_run(run.id)
    assert failed.state == "failed"
    assert "out of memory" in failed.status.error.why
    engine.resume(failed)
    assert engine.work(str(ham_home), "here").trained == 1
    assert has_every_epoch(store.read_run(run.id))


def test_a_disk_that_takes_no_more_fails_the_run_keeps_its_epochs_and_it_resumes_when_there_is_room(
    ham_home: Path, light_training: None, small_dataset: LesionDataset
) -> None:
    """The system refuses writes in the middle of a file, as a full disk does."""
    running, held = Engine().start(), hold()
    try:
        run = engine.submit(tiny(epochs=15), small_dataset.record)
        wait_for_epoch(run)
        [worker] = worker_processes()
        before = resource.prlimit(worker.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (1024, before[1]))
        held.unlink()
        failed = wait_for_state(run, "failed", "done")
        assert failed.state == "failed"
        assert "cannot be written" in failed.status.error.why
        kept = store.read_history(failed)
        assert len(kept) >= 2
        resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, before)
        engine.resume(failed)
        running.wake()
        ended = wait_for_state(run, "done", "failed")
        assert (ended.state, has_every_epoch(ended)) == ("done", True)
        assert store.read_history(ended).iloc[: len(kept) - 1].equals(kept.iloc[:-1])
        assert worker_processes() == [worker]
    finally:
        running.stop()
    assert not worker_processes()


def test_a_runs_folder_that_cannot_be_made_is_one_clear_error(
    ham_home: Path, small_dataset: LesionDataset
) -> None:
    ham_home.mkdir()
    runs_folder().write_text("a file where the folder should be")
    for look in (lambda: engine.submit(tiny(), small_dataset.record), store.list_runs):
        with pytest.raises(StoreError, match="is a file, and a folder must stand there"):
            look()


class started_cluster:
    """A Dask scheduler and two workers, each with its nanny in a process group of its own."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"tcp://127.0.0.1:{free.getsockname()[1]}"

    def __enter__(self) -> list[subprocess.Popen]:
        here = ["--host", "127.0.0.1", "--no-dashboard"]
        worker = ["worker", self.address, "--nthreads", "1", "--preload", "tests.light", *here]
        self.processes = [
            subprocess.Popen(
                [sys.executable, "-m", "dask", *command],
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            for command in (
                ["scheduler", "--port", self.address.rpartition(":")[2], *here],
                [*worker, "--name", "one"],
                [*worker, "--name", "two"],
            )
        ]
        return self.processes

    def __exit__(self, *error: object) -> None:
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def test_a_cluster_trains_the_same_queue_and_survives_the_loss_of_a_worker(
    ham_home: Path, small_dataset: LesionDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two seeds of a sweep's first trial, a run of one's own, then the other trials."""
    cluster = started_cluster()
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", cluster.address)
    engine.save_settings(EngineSettings(workers=2))
    drivers = Drivers()
    running, held = Engine(beside=drivers.look), hold()
    try:
        with cluster as processes:
            sweep = sweep_of(trials=3, seeds=2, data=small_dataset.record)
            running.start()
            wait_for(lambda: len(runs_of(sweep)) == 2, "the first trial")
            first = list(runs_of(sweep).values())
            alone = engine.submit(tiny(epochs=5, seed=1), small_dataset.record)
            for run in first:
                wait_for_epoch(run)
            assert {store.read_run(run.id).state for run in first} == {"running"}  # side by side
            assert not worker_processes()
            # a nanny with its worker, as when a machine is lost
            os.killpg(processes[1].pid, signal.SIGKILL)
            held.unlink()
            ended = wait_for_state(alone, "done", "failed")
            assert (ended.state, has_every_epoch(ended)) == ("done", True)
            wait_for(lambda: read_sweep(sweep.name).state == "done", "the end of the sweep")
            trials = runs_of(sweep)
            assert sorted(trials) == [(number, seed) for number in range(3) for seed in (0, 1)]
            assert {run.id for run in first} <= {run.id for run in trials.values()}
            assert len(store.list_runs()) == 1 + 6
            assert all(has_every_epoch(run) and run.withheld for run in trials.values())
    finally:
        running.stop()
        drivers.stop()


def test_two_servers_on_one_runs_folder_train_no_run_twice(
    server: subprocess.Popen, small_dataset: LesionDataset
) -> None:
    with started_server():
        runs = [engine.submit(tiny(epochs=2, seed=seed), small_dataset.record) for seed in (1, 2)]
        most = 0
        while any(store.read_run(run.id).live for run in runs):
            most = max(most, sum(store.read_run(run.id).state == "running" for run in runs))
            time.sleep(0.05)
        ended = [store.read_run(run.id) for run in runs]
    assert most == 1  # one slot, whoever holds it
    assert [(run.state, run.status.attempts, has_every_epoch(run)) for run in ended] == [
        ("done", 1, True)
    ] * 2
