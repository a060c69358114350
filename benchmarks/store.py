"""How long a list of many runs takes to open, against merely reading the bytes of the same files.

    python -m benchmarks.store [--runs 2000]

Writes that many run folders into a temporary HAM_HOME, lists them in fresh processes and prints
the medians as a table. Everything is in the file system's cache, for the baseline too.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from ham import store
from ham.config import CODES, N_CLASSES, TrainConfig, runs_folder
from ham.evaluation import SCORES
from ham.io import json_bytes, read_json

ROUNDS = 5
BAR_SECONDS = 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.measure:
        print(json.dumps(measure()))
        return
    with tempfile.TemporaryDirectory() as home:
        os.environ["HAM_HOME"] = home
        write_runs(chosen.runs)
        rounds = [
            json.loads(
                subprocess.run(
                    [sys.executable, "-m", "benchmarks.store", "--measure"],
                    check=True,
                    capture_output=True,
                    text=True,
                ).stdout
            )
            for _ in range(ROUNDS)
        ]
    print(table(chosen.runs, rounds))


def write_runs(count: int, histories: bool = False) -> None:
    """Finished runs as a training leaves them, every second one with notes; with their epochs where
    `histories`, which a list does not read. Without fsync, which nothing here needs.
    """
    data = {
        "name": "HAM10000",
        "source": "/data/ham10000",
        "synthetic": False,
        "fingerprint": "f" * 64,
        "n_images": 10015,
        "n_lesions": 7470,
    }
    first = store.create_run(TrainConfig(), data, now=1_700_000_000.0)
    support = dict(zip(CODES, (112, 51, 34, 669, 110, 14, 12), strict=True))
    score = {"value": 0.7512345678901234, "low": 0.7312345678901234, "high": 0.7712345678901234}
    per_class = {"precision": 0.5123456789, "recall": 0.5123456789, "f1": 0.5123456789, "auc": 0.9}
    record = read_json(first.folder / "config.json") | {
        "model": {"sha256": "0" * 64, "trainable": 58000, "not_trainable": 1005},
        "split": {
            "protocol": "lesion",
            "seed": 0,
            "leaking": False,
            "fingerprint": "0" * 64,
            "test_fingerprint": "1" * 64,
            "n_train": 8012,
            "n_validation": 1001,
            "n_test": 1002,
        },
        "evaluation": {
            "n_images": 1002,
            "n_lesions": 747,
            "scores": dict.fromkeys(SCORES, score),
            "per_class": {code: {"support": support[code], **per_class} for code in CODES},
            "confusion": [[support[code], *[0] * (N_CLASSES - 1)] for code in CODES],
        },
    }
    status = read_json(first.folder / "status.json")
    for number in range(count):
        run_id, created = f"cnn-made-{number:05d}", 1_700_000_000.0 + number
        config = TrainConfig(seed=number, epochs=1 + number % 50)
        folder = runs_folder() / run_id
        folder.mkdir()
        write(
            folder / "config.json",
            {
                **record,
                "id": run_id,
                "created": created,
                "config": config.to_dict(),
                "config_fingerprint": config.fingerprint,
            },
        )
        write(
            folder / "status.json",
            {
                **status,
                "state": "done",
                "epoch": config.epochs,
                "created": created,
                "order": created,
                "ended": created + 60,
                "best_epoch": config.epochs,
            },
        )
        if histories:
            rows = (
                [epoch, *[0.5] * (len(store.HISTORY_COLUMNS) - 1)]
                for epoch in range(1, config.epochs + 1)
            )
            lines = [store.HISTORY_COLUMNS, *rows]
            text = "".join(",".join(map(str, line)) + "\n" for line in lines)
            (folder / "history.csv").write_text(text)
        if number % 2:
            write(
                folder / "notes.json",
                {"title": f"Run {number}", "tags": ["made", "even"], "text": "Nothing."},
            )
    store.delete_run(first)


def write(path: Path, content: dict) -> None:
    path.write_bytes(json_bytes(content))


def measure() -> dict[str, float]:
    """In this process, which has listed nothing yet."""
    read, found = timed(lambda: read_files(lambda content: None))
    busy = time.process_time()
    cold, runs = timed(store.list_runs)
    busy = time.process_time() - busy
    warm = statistics.median(timed(store.list_runs)[0] for _ in range(5))
    none = store.find_runs().problems
    parse, _ = timed(lambda: read_files(json.loads))
    if none or 2 * len(runs) > found:
        sys.exit(f"{len(runs)} runs listed of {found} files, {len(none)} damaged.")
    return {"read": read, "cold": cold, "busy": busy, "warm": warm, "parse": parse}


def read_files(parse: Callable[[bytes], object]) -> int:
    """The baselines: the same files in the plainest way, and what `parse` makes of their bytes;
    how many files.
    """
    files, kept = 0, []
    for folder in os.scandir(runs_folder()):
        for entry in os.scandir(folder.path):
            with open(entry.path, "rb") as file:
                kept.append(parse(file.read()))
            files += 1
    return files


def timed(function):
    began = time.perf_counter()
    result = function()
    return time.perf_counter() - began, result


def table(count: int, rounds: list[dict[str, float]]) -> str:
    def line(words: str, name: str) -> str:
        ratio = statistics.median(r[name] / r["read"] for r in rounds)
        values = [1000 * r[name] for r in rounds]
        spread = f"{min(values):.0f} to {max(values):.0f}"
        return f"| {words} | {statistics.median(values):.0f} ms | {spread} | {ratio:.1f} |"

    cold = statistics.median(r["cold"] for r in rounds)
    verdict = "met" if cold < BAR_SECONDS else "MISSED"
    return "\n".join(
        [
            f"| {count:,} runs, median of {ROUNDS} fresh processes | Time | From, to (ms) | Times "
            "reading the bytes |",
            "|---|---|---|---|",
            line("Reading the bytes of the same files (baseline)", "read"),
            line("Reading them and parsing their JSON (second baseline)", "parse"),
            line("Listing, first time in the process", "cold"),
            line("Of that, processor time", "busy"),
            line("Listing again", "warm"),
            "",
            f"Bar: under {1000 * BAR_SECONDS:.0f} ms the first time: {verdict}.",
        ]
    )


if __name__ == "__main__":
    main()
