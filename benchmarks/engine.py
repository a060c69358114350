"""How long a training waits for its engine, and what the engine's processes hold.

    python -m benchmarks.engine [--repeats 3]

A server with an engine of its own, in a temporary HAM_HOME, gets one training and, when that has
ended, a second. Measured: seconds from its submission until it is taken up and until the first
gradient step that status.json shows, the processor's seconds until then, and the resident memory
of every process of the engine but the server. The baseline is the same training in a bare process,
without queue and engine. Medians over the repeats.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from ham import data, engine, store
from ham.config import TrainConfig
from tests.conftest import write_kaggle_folder

ROOT = Path(__file__).parents[1]
EPOCHS = 6
_SERVER = """
import sys
from ham.engine import Engine
running = Engine().start()
print("up", flush=True)
for _ in sys.stdin:
    running.WAKE()
"""
_BARE = """
import sys
from ham import store, training
with store.claim(store.read_run(sys.argv[1])) as run:
    training.train_run(run)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    measured: dict[str, list[float]] = {}
    for number in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            os.environ["HAM_HOME"] = str(Path(folder) / "home")
            dataset = data.open_dataset(write_kaggle_folder(Path(folder) / "data"))
            for name, value in (_bare(dataset) | _engine(dataset)).items():
                measured.setdefault(name, []).append(value)
                print(f"{number + 1} {name}: {value:.2f}", file=sys.stderr, flush=True)
    print(_table({name: statistics.median(values) for name, values in measured.items()}))


def _bare(dataset) -> dict[str, float]:
    run = engine.submit(_config(1), dataset.record)
    began = time.perf_counter()
    with subprocess.Popen([sys.executable, "-c", _BARE, run.id], cwd=ROOT) as process:
        found = _first_step(run, began)
        found["all processes, MiB"] = _most_memory(run)
    assert process.returncode == 0
    return {f"bare: {name}": value for name, value in found.items()}


def _engine(dataset) -> dict[str, float]:
    wake = "wake" if hasattr(engine.Engine, "wake") else "poke"
    with subprocess.Popen(
        [sys.executable, "-c", _SERVER.replace("WAKE", wake)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        found = {}
        try:
            server.stdout.readline()
            time.sleep(2)
            found["before any run, MiB"] = _memory(server.pid)
            for name, seed in (("first", 1), ("second", 2)):
                run = engine.submit(_config(seed), dataset.record)
                began = time.perf_counter()
                server.stdin.write("\n")
                server.stdin.flush()
                steps = _first_step(run, began, server.pid)
                steps["all processes, MiB"] = _most_memory(run, server.pid)
                found |= {f"{name} training: {what}": value for what, value in steps.items()}
                time.sleep(3)
                found[f"after the {name}, MiB"] = _memory(server.pid)
                found[f"after the {name}, processes"] = len(_family(server.pid))
        finally:
            for process in _family(server.pid):
                with contextlib.suppress(psutil.Error):
                    process.kill()
            server.kill()
    return found


def _config(seed: int) -> TrainConfig:
    return TrainConfig(epochs=EPOCHS, seed=seed, batch_size=4)


def _first_step(run: store.Run, began: float, server: int | None = None) -> dict[str, float]:
    before = _processor_seconds(server)
    while store.read_run(run.id).state == "queued":
        time.sleep(0.01)
    taken_up = time.perf_counter() - began
    while (status := store.read_run(run.id).status).step + status.epoch == 0:
        time.sleep(0.01)
    return {
        "taken up, s": taken_up,
        "first step, s": time.perf_counter() - began,
        "first step, processor s": _processor_seconds(server) - before,
    }


def _processor_seconds(server: int | None) -> float:
    """Of every process of this HAM_HOME but the server and this one."""
    total = 0.0
    for process in _family(server):
        with contextlib.suppress(psutil.Error):
            total += sum(process.cpu_times()[:2])
    return total


def _most_memory(run: store.Run, server: int | None = None) -> float:
    """The most that the processes held together until the run ended."""
    most = 0.0
    while (now := store.read_run(run.id)).live:
        most = max(most, _memory(server))
        time.sleep(0.2)
    assert now.state == "done", store.read_log(now)
    return most


def _memory(server: int | None) -> float:
    """MiB resident in every process of this HAM_HOME but the server and this one."""
    total = 0.0
    for process in _family(server):
        with contextlib.suppress(psutil.Error):
            total += process.memory_info().rss / 2**20
    return total


def _family(server: int | None) -> list[psutil.Process]:
    home, found = os.environ["HAM_HOME"], []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if (
                process.pid not in (os.getpid(), server)
                and process.environ().get("HAM_HOME") == home
            ):
                found.append(process)
    return found


def _table(median: dict[str, float]) -> str:
    lines = ["| Measured | Median | Times the bare process |", "|---|---|---|"]
    for name, value in median.items():
        unit = name.partition(": ")[2] or "all processes, MiB"
        ratio = "" if name.endswith("processes") else f"{value / median['bare: ' + unit]:.2f}"
        lines.append(f"| {name} | {value:.3g} | {ratio} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
