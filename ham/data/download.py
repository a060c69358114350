"""Kaggle -> a checked folder of our own, through kagglehub.

    download_ham10000() -> the two files that are enough, 92 MB; with photographs=True the whole
    archive

kagglehub runs in a process of its own (`ham/data/fetch.py`). What has arrived lies in
HAM_HOME/downloads until the data set is whole and checked; a download that broke off, was
stopped or was killed goes on from there.
"""

from __future__ import annotations

import collections
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

from ham import config, hosting, io
from ham.config import KAGGLE_DATASET, KAGGLE_URL, DataError
from ham.data import archive, fetch, places
from ham.data.places import CannotWrite, need_room, new_folder, one_at_a_time, place
from ham.data.source import METADATA_FILE, PIXEL_FILE, Report
from ham.hosting import Act

PIXELS_BYTES = 92_400_000  # both CSVs
ARCHIVE_BYTES = 5_580_000_000  # Kaggle's zip, which has every photograph twice
PHOTOGRAPHS_BYTES = 2_900_000_000  # unpacked, each once
STALL_SECONDS = 30.0  # without a byte
WAITS = (1.0, 2.0, 4.0, 8.0, 15.0)  # seconds before the next attempt, as long as none brings a byte
LONGEST_WAIT = 120.0  # that a server may ask for
CORRUPT_TIMES = 2  # that a wrong checksum may arrive
BY_HAND = (
    f"Or fetch {METADATA_FILE} and {PIXEL_FILE} from {KAGGLE_URL} with a browser, and choose their "
    "folder or zip. The demo data needs no network."
)
_NAMES = ("kaggle", "kaggle-photographs")  # folders in HAM_HOME/data
_LINE = re.compile(rb"[\r\n]+")


def download_ham10000(
    photographs: bool = False, report: Report | None = None, stop: threading.Event | None = None
) -> Path:
    """Fetches HAM10000 from Kaggle, checks it, and gives it a folder in HAM_HOME/data; returns
    the folder.

    `report(done, total, what)` counts bytes, total 0 where nobody knows. An account's token is
    used where kagglehub finds one; none is needed. Lost connections are tried again, from the
    bytes that are there. Raises DataError; Stopped where `stop` was set. What has arrived stays
    for the next call, unless it was wrong. Raises AccessError and LimitError.
    """
    hosting.require(Act.DATA)
    hosting.refuse_full_disk("To download the data")
    tell = io.stoppable(report, stop)
    stop = stop or threading.Event()
    with one_at_a_time():
        with io.writing(downloads(), CannotWrite):
            downloads().mkdir(parents=True, exist_ok=True)
        folder = _photographs(tell, stop) if photographs else _pixels(tell, stop)
        shutil.rmtree(downloads(), ignore_errors=True)
        return folder


def downloads() -> Path:
    """Where what is arriving lies; kagglehub's cache too."""
    return config.home_folder() / "downloads"


def downloaded(photographs: bool = False) -> Path | None:
    """The folder of an earlier download of this kind, where it is still there."""
    name = _NAMES[photographs]
    found = [
        folder for folder in places.own_folders() if re.fullmatch(rf"{name}(-\d+)?", folder.name)
    ]
    return max(found, key=lambda folder: folder.stat().st_mtime, default=None)


def arrived_bytes() -> int:
    """Of a download that has not ended: it would go on from there."""
    return sum(_arrived().values())


def _arrived() -> dict[str, int]:
    """Bytes of each file in `downloads`, by its name."""
    sizes = {}
    for folder, _, names in os.walk(downloads()):
        for name in names:
            with contextlib.suppress(OSError):
                sizes[name] = os.stat(os.path.join(folder, name)).st_size
    return sizes


def _pixels(tell: Report, stop: threading.Event) -> Path:
    need_room(max(0, PIXELS_BYTES - arrived_bytes()), "The download from Kaggle")
    origin = {
        "title": "HAM10000, 28x28 images",
        "origin": f"Downloaded from Kaggle ({KAGGLE_DATASET})",
    }
    for once_more in (True, False):
        arrived = _fetch([METADATA_FILE, PIXEL_FILE], tell, stop)
        try:
            with new_folder(_NAMES[False]) as (draft, folder):
                for name, path in arrived.items():
                    _take(path, draft / name)
                place(draft, origin, tell, "What Kaggle sent")
            return folder
        except CannotWrite:
            raise
        # arrived whole as it seemed, and is not the data
        except (DataError, io.ArchiveError) as error:
            shutil.rmtree(downloads(), ignore_errors=True)
            if not once_more:
                raise _wrong(error) from error
            downloads().mkdir(parents=True, exist_ok=True)
    raise AssertionError("the second round returns or raises")


