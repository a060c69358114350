"""The engine: watches the queue, starts workers when runs wait, replaces what has died. Dask is
only here.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ham.config import EngineError, HamError, home_folder
from ham.engine.queue import takeable, waits_for
from ham.engine.settings import settings
from ham.engine.slots import free_slots
from ham.store import Run

if TYPE_CHECKING:
    from distributed import Client, Future

IDLE_SECONDS = 120  # after which the workers are let go: TensorFlow holds 600 MB
START_SECONDS = 60  # a start takes less, on a busy machine too
_SCHEDULER_SECONDS = 300  # of a busy machine; usually it is one
_POLL_SECONDS = 1.0
_CLOSE_SECONDS = 5
_HEALTHY_SECONDS = 20  # after which a task that goes on is no longer suspected
_ANSWER_SECONDS = 5  # for what a task says of its end
# after a task that ended in an error, doubled each time
_FIRST_RETRY_SECONDS, _LAST_RETRY_SECONDS = 2.0, 60.0
_logger = logging.getLogger(__name__)


class Engine:
    """Starts workers when runs wait and lets them go when none has come for a while.

    One an application: `start()` begins watching the queue in a background thread. With
    DASK_SCHEDULER_ADDRESS set, the workers of that cluster do the work.
    """

    def __init__(self) -> None:
        self.problem: HamError | None = None  # why nothing can be trained just now, for people
        self._name = f"engine-{uuid.uuid4().hex[:12]}"
        # its workers' crashes count; those of one that was let go are no crashes
        self._cluster_number = 1
        self._workers = 0  # of the cluster that was started
        self._cluster = None
        self._client = None
        self._futures: list[Future] = []
        self._failure: HamError | None = None  # of the last task, until one goes well
        self._retry_seconds = _FIRST_RETRY_SECONDS
        self._not_before = 0.0  # no task, after one that failed; time.monotonic()
        self._idle_since = time.monotonic()
        self._submitted = time.monotonic()  # the last task, or the start of what it needs
        self._connecting = False
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> Engine:
        self._thread = threading.Thread(target=self._watch, name="ham-engine", daemon=True)
        self._thread.start()
        return self

    def poke(self) -> None:
        """Looks at the queue now rather than within a second."""
        self._wake.set()

    @property
    def state(self) -> str:
        """ "idle" (no process yet), "ready" (workers wait), "working" or "unavailable"."""
        if self.problem is not None:
            return "unavailable"
        if any(not future.done() for future in self._futures):
            return "working"
        return "idle" if self._client is None else "ready"

    def waits_for(self, runs: list[Run]) -> str:
        """What the first waiting run of these waits for, as a sentence; "" where none waits."""
        if not any(run.state == "queued" for run in runs):
            return ""
        if self.problem is not None:
            return "An error keeps it from training."
        try:
            words = waits_for(runs)
        except HamError as error:
            return f"An error keeps it from training: {error}"
        since = time.monotonic() - self._submitted
        starts = self._connecting or bool(self._futures)
        if any(run.state == "running" for run in runs) or not starts or since < START_SECONDS:
            return words
        minutes = f"{round(since / 60)} min"
        if address := os.environ.get("DASK_SCHEDULER_ADDRESS"):
            return (
                f"The scheduler at {address} has had it for {minutes} and gave it to no "
                "worker: are there any?"
            )
        return (
            f"The training process has been starting for {minutes}, longer than usual. "
            "Where it goes on, the server's log says more."
        )

    def stop(self) -> None:
        """Ends the watching and the workers; a run that trains is left interrupted."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        self._release()

    def _watch(self) -> None:
        while not self._stopping.is_set():
            self._look()
            self._wake.wait(_POLL_SECONDS)
            self._wake.clear()

    def _look(self) -> None:
        """One look at the queue; what goes wrong in it is told, and nothing that trains is
        touched.
        """
        try:
            self._tend()
            self._tell(self._failure)
        except HamError as error:
            self._tell(error)
        except OSError as error:
            self._tell(
                EngineError(
                    "The training engine",
                    f"cannot look at the queue ({error}).",
                    "It tries again by itself; check the disk and the rights of the folder.",
                )
            )
        # Dask's or ours: nothing may end the watching, or the queue waits for ever
        except Exception as error:
            self._tell(
                EngineError(
                    "The training engine",
                    f"stumbled ({type(error).__name__}: {error}).",
                    "It tries again by itself; the server's log says where.",
                ),
                error,
            )

    def _tell(self, problem: HamError | None, unexpected: Exception | None = None) -> None:
        """On the page, and once in the log."""
        if problem is not None and str(problem) != str(self.problem):
            _logger.error("%s", problem, exc_info=unexpected)
        self.problem = problem

    def _tend(self) -> None:
        """As many tasks as can find a run and a slot, none where nothing waits."""
        if self._client is not None and self._client.status != "running":
            _logger.warning("the scheduler is gone: a new one is started when a run waits")
            self._release()
        self._collect()
        workers = settings().workers
        if not self._futures and self._client is not None and workers != self._workers:
            self._release()  # the next cluster has the new size
        waiting = len(takeable(self._owner))
        if waiting:
            self._idle_since = time.monotonic()
            if time.monotonic() >= self._not_before:
                for _ in range(min(waiting, workers - len(self._futures), free_slots(workers))):
                    self._submit_task(workers)
            return
        self._went_well()
        if self._futures:
            self._idle_since = time.monotonic()
        elif self._client is not None and time.monotonic() - self._idle_since > IDLE_SECONDS:
            self._release()

    @property
    def _owner(self) -> str:
        return f"{self._name}.{self._cluster_number}"

    def _collect(self) -> None:
        """Takes leave of the tasks that have ended and looks at what each says of its end."""
        ended = [future for future in self._futures if future.done()]
        self._futures = [future for future in self._futures if not future.done()]
        for future in ended:
            if future.status == "finished":
                self._went_well()
            elif future.status == "error":
                self._failure = _explained(future)
                self._not_before = time.monotonic() + self._retry_seconds
                self._retry_seconds = min(2 * self._retry_seconds, _LAST_RETRY_SECONDS)
        if self._futures and time.monotonic() - self._submitted > _HEALTHY_SECONDS:
            self._went_well()

    def _went_well(self) -> None:
        self._failure, self._retry_seconds, self._not_before = None, _FIRST_RETRY_SECONDS, 0.0

    def _submit_task(self, workers: int) -> None:
        from distributed import fire_and_forget

        self._submitted, self._connecting = time.monotonic(), True
        try:
            client = self._connect(workers)
        finally:
            self._connecting = False
        try:
            future = client.submit(
                _task(),
                str(home_folder().absolute()),
                self._owner,
                key=f"work-{uuid.uuid4().hex}",
                pure=False,
            )
            fire_and_forget(future)  # the task outlives this server
        except (OSError, ValueError, RuntimeError) as error:
            raise EngineError(
                "The training engine",
                f"lost its scheduler ({error}).",
                "It is started again by itself; the runs are safe.",
            ) from error
        self._futures.append(future)

    def _connect(self, workers: int) -> Client:
        """The client, its cluster started where there is none or where it has died."""
        from distributed import Client

        if self._client is not None and self._client.status == "running":
            return self._client
        self._release()
        address = os.environ.get("DASK_SCHEDULER_ADDRESS")
        try:
            if not address:
                self._cluster = _local_cluster(workers)
            self._workers = workers
            self._client = Client(address or self._cluster, timeout="20s", set_as_default=False)
        except (OSError, RuntimeError, ValueError) as error:
            raise EngineError(
                "The training engine",
                f"cannot start: {error}.",
                f"Check that a Dask scheduler answers at {address}."
                if address
                else "Free some memory and try again; the server's log says more.",
            ) from error
        return self._client

    def _release(self) -> None:
        """Lets the workers go. What they trained is interrupted by us then, not by a crash of
        its own.
        """
        client, cluster = self._client, self._cluster
        if client is None and cluster is None:
            return
        self._client = self._cluster = None
        self._futures = []
        self._cluster_number += 1
        for closing in (client, cluster):
            if closing is not None:
                with contextlib.suppress(Exception):  # what is dead already cannot be closed
                    closing.close(timeout=_CLOSE_SECONDS)


