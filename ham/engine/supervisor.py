"""The engine: watches the queue, starts workers when runs wait, replaces what has died."""

from __future__ import annotations

import logging
import os
import threading
import time
import uuid
from collections.abc import Callable

from ham import store
from ham.config import EngineError, HamError
from ham.engine.cluster import Cluster
from ham.engine.preferences import settings
from ham.engine.processes import DiedError, Processes
from ham.engine.run_queue import claimable_runs, engine_of, waits_for
from ham.engine.slots import free_slots
from ham.store import Run

START_SECONDS = 60  # a start takes less, on a busy machine too
_POLL_SECONDS = 1.0
_HEALTHY_SECONDS = 20  # after which a worker that goes on is no longer suspected
# after a worker that ended in an error, doubled each time
_FIRST_RETRY_SECONDS, _LAST_RETRY_SECONDS = 2.0, 60.0
_logger = logging.getLogger(__name__)


class Engine:
    """Starts workers when runs wait: processes of this machine, or tasks on the Dask cluster that
    DASK_SCHEDULER_ADDRESS names.

    One an application: `start()` begins watching the queue in a background thread. `beside` is
    called with the engine's name before every look at the queue, as by who keeps it filled.
    """

    def __init__(self, beside: Callable[[str], None] | None = None) -> None:
        self._beside = beside
        self.problem: HamError | None = None  # why nothing can be trained just now, for people
        self._name = f"engine-{uuid.uuid4().hex[:12]}"
        address = os.environ.get("DASK_SCHEDULER_ADDRESS")
        self._workers = Cluster(self._name, address) if address else Processes(self._name)
        self._failure: HamError | None = None  # of the last worker, until one goes well
        self._retry_seconds = _FIRST_RETRY_SECONDS
        self._not_before = 0.0  # no worker, after one that failed; time.monotonic()
        self._left: set[tuple[str, int]] = set()  # runs, and attempts, that a worker left
        self._deaths = 0  # so many more of these than of processes that were seen to have died
        self._started = time.monotonic()  # the last worker, or that this was tried
        self._starting = False
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> Engine:
        self._thread = threading.Thread(target=self._watch, name="ham-engine", daemon=True)
        self._thread.start()
        return self

    def wake(self) -> None:
        """Looks at the queue now rather than within a second."""
        self._wake.set()

    @property
    def has_workers(self) -> bool:
        return self._workers.number > 0

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
        since = time.monotonic() - self._started
        starts = self._starting or self.has_workers
        if any(run.state == "running" for run in runs) or not starts or since < START_SECONDS:
            return words
        return self._workers.late(f"{round(since / 60)} min")

    def stop(self) -> None:
        """Ends the watching and the workers; a run that trains here is left interrupted."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        self._workers.stop()

    def _watch(self) -> None:
        while not self._stopping.is_set():
            if self._beside is not None:
                self._beside(self._name)
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
        """As many workers as can find a run and a slot, none where nothing waits."""
        ended = self._workers.ended()
        workers, runs = settings().workers, store.list_runs()
        ours = [run for run in runs if engine_of(run.status.owner) == self._name]
        self._judge(ended, ours)
        waiting = len(claimable_runs(runs, self._name))
        if not waiting:
            self._went_well()
            return
        places = min(waiting, free_slots(workers))
        if not places or time.monotonic() < self._not_before:
            return
        self._workers.wake()
        idle = self._workers.number - sum(run.state == "running" for run in ours)
        for _ in range(min(places - max(0, idle), workers - self._workers.number)):
            self._start_worker()

    def _start_worker(self) -> None:
        self._started, self._starting = time.monotonic(), True
        try:
            self._workers.start()
        finally:
            self._starting = False

    def _judge(self, ended: list[EngineError | None], ours: list[Run]) -> None:
        """What the workers that have ended say of this engine.

        A process that died in a run is counted by that run, which gives up at MAX_ATTEMPTS; one
        that died without a run is counted here.
        """
        left = {(run.id, run.status.attempts) for run in ours if run.state == "interrupted"}
        self._deaths += len(left - self._left)
        self._left = left
        for problem in ended:
            if problem is None:
                self._went_well()
            elif isinstance(problem, DiedError) and self._deaths:
                self._deaths -= 1
            else:
                self._failure = problem
                self._not_before = time.monotonic() + self._retry_seconds
                self._retry_seconds = min(2 * self._retry_seconds, _LAST_RETRY_SECONDS)
        if self.has_workers and time.monotonic() - self._started > _HEALTHY_SECONDS:
            self._went_well()

    def _went_well(self) -> None:
        self._failure, self._retry_seconds, self._not_before = None, _FIRST_RETRY_SECONDS, 0.0
