"""Kills the worker, the server and both in turn, each at a random moment of a short training.

    python -m benchmarks.faults [--kills 50] [--seed 0]

Real processes and SIGKILL, on small invented data in a temporary HAM_HOME. A run that its kill
left interrupted is resumed once, as a user would. Prints runs started, lost, stuck, and finished
with the right number of epochs. About half a minute a kill.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil

from ham import data, engine, store
from ham.config import HamError, TrainConfig
from ham.store import Run
from tests.conftest import write_kaggle_folder

ROOT = Path(__file__).parents[1]
TARGETS = ("worker", "server", "both")
EPOCHS = 10
PATIENCE = 300  # seconds after which a run that has not ended counts as stuck
_SERVER = (
    "import time\nfrom ham.engine import Engine\nEngine().start()\nprint('up', "
    "flush=True)\ntime.sleep(10**6)"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    rng = random.Random(chosen.seed)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HAM_HOME"] = str(Path(folder) / "home")
        dataset = data.open_dataset(write_kaggle_folder(Path(folder) / "data"))
        server = _start_server()
        try:
            outcomes = []
            for number in range(chosen.kills):
                target = TARGETS[number % len(TARGETS)]
                run = engine.submit(_config(number), dataset.record)
                moment = _kill(target, server, run, rng)
                if server.poll() is not None:
                    server = _start_server()
                outcome = _end_of(run)
                outcomes.append((target, outcome))
                print(
                    f"{number + 1:3} {target:9} killed {moment}: {outcome}",
                    file=sys.stderr,
                    flush=True,
                )
            print(_table(outcomes))
        finally:
            for process in _family():
                with contextlib.suppress(psutil.Error):
                    process.kill()


def _config(seed: int) -> TrainConfig:
    small = {f"filters_{i}": 3 for i in range(1, 7)} | {"units_1": 8, "units_2": 8}
    return TrainConfig(epochs=EPOCHS, seed=seed, model_settings=small)


def _start_server() -> subprocess.Popen:
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVER],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    process.stdout.readline()
    return process


def _kill(target: str, server: subprocess.Popen, run: Run, rng: random.Random) -> str:
    """Waits for a random point of the training (some before its first epoch), then kills; says
    when.
    """
    epoch, delay = rng.randrange(EPOCHS), rng.uniform(0, 1.5)
    while (now := store.read_run(run.id)).live and now.status.epoch < epoch:
        time.sleep(0.02)
    time.sleep(delay)
    victims = [] if target == "worker" else [psutil.Process(server.pid)]
    if target != "server":
        victims += [process for process in _family() if "--engine" in _words(process)]
    status = store.read_run(run.id).status
    for victim in victims:
        with contextlib.suppress(psutil.Error):
            victim.kill()
    if target != "worker":
        server.wait()
        server.stdout.close()
    return (
        f"{len(victims)} in epoch {min(status.epoch + 1, EPOCHS)} ({status.phase or status.state})"
    )


def _end_of(run: Run) -> str:
    """ "finished", "short" (a wrong number of epochs), "stuck" or "lost"."""
    end, resumed = time.monotonic() + PATIENCE, False
    while time.monotonic() < end:
        try:
            now = store.read_run(run.id)
        except HamError:
            return "lost"
        if now.state == "interrupted" and not resumed and _still_interrupted(run):
            engine.resume(now)
            resumed = True
        elif now.state == "done":
            epochs = store.read_history(now)["epoch"].tolist()
            return "finished" if epochs == list(range(1, EPOCHS + 1)) and now.has_model else "short"
        elif now.state in ("failed", "cancelled"):
            return "lost"
        time.sleep(0.1)
    return "stuck"


def _still_interrupted(run: Run) -> bool:
    """Whether nobody takes it up by itself within some seconds."""
    for _ in range(150):
        if store.read_run(run.id).state != "interrupted":
            return False
        time.sleep(0.1)
    return True


def _family() -> list[psutil.Process]:
    """Every process that works for this HAM_HOME, orphans of killed servers included."""
    home, found = os.environ["HAM_HOME"], []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and process.environ().get("HAM_HOME") == home:
                found.append(process)
    return found


def _words(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""


def _table(outcomes: list[tuple[str, str]]) -> str:
    names = ("finished", "short", "stuck", "lost")
    lines = [
        "| Killed | Started | Finished, every epoch | Wrong epochs | Stuck | Lost |",
        "|---|---|---|---|---|---|",
    ]
    for target in (*TARGETS, "all"):
        counted = Counter(outcome for killed, outcome in outcomes if target in (killed, "all"))
        lines.append(
            f"| {target} | {counted.total()} "
            "| " + " | ".join(str(counted[name]) for name in names) + " |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
