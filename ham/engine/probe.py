"""How long a training would take on this machine and how much memory it needs, from a few real
steps.

The steps run in a process of their own, so that the server imports no TensorFlow. What they
measured is kept in memory and under HAM_HOME/cache/probes, for every config that costs the same;
why one could not measure is kept in memory for some minutes only, since what was in its way may
pass.
"""

from __future__ import annotations

import collections
import functools
import hashlib
import json
import os
import statistics
import subprocess
import sys
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

from ham import hosting, io, store
from ham.config import EngineError, HamError, TrainConfig, cache_folder
from ham.hosting import Act

_PROBE_SECONDS = 300
# a page that is passed through, or a number still being typed, costs no core
_PATIENCE_SECONDS = 3.0
_FAILURE_SECONDS = 600.0  # after which one that failed is tried again
_MOST = 64  # configs of which anything is remembered
_FAILED: tuple[type[Exception], ...] = (*io.DAMAGED, subprocess.TimeoutExpired)
Value = TypeVar("Value")


@dataclass(frozen=True)
class Estimate:
    """Of a whole training; `problem` says why there is none."""

    seconds_per_epoch: float = 0.0
    seconds: float = 0.0
    memory_bytes: int = 0
    problem: str = ""


@dataclass(frozen=True)
class Measured:
    """What a probe found, for every number of epochs."""

    seconds_per_step: float
    steps_per_epoch: int
    start_seconds: float
    memory_bytes: int

    def of(self, config: TrainConfig) -> Estimate:
        an_epoch = self.seconds_per_step * self.steps_per_epoch
        return Estimate(an_epoch, self.start_seconds + an_epoch * config.epochs, self.memory_bytes)


class Probes:
    """One probe at a time, and what the last ones found."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # when first; monotonic
        self._asked: collections.OrderedDict[str, float] = collections.OrderedDict()
        self._found: collections.OrderedDict[str, Measured] = collections.OrderedDict()
        # when and why
        self._failed: collections.OrderedDict[str, tuple[float, str]] = collections.OrderedDict()
        self._job: io.Job[Measured] | None = None
        self._measured = ""  # the key that the job measures

    def estimate(self, config: TrainConfig, data: dict[str, Any]) -> Estimate | None:
        """See `estimate`."""
        key = _key(config, data)
        with self._lock:
            self._take_result()
            if key in self._found:
                return self._found[key].of(config)
            path = cache_folder() / "probes" / f"{key}.json"
            if (kept := io.read_kept(path, _read, "what a training costs")) is not None:
                _remember(self._found, key, kept)
                return kept.of(config)
            if failure := self._failed.get(key):
                if monotonic() - failure[0] < _FAILURE_SECONDS:
                    return Estimate(problem=failure[1])
                del self._failed[key]
            if (
                self._job is None
                and hosting.may(Act.TRAIN)
                and self._asked_long_enough(key)
                and not _somebody_trains()
            ):
                self._measured = key
                self._job = io.Job(
                    "Measuring what a training costs",
                    lambda report, stop: _measure(config, data["source"]),
                    functools.partial(_keep, path),
                )
        return None

    def wait(self) -> None:
        """Until the probe that runs has ended."""
        if (job := self._job) is not None:
            job.wait()

    def _asked_long_enough(self, key: str) -> bool:
        now = monotonic()
        first = self._asked.get(key, now)
        _remember(self._asked, key, first)
        return now - first >= _PATIENCE_SECONDS

    def _take_result(self) -> None:
        if self._job is None or self._job.running:
            return
        if self._job.result is not None:
            _remember(self._found, self._measured, self._job.result)
        else:
            error = self._job.error
            why = (
                error.why
                if isinstance(error, HamError)
                else f"the probe did not work ({type(error).__name__})"
            )
            _remember(self._failed, self._measured, (monotonic(), why))
        self._job = None


@functools.cache
def _probes() -> Probes:
    return Probes()


def estimate(config: TrainConfig, data: dict[str, Any]) -> Estimate | None:
    """From the probe of an earlier call; None before. A call starts it that comes three seconds
    after the first, and none while a run trains, because both would be slow. `data` is
    `LesionDataset.record`.
    """
    return _probes().estimate(config, data)


def seconds_a_step(config: TrainConfig, runs: Iterable[store.Run]) -> float | None:
    """As this machine took in the first of these runs, newest first, of this model at this batch
    size; None without one.
    """
    for run in runs:
        started = run.status.steps and run.status.epoch
        if started and _costs_the_same(run.config, config) and store.trained_here(run):
            seconds = store.read_history(run)["seconds"]
            if len(seconds):
                return statistics.median(seconds) / run.status.steps
    return None


def _costs_the_same(one: TrainConfig, other: TrainConfig) -> bool:
    """A step of theirs, as far as it matters: layers and batch size."""
    return (one.model, one.batch_size, one.model_settings) == (
        other.model,
        other.batch_size,
        other.model_settings,
    )


def _somebody_trains() -> bool:
    return any(run.live for run in store.find_runs().runs)


def _remember(table: collections.OrderedDict[str, Value], key: str, value: Value) -> None:
    """The newest of so many; what is older is forgotten."""
    table[key] = value
    table.move_to_end(key)
    while len(table) > _MOST:
        table.popitem(last=False)


def _key(config: TrainConfig, data: dict[str, Any]) -> str:
    acting = config.cost | {"data": data["fingerprint"]}
    return hashlib.sha256(json.dumps(acting, sort_keys=True).encode()).hexdigest()[:24]


def _keep(path: Path, found: Measured) -> None:
    io.keep(
        path, lambda draft: draft.write_bytes(io.json_bytes(vars(found))), "what a training costs"
    )


def _read(path: Path) -> Measured:
    return _measured_from(io.read_json(path))


def _measured_from(found: dict[str, Any]) -> Measured:
    """Raises ValueError, KeyError or TypeError where it is none that a probe wrote."""
    measured = Measured(
        float(found["seconds_per_step"]),
        int(found["steps_per_epoch"]),
        float(found["start_seconds"]),
        int(found["memory_bytes"]),
    )
    if not all(0 <= value < 1e15 for value in vars(measured).values()):
        raise ValueError("its numbers are none that a probe measures")
    return measured


def _measure(config: TrainConfig, source: str) -> Measured:
    """Raises EngineError where the process says why it could not, or says nothing."""
    root = str(Path(__file__).resolve().parents[2])
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH")))),
    }
    asked = json.dumps({"config": config.to_dict(), "source": source})
    try:
        done = subprocess.run(
            [sys.executable, "-m", "ham.engine.probe"],
            input=asked,
            text=True,
            capture_output=True,
            env=environment,
            timeout=_PROBE_SECONDS,
            check=False,
        )
        found = json.loads(done.stdout)
        if "problem" in found:
            raise _failure(str(found["problem"]))
        return _measured_from(found)
    except _FAILED as error:
        raise _failure(f"the probe did not work ({type(error).__name__})") from error


def _failure(why: str) -> EngineError:
    return EngineError("What a training costs", why, "It is measured again after some minutes.")


def main() -> None:
    """In the probe's own process: a question on standard input, one JSON answer on standard
    output.
    """
    from ham import training

    asked = json.loads(sys.stdin.read())
    try:
        config = TrainConfig.from_dict(asked["config"])
        answer: object = training.probe(config, training.open_dataset(asked["source"]))
    except HamError as error:
        answer = {"problem": error.why}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