def _photographs(tell: Report, stop: threading.Event) -> Path:
    there = arrived_bytes()
    need_room(
        max(0, ARCHIVE_BYTES - there) + PHOTOGRAPHS_BYTES, "The download with the photographs"
    )
    target = downloads() / "ham10000.zip"
    _fetch(["--archive", str(target)], tell, stop)
    origin = {
        "title": "HAM10000 with photographs",
        "origin": f"Downloaded from Kaggle ({KAGGLE_DATASET})",
    }
    try:
        return archive.unpack_here(target, "What Kaggle sent", _NAMES[True], origin, tell)
    except CannotWrite:
        raise
    except DataError as error:
        target.unlink(missing_ok=True)
        raise _wrong(error) from error


def _take(path: Path, target: Path) -> None:
    """Beside the place where kagglehub keeps it, which a killed process must find as it was.
    Kaggle zips single files, and kagglehub leaves one packed that was whole before it was asked
    for."""
    with open(path, "rb") as file:
        is_packed = file.read(4) == b"PK\x03\x04"
    if is_packed:
        with io.Archive(path, ratio=None) as packed, open(target, "wb") as file:
            for entry in packed.entries:
                if entry.name == target.name:
                    packed.copy(entry, file, archive.MOST_BYTES[target.name])
        return
    try:
        os.link(path, target)
    except OSError:  # a file system without links
        shutil.copyfile(path, target)


def _wrong(error: Exception) -> DataError:
    if isinstance(error, DataError):
        return DataError(error.what, error.why, f"Try again: it is fetched afresh. {BY_HAND}")
    return DataError(
        "What Kaggle sent",
        f"it cannot be unpacked: {error}.",
        f"Try again: it is fetched afresh. {BY_HAND}",
    )


# --------------------------------------------------------------------------- attempts


def _fetch(arguments: list[str], tell: Report, stop: threading.Event) -> dict[str, Path]:
    """Attempts until the files are there. Raises DataError where trying again is of no use, or
    was of none.
    """
    in_vain = corrupt = 0
    while True:
        before = arrived_bytes()
        attempt = _Attempt()
        attempt.run(arguments, tell, stop)
        problem = attempt.problem
        if problem is None:
            return attempt.arrived
        in_vain = 0 if arrived_bytes() > before else in_vain + 1
        corrupt += problem["error"] == "corrupt"
        if not _worth_another(problem) or in_vain > len(WAITS) or corrupt > CORRUPT_TIMES:
            raise _in_words(problem)
        wait = _asked_for(problem) or WAITS[max(0, in_vain - 1)]
        until = time.monotonic() + wait
        while (left := until - time.monotonic()) > 0:
            tell(
                attempt.done,
                attempt.total,
                f"{_SHORT[_kind(problem)]}, trying again in {left:.0f} s",
            )
            stop.wait(min(left, 1.0))


class _Attempt:
    """One process that fetches, and what it has said so far."""

    def __init__(self) -> None:
        self.done = self.total = 0  # bytes of the file that is arriving
        self.file = ""
        self.arrived: dict[str, Path] = {}
        self.problem: dict[str, Any] | None = None
        self.noise: collections.deque[str] = collections.deque(maxlen=8)

    def run(self, arguments: list[str], tell: Report, stop: threading.Event) -> None:
        """Until it ends, says nothing for too long, or is stopped: then it is killed. Raises
        Stopped.
        """
        environment = {
            **os.environ,
            "KAGGLEHUB_CACHE": str(downloads()),
            "KAGGLEHUB_VERBOSITY": "warning",
            "DISABLE_KAGGLE_CACHE": "1",
            "DISABLE_COLAB_CACHE": "1",
            "TQDM_BAR_FORMAT": fetch.BAR,
            "TQDM_MININTERVAL": "0.2",
            "PYTHONIOENCODING": "utf-8",
            "PYTHONUNBUFFERED": "1",
        }
        # -P: the modules beside the script are ours, and named like those of others
        command = [sys.executable, "-P", str(Path(fetch.__file__)), KAGGLE_DATASET, *arguments]
        with subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process:
            listener = threading.Thread(target=self._listen, args=(process.stdout,), daemon=True)
            listener.start()
            try:
                self._watch(process, tell, stop)
            finally:
                process.kill()
                listener.join()
        if self.problem is None and process.returncode != 0:
            words = " ".join(self.noise) or f"it ended with status {process.returncode}"
            self.problem = {"error": "other", "detail": words[-300:]}

    def _watch(self, process: subprocess.Popen[bytes], tell: Report, stop: threading.Event) -> None:
        there: dict[str, int] = {}
        moved = time.monotonic()
        while process.poll() is None:
            # Python's own start is nobody's silence
            if (now_there := _arrived()) != there or not self.file:
                there, moved = now_there, time.monotonic()
            self.done = there.get(self.file, 0)
            if self.total:  # unpacked, it is larger than what was to arrive
                self.done = min(self.done, self.total)
            tell(
                self.done, self.total, f"Downloading {self.file}" if self.file else "Asking Kaggle"
            )
            if time.monotonic() - moved > STALL_SECONDS:
                self.problem = {"error": "stalled"}
                return
            stop.wait(0.1)
            if stop.is_set():
                raise io.stopped()

    def _listen(self, pipe: IO[bytes]) -> None:
        rest = b""
        while block := os.read(pipe.fileno(), 1 << 16):
            *lines, rest = _LINE.split(rest + block)
            for line in lines:
                self._hear(line.decode("utf-8", "replace"))
        self._hear(rest.decode("utf-8", "replace"))

    def _hear(self, line: str) -> None:
        words = line.split()
        if line.startswith(fetch.SAYS):
            try:
                said = json.loads(line.removeprefix(fetch.SAYS))
            except ValueError:  # killed in the middle of it
                return
            if "error" in said:
                self.problem = said
            elif "path" in said:
                self.arrived[said["file"]] = Path(said["path"])
            else:
                self.file, self.total = said["file"], 0
        elif words[:1] == [fetch.BAR.split()[0]] and len(words) == 2:
            with contextlib.suppress(ValueError):
                self.total = int(float(words[1]))
        elif words:
            self.noise.append(line.strip()[:300])