def _task() -> Callable[[str, str], int]:
    """What a worker is sent: runs trained. It raises why a run could not be taken up.

    A function inside a function goes to the scheduler by its content. One of a module goes by its
    name, and a scheduler that was started in another folder could not import us to read it.
    """
    root = (
        "" if os.environ.get("DASK_SCHEDULER_ADDRESS") else str(Path(__file__).resolve().parents[2])
    )

    def task(home: str, owner: str) -> int:
        import sys

        if root and root not in sys.path:
            # the very code of this server, wherever the process was started
            sys.path.insert(0, root)
        from ham.engine.worker import work

        worked = work(home, owner)
        for refused in worked.refused.values():
            raise refused
        return worked.trained

    return task


def _explained(future: Future) -> HamError:
    """Why a task ended in an error, for people."""
    from distributed import KilledWorker

    todo = "It is tried again by itself; the log of the server, or of the cluster, says more."
    try:
        error = future.exception(timeout=_ANSWER_SECONDS)
    except Exception as failed:  # the scheduler is gone, or the error cannot be read here
        error = failed
    if isinstance(error, HamError):
        return error
    if isinstance(error, KilledWorker):
        return EngineError("The training process", "ended by itself several times.", todo)
    return EngineError(
        "The training process", f"ended in an error ({type(error).__name__}: {error}).", todo
    )


def _local_cluster(workers: int):
    """A scheduler and workers in processes of their own, reachable from this machine only."""
    if sys.platform == "win32":
        raise EngineError(
            "Training on Windows",
            "Dask's process cluster does not run there.",
            "Use WSL, or start a Dask scheduler and name it in DASK_SCHEDULER_ADDRESS.",
        )
    from distributed.deploy.spec import SpecCluster
    from distributed.deploy.subprocess import SubprocessScheduler, SubprocessWorker
    from distributed.worker_memory import parse_memory_limit

    cores = os.cpu_count() or 1
    environment = {
        "HAM_HOME": str(home_folder().absolute()),
        "TF_NUM_INTRAOP_THREADS": str(max(1, cores // workers)),
        "TF_NUM_INTEROP_THREADS": "1" if workers > 1 else "2",
    }
    # as SubprocessCluster does it, which lets a scheduler take 30 seconds: after them, on a
    # busy machine, it waits for the end of the one that it started
    scheduler = {
        "host": "127.0.0.1",
        "port": 0,
        "dashboard": False,
        "dashboard_address": None,
        "idle_timeout": f"{IDLE_SECONDS + 30}s",
    }  # ends it when its server is gone
    worker = {
        "cls": SubprocessWorker,
        "options": {
            "worker_kwargs": {
                "host": "127.0.0.1",
                "nthreads": 1,
                "silence_logs": logging.WARNING,
                "env": environment,
                "memory_limit": parse_memory_limit("auto", 1, workers, logger=_logger),
                "death_timeout": "60s",
            }
        },
    }
    return SpecCluster(
        workers=dict.fromkeys(range(workers), worker),
        worker=worker,
        name="HAM Lab",
        silence_logs=logging.WARNING,
        scheduler={
            "cls": SubprocessScheduler,
            "options": {"scheduler_kwargs": scheduler, "timeout": _SCHEDULER_SECONDS},
        },
    )
