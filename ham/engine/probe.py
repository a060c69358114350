"""How long a training would take on this machine and how much memory it needs, from a few real steps.

The steps run in a process of their own, so that the server imports no TensorFlow; what they
measured is kept under HAM_HOME/cache/probes, for every config that costs the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from ham import io, store
from ham.config import HamError, TrainConfig, cache_folder

_PROBE_SECONDS = 300
_PATIENCE_SECONDS = 3.0  # a page that is passed through, or a number still being typed, costs no core
_lock = threading.Lock()
_asked: dict[str, float] = {}  # when for the first time, on the monotonic clock
_running: dict[str, threading.Thread] = {}


@dataclass(frozen=True)
class Estimate:
    """Of a whole training; `problem` says why there is none."""

    seconds_per_epoch: float = 0.0
    seconds: float = 0.0
    memory_bytes: int = 0
    problem: str = ""


def estimate(config: TrainConfig, data: dict) -> Estimate | None:
    """From the probe of an earlier call; None before. A call starts it that comes three seconds after the first, and
    none while a run trains, because both would be slow. `data` is `LesionDataset.record`.
    """
    acting = config.cost | {"data": data["fingerprint"]}
    key = hashlib.sha256(json.dumps(acting, sort_keys=True).encode()).hexdigest()[:24]
    path = cache_folder() / "probes" / f"{key}.json"
    try:
        return _scaled(json.loads(path.read_text(encoding="utf-8")), config)
    except (OSError, ValueError, KeyError, TypeError):
        pass  # not measured yet, or not readable: measure
    with _lock:
        now = monotonic()
        early = now - _asked.setdefault(key, now) < _PATIENCE_SECONDS
        busy = any(thread.is_alive() for thread in _running.values()) or any(run.live for run in store.find_runs().runs)
        if not early and not busy:
            _running[key] = threading.Thread(target=_measure, args=(config, data["source"], path), daemon=True)
            _running[key].start()
    return None


def _scaled(found: dict, config: TrainConfig) -> Estimate:
    if "problem" in found:
        return Estimate(problem=str(found["problem"]))
    an_epoch = float(found["seconds_per_step"]) * int(found["steps_per_epoch"])
    return Estimate(an_epoch, float(found["start_seconds"]) + an_epoch * config.epochs, int(found["memory_bytes"]))


def _measure(config: TrainConfig, source: str, path: Path) -> None:
    root = str(Path(__file__).resolve().parents[2])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))}
    asked = json.dumps({"config": config.to_dict(), "source": source})
    try:
        done = subprocess.run([sys.executable, "-m", "ham.engine.probe"], input=asked, text=True, capture_output=True,
                              env=environment, timeout=_PROBE_SECONDS, check=False)
        found = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        found = {"problem": f"the probe did not work ({type(error).__name__})"}
    with io.writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        io.write_file(path, json.dumps(found).encode())


def main() -> None:
    """In the probe's own process: a question on standard input, one JSON answer on standard output."""
    from ham import training

    asked = json.load(sys.stdin)
    try:
        found = training.probe(TrainConfig.from_dict(asked["config"]), training.open_dataset(asked["source"]))
    except HamError as error:
        found = {"problem": error.why}
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
