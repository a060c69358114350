"""Work in a background thread, to be looked at, waited for and stopped from anywhere."""

from __future__ import annotations

import collections
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from ham import hosting
from ham.config import HamError

Report = Callable[[int, int, str], None]  # done, total (0 where nobody knows), what is being done
Result = TypeVar("Result")


class Stopped(HamError):
    """Whoever asked for the work took that back."""


def stopped(todo: str = "Start again whenever you like.") -> Stopped:
    return Stopped("Stopped", "as you asked; nothing was changed.", todo)


def stoppable(report: Report | None, stop: threading.Event | None) -> Report:
    """A report that raises Stopped once the event is set."""

    def tell(done: int, total: int, what: str) -> None:
        if stop is not None and stop.is_set():
            raise stopped()
        if report:
            report(done, total, what)

    return tell


class Job(Generic[Result]):
    """`work(report, stop) -> result` in a daemon thread of its own, begun at once.

    It goes on whatever becomes of the page that asked for it, and may do what that visitor may.
    When it is whole, `ready(result)` is called in the thread. What it raised is in `error`, whoever
    looks raises or shows it.
    """

    def __init__(
        self,
        title: str,
        work: Callable[[Report, threading.Event], Result],
        ready: Callable[[Result], object] | None = None,
    ):
        self.title = title
        self.done, self.total, self.what = 0, 0, "Starting"
        self._made: list[Result] = []
        self.error: Exception | None = None
        self.pace = Pace()
        self._work, self._ready, self._stop = work, ready, threading.Event()
        self._for = hosting.acting()
        self._thread = threading.Thread(target=self._run, name=title, daemon=True)
        self._thread.start()

    @property
    def result(self) -> Result | None:
        """None before there is one."""
        return self._made[0] if self._made else None

    def outcome(self) -> Result:
        """The result, once there is one. Raises what the work raised, as often as it is asked."""
        self.wait()
        if self.error is not None:
            raise self.error.with_traceback(self._trace)  # else it would grow with every raise
        return self._made[0]

    def failure(self, todo: str = "Try again.") -> HamError | None:
        """What ended it, in words; None where nothing did, or who asked for it took that back."""
        if self.error is None or isinstance(self.error, Stopped):
            return None
        if isinstance(self.error, HamError):
            return self.error
        why = f"it ended early ({type(self.error).__name__}: {self.error})."
        return HamError(self.title, why, todo)

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    @property
    def share(self) -> float:
        """How much of it is done, 0 to 1; 0 where nobody knows how much there is."""
        return min(1.0, self.done / self.total) if self.total else 0.0

    @property
    def seconds_left(self) -> float | None:
        return self.pace.seconds_left(self.total)

    def stop(self) -> None:
        """Asks it to end; it does at its next report or look at its event."""
        self._stop.set()

    def wait(self, seconds: float | None = None) -> None:
        """Until it has ended, at most so long."""
        self._thread.join(seconds)

    def _run(self) -> None:
        try:
            with hosting.acting_as(self._for):
                result = self._work(self._report, self._stop)
                if self._ready is not None:
                    self._ready(result)
            self._made.append(result)
        except Exception as error:  # told to whoever looks: a thread has nobody to raise it to
            self._trace = error.__traceback__
            self.error = error

    def _report(self, done: int, total: int, what: str) -> None:
        self.pace.add(done, time.monotonic())
        self.done, self.total, self.what = done, total, what


class OneJob(Generic[Result]):
    """A job at a time, told by its key, whoever asks: it goes on while visitors click, come and
    go, and is stopped where another key is started, because nobody waits for it any more.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, Job[Result]] = {}

    def of(self, key: str) -> Job[Result] | None:
        """The job of this key, running or ended."""
        return self._jobs.get(key)

    def start(self, key: str, begin: Callable[[], Job[Result]]) -> None:
        """Begins it, unless it runs already."""
        with self._lock:
            job = self.of(key)
            if job is None or not job.running:
                for other in self._jobs.values():
                    other.stop()
                self._jobs = {key: begin()}


class Pace:
    """How fast something grew over the last ten seconds: bytes, images, iterations."""

    SECONDS = 10.0

    def __init__(self) -> None:
        self._seen: collections.deque[tuple[float, int]] = collections.deque()

    def add(self, done: int, now: float) -> None:
        """`done` are there at the time `now`, in seconds. Fewer than before: something else
        began.
        """
        if self._seen and done < self._seen[-1][1]:
            self._seen.clear()
        self._seen.append((now, done))
        while now - self._seen[0][0] > self.SECONDS and len(self._seen) > 2:
            self._seen.popleft()

    @property
    def speed(self) -> float | None:
        """How many a second; None before a second is known."""
        if not self._seen or (seconds := self._seen[-1][0] - self._seen[0][0]) < 1.0:
            return None
        return (self._seen[-1][1] - self._seen[0][1]) / seconds

    def seconds_left(self, total: int) -> float | None:
        """None where the speed or the total is not known."""
        speed = self.speed
        return (total - self._seen[-1][1]) / speed if speed and total else None
