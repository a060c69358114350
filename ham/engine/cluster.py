"""The engine: watches the queue, starts workers when runs wait, replaces what has died. Dask is only here."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from ham.config import EngineError, HamError, home_folder
from ham.engine.queue import MAX_ATTEMPTS, takeable
from ham.engine.settings import settings
from ham.engine.worker import free_slots, work

if TYPE_CHECKING:
    from distributed import Client

IDLE_SECONDS = 120  # after which the workers are let go: TensorFlow holds 600 MB
_POLL_SECONDS = 1.0
_CLOSE_SECONDS = 5
_logger = logging.getLogger(__name__)


class Engine:
    """Starts workers when runs wait and lets them go when none has come for a while.

    One an application: `start()` begins watching the queue in a background thread. With
    DASK_SCHEDULER_ADDRESS set, the workers of that cluster do the work.
    """

    def __init__(self) -> None:
        self.problem: HamError | None = None  # why nothing can be trained just now, for people
        self._owner = f"engine-{uuid.uuid4().hex[:12]}"
        self._workers = 0  # of the cluster that was started
        self._cluster = None
        self._client = None
        self._futures: list = []
        self._idle_since = time.monotonic()
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
        """"idle" (no process yet), "ready" (workers wait), "working" or "unavailable"."""
        if self.problem is not None:
            return "unavailable"
        if any(not future.done() for future in self._futures):
            return "working"
        return "idle" if self._client is None else "ready"

    def stop(self) -> None:
        """Ends the watching and the workers; a run that trains is left interrupted."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        self._release()

    def _watch(self) -> None:
        while not self._stopping.is_set():
            try:
                self._tend()
                self.problem = None
            except HamError as error:
                self._report(error)
            except OSError as error:
                self._report(EngineError("The training engine", f"cannot look at the queue ({error}).",
                                         "It tries again by itself; check the disk and the rights of the folder."))
            except Exception as error:  # Dask's or ours: nothing may end the watching, or the queue waits for ever
                self._report(EngineError("The training engine", f"stumbled ({type(error).__name__}: {error}).",
                                         "It tries again by itself; the server's log says where."), error)
            self._wake.wait(_POLL_SECONDS)
            self._wake.clear()

    def _report(self, problem: HamError, unexpected: Exception | None = None) -> None:
        if str(problem) != str(self.problem):
            _logger.error("%s", problem, exc_info=unexpected)
        self.problem = problem
        self._release()

    def _tend(self) -> None:
        """One look: as many tasks as can find a run and a slot, none where nothing waits."""
        if self._client is not None and self._client.status != "running":
            _logger.warning("the scheduler is gone: a new one is started when a run waits")
            self._release()
        self._futures = [future for future in self._futures if not future.done()]
        workers = settings().workers
        if not self._futures and self._client is not None and workers != self._workers:
            self._release()  # the next cluster has the new size
        waiting = len(takeable(self._owner))
        if waiting:
            self._idle_since = time.monotonic()
            for _ in range(min(waiting, workers - len(self._futures), free_slots(workers))):
                self._submit_task(workers)
        elif self._futures:
            self._idle_since = time.monotonic()
        elif self._client is not None and time.monotonic() - self._idle_since > IDLE_SECONDS:
            self._release()

    def _submit_task(self, workers: int) -> None:
        from distributed import fire_and_forget

        client = self._connect(workers)
        try:
            future = client.submit(work, str(home_folder()), self._owner, key=f"work-{uuid.uuid4().hex}", pure=False,
                                   retries=MAX_ATTEMPTS)
            fire_and_forget(future)  # the task outlives this server
        except (OSError, ValueError, RuntimeError) as error:
            raise EngineError("The training engine", f"lost its scheduler ({error}).",
                              "It is started again by itself; the runs are safe.") from error
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
                "The training engine", f"cannot start: {error}.",
                f"Check that a Dask scheduler answers at {address}." if address else
                "Free some memory and try again; the server's log says more.") from error
        return self._client

    def _release(self) -> None:
        client, cluster = self._client, self._cluster
        self._client = self._cluster = None
        self._futures = []
        for closing in (client, cluster):
            if closing is not None:
                with contextlib.suppress(Exception):  # what is dead already cannot be closed
                    closing.close(timeout=_CLOSE_SECONDS)


def _local_cluster(workers: int):
    """A scheduler and workers in processes of their own, reachable from this machine only."""
    if sys.platform == "win32":
        raise EngineError("Training on Windows", "Dask's process cluster does not run there.",
                          "Use WSL, or start a Dask scheduler and name it in DASK_SCHEDULER_ADDRESS.")
    from distributed.deploy.subprocess import SubprocessCluster

    cores = os.cpu_count() or 1
    package_root = str(Path(__file__).resolve().parents[2])
    environment = {
        "PYTHONPATH": os.pathsep.join(filter(None, (package_root, os.environ.get("PYTHONPATH")))),
        "HAM_HOME": str(home_folder()),
        "TF_NUM_INTRAOP_THREADS": str(max(1, cores // workers)),
        "TF_NUM_INTEROP_THREADS": "1" if workers > 1 else "2",
    }
    return SubprocessCluster(
        n_workers=workers, threads_per_worker=1, dashboard_address=None,
        scheduler_kwargs={"idle_timeout": f"{IDLE_SECONDS + 30}s"},  # ends it when its server is gone
        worker_kwargs={"env": environment, "death_timeout": "60s"})
