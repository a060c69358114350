"""Workers of a Dask cluster: tasks that its scheduler places, and starts again where a worker dies.

The cluster is somebody else's, named by DASK_SCHEDULER_ADDRESS. Dask is only here.
"""

from __future__ import annotations

import contextlib
import logging
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING

from ham.config import EngineError, HamError, home_folder

if TYPE_CHECKING:
    from distributed import Client, Future

_CLOSE_SECONDS = 5
_ANSWER_SECONDS = 5  # for what a task says of its end
_logger = logging.getLogger(__name__)


class Cluster:
    """The workers of one engine there, as `processes.Processes` are here. A worker is a task that
    ends with the queue.
    """

    def __init__(self, owner: str, address: str) -> None:
        self._address = address
        self._engine = owner
        self._connections = 0  # the scheduler's loss is no crash of what its workers trained
        self._client: Client | None = None
        self._futures: list[Future[int]] = []

    @property
    def number(self) -> int:
        """How many tasks have not ended."""
        return len(self._futures)

    def start(self) -> None:
        """One more. Raises EngineError."""
        from distributed import fire_and_forget

        client = self._connected()
        try:
            future = client.submit(
                _task(),
                str(home_folder().absolute()),
                f"{self._engine}.{self._connections}",
                key=f"work-{uuid.uuid4().hex}",
                pure=False,
            )
            fire_and_forget(future)  # the task outlives this server
        except (OSError, ValueError, RuntimeError) as error:
            raise EngineError(
                "The training engine",
                f"lost its scheduler ({error}).",
                "It is asked again by itself; the runs are safe.",
            ) from error
        self._futures.append(future)

    def wake(self) -> None:
        """Nobody waits: a task ends with the queue, and its worker stays."""

    def ended(self) -> list[EngineError | None]:
        """Takes leave of the tasks that have ended: None of one that went well, else why."""
        if self._client is not None and self._client.status != "running":
            _logger.warning("the scheduler is gone: it is asked again when a run waits")
            self.stop()
        gone = [future for future in self._futures if future.done()]
        self._futures = [future for future in self._futures if future not in gone]
        return [_why(future) for future in gone if future.status in ("finished", "error")]

    def late(self, minutes: str) -> str:
        """What is said of a task that was submitted so long ago and has not taken up a run."""
        return (
            f"The scheduler at {self._address} has had it for {minutes} and gave it to no "
            "worker: are there any?"
        )

    def stop(self) -> None:
        """Lets the tasks go; what they train goes on."""
        client, self._client, self._futures = self._client, None, []
        if client is not None:
            with contextlib.suppress(Exception):  # what is dead already cannot be closed
                client.close(timeout=_CLOSE_SECONDS)

    def _connected(self) -> Client:
        from distributed import Client

        if self._client is None:
            try:
                self._client = Client(self._address, timeout="20s", set_as_default=False)
            except (OSError, RuntimeError, ValueError) as error:
                raise EngineError(
                    "The training engine",
                    f"cannot start: {error}.",
                    f"Check that a Dask scheduler answers at {self._address}.",
                ) from error
            self._connections += 1
        return self._client


def _task() -> Callable[[str, str], int]:
    """What a worker is sent: runs trained. It raises why a run could not be taken up.

    A function inside a function goes to the scheduler by its content. One of a module goes by its
    name, and a scheduler that was started in another folder could not import us to read it.
    """

    def task(home: str, owner: str) -> int:
        from ham.engine.worker import work

        worked = work(home, owner)
        for refused in worked.refused.values():
            raise refused
        return worked.trained

    return task


def _why(future: Future[int]) -> EngineError | None:
    """Why a task ended in an error, for people; None where it ended well."""
    from distributed import KilledWorker

    if future.status == "finished":
        return None
    todo = "It is tried again by itself; the log of the cluster says more."
    try:
        error = future.exception(timeout=_ANSWER_SECONDS)
    except Exception as failed:  # the scheduler is gone, or the error cannot be read here
        error = failed
    if isinstance(error, HamError):
        return EngineError(error.what, error.why, error.todo)
    if isinstance(error, KilledWorker):
        return EngineError("The training process", "ended by itself several times.", todo)
    return EngineError(
        "The training process", f"ended in an error ({type(error).__name__}: {error}).", todo
    )
