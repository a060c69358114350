"""Workers on this machine: processes of `python -m ham work`, from the page and the command line.

A process outlives who started it: it trains what waits and ends. One of an engine then stays for
the next run, since TensorFlow takes seconds to import, until none has come for a while or the
engine is gone, which both it learns over its standard input.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO, Any

from ham import io
from ham.config import EngineError, HamError, StoreError, home_folder
from ham.engine.preferences import settings
from ham.engine.worker import work

IDLE_SECONDS = 120  # after which a worker that waits ends: TensorFlow holds 600 MB
WORKER = ("-P", "-m", "ham", "work")  # of Python; -P: from whatever folder
_LOG_BYTES = 1 << 20  # of work.log, and as many of the one before
_CLOSE_SECONDS = 5


def _apart() -> dict[str, Any]:
    """No Ctrl-C of the server's terminal reaches a worker, nor the end of that terminal."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}


class DiedError(EngineError):
    """A worker's process ended and did not say why."""


def start_worker(
    *arguments: str, stdin: int = subprocess.DEVNULL, stdout: IO[bytes] | None = None
) -> subprocess.Popen[bytes]:
    """`python -m ham work`, on the very code of this process. What it says goes to
    HAM_HOME/work.log.

    Raises StoreError where HAM_HOME cannot be written, EngineError where no process can be started.
    """
    home, workers = home_folder().absolute(), settings().workers
    root = str(Path(__file__).resolve().parents[2])
    environment = {
        "TF_NUM_INTRAOP_THREADS": str(max(1, (os.cpu_count() or 1) // workers)),
        "TF_NUM_INTEROP_THREADS": "1" if workers > 1 else "2",
        **os.environ,
        "HAM_HOME": str(home),
        "PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH")))),
    }
    with open_log(home / "work.log") as log:
        try:
            return subprocess.Popen(
                [sys.executable, *WORKER, *arguments],
                env=environment,
                stdin=stdin,
                stdout=stdout or log,
                stderr=log,
                **_apart(),
            )
        except OSError as error:
            raise EngineError(
                "The training engine",
                f"cannot start a process ({error.strerror or error}).",
                "Free some memory; it tries again by itself.",
            ) from error


def open_log(path: Path) -> IO[str]:
    """Opened to be added to: another worker may write there. A long one steps aside, with
    whoever writes it.

    Raises StoreError.
    """
    with io.writing(path, StoreError):
        if path.exists() and path.stat().st_size > _LOG_BYTES:
            with contextlib.suppress(PermissionError):  # Windows: not while somebody writes it
                path.replace(path.with_name("work.old.log"))
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a", encoding="utf-8")


# ------------------------------------------------------------------------- the engine's side


class Processes:
    """The workers of one engine, named `owner` in the runs that they train."""

    def __init__(self, owner: str) -> None:
        self._owner = owner
        # each with the file that it writes its last words to
        self._workers: list[tuple[subprocess.Popen[bytes], IO[bytes]]] = []

    @property
    def number(self) -> int:
        """How many are there, at work or waiting."""
        return len(self._workers)

    def start(self) -> None:
        """One more. Raises StoreError or EngineError."""
        words = tempfile.TemporaryFile()  # noqa: SIM115  closed when its worker has ended
        try:
            process = start_worker("--engine", self._owner, stdin=subprocess.PIPE, stdout=words)
        except HamError:
            words.close()
            raise
        self._workers.append((process, words))

    def wake(self) -> None:
        """Those that wait look at the queue now."""
        for process, _ in self._workers:
            with contextlib.suppress(OSError):  # it has just ended
                if process.stdin:
                    process.stdin.write(b"\n")
                    process.stdin.flush()

    def ended(self) -> list[EngineError | None]:
        """Takes leave of those that have ended: None of one that had nothing to do, else why."""
        gone = [worker for worker in self._workers if worker[0].poll() is not None]
        self._workers = [worker for worker in self._workers if worker not in gone]
        return [_last_words(*worker) for worker in gone]

    def late(self, minutes: str) -> str:
        """What is said of one that was started so long ago and has not taken up a run."""
        return (
            f"The training process has been starting for {minutes}, longer than usual. "
            f"Where it goes on, {home_folder() / 'work.log'} says more."
        )

    def stop(self) -> None:
        """Ends them; a run that trains is left interrupted."""
        for process, _ in self._workers:
            process.terminate()
        for process, words in self._workers:
            try:
                process.wait(_CLOSE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            _last_words(process, words)
        self._workers = []


def _last_words(process: subprocess.Popen[bytes], words: IO[bytes]) -> EngineError | None:
    with contextlib.suppress(OSError):
        if process.stdin:
            process.stdin.close()
    with words:
        words.seek(0)
        said = words.read()
    if process.returncode == 0:
        return None
    try:
        told = json.loads(said)
        return EngineError(told["what"], told["why"], told["todo"])
    except (ValueError, KeyError, TypeError):
        return DiedError(
            "The training process",
            f"ended by itself (status {process.returncode}).",
            f"It is started again by itself; {home_folder() / 'work.log'} says more.",
        )


# ------------------------------------------------------------------------- the worker's side


def work_for(owner: str, stdin: int = 0) -> dict[str, HamError]:
    """Trains what waits, then waits for more: run id -> why it could not be taken up.

    `stdin` is the pipe's descriptor. Raises StoreError where the runs cannot be read.
    """
    said: queue.SimpleQueue[bool] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(stdin, said), daemon=True).start()
    home, workers = str(home_folder().absolute()), settings().workers
    while settings().workers == workers:  # among so many this one's threads were shared out
        worked = work(home, owner)
        if worked.refused:
            return worked.refused
        if not _woken(said):
            break
    return {}


def _listen(stdin: int, said: queue.SimpleQueue[bool]) -> None:
    with contextlib.suppress(OSError):
        while os.read(stdin, 64):  # not sys.stdin: its lock would be held at the end
            said.put(True)
    said.put(False)


def _woken(said: queue.SimpleQueue[bool]) -> bool:
    """False where nothing was said for IDLE_SECONDS, or the engine is gone."""
    with contextlib.suppress(queue.Empty):
        there = said.get(timeout=IDLE_SECONDS)
        while there and not said.empty():
            there = said.get()
        return there
    return False