# ----------------------------------------------------------------------------- problems

_SHORT = {
    "connection": "Connection lost",
    "stalled": "Nothing came for a while",
    "corrupt": "A wrong checksum came",
    "busy": "Kaggle asks to wait",
    "server": "Kaggle has a problem",
}


def _kind(problem: dict[str, Any]) -> str:
    """The problem's kind; an HTTP status as busy (429), server (5xx), refused (401, 403), gone
    (404) or http.
    """
    if problem["error"] != "http":
        return problem["error"]
    status = problem["status"]
    if status >= 500:
        return "server"
    return {429: "busy", 401: "refused", 403: "refused", 404: "gone"}.get(status, "http")


def _worth_another(problem: dict[str, Any]) -> bool:
    return _kind(problem) in _SHORT


def _asked_for(problem: dict[str, Any]) -> float | None:
    """Seconds that the server asked to wait, where it named a number of them that people would
    wait.
    """
    text = str(problem.get("retry_after") or "")
    return float(text) if text.isdigit() and 0 < int(text) <= LONGEST_WAIT else None


def _in_words(problem: dict[str, Any]) -> DataError:
    what, again = "The download from Kaggle", "Try again: it goes on from what has arrived."
    detail = str(problem.get("detail", "")).strip()[:300]
    status = problem.get("status")
    token = "https://www.kaggle.com/settings"
    why, todo = {
        "connection": (
            "there is no connection to kaggle.com, or it keeps breaking off.",
            f"Check the network (a proxy is named in HTTPS_PROXY). {again} {BY_HAND}",
        ),
        "stalled": (
            f"no byte came for {STALL_SECONDS:.0f} seconds, several times over.",
            f"{again} {BY_HAND}",
        ),
        "corrupt": (
            "what arrived does not have the checksum that Kaggle names, several times over; it was "
            "thrown away.",
            f"Try again later. {BY_HAND}",
        ),
        "busy": (
            "Kaggle asks to wait (429): there were too many downloads from this address.",
            f"Try again in some minutes; it goes on from what has arrived. {BY_HAND}",
        ),
        "server": (
            f"Kaggle has a problem of its own ({status}).",
            f"Try again in some minutes. {BY_HAND}",
        ),
        "refused": (
            f"Kaggle refused it ({status}): it wants an account, or does not take the one in "
            "~/.kaggle or KAGGLE_API_TOKEN.",
            f"Make a token at {token}, save it as ~/.kaggle/kaggle.json, or remove an old one "
            f"there, and try again. {BY_HAND}",
        ),
        "gone": (
            "Kaggle does not have the data set, or the file, under this name any more (404).",
            BY_HAND,
        ),
        "full": (
            f"the disk is full ({detail}).",
            f"Make room, or set HAM_HOME to a folder on a larger disk. {again}",
        ),
        "disk": (
            f"what arrives cannot be written to {downloads()} ({detail}).",
            "Give yourself the right to write there, or set HAM_HOME to another folder.",
        ),
        "missing": (
            f"kagglehub is not installed ({detail}).",
            f"Install it with: python -m pip install -r requirements.txt. {BY_HAND}",
        ),
        "http": (f"Kaggle answered with status {status}.", f"{again} {BY_HAND}"),
    }.get(_kind(problem), (f"kagglehub failed ({detail}).", f"{again} {BY_HAND}"))
    return DataError(what, why, todo)
